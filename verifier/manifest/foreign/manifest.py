"""A list of another program → a manifest like our own: entries in the order of raw path bytes, each once.

The list is read whole when it is opened and sorted on disk, so that memory stays bounded whatever its length.
"""

from __future__ import annotations

import itertools
import operator
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from verifier import relpath
from verifier.entry import Entry
from verifier.errors import ManifestError
from verifier.manifest.foreign.bag import Bag
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.row import Row
from verifier.manifest.header import Header, Origin
from verifier.manifest.native import Totals
from verifier.spool import Workspace

_SPECIAL: Final = re.compile(r"([\\*?\[\]!# ])")


class Format(Protocol):
    """What each format is to this file.

    `exclude` are patterns of what a listing holds besides the dataset; `total_bytes` is 0 where it is not stated.
    """

    algorithm: str

    @property
    def states_sizes(self) -> bool:
        """Whether each row has a size."""
        ...

    @property
    def total_bytes(self) -> int:
        """The bytes of all files, where the list states them as a whole."""
        ...

    @property
    def exclude(self) -> tuple[str, ...]:
        """Patterns of the format's own files."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file, in the order of the list."""
        ...


class ForeignManifest:
    """A list, read.

    Args:
        file: the list's own bytes.
        form: what reads them.
        dataset: what the data is called.
        folder: a private place for tables.

    Raises:
        ManifestError: a line can't be read, a path comes twice, or a bag is not complete.
    """

    def __init__(self, file: ListFile, form: Format, *, dataset: str, folder: Path) -> None:
        self._file = file
        self.own_file = file.path
        self.states_sizes = form.states_sizes
        self._workspace = Workspace(folder)
        self._table = self._workspace.table(Entry)
        try:
            self._own_name = os.fsencode(file.path.name)
            self._lists_itself = False
            size_bytes = self._fill(form)
            if isinstance(form, Bag):
                self._check_bag(form)
        except BaseException:
            self.close()
            raise
        identity = file.identity()
        self._totals = Totals(files=len(self._table), links=0, bytes=size_bytes or form.total_bytes, identity=identity)
        self.header = Header(
            dataset=dataset,
            created="",
            origin=Origin(address="", machine=""),
            digest=form.algorithm,
            exclude=form.exclude or self._itself(),
        )

    def _itself(self) -> tuple[str, ...]:
        """Return the pattern of the list's own name, which a list lying in its dataset does not name."""
        try:
            name = self._own_name.decode()
        except UnicodeDecodeError:
            return ()
        if self._lists_itself or not name.isprintable():
            return ()
        return ("/" + _SPECIAL.sub(r"\\\1", name),)

    def _fill(self, form: Format) -> int:
        """Lay the entries on a table in order; return their bytes, as far as they are stated."""
        size_bytes = 0
        allows_twice = not isinstance(form, Bag) or form.allows_twice
        with closing(Workspace(self._workspace.folder / "rows")) as workspace:
            for row in _each_once(form.rows(), self._file, allows_twice=allows_twice, workspace=workspace):
                self._lists_itself = self._lists_itself or row.path == self._own_name
                size_bytes += row.size_bytes or 0
                entry = Entry(
                    path=row.path,
                    size_bytes=row.size_bytes or 0,
                    mtime_ns=row.mtime_ns,
                    digest=row.digest,
                    size_known=row.size_bytes is not None,
                )
                self._table.append(entry)
        return size_bytes

    def _check_bag(self, bag: Bag) -> None:
        """Hold a bag's manifests against each other, and their number of files against Payload-Oxum."""
        if bag.stated_files not in (None, len(self._table)):
            expected, got = bag.stated_files, len(self._table)
            raise ManifestError(f"{self._file.shown}: expected {expected} files as Payload-Oxum states, got {got}")
        for file, rows in bag.others():
            with closing(Workspace(self._workspace.folder / "other")) as workspace:
                others = _each_once(rows, file, allows_twice=bag.allows_twice, workspace=workspace)
                for entry, row in itertools.zip_longest(self.entries(), others):
                    here, there = (None if entry is None else entry.path), (None if row is None else row.path)
                    if here != there:
                        first = min(path for path in (here, there) if path is not None)
                        raise ManifestError(
                            f"{file.shown}: expected the same files in each payload manifest of a bag, "
                            f"got {relpath.show(first)} in one alone"
                        )

    @property
    def identity(self) -> str:
        """The SHA-256 of the list's own unpacked bytes."""
        return self._totals.identity

    def check(self) -> Totals:
        """Return what the list holds; `bytes` is 0 where it states no sizes.

        Raises:
            ManifestError: the list was changed since it was opened.
        """
        if self._file.identity() != self._totals.identity:
            raise ManifestError(f"{self._file.shown}: expected the list that was opened, got one that was changed")
        return self._totals

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in the order of raw path bytes."""
        return itertools.chain.from_iterable(self.entry_blocks())

    def entry_blocks(self) -> Iterator[list[Entry]]:
        """Yield every entry as `entries` does, in lists of up to 1,000."""
        return self._table.blocks()

    def close(self) -> None:
        """Remove the tables. Doing so twice is fine."""
        self._workspace.close()


def _each_once(rows: Iterator[Row], file: ListFile, *, allows_twice: bool, workspace: Workspace) -> Iterator[Row]:
    """Yield rows in the order of raw path bytes, those that say the same of one path once."""
    before: Row | None = None
    for row in workspace.sort_on_disk(rows, key=operator.attrgetter("path"), record_type=Row):
        if before is None or row.path != before.path:
            yield row
        elif not allows_twice or _said(row) != _said(before):
            message = f"expected each path once, got {relpath.show(row.path)} again"
            if not row.number:
                raise ManifestError(f"{file.shown}: {message}")
            raise file.wrong(row.number, f"{message}, first in line {before.number}")
        before = row


def _said(row: Row) -> tuple[object, ...]:
    return row.digest, row.size_bytes, row.mtime_ns
