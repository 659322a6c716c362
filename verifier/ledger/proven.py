"""Files that a drill has proven, or found damaged → when each was last proven from which copy, and which to look at."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from verifier.ledger.database import Database
from verifier.ledger.facts import LATEST_SECONDS, ProvenMark, ProvenRow
from verifier.ledger.names import name_number


class _Damaged(msgspec.Struct, frozen=True, gc=False, array_like=True):
    path: bytes


class Proven:
    """The part of the ledger that knows when each file was last proven, and which were damaged when last restored."""

    _database: Database

    def record_proven(
        self,
        scenario: str,
        copy: str,
        rows: Iterable[tuple[bytes, int]],
        *,
        proven_at: str,
        drill_number: int,
        damaged: Iterable[bytes] = (),
    ) -> None:
        """Write down that files were proven, all of them or, where `rows` raises, none.

        Those of them that were noted as damaged are so no more.

        Memory does not grow with `rows`, which are quickest in the order of their paths. They may be made from other
        streams of this ledger, but must not write to it.

        Args:
            scenario: the scenario's name.
            copy: the copy's name.
            rows: path and mark of each file; a mark is a signed 64-bit integer that identifies the content.
            proven_at: RFC 3339; kept to the second.
            drill_number: which drill of the chain has proven them.
            damaged: paths of files that this drill restored and found damaged, or could not restore by themselves.

        Raises:
            ValueError: `proven_at` is no time with a zone.
            LedgerError: the disk refuses.
        """
        seconds = seconds_of(proven_at)
        database = self._database
        with database.transaction(durable=True):
            scenario_number = name_number(database, scenario)
            copy_number = name_number(database, copy)
            database.execute_many(
                "INSERT INTO proven (scenario, copy, path, mark, proven_at, drill_number) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (scenario, copy, path) DO UPDATE SET"
                " mark = excluded.mark, proven_at = excluded.proven_at, drill_number = excluded.drill_number",
                ((scenario_number, copy_number, path, mark, seconds, drill_number) for path, mark in rows),
            )
            self._note_damaged((scenario_number, copy_number), drill_number, damaged)

    def _note_damaged(self, key: tuple[int, int], drill_number: int, damaged: Iterable[bytes]) -> None:
        """Note what a drill found damaged, and forget it of what the drill has proven; `key`: scenario and copy."""
        self._database.execute(
            "DELETE FROM damaged WHERE scenario = ? AND copy = ? AND EXISTS (SELECT 1 FROM proven"
            " WHERE proven.scenario = damaged.scenario AND proven.copy = damaged.copy"
            " AND proven.path = damaged.path AND proven.drill_number = ?)",
            *key,
            drill_number,
        )
        self._database.execute_many(
            "INSERT OR IGNORE INTO damaged (scenario, copy, path) VALUES (?, ?, ?)", ((*key, path) for path in damaged)
        )

    def last_proven(self, scenario: str, copy: str, path: bytes) -> str | None:
        """Return when a file was last proven from a copy, in RFC 3339; None where it never was."""
        row = self._database.row(
            ProvenMark,
            "SELECT path, mark, proven_at, drill_number FROM proven"
            " WHERE scenario = (SELECT id FROM name WHERE name = ?)"
            " AND copy = (SELECT id FROM name WHERE name = ?) AND path = ?",
            scenario,
            copy,
            path,
        )
        return None if row is None else _time(row.proven_at_seconds)

    def proven(self, scenario: str, copy: str) -> Iterator[ProvenRow]:
        """Yield every file that was ever proven from a copy, in the order of the raw bytes of the path."""
        return (
            ProvenRow(
                path=row.path,
                mark=row.mark,
                proven_at=_time(row.proven_at_seconds),
                drill_number=row.drill_number,
            )
            for row in self.proven_marks(scenario, copy)
        )

    def proven_marks(self, scenario: str, copy: str) -> Iterator[ProvenMark]:
        """Yield what `proven` does, with times in seconds: for those who pass through millions and show none."""
        return self._database.rows(
            ProvenMark,
            "SELECT path, mark, proven_at, drill_number FROM proven"
            " WHERE scenario = (SELECT id FROM name WHERE name = ?)"
            " AND copy = (SELECT id FROM name WHERE name = ?) ORDER BY path",
            scenario,
            copy,
        )

    def damaged(self, scenario: str, copy: str) -> Iterator[bytes]:
        """Yield the path of every file that was damaged when it was last restored, in the order of its raw bytes."""
        rows = self._database.rows(
            _Damaged,
            "SELECT path FROM damaged WHERE scenario = (SELECT id FROM name WHERE name = ?)"
            " AND copy = (SELECT id FROM name WHERE name = ?) ORDER BY path",
            scenario,
            copy,
        )
        return (row.path for row in rows)


def seconds_of(time: str) -> int:
    """Return a time in RFC 3339 as the ledger keeps it, in seconds since 1970.

    Raises:
        ValueError: it is none, has no zone, or is before 1970.
    """
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with a zone, got {time}")
    seconds = int(moment.timestamp())
    if not 0 <= seconds <= LATEST_SECONDS:
        raise ValueError(f"expected a time after 1970, got {time}")
    return seconds


@functools.lru_cache(maxsize=1_000)  # a scenario has as many times as drills, not as files
def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
