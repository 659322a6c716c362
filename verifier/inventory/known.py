"""A manifest's lines → what each says, and as a stream in step with a walk: undecoded as long as they are plain.

A line of the one form that we write is taken apart by an expression, which costs a third of decoding it into an
`Entry`; what has any other form (a link, pieces, a name with escapes) is decoded by the rules of reading.
"""

from __future__ import annotations

import base64
import bisect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from verifier import relpath
from verifier.digest import HEX_LENGTH
from verifier.errors import ManifestError

if TYPE_CHECKING:
    from verifier.inventory.remembered import Remembered

_START: Final = b'{"path":"'
_TEXT: Final = r'([^"\\\x00-\x1f]*)'
_NUMBER: Final = r"(0|[1-9][0-9]{0,18})"


class Old(NamedTuple):
    """What one line says. `hashed_at` is empty where it is not stated; `link` is None for a file."""

    path: bytes
    size_bytes: int
    mtime_ns: int | None
    digest: str | None
    hashed_at: str
    link: bytes | None
    line: str


class LineReader:
    """Takes lines of a manifest with this digest apart."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._plain = re.compile(
            rf'\{{"path":"{_TEXT}","size":{_NUMBER},"mtime":"{_NUMBER}",'
            rf'"digest":"([0-9a-f]{{{HEX_LENGTH[algorithm]}}})"(?:,"hashed":"{_TEXT}")?\}}\Z'
        ).match

    def read(self, line: str) -> Old:
        """Return what a line says; it comes without its newline.

        Raises:
            ManifestError: it can't be in a manifest.
        """
        match = self._plain(line)
        if match is None:
            return self._read_rare(line)
        path, size_text, mtime, digest, hashed_at = match.groups()
        return Old(path.encode(), int(size_text), int(mtime), digest, hashed_at or "", None, line)

    def _read_rare(self, line: str) -> Old:
        from verifier.manifest import lines  # noqa: PLC0415 - most workers never meet such a line

        try:
            (entry,) = lines.decode(line.encode() + b"\n", algorithm=self._algorithm, after=b"")
        except lines.LineError as error:
            raise ManifestError(f"the manifest has a line that is none: {error.message}") from error
        hashed_at = entry.hashed_at or ""
        line = lines.encode([entry]).decode()[:-1]  # others may write it with more space, or in another order
        return Old(entry.path, entry.size_bytes, entry.mtime_ns, entry.digest, hashed_at, entry.link, line)

    def read_all(self, raw: list[bytes]) -> list[Old]:
        """Return what many lines say.

        Raises:
            ManifestError: one can't be in a manifest.
        """
        try:
            texts = b"\n".join(raw).decode().split("\n") if raw else []
        except UnicodeDecodeError as error:
            raise ManifestError("the manifest has a line that is not UTF-8") from error
        return [self.read(text) for text in texts]


class _Path(msgspec.Struct):
    """The part of a line that says where it belongs."""

    path: str | None = None
    path_b64: str | None = None


def path_of(line: bytes) -> bytes:
    """Return the path that a line is about; of a line that can't be read an error, or anything."""
    if line.startswith(_START):
        text = line[len(_START) : line.find(b'"', len(_START))]
        if b"\\" not in text:
            return text
    try:
        stated = msgspec.json.decode(line, type=_Path)
        return stated.path.encode() if stated.path is not None else base64.b64decode(stated.path_b64 or "")
    except (msgspec.MsgspecError, ValueError) as error:
        raise ManifestError(f"expected an entry as JSON, got {relpath.show(line[:80])}") from error


class KnownLines:
    """The lines of a manifest, taken in the order of paths; each with its mark where marks are remembered.

    Args:
        blocks: blocks of whole lines.
        remembered: the marks of these lines, if there are any.
    """

    def __init__(self, blocks: Iterator[bytes], remembered: Remembered | None) -> None:
        self._blocks = blocks
        self._remembered = remembered
        self._lines: list[bytes] = []
        self._at = 0
        self._taken = 0

    @property
    def has_marks(self) -> bool:
        """Whether marks come with the lines."""
        return self._remembered is not None

    def take(self, through: bytes | None, most: int) -> tuple[list[bytes], bytes, bool]:
        """Return the next lines up to and including those of a path, all of them if it is None, but at most so many.

        Their marks come with them, and whether there are no more of them.
        """
        taken: list[bytes] = []
        while len(taken) < most and self._fill():
            end = len(self._lines)
            if through is not None:
                end = bisect.bisect_right(self._lines, through, lo=self._at, key=path_of)
            end = min(end, self._at + most - len(taken))
            if end == self._at:
                break
            taken += self._lines[self._at : end]
            self._at = end
        marks = self._remembered.marks(self._taken, len(taken)) if self._remembered else b""
        self._taken += len(taken)
        return taken, marks, not self._has_next(through)

    def _fill(self) -> bool:
        """Have at least one line at hand; tell whether there is one."""
        while self._at >= len(self._lines):
            block = next(self._blocks, None)
            if block is None:
                return False
            self._lines, self._at = block.split(b"\n")[:-1], 0
        return True

    def _has_next(self, through: bytes | None) -> bool:
        return self._fill() and (through is None or path_of(self._lines[self._at]) <= through)
