"""The bytes of a list, packed or not → its numbered lines in UTF-8, and their SHA-256.

A list that PowerShell redirected into a file is UTF-16 with a byte order mark; it is read as what it says in UTF-8.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import ManifestError
from verifier.manifest import packing

LONGEST_LINE_BYTES: Final = 1024 * 1024
_UTF_16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_LONGEST_MARK_BYTES: Final = 3


class ListFile:
    """A list, opened.

    Args:
        path: where it is, for messages and for how it is packed.
        descriptor: the open file, which stays the caller's.
        origin: what messages name in place of a file that is ours alone.
    """

    def __init__(self, path: Path, descriptor: int, *, origin: Path | None = None) -> None:
        self.path = path
        self.shown = relpath.show(os.fsencode(origin or path))
        self._descriptor = descriptor

    def wrong(self, number: int, message: str, *, hint: str | None = None) -> ManifestError:
        """Return the error of a line."""
        return ManifestError(f"{self.shown}:{number}: {message}", hint=hint)

    def blocks(self) -> Generator[bytes, None, None]:
        """Yield the unpacked bytes.

        Raises:
            ManifestError: they can't be read, or the packing is damaged.
        """
        try:
            yield from packing.unpacked_blocks(packing.FromStart(self._descriptor), self.path.name)
        except OSError as error:
            raise ManifestError(f"can't read {self.shown}: {error.strerror}") from error
        except packing.PackingError as error:
            raise ManifestError(f"{self.shown}: {error.message}") from error

    def identity(self) -> str:
        """Return the SHA-256 of the unpacked bytes: what `sha256sum` prints of the list."""
        hasher = hashlib.sha256()
        for block in self.blocks():
            hasher.update(block)
        return hasher.hexdigest()

    def lines(self, *, encoding: str | None = None, may_end_open: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield each line with its number from 1 on, without its end.

        The first line says whether lines end in CR LF, so that a name that ends in CR is not cut.

        Args:
            encoding: what the text is in; without it, what its byte order mark says, or bytes as they are.
            may_end_open: the last line may lack its end.

        Raises:
            ManifestError: names the line that is too long, has another end, or was cut off.
        """
        number, rest, in_pairs = 0, b"", False
        with closing(self._utf_8(encoding)) as blocks:
            for block in blocks:
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    number += 1
                    if len(line) > LONGEST_LINE_BYTES:
                        raise self._too_long(number)
                    if number == 1:
                        in_pairs = line.endswith(b"\r")
                    if not in_pairs:
                        yield number, line
                    elif line.endswith(b"\r"):
                        yield number, line[:-1]
                    else:
                        raise self.wrong(number, "expected CR LF at the end of the line as of the first, got LF alone")
                if len(rest) > LONGEST_LINE_BYTES:
                    raise self._too_long(number + 1)
        if rest and not may_end_open:
            raise self.wrong(number + 1, "expected the end of a line, got the middle of one: the list was cut off")
        if rest:
            yield number + 1, rest

    def _too_long(self, number: int) -> ManifestError:
        return self.wrong(number, f"expected a line of at most {LONGEST_LINE_BYTES} bytes, got more")

    def _utf_8(self, encoding: str | None) -> Generator[bytes, None, None]:
        with closing(self.blocks()) as blocks:
            first = b""
            for block in blocks:
                first += block
                if len(first) >= _LONGEST_MARK_BYTES:
                    break
            mark = next((mark for mark in _UTF_16 if first.startswith(mark)), b"")
            if mark and encoding in (None, "utf-16"):
                encoding = _UTF_16[mark]
            elif encoding in (None, "utf-8"):
                mark, encoding = (codecs.BOM_UTF8 if first.startswith(codecs.BOM_UTF8) else b""), None
            else:
                mark = b""
            first = first[len(mark) :]
            if encoding is None:
                yield first
                yield from blocks
                return
            decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
            try:
                yield decoder.decode(first).encode()
                for block in blocks:
                    yield decoder.decode(block).encode()
                decoder.decode(b"", final=True)
            except UnicodeError as error:
                raise ManifestError(f"{self.shown}: expected text in {encoding}, got other bytes") from error
