"""An index of chkbit → rows: one folder's `.chkbit`, a tree of them, or the single file of a whole tree.

A folder's index is `{"v":2,"idx":{name: {"mod": ms, "a": algorithm, "h": value, "s": bytes}},"idx_hash": MD5 of idx}`;
a single file holds those of all folders as `{"type":"chkbit","version":6,"data":{folder: index}}`. A tree of indexes is
put together into such a file first, so that it has bytes and an identity of its own. Source: chkbit's own writer.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from verifier import digest, relpath
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.row import Relative, Row, checked_path

INDEX: Final = ".chkbit"
WHOLE: Final = b'{"type":"chkbit","version":6,"data":{'
_LARGEST_INDEX_BYTES: Final = 256 * 1024 * 1024
_LARGEST: Final = 2**63 - 1
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TOKEN: Final = re.compile(_STRING + rb'|["{}]', re.DOTALL)
_KEY: Final = re.compile(rb"\s*,?\s*(" + _STRING + rb")\s*:\s*(?=\{)", re.DOTALL)
_END: Final = re.compile(rb"\s*\}\s*\}\s*")
_NS_IN_MS: Final = 1_000_000


def recognizes(first_bytes: bytes) -> bool:
    """Tell whether a file that starts like this is an index, of a folder or of a tree."""
    return first_bytes.startswith(WHOLE) or re.match(rb'\{\s*"v":\s*[0-9]+,\s*"idx":', first_bytes) is not None


def put_together(root: Path, target: BinaryIO) -> None:
    """Write the indexes of a tree as the single file that holds them all, in the order of the folders' names.

    Raises:
        ManifestError: a folder or an index can't be read.
    """

    def refuse(error: OSError) -> None:
        raise ManifestError(f"can't read {relpath.show(os.fsencode(error.filename or root))}: {error.strerror}")

    target.write(WHOLE)
    before = b""
    for folder, folders, files in os.walk(root, onerror=refuse):
        folders.sort()
        if INDEX not in files:
            continue
        inside = os.path.relpath(folder, root)
        try:
            index = (Path(folder) / INDEX).read_bytes().strip()
        except OSError as error:
            raise ManifestError(f"can't read {relpath.show(os.fsencode(folder))}/{INDEX}: {error.strerror}") from error
        target.write(before + json.dumps("" if inside == "." else inside).encode() + b":" + index)
        before = b","
    target.write(b"}}")
    target.flush()


class Chkbit:
    """An index of one folder or of a tree, of one algorithm.

    Raises:
        ManifestError: it is damaged, holds no file, or the algorithm is none that we know.
    """

    total_bytes: Final = 0
    exclude: Final = (INDEX, f"{INDEX}-db", f"{INDEX}ignore")

    def __init__(self, file: ListFile, *, asked: str | None, relative: Relative | None) -> None:
        self._file = file
        self._relative = relative
        self.states_sizes = False
        first = next(self._files(), None)
        if first is None:
            raise ManifestError(f"{file.shown}: expected an index with a file in it, got none")
        named = first[2].get("a")
        if named not in digest.HEX_LENGTH or (asked is not None and asked != named):
            raise ManifestError(
                f"{file.shown}: expected {asked or 'a known algorithm'}, got {relpath.show(str(named))}"
            )
        self.algorithm: str = named
        self.states_sizes = "s" in first[2]

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file.

        Raises:
            ManifestError: names the file whose entry can't be read.
        """
        for folder, name, facts in self._files():
            try:
                raw = f"{folder}/{name}" if folder else name
                path = checked_path(raw.encode("utf-8", "surrogateescape"), relative=self._relative)
                yield self._row(path, facts)
            except (ManifestError, UnsafePathError, UnicodeError) as error:
                shown = relpath.show(name.encode("utf-8", "replace"))
                raise ManifestError(
                    f"{self._file.shown}: {shown}: {error}", hint=getattr(error, "hint", None)
                ) from error

    def _row(self, path: bytes, facts: dict[str, Any]) -> Row:
        """Return what is stated of a file."""
        algorithm, value, time_ms, size = facts.get("a"), facts.get("h"), facts.get("mod"), facts.get("s")
        if algorithm != self.algorithm:
            raise ManifestError(f"expected {self.algorithm} as of the first file, got {relpath.show(str(algorithm))}")
        if not isinstance(value, str) or not digest.is_digest(self.algorithm, value):
            raise ManifestError(f"expected a checksum of {self.algorithm}, got {relpath.show(str(value)[:80])}")
        if type(time_ms) is not int or abs(time_ms) > _LARGEST // _NS_IN_MS:
            raise ManifestError(f"expected mod as milliseconds, got {relpath.show(str(time_ms)[:40])}")
        if self.states_sizes != (size is not None):
            raise ManifestError("expected a size for each file or for none")
        if size is not None and (type(size) is not int or not 0 <= size <= _LARGEST):
            raise ManifestError(f"expected a size, got {relpath.show(str(size)[:40])}")
        return Row(path, 0, value, size, time_ms * _NS_IN_MS)

    def _files(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield folder, name and what is stated, of each file."""
        for folder, index in self._indexes():
            try:
                files = _checked(index)
            except (ValueError, RecursionError, ManifestError) as error:
                where = relpath.show(folder.encode("utf-8", "replace")) or "the folder itself"
                raise ManifestError(f"{self._file.shown}: {where}: expected an index, got {_said(error)}") from error
            for name, facts in files.items():
                if not isinstance(facts, dict):
                    raise ManifestError(f"{self._file.shown}: expected facts of a file, got something else")
                yield folder, name, facts

    def _indexes(self) -> Iterator[tuple[str, bytes]]:
        """Yield each folder and its index; no more than one of them is in memory."""
        tokens = _Tokens(self._file)
        if not tokens.begins_with(WHOLE):
            yield "", tokens.rest()
            return
        while (key := tokens.next_member()) is not None:
            try:
                yield json.loads(key), tokens.value()
            except ValueError as error:
                raise ManifestError(f"{self._file.shown}: expected a folder's name, got {_said(error)}") from error


class _Tokens:
    """The bytes of a list, of which a part is taken at a time."""

    def __init__(self, file: ListFile) -> None:
        self._file = file
        self._blocks = file.blocks()
        self._buffer = b""

    def _more(self) -> bool:
        block = next(self._blocks, b"")
        self._buffer += block
        if len(self._buffer) > _LARGEST_INDEX_BYTES:
            raise ManifestError(f"{self._file.shown}: expected a folder's index of at most 256 MiB, got more")
        return bool(block)

    def begins_with(self, start: bytes) -> bool:
        """Take `start` if it stands here, and tell whether it did."""
        while len(self._buffer) < len(start) and self._more():
            pass
        found = self._buffer.startswith(start)
        if found:
            self._buffer = self._buffer[len(start) :]
        return found

    def rest(self) -> bytes:
        """Take everything."""
        while self._more():
            pass
        return self._buffer

    def next_member(self) -> bytes | None:
        """Take a key with what stands around it; None at the end of all."""
        while True:
            match = _KEY.match(self._buffer)
            if match is not None:
                self._buffer = self._buffer[match.end() :]
                return match[1]
            if not self._more():
                if _END.fullmatch(self._buffer) is None:
                    raise self._cut_off()
                return None

    def value(self) -> bytes:
        """Take the object that stands here."""
        depth = position = 0
        while True:
            for match in _TOKEN.finditer(self._buffer, position):
                if match[0] == b'"':  # a string that goes on behind the buffer
                    break
                position = match.end()
                depth += {b"{": 1, b"}": -1}.get(match[0], 0)
                if depth == 0:
                    value, self._buffer = self._buffer[:position], self._buffer[position:]
                    return value
            if not self._more():
                raise self._cut_off()

    def _cut_off(self) -> ManifestError:
        return ManifestError(f"{self._file.shown}: expected the end of the index, got none: it was cut off or damaged")


def _checked(index: bytes) -> dict[str, Any]:
    """Return what a folder's index says of its files, held against its own checksum."""
    fields = json.loads(index, object_pairs_hook=_once)
    files = fields.get("idx") if isinstance(fields, dict) else None
    if not isinstance(files, dict):
        raise ManifestError("one without idx")
    start, end = index.find(b'"idx":') + len(b'"idx":'), index.rfind(b',"idx_hash"')
    # Older versions put spaces between, of which the checksum does not know.
    for text in (index[start:end], json.dumps(files, separators=(",", ":")).encode()):
        if hashlib.md5(text, usedforsecurity=False).hexdigest() == fields.get("idx_hash"):
            return files
    raise ManifestError("one whose idx_hash is another: it was damaged or edited")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name twice")
    return fields


def _said(error: Exception) -> str:
    return error.message if isinstance(error, ManifestError) else relpath.show(str(error))
