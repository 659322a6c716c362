"""`Get-FileHash | Export-Csv` → rows.

Windows PowerShell writes a line `#TYPE …` first, in ASCII with `?` for every other character unless told otherwise; a
newer one writes UTF-8. Source: Microsoft's reference of Export-Csv and Get-FileHash.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from typing import Final

from verifier import digest, relpath
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest.foreign import algorithm as algorithms
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.row import Relative, Row, checked_path

_WANTED: Final = ("Algorithm", "Hash", "Path")
_TYPE: Final = b"#TYPE "
_DELIMITERS: Final = ",;\t"
_LONGEST_TAG: Final = 20


def recognizes(lines: list[bytes]) -> bool:
    """Tell whether the first line, or the first that is no comment, names the columns of such a file."""
    return _delimiter(lines) is not None


def _delimiter(lines: list[bytes]) -> str | None:
    for line in lines:
        text = line.decode("utf-8", "replace")
        for delimiter in _DELIMITERS:
            columns = [column.strip('"') for column in text.split(delimiter)]
            if all(columns.count(name) == 1 for name in _WANTED):
                return delimiter
    return None


class FileHashes:
    """Such a file. `algorithm` is that of its first row, and no other may stand in it.

    Raises:
        ManifestError: it has no row, or its algorithm is none that we know.
    """

    states_sizes: Final = False
    total_bytes: Final = 0
    exclude: Final[tuple[str, ...]] = ()

    def __init__(self, file: ListFile, *, asked: str | None, relative: Relative | None) -> None:
        self._file = file
        self._relative = relative
        first = next(self._records(), None)
        if first is None:
            raise file.wrong(2, "expected a row with a hash, got none")
        number, tag, _, _ = first
        named = algorithms.of_tag(tag)
        if named is None or (asked is not None and asked != named):
            raise file.wrong(number, f"expected {asked or 'an algorithm as SHA256'}, got {relpath.show(tag[:80])}")
        self.algorithm = named

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file.

        Raises:
            ManifestError: names the line that can't be read.
        """
        for number, tag, value, path in self._records():
            try:
                yield self._row(number, tag, value.lower(), path)
            except (ManifestError, UnsafePathError) as error:
                raise self._file.wrong(number, error.message, hint=error.hint) from error

    def _row(self, number: int, tag: str, value: str, path: str) -> Row:
        if algorithms.of_tag(tag) != self.algorithm:
            raise ManifestError(f"expected {self.algorithm} as in the first row, got {relpath.show(tag[:80])}")
        if not digest.is_digest(self.algorithm, value):
            raise ManifestError(f"expected a hash of {self.algorithm}, got {relpath.show(value[:80])}")
        # A name that Windows allows holds neither, so what stands there was lost when the file was written.
        windows = not path.startswith("/")
        if windows and ("?" in path or "\ufffd" in path):
            raise ManifestError(
                f"expected a path of Windows, got one with ? in it: {relpath.show(path)}",
                hint="write the list anew with: Export-Csv -Encoding UTF8",
            )
        return Row(checked_path(path.encode(), windows=windows, relative=self._relative), number, value)

    def _records(self) -> Iterator[tuple[int, str, str, str]]:
        """Yield the line's number, algorithm, hash and path of each row."""
        lines = self._file.lines()
        skipped = 0
        head = list(itertools.islice(lines, 1))
        if head and head[0][1].startswith(_TYPE):
            skipped = 1
            head = list(itertools.islice(lines, 1))
        delimiter = _delimiter([line for _, line in head]) or ","
        reader = csv.reader(self._texts(itertools.chain(head, lines)), delimiter=delimiter, strict=True)
        try:
            columns = next(reader)
            places = [columns.index(name) for name in _WANTED]
            for record in reader:
                if len(record) != len(columns):
                    raise self._file.wrong(
                        reader.line_num + skipped, f"expected {len(columns)} fields, got {len(record)}"
                    )
                tag, value, path = (record[place] for place in places)
                yield reader.line_num + skipped, tag, value, path
        except csv.Error as error:
            raise self._file.wrong(reader.line_num + skipped, f"expected CSV, got: {error}") from error

    def _texts(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[str]:
        for number, line in lines:
            try:
                yield line.decode() + "\n"
            except UnicodeDecodeError:
                raise self._file.wrong(number, "expected text in UTF-8 or UTF-16, got other bytes") from None
