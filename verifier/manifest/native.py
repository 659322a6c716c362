"""A native manifest → its header and a stream of entries, or an error that names the line.

The last line closes it: counts, and the SHA-256 of all lines before. A manifest that was cut off has none, and is an
error rather than a smaller dataset.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from verifier import relpath
from verifier.entry import Entry
from verifier.errors import ManifestError
from verifier.manifest import header as headers
from verifier.manifest import lines, packing
from verifier.manifest.header import Header

_MARK: Final = b'"manifest"'


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest holds in all. `files` are regular files, `bytes` theirs, `identity` its SHA-256."""

    files: int
    links: int
    bytes: int
    identity: str


class EndLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line as it stands in the file."""

    end: bool
    files: int
    links: int
    bytes: int
    sha256: str


class _Block(NamedTuple):
    """Whole lines, the number of the first, and whether this is the last line of the file."""

    number: int
    data: bytes
    is_last: bool


def recognizes(first_bytes: bytes) -> bool:
    """Tell whether a file that starts like this means to be a native manifest, of whatever version."""
    return first_bytes.startswith(b"{") and _MARK in first_bytes.partition(b"\n")[0]


class NativeManifest:
    """A manifest, opened. It is read as a stream, anew each time that its entries are asked for.

    Args:
        path: where it is, for messages and for how it is packed.
        descriptor: the open file, which stays the caller's.

    Raises:
        ManifestError: its header can't be read.
    """

    states_sizes: Final = True

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self.own_file = path
        self._descriptor = descriptor
        self._totals: Totals | None = None
        with closing(self._blocks()) as blocks:
            first = next(blocks)
        try:
            self.header: Header = headers.decode(first.data)
        except ManifestError as error:
            raise self._wrong(1, error.message, hint=error.hint) from error

    @property
    def identity(self) -> str:
        """The SHA-256 by which the manifest is known; it is read whole where that was not done yet."""
        return self.check().identity

    def stated(self) -> Totals:
        """Return what the last line states, without holding it against the lines before it: quick, and no more.

        Raises:
            ManifestError: the last line is no end line: it was cut off or damaged.
        """
        try:
            tail = packing.last_bytes(packing.FromStart(self._descriptor), self._path.name, lines.LONGEST_LINE_BYTES)
        except OSError as error:
            raise ManifestError(f"can't read {self._shown}: {error.strerror}") from error
        except packing.PackingError as error:
            raise ManifestError(f"{self._shown}: {error.message}") from error
        end = _end_line(tail[tail.rfind(b"\n", 0, -1) + 1 :]) if tail.endswith(b"\n") else None
        if end is None:
            message = "expected an end line, got another: the manifest was cut off or damaged"
            raise ManifestError(f"{self._shown}: {message}")
        return Totals(files=end.files, links=end.links, bytes=end.bytes, identity=end.sha256)

    def check(self) -> Totals:
        """Read the manifest whole, once, and return what it holds.

        Raises:
            ManifestError: it is not whole, or a line is wrong.
        """
        if self._totals is None:
            for _entries in self.entry_blocks():
                pass
        if self._totals is None:
            raise AssertionError  # a manifest without an end line has raised
        return self._totals

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in the order of raw path bytes.

        Raises:
            ManifestError: a line is wrong, or, at the end, the manifest is not whole; nothing may be concluded then
                from what came before.
        """
        for block in self.entry_blocks():
            yield from block

    def entry_blocks(self) -> Iterator[list[Entry]]:
        """Yield every entry as `entries` does, in lists of up to a few thousand."""
        files = links = size_bytes = 0
        after = b""
        with closing(self._blocks()) as blocks:
            hasher = hashlib.sha256(next(blocks).data)
            for block in blocks:
                if block.is_last:
                    totals = Totals(files=files, links=links, bytes=size_bytes, identity=hasher.hexdigest())
                    self._finish(block, totals)
                    return
                hasher.update(block.data)
                entries = self._decode(block, after)
                links_here = sum([entry.link is not None for entry in entries])
                files, links = files + len(entries) - links_here, links + links_here
                size_bytes += sum([entry.size_bytes for entry in entries])
                after = entries[-1].path
                yield entries
        raise self._wrong(1, "expected an end line, got the header alone: the manifest was cut off")

    def line_blocks(self, *, at_end: Callable[[Totals], None] | None = None) -> Iterator[bytes]:
        """Yield the entries' lines as they stand, in blocks of whole lines: for those who take few of them apart.

        Args:
            at_end: told what the last line states, of which only the SHA-256 was held against the lines.

        Raises:
            ManifestError: at the end, the lines are not those of the SHA-256; nothing may be concluded then from what
                came before.
        """
        with closing(self._blocks()) as blocks:
            hasher = hashlib.sha256(next(blocks).data)
            for block in blocks:
                if block.is_last:
                    end = _end_line(block.data)
                    if end is None or end.sha256 != hasher.hexdigest():
                        message = "expected an end line with the SHA-256 of all lines before, got another"
                        raise self._wrong(block.number, f"{message}: the manifest was cut off or damaged")
                    if at_end:
                        at_end(Totals(files=end.files, links=end.links, bytes=end.bytes, identity=end.sha256))
                    return
                hasher.update(block.data)
                yield block.data
        raise self._wrong(1, "expected an end line, got the header alone: the manifest was cut off")

    def _blocks(self) -> Generator[_Block, None, None]:
        """Yield the header's line, then blocks of whole lines, then the last line, each by itself."""
        rest, number = b"", 1
        try:
            for data in packing.unpacked_blocks(packing.FromStart(self._descriptor), self._path.name):
                # Of the lines that end in `data` only the first can be longer than `data` is.
                unended = len(rest) - (rest.rfind(b"\n") + 1) + (data + b"\n").find(b"\n")
                if unended > lines.LONGEST_LINE_BYTES:
                    place = number + rest.count(b"\n")
                    raise self._wrong(place, f"expected a line of at most {lines.LONGEST_LINE_BYTES} bytes, got more")
                rest += data
                first_end = rest.find(b"\n")
                if number == 1 and first_end >= 0:
                    yield _Block(1, rest[: first_end + 1], is_last=False)
                    rest, number = rest[first_end + 1 :], 2
                # The last whole line is held back: at the end of the file it is the end line.
                cut = rest.rfind(b"\n", 0, max(0, rest.rfind(b"\n"))) + 1
                if cut:
                    yield _Block(number, rest[:cut], is_last=False)
                    number += rest.count(b"\n", 0, cut)
                    rest = rest[cut:]
        except OSError as error:
            raise ManifestError(f"can't read {self._shown}: {error.strerror}") from error
        except packing.PackingError as error:
            raise self._wrong(number, error.message) from error
        if not rest.endswith(b"\n") and (rest or number == 1):
            got = "the middle of one" if rest else "an empty file"
            raise self._wrong(number + rest.count(b"\n"), f"expected the end of a line, got {got}: it was cut off")
        if rest:
            yield _Block(number, rest, is_last=True)

    def _decode(self, block: _Block, after: bytes) -> list[Entry]:
        try:
            return lines.decode(block.data, algorithm=self.header.digest, after=after)
        except lines.LineError as error:
            line = block.data.split(b"\n")[error.index]
            beyond = _end_line(line) is not None
            message = "expected nothing after the end line, got more lines" if beyond else error.message
            raise self._wrong(block.number + error.index, message) from error

    def _finish(self, block: _Block, totals: Totals) -> None:
        """Hold the end line against what was read."""
        end = _end_line(block.data)
        if end is None:
            raise self._wrong(block.number, "expected an end line, got another: the manifest was cut off or damaged")
        stated = Totals(files=end.files, links=end.links, bytes=end.bytes, identity=end.sha256)
        for what in ("files", "links", "bytes", "identity"):
            expected, got = getattr(stated, what), getattr(totals, what)
            if expected != got:
                name = "lines of SHA-256" if what == "identity" else what
                shown = relpath.show(str(expected))
                raise self._wrong(block.number, f"expected {name} {shown} as the end line states, got {got}")
        if self._totals is not None and self._totals != totals:
            raise self._wrong(block.number, "expected the manifest that was opened, got one that was changed meanwhile")
        self._totals = totals

    @property
    def _shown(self) -> str:
        return relpath.show(os.fsencode(self._path))

    def _wrong(self, number: int, message: str, *, hint: str | None = None) -> ManifestError:
        return ManifestError(f"{self._shown}:{number}: {message}", hint=hint)


def _end_line(line: bytes) -> EndLine | None:
    try:
        end = msgspec.json.decode(line, type=EndLine)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return end if end.end else None
