"""Records → a table on disk, in the order of arrival or sorted, so that memory stays bounded whatever the dataset.

A `Table` is a file of blocks: four bytes of length (big-endian), then up to 1,000 records as one MessagePack array.
`sort_on_disk` is an external merge sort: sorted runs of a bounded number of records, merged as they are read.
"""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar

import msgspec

Record = TypeVar("Record")

_BLOCK_RECORDS: Final = 1_000
_LENGTH_BYTES: Final = 4
_RUN_RECORDS: Final = 100_000
_MERGE_WIDTH: Final = 64


class Table(Generic[Record]):
    """A file of records of one type: appended to, then read as often as wanted.

    Args:
        path: a file that does not exist yet, in a folder that is ours.
        record_type: a msgspec type, or a tuple of such.
    """

    def __init__(self, path: Path, record_type: Any) -> None:
        self._path = path
        self._file = path.open("xb", buffering=1 << 18)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder: msgspec.msgpack.Decoder[list[Record]] = msgspec.msgpack.Decoder(list[record_type])
        self._pending: list[Record] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, record: Record) -> None:
        """Add one record."""
        self._pending.append(record)
        self._count += 1
        if len(self._pending) >= _BLOCK_RECORDS:
            self._write_block()

    def extend(self, records: Iterable[Record]) -> Self:
        """Add many records; return the table."""
        for record in records:
            self.append(record)
        return self

    def _write_block(self) -> None:
        block = self._encode(self._pending)
        self._file.write(len(block).to_bytes(_LENGTH_BYTES, "big"))
        self._file.write(block)
        self._pending.clear()

    def blocks(self) -> Iterator[list[Record]]:
        """Return the records so far in blocks of up to 1,000, in the order in which they came."""
        if self._pending:
            self._write_block()
        self._file.flush()
        return self._read_blocks(self._file.tell())

    def _read_blocks(self, end: int) -> Iterator[list[Record]]:
        decode = self._decoder.decode
        with self._path.open("rb", buffering=1 << 18) as file:
            position = 0
            while position < end:
                length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
                yield decode(file.read(length))
                position += _LENGTH_BYTES + length

    def __iter__(self) -> Iterator[Record]:
        return itertools.chain.from_iterable(self.blocks())

    def close(self) -> None:
        """Remove the table. Doing so twice is fine."""
        if not self._file.closed:
            self._file.close()
            self._path.unlink(missing_ok=True)


class Workspace:
    """A private folder of tables, each under a number; closing it removes them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._tables: list[Table[Any]] = []
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - Path.mkdir ignores the mode of parents alike

    @property
    def folder(self) -> Path:
        """The private folder itself, for a file that is no table."""
        return self._folder

    def table(self, record_type: Any) -> Table[Any]:
        """Return a new, empty table of `record_type`."""
        table: Table[Any] = Table(self._folder / f"{next(self._numbers):06d}.table", record_type)
        self._tables.append(table)
        return table

    def sort_on_disk(
        self,
        records: Iterable[Record],
        *,
        key: Callable[[Record], Any],
        record_type: Any,
        run_records: int = _RUN_RECORDS,
    ) -> Iterator[Record]:
        """Return `records` in the order of `key`; equal keys keep their order.

        At most `run_records` records are in memory while the input is read, and one block of each run while the output
        is. A single run never touches the disk.
        """
        source = iter(records)
        runs: list[Table[Record]] = []
        while run := list(itertools.islice(source, run_records)):
            run.sort(key=key)
            if not runs and len(run) < run_records:
                return iter(run)
            runs.append(self.table(record_type).extend(run))
            del run
            if len(runs) >= _MERGE_WIDTH:
                # Merging all at once would hold a block of every run: 5,000,000 records would cost 50 blocks.
                merged: Table[Record] = self.table(record_type).extend(heapq.merge(*runs, key=key))
                for run_merged in runs:
                    run_merged.close()  # each holds a descriptor, of which macOS allows 256, and its records twice
                runs = [merged]
        return heapq.merge(*runs, key=key)

    def close(self) -> None:
        """Remove every table. Doing so twice is fine."""
        for table in self._tables:
            table.close()
        self._tables.clear()
