r"""Lines of `sha256sum`, `md5sum`, `xxhsum`, `b3sum` and `rclone hashsum` → rows, in GNU and in BSD form.

GNU: the value, a space, a space or `*`, the name; `md5 -r` writes one space alone. BSD: `SHA256 (name) = value`. A line
that begins with `\` has `\\`, `\n` and `\r` in its name for what they mean elsewhere. xxhsum writes `XXH3_` before
64 bits of XXH3. Source: coreutils' manual, "md5sum invocation"; xxhsum(1), since version 0.8.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from verifier import relpath
from verifier.digest import HEX_LENGTH
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest.foreign import algorithm as algorithms
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.row import Relative, Row, checked_path

_GNU: Final = re.compile(rb"(\\?)(XXH3_)?([0-9A-Fa-f]{8,128}) ([ *]?)(.+)", re.DOTALL)
_BSD: Final = re.compile(rb"(\\?)([A-Za-z][A-Za-z0-9/_-]{1,15}) ?\((.+)\) ?= ?([0-9A-Fa-f]{8,128})", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(.?)", re.DOTALL)
_MEANT: Final = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
_COMMENT: Final = (b"#", b";")


def is_comment(line: bytes) -> bool:
    """Tell whether a line says nothing of a file."""
    return not line.strip() or line.startswith(_COMMENT)


def recognizes(line: bytes) -> bool:
    """Tell whether the first line that is no comment is of this format."""
    return _BSD.fullmatch(line) is not None or _GNU.fullmatch(line) is not None


class ChecksumLines:
    """A list of such lines. `algorithm` is decided by its first line, and no other may stand in it.

    Raises:
        ManifestError: it can't be told which algorithm it is.
    """

    states_sizes: Final = False
    total_bytes: Final = 0
    exclude: Final[tuple[str, ...]] = ()

    def __init__(self, file: ListFile, *, asked: str | None, relative: Relative | None) -> None:
        self._file = file
        self._relative = relative
        number, first = next((number, line) for number, line in file.lines() if not is_comment(line))
        gnu = _GNU.fullmatch(first)
        self._is_bsd = gnu is None
        self._one_space = gnu is not None and not gnu[4]
        self._prefix = None if gnu is None else gnu[2]
        try:
            self.algorithm = self._of_bsd(first, asked) if gnu is None else self._of_gnu(gnu, asked)
        except ManifestError as error:
            raise file.wrong(number, error.message, hint=error.hint) from error
        self._length = HEX_LENGTH[self.algorithm]

    def _of_bsd(self, line: bytes, asked: str | None) -> str:
        match = _BSD.fullmatch(line)
        tag = "" if match is None else match[2].decode("ascii")
        named = algorithms.of_tag(tag)
        if named is None:
            raise ManifestError(f"expected a tag as SHA256 or XXH128, got {relpath.show(tag)}")
        return _agreed(named, asked)

    def _of_gnu(self, match: re.Match[bytes], asked: str | None) -> str:
        if match[2]:
            return _agreed("xxh3_64", asked)
        return algorithms.decide(len(match[3]), asked=asked, file_name=self._file.path.name)

    def rows(self) -> Iterator[Row]:
        """Yield a row for each line.

        Raises:
            ManifestError: names the line that is none of this list.
        """
        read = self._bsd_row if self._is_bsd else self._gnu_row
        for number, line in self._file.lines():
            if is_comment(line):
                continue
            try:
                yield read(number, line)
            except (ManifestError, UnsafePathError) as error:
                raise self._file.wrong(number, error.message, hint=error.hint) from error

    def _gnu_row(self, number: int, line: bytes) -> Row:
        match = _GNU.fullmatch(line)
        if match is None or match[2] != self._prefix:
            raise self._no_line(line)
        escaped, _, value, marker, name = match.groups()
        if self._one_space:
            name = marker + name
        elif not marker:
            raise ManifestError("expected two spaces, or a space and *, behind the checksum, got one space")
        return self._row(number, name, value, escaped=bool(escaped))

    def _bsd_row(self, number: int, line: bytes) -> Row:
        match = _BSD.fullmatch(line)
        if match is None:
            raise self._no_line(line)
        escaped, tag, name, value = match.groups()
        if algorithms.of_tag(tag.decode("ascii")) != self.algorithm:
            raise ManifestError(f"expected {self.algorithm} as in the first line, got {relpath.show(tag)}")
        return self._row(number, name, value, escaped=bool(escaped))

    def _row(self, number: int, name: bytes, value: bytes, *, escaped: bool) -> Row:
        if len(value) != self._length:
            raise ManifestError(f"expected {self._length} hex digits of {self.algorithm}, got {len(value)}")
        path = checked_path(_unescaped(name) if escaped else name, relative=self._relative)
        return Row(path, number, value.decode("ascii").lower())

    def _no_line(self, line: bytes) -> ManifestError:
        form = "a tag, a name in parentheses, = and a checksum" if self._is_bsd else "a checksum and a name"
        return ManifestError(f"expected {form}, got {relpath.show(line[:80])}")


def _agreed(named: str, asked: str | None) -> str:
    if asked is not None and asked != named:
        raise ManifestError(f"expected {relpath.show(asked)} as was said, got lines of {named}")
    return named


def _unescaped(name: bytes) -> bytes:
    def meant(match: re.Match[bytes]) -> bytes:
        try:
            return _MEANT[match[1]]
        except KeyError:
            raise ManifestError(rf"expected \\, \n or \r in the name, got {relpath.show(match[0])}") from None

    return _ESCAPE.sub(meant, name)
