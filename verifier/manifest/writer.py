"""A header and entries → a native manifest at its place, whole or not at all.

The file is written beside its place, synced and renamed. The header stands first and states what was left out, which
is only known when all is read; so the lines are gathered in a `Draft` and the header is put before them at the end.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, cast

import msgspec

from verifier import relpath
from verifier.entry import Entry
from verifier.errors import VerifierError
from verifier.manifest import header as headers
from verifier.manifest import lines, packing
from verifier.manifest.header import Header
from verifier.manifest.native import EndLine, Totals

_BLOCK_ENTRIES: Final = 1_000
_COPY_BYTES: Final = 1024 * 1024


class WriteError(VerifierError):
    """The manifest could not be written; what was there before is as it was."""


class Counts(msgspec.Struct, kw_only=True):
    """What some lines hold: regular files, links, and bytes of the files."""

    files: int = 0
    links: int = 0
    bytes: int = 0

    def add(self, other: Counts) -> None:
        """Count what `other` counts, too."""
        self.files += other.files
        self.links += other.links
        self.bytes += other.bytes


def count(entries: Iterable[Entry]) -> Counts:
    """Return what some entries hold."""
    counts = Counts()
    for entry in entries:
        counts.files += entry.link is None
        counts.links += entry.link is not None
        counts.bytes += entry.size_bytes
    return counts


def write_manifest(target: Path, header: Header, entries: Iterable[Entry]) -> Totals:
    """Write a manifest to `target`, packed as its extension says, in place of what is there; return what it holds.

    Raises:
        ManifestError: the entries are out of order, one comes twice, or one can't be in a manifest.
        WriteError: the file could not be written.
    """
    counts = Counts()

    def encoded() -> Iterator[bytes]:
        source, after = iter(entries), b""
        while block := list(islice(source, _BLOCK_ENTRIES)):
            data = lines.encode(block)
            # What is written is read back by the rules of reading: nothing leaves here that would be refused later.
            lines.decode(data, algorithm=header.digest, after=after)
            counts.add(count(block))
            after = block[-1].path
            yield data

    return _write(target, header, encoded(), counts)


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
        self.counts.add(counts)

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
        return _write(target, header, self.blocks(), self.counts)

    def close(self) -> None:
        """Let go of the lines; doing so twice is fine."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _write(target: Path, header: Header, blocks: Iterable[bytes], counts: Counts) -> Totals:
    first = headers.encode(header)
    headers.decode(first)
    with _replacing(target) as file:
        hasher = hashlib.sha256(first)
        with packing.packed(file, target.name) as packer:
            packer.write(first)
            for block in blocks:
                hasher.update(block)
                packer.write(block)
            end = EndLine(
                end=True, files=counts.files, links=counts.links, bytes=counts.bytes, sha256=hasher.hexdigest()
            )
            packer.write(msgspec.json.encode(end) + b"\n")
    return Totals(files=end.files, links=end.links, bytes=end.bytes, identity=end.sha256)


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of `target` when the block ends well, and leaves no trace otherwise."""
    place = check_target(target)
    partial = place.with_name(f".{place.name[:200]}.{secrets.token_hex(6)}.partial")
    try:
        file: Any = partial.open("xb", buffering=_COPY_BYTES)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(place.parent)
    except OSError as error:
        raise WriteError(f"can't write {relpath.show(os.fsencode(target))}: {error.strerror}") from error


def check_target(target: Path) -> Path:
    """Return where a manifest written to `target` comes to lie: where it is a link, at the link's end.

    Raises:
        WriteError: something that is no file is there, or its folder is not.
    """
    place = Path(os.path.realpath(target))
    shown = relpath.show(os.fsencode(target))
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        if not place.parent.is_dir():
            raise WriteError(f"expected a folder to write {shown} into, got none") from None
    except OSError as error:
        raise WriteError(f"can't write {shown}: {error.strerror}") from error
    else:
        if not stat.S_ISREG(mode):
            raise WriteError(f"expected a file or nothing at {shown}, got something else")
    return place


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems can't sync a folder; the rename is theirs to keep
    finally:
        os.close(descriptor)
