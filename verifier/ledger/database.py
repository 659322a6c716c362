"""A path → an opened, checked, migrated SQLite database whose rows have the types that they should have.

Whatever is wrong with the file (garbage, cut off, a newer version, rows of other types, a disk that is full or
read-only) is a `LedgerError`. Durable transactions are synced to the disk before they return; others survive the
death of this process at any instant, and a loss of power only up to the last durable one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from verifier import relpath
from verifier.errors import LedgerError
from verifier.ledger.schema import MIGRATIONS

Row = TypeVar("Row")
Value = int | str | bytes | None

# Writing the proofs of 5,000,000 files takes some 15 s, and another scenario's drill may be at it.
_PATIENCE_SECONDS: Final = 60.0
# SQLite waits deaf to signals, so it is let go to listen for Ctrl-C between its waits.
_WAIT_SECONDS: Final = 0.5
# The check of a whole database reads it all, at some 20 ms for each MB: fifteen million proven files would take 20 s at
# each opening. The tables of the chain are small and are checked whatever its size.
_CHECKED_WHOLE_BYTES: Final = 64 * 1024 * 1024
_ALWAYS_CHECKED: Final = ("name", "drill", "result")
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BLOCK_ROWS: Final = 1_000

_SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    # On macOS alone: a sync also empties the drive's own cache.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    # Some builds overwrite what they delete with zeros: dropping checkpoints would write each of them once more.
    "PRAGMA secure_delete = OFF",
    "PRAGMA cache_size = -16384",
    # The log of one large transaction is cut back afterwards.
    "PRAGMA journal_size_limit = 67108864",
)
# The file is taken for hostile: functions in its schema get no rights, sizes inside pages are checked as read.
_HOSTILE_SETTINGS: Final = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON")


class Database:
    """One connection for what is written, and one for each stream of rows that is read.

    It belongs to the thread that made it; another process has its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._make_private_file()
        with self._translated():
            self._connection = self._connect()
        try:
            with self._translated():
                _patiently(self._prepare)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file. Doing so twice is fine."""
        with self._translated():
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Make everything in the block happen whole or not at all.

        With `durable`, it is on the disk when the block has ended.

        Raises:
            LedgerError: another process kept writing for a minute, or the disk refuses.
        """
        with self._translated():
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            _patiently(lambda: self._connection.execute("BEGIN IMMEDIATE"))
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, statement: str, *values: Value) -> int:
        """Do one statement; return how many rows it changed."""
        with self._translated():
            return self._connection.execute(statement, values).rowcount

    def execute_many(self, statement: str, rows: Iterable[tuple[Value, ...]]) -> None:
        """Do one statement for each row, as they come."""
        with self._translated():
            self._connection.executemany(statement, rows)

    def row(self, row_type: type[Row], query: str, *values: Value) -> Row | None:
        """Return the first row of a query as a `row_type`, or None; inside a transaction, as that sees it.

        `row_type` has the query's columns as fields, in the same order.

        Raises:
            LedgerError: a value in the database is not of the type of its field.
        """
        with self._translated():
            row = self._connection.execute(query, values).fetchone()
        return None if row is None else self._typed([row], row_type)[0]

    def rows(self, row_type: type[Row], query: str, *values: Value, block_rows: int = _BLOCK_ROWS) -> Iterator[Row]:
        """Yield the rows of a query, typed as by `row`, as they were committed when the first is taken.

        `block_rows` of them are in memory at once.

        Raises:
            LedgerError: a value in the database is not of the type of its field.
        """
        # A reader of its own: what is written meanwhile neither disturbs it nor is refused because of it.
        with self._translated(), contextlib.closing(self._connect()) as reader:
            for setting in _HOSTILE_SETTINGS:
                reader.execute(setting)
            cursor = reader.execute(query, values)
            while block := cursor.fetchmany(block_rows):
                yield from self._typed(block, row_type)

    def _typed(self, block: list[Any], row_type: type[Row]) -> list[Row]:
        try:
            # Bytes are named as a type of their own, or text would be taken for base64.
            return msgspec.convert(block, list[row_type], builtin_types=(bytes,))  # type: ignore[valid-type]
        except msgspec.MsgspecError as error:
            raise self._damaged(f"a row that does not fit ({relpath.show(str(error))})") from error

    def _make_private_file(self) -> None:
        """Make the file, if it is missing, for this user alone; SQLite gives its companions the same mode."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise LedgerError(
                f"expected a ledger that can be written, got {self._shown}: {error.strerror}",
                hint="name another folder with --state",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)

    def _prepare(self) -> None:
        """Check, set up and migrate: what must hold before the first row is read."""
        for setting in _HOSTILE_SETTINGS:
            self._connection.execute(setting)
        self._refuse_strangers()  # before a setting changes the file
        for setting in _SETTINGS:
            self._connection.execute(setting)
        mode = self._connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode != "wal":
            raise LedgerError(
                f"expected a write-ahead log for {self._shown}, got mode {relpath.show(str(mode))}",
                hint="put the state on a local disk, with --state",
            )
        if self._version() < len(MIGRATIONS):
            with self.transaction(durable=True):
                self._migrate(self._version())
        self._check()

    def _version(self) -> int:
        version = self._pragma("user_version")
        if version > len(MIGRATIONS):
            raise LedgerError(
                f"expected a ledger of version {len(MIGRATIONS)} or older, got version {version} in {self._shown}",
                hint="use the newer verifier that wrote it, or another folder with --state",
            )
        return version

    def _refuse_strangers(self) -> None:
        # In this order: another process that sets up a new ledger gives it tables and version at once.
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = self._version()
        if version < 0 or (version == 0 and tables):
            raise LedgerError(
                f"expected a ledger, got another program's database in {self._shown}",
                hint="name another folder with --state",
            )

    def _migrate(self, version: int) -> None:
        for statement in (statement for step in MIGRATIONS[version:] for statement in step):
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _check(self) -> None:
        used_bytes = (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")
        scopes = ("",) if used_bytes <= _CHECKED_WHOLE_BYTES else tuple(f"('{table}')" for table in _ALWAYS_CHECKED)
        for scope in scopes:
            answer = self._connection.execute(f"PRAGMA quick_check{scope}").fetchone()[0]
            if answer != "ok":
                raise self._damaged(relpath.show(str(answer)))

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @property
    def _shown(self) -> str:
        return relpath.show(os.fsencode(self._path))

    def _damaged(self, what: str) -> LedgerError:
        return LedgerError(
            f"expected a whole ledger in {self._shown}, got {what}",
            hint="move it away, with its -wal and -shm beside it: history is lost, never a backup",
        )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what SQLite says as `LedgerError`; misuse of the connection stays what it is, a bug."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except sqlite3.Error as error:
            code = _code(error)
            said = relpath.show(str(error))
            # Text that is not UTF-8 comes without a code, a table that is missing or another as a plain error.
            if code in _DAMAGED or code in {0, sqlite3.SQLITE_ERROR}:
                raise self._damaged(said) from error
            if code == sqlite3.SQLITE_BUSY:
                raise LedgerError(
                    f"expected the ledger {self._shown} to be free within {_PATIENCE_SECONDS:.0f} s, got: {said}",
                    hint="another drill is writing to it; try again later",
                ) from error
            raise LedgerError(f"expected the ledger {self._shown} to take this, got: {said}") from error


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _patiently(action: Callable[[], object]) -> None:
    """Do something, again and again while another process has the database to itself."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            # Two that switch a new database to its log at once are refused without SQLite's own waiting.
            time.sleep(0.01)
        else:
            return
