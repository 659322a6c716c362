"""A file of hashdeep → rows with sizes: `size,md5,sha256,filename`, named by its second line.

Of several checksums the strongest that we know is taken. Names stand raw behind the last comma. Source: hashdeep(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from verifier import digest, relpath
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.row import Relative, Row, checked_path

MAGIC: Final = b"%%%% HASHDEEP-1."
_COLUMNS: Final = re.compile(rb"%%%% (size,[a-z0-9,]+,filename)")
_KNOWN: Final = ("sha256", "sha1", "md5")
_SIZE: Final = re.compile(rb"[0-9]{1,18}")
_INVOKED_FROM: Final = b"## Invoked from: "
_HEAD_LINES: Final = 2


class Hashdeep:
    """A list of hashdeep.

    Raises:
        ManifestError: its second line names no checksum that we know, or not the one that was asked for.
    """

    states_sizes: Final = True
    total_bytes: Final = 0
    exclude: Final[tuple[str, ...]] = ()

    def __init__(self, file: ListFile, *, asked: str | None, relative: Relative | None) -> None:
        self._file = file
        self._relative = relative
        head = [line for _, line in islice(file.lines(), 16)]
        match = _COLUMNS.fullmatch(head[1]) if len(head) > 1 else None
        if match is None:
            raise file.wrong(2, "expected the names of columns as %%%% size,md5,sha256,filename")
        columns = match[1].decode("ascii").split(",")
        named = [name for name in _KNOWN if columns.count(name) == 1 and (asked is None or name == asked)]
        if not named:
            wanted = asked or ", ".join(_KNOWN)
            raise file.wrong(2, f"expected {relpath.show(wanted)} among the columns, got {', '.join(columns)}")
        self.algorithm = named[0]
        self._place = columns.index(self.algorithm)
        self._commas = len(columns) - 1
        started = next((line for line in head if line.startswith(_INVOKED_FROM)), b"")
        # On other systems a name may hold a backslash, which hashdeep writes as it is.
        self._windows = re.match(rb"[A-Za-z]:\\|\\\\", started.removeprefix(_INVOKED_FROM)) is not None

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file.

        Raises:
            ManifestError: names the line that can't be read.
        """
        for number, line in self._file.lines():
            if number <= _HEAD_LINES or line.startswith(b"#"):
                continue
            try:
                yield self._row(number, line)
            except (ManifestError, UnsafePathError) as error:
                raise self._file.wrong(number, error.message, hint=error.hint) from error

    def _row(self, number: int, line: bytes) -> Row:
        fields = line.split(b",", self._commas)
        if len(fields) != self._commas + 1 or not _SIZE.fullmatch(fields[0]):
            raise ManifestError(f"expected a size, checksums and a name, got {relpath.show(line[:80])}")
        value = fields[self._place].decode("ascii", "replace").lower()
        if not digest.is_digest(self.algorithm, value):
            raise ManifestError(f"expected a checksum of {self.algorithm}, got {relpath.show(value[:80])}")
        path = checked_path(fields[-1], windows=self._windows, relative=self._relative)
        return Row(path, number, value, int(fields[0]))
