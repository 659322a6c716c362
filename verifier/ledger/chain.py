"""Drills begun and finished → the chain: each proof names the one before it, and none can be left out unseen.

A drill is committed, with its seed, before its first byte moves. Whatever its end, it is in the chain: as a link of
its own, or named as abandoned by a later one; until then it is unfinished.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from verifier import relpath
from verifier.errors import LedgerError
from verifier.ledger.database import Database
from verifier.ledger.facts import (
    Attempt,
    BeginDrill,
    CopyResult,
    Head,
    Link,
    Natural,
    PastDrill,
    PastResult,
    PlannedCopy,
    Positive,
    Result,
    Seed,
    SeedSource,
    Seen,
    Time,
    UnfinishedDrill,
    check,
)
from verifier.ledger.names import name_number


class _UnfinishedRow(msgspec.Struct, frozen=True, array_like=True):
    """An `UnfinishedDrill` as it lies in the database, where `planned` is JSON."""

    id: str
    started_at: Time
    seed: Seed
    seed_source: SeedSource
    planned: str
    options: str


class _ResultRow(msgspec.Struct, frozen=True, array_like=True):
    """A `PastResult` as it lies in the database, where `seen` is JSON."""

    copy: str
    verdict: Result
    planned_files: Natural
    planned_bytes: Natural
    proven_files: Natural
    proven_bytes: Natural
    number: Positive
    finished_at: Time
    seen: str | None


class _Begun(msgspec.Struct, frozen=True, array_like=True):
    """What `finish` must know of the drill that it finishes."""

    sequence: int
    scenario: int
    number: int | None
    abandoned_by: int | None


class _Name(msgspec.Struct, frozen=True, array_like=True):
    name: str


class Chain:
    """The part of the ledger that knows every drill of each scenario."""

    _database: Database

    def begin(self, drill: BeginDrill) -> None:
        """Write down a drill; it is on the disk, seed and all, when this returns.

        Raises:
            ValueError: a value is not of its type (a seed that is not 32 bytes, a time without a zone).
            LedgerError: a drill of this id was begun before, or the disk refuses.
        """
        check(drill)
        with self._database.transaction(durable=True):
            self._insert(drill)

    def chain_head(self, scenario: str) -> Head | None:
        """Return the last link of a scenario's chain, or None before the first."""
        return self._database.row(
            Head,
            "SELECT number, proof_sha256 FROM drill WHERE scenario = (SELECT id FROM name WHERE name = ?)"
            " AND number IS NOT NULL ORDER BY number DESC LIMIT 1",
            scenario,
        )

    def unfinished(self, scenario: str) -> list[UnfinishedDrill]:
        """Return the drills that were begun, left no proof and were not yet named as abandoned, oldest first."""
        rows = self._database.rows(
            _UnfinishedRow,
            "SELECT id, started_at, seed, seed_source, planned, options FROM drill"
            " WHERE scenario = (SELECT id FROM name WHERE name = ?) AND number IS NULL AND abandoned_by IS NULL"
            " ORDER BY sequence",
            scenario,
        )
        return [_unfinished(scenario, row) for row in rows]

    def finish(
        self,
        drill_id: str,
        *,
        number: int,
        previous: str | None,
        proof_sha256: str,
        finished_at: str,
        verdict: Result,
        copies: Sequence[CopyResult],
        abandoned: Sequence[str] = (),
    ) -> None:
        """Make a drill's proof the new head of its chain, whole or not at all; its checkpoints are dropped.

        `abandoned` are the ids of the drills that the proof names as such; they are unfinished no more.

        Raises:
            ValueError: a value is not of its type.
            LedgerError: the head is not (`number` - 1, `previous`) any more, the drill is not unfinished, or the disk
                refuses.
        """
        link = Link(
            number=number, previous=previous, proof_sha256=proof_sha256, finished_at=finished_at, verdict=verdict
        )
        for fact in (link, *copies):
            check(fact)
        with self._database.transaction(durable=True):
            drill = self._unfinished_drill(drill_id)
            self._append(drill, link)
            for copy in copies:
                self._add_result(drill, copy)
            for other_id in abandoned:
                self._abandon(self._unfinished_drill(other_id), drill)

    def scenarios(self) -> list[str]:
        """Return the names of all scenarios that a drill was ever begun of, in order."""
        names = self._database.rows(
            _Name, "SELECT name FROM name WHERE id IN (SELECT scenario FROM drill) ORDER BY name"
        )
        return [row.name for row in names]

    def past_drills(self, scenario: str) -> Iterator[PastDrill]:
        """Yield the links of a scenario's chain, from the first on."""
        return self._database.rows(
            PastDrill,
            "SELECT number, finished_at, verdict FROM drill"
            " WHERE scenario = (SELECT id FROM name WHERE name = ?) AND number IS NOT NULL ORDER BY number",
            scenario,
        )

    def attempts(self, scenario: str) -> Iterator[Attempt]:
        """Yield the drills of a scenario that left a proof, from the first on, with what each was asked for."""
        return self._database.rows(
            Attempt,
            "SELECT number, id, started_at, verdict, proof_sha256, options FROM drill"
            " WHERE scenario = (SELECT id FROM name WHERE name = ?) AND number IS NOT NULL ORDER BY number",
            scenario,
        )

    def past_results(self, scenario: str) -> Iterator[PastResult]:
        """Yield what each drill of a scenario found of each of its copies, from the first drill on."""
        rows = self._database.rows(
            _ResultRow,
            "SELECT name.name, result.verdict, planned_files, planned_bytes, proven_files, proven_bytes,"
            " drill.number, drill.finished_at, seen"
            " FROM drill JOIN result ON result.drill = drill.sequence JOIN name ON name.id = result.copy"
            " WHERE drill.scenario = (SELECT id FROM name WHERE name = ?) AND number IS NOT NULL"
            " ORDER BY drill.number, name.name",
            scenario,
        )
        return map(_past_result, rows)

    def _insert(self, drill: BeginDrill) -> None:
        self._database.execute(
            "INSERT INTO drill (id, scenario, started_at, seed, seed_source, planned, options)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            drill.id,
            name_number(self._database, drill.scenario),
            drill.started_at,
            drill.seed,
            drill.seed_source,
            msgspec.json.encode(drill.planned, order="sorted").decode(),
            drill.options,
        )

    def _unfinished_drill(self, drill_id: str) -> _Begun:
        drill = self._database.row(
            _Begun, "SELECT sequence, scenario, number, abandoned_by FROM drill WHERE id = ?", drill_id
        )
        shown = relpath.show(drill_id)
        if drill is None:
            raise LedgerError(f"expected a drill that was begun, got {shown}")
        if drill.number is not None:
            raise LedgerError(f"expected an unfinished drill, got {shown}, which is number {drill.number} of its chain")
        if drill.abandoned_by is not None:
            raise LedgerError(f"expected an unfinished drill, got {shown}, which a later proof names as abandoned")
        return drill

    def _append(self, drill: _Begun, link: Link) -> None:
        """Hold the link against the head that stands now, not the one that was read when the drill began."""
        head = self._database.row(
            Head,
            "SELECT number, proof_sha256 FROM drill WHERE scenario = ? AND number IS NOT NULL"
            " ORDER BY number DESC LIMIT 1",
            drill.scenario,
        )
        expected = (1, None) if head is None else (head.number + 1, head.proof_sha256)
        if (link.number, link.previous) != expected:
            raise LedgerError(
                f"expected number {expected[0]} after {expected[1] or 'none'} as the next proof of the chain,"
                f" got number {link.number} after {link.previous or 'none'}",
                hint="another drill of this scenario was finished meanwhile; run this one again",
            )
        self._set_link(drill, link)

    def _set_link(self, drill: _Begun, link: Link) -> None:
        self._database.execute(
            "UPDATE drill SET number = ?, previous = ?, proof_sha256 = ?, finished_at = ?, verdict = ?"
            " WHERE sequence = ?",
            link.number,
            link.previous,
            link.proof_sha256,
            link.finished_at,
            link.verdict,
            drill.sequence,
        )
        self._database.execute("DELETE FROM batch WHERE drill = ?", drill.sequence)

    def _add_result(self, drill: _Begun, result: CopyResult) -> None:
        self._database.execute(
            "INSERT INTO result (drill, copy, verdict, planned_files, planned_bytes, proven_files, proven_bytes, seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            drill.sequence,
            name_number(self._database, result.copy),
            result.verdict,
            result.planned_files,
            result.planned_bytes,
            result.proven_files,
            result.proven_bytes,
            None if result.seen is None else msgspec.json.encode(result.seen, order="sorted").decode(),
        )

    def _abandon(self, drill: _Begun, by: _Begun) -> None:
        if drill.scenario != by.scenario:
            raise LedgerError("expected drills of one scenario, got an abandoned one of another")
        self._database.execute("UPDATE drill SET abandoned_by = ? WHERE sequence = ?", by.sequence, drill.sequence)
        self._database.execute("DELETE FROM batch WHERE drill = ?", drill.sequence)


def _unfinished(scenario: str, row: _UnfinishedRow) -> UnfinishedDrill:
    try:
        planned = msgspec.json.decode(row.planned, type=dict[str, PlannedCopy])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LedgerError(f"expected what a drill had planned as JSON, got {relpath.show(str(error))}") from error
    return UnfinishedDrill(
        scenario=scenario,
        id=row.id,
        started_at=row.started_at,
        seed=row.seed,
        seed_source=row.seed_source,
        planned=planned,
        options=row.options,
    )


def _past_result(row: _ResultRow) -> PastResult:
    try:
        seen = None if row.seen is None else msgspec.json.decode(row.seen, type=Seen)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LedgerError(f"expected what a drill had seen as JSON, got {relpath.show(str(error))}") from error
    return PastResult(
        copy=row.copy,
        verdict=row.verdict,
        planned_files=row.planned_files,
        planned_bytes=row.planned_bytes,
        proven_files=row.proven_files,
        proven_bytes=row.proven_bytes,
        number=row.number,
        finished_at=row.finished_at,
        seen=seen,
    )
