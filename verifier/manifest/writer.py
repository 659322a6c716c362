"""A header and entries → a native manifest at its place, whole or not at all.

The file is written beside its place, synced and renamed. The header stands first and states what was left out, which
is only known when all is read; so the lines are gathered in a `Draft` and the header is put before them at the end.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Self, cast

import msgspec

from verifier.entry import Entry
from verifier.manifest import header as headers
from verifier.manifest import lines, packing
from verifier.manifest.encoding import Counts
from verifier.manifest.header import Header
from verifier.manifest.native import EndLine, Totals
from verifier.manifest.placing import replacing

_BLOCK_ENTRIES: Final = 1_000


def count(entries: Sequence[Entry]) -> Counts:
    """Return what some entries hold."""
    links = sum([entry.link is not None for entry in entries])
    return Counts(len(entries) - links, links, sum([entry.size_bytes for entry in entries]))


def write_manifest(target: Path, header: Header, entries: Iterable[Entry]) -> Totals:
    """Write a manifest to `target`, packed as its extension says, in place of what is there; return what it holds.

    Raises:
        ManifestError: the entries are out of order, one comes twice, or one can't be in a manifest.
        WriteError: the file could not be written.
    """
    counts = Counts()

    def encoded() -> Iterator[bytes]:
        """Yield the lines of the entries, a block at a time, and count them."""
        nonlocal counts
        source, after = iter(entries), b""
        while block := list(islice(source, _BLOCK_ENTRIES)):
            data = lines.encode(block)
            # What is written is read back by the rules of reading: nothing leaves here that would be refused later.
            lines.decode(data, algorithm=header.digest, after=after)
            counts += count(block)
            after = block[-1].path
            yield data

    return _write(target, header, encoded(), lambda: counts)


class Draft:
    """Lines of a manifest, handed in blocks in any order, each with its place; on disk under no name.

    A place is a pair of numbers; blocks are written in the order of their places.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = cast("BinaryIO", tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - closed by close
        self._places: list[tuple[int, int, int, int]] = []
        self._end = 0
        self.counts = Counts()

    def put(self, place: tuple[int, int], data: bytes, counts: Counts) -> None:
        """Take in a block of lines that hold what `counts` says."""
        self._file.write(data)
        self._places.append((*place, self._end, len(data)))
        self._end += len(data)
        self.counts += counts

    def blocks(self) -> Iterator[bytes]:
        """Yield all lines in order, in blocks of whole lines."""
        self._file.flush()
        descriptor = self._file.fileno()
        for _number, _position, offset, length_bytes in sorted(self._places):
            yield os.pread(descriptor, length_bytes, offset)

    def entries(self, *, digest: str | None) -> Iterator[Entry]:
        """Yield all entries in order; `digest` is the algorithm that they were made with."""
        after = b""
        for block in self.blocks():
            entries = lines.decode(block, algorithm=digest, after=after)
            after = entries[-1].path
            yield from entries

    def write(self, target: Path, header: Header) -> Totals:
        """Write the manifest, as `write_manifest` does."""
        return _write(target, header, self.blocks(), lambda: self.counts)

    def close(self) -> None:
        """Let go of the lines; doing so twice is fine."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _write(target: Path, header: Header, blocks: Iterable[bytes], counted: Callable[[], Counts]) -> Totals:
    first = headers.encode(header)
    headers.decode(first)
    with replacing(target) as file:
        hasher = hashlib.sha256(first)
        with packing.packed(file, target.name) as packer:
            packer.write(first)
            for block in blocks:
                hasher.update(block)
                packer.write(block)
            counts = counted()
            end = EndLine(
                end=True, files=counts.files, links=counts.links, bytes=counts.bytes, sha256=hasher.hexdigest()
            )
            packer.write(msgspec.json.encode(end) + b"\n")
    return Totals(files=end.files, links=end.links, bytes=end.bytes, identity=end.sha256)
