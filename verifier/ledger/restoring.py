"""A drill that another state had finished, as its bundle tells it → its link, results and proven files, in this ledger.

The ledger is never made to know less: what it knows of a later drill stays, and a proof that contradicts it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from verifier import relpath
from verifier.errors import LedgerError
from verifier.ledger.chain import Chain
from verifier.ledger.facts import BeginDrill, CopyResult, Link, Positive, Seed, Sha256, check
from verifier.ledger.names import name_number
from verifier.ledger.proven import Proven, seconds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenBefore:
    """What a drill had shown of a copy: path and mark of each file that it proved, the paths of those it found damaged.

    Both in the order of paths.
    """

    copy: str
    rows: Iterable[tuple[bytes, int]]
    damaged: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastProof:
    """A finished drill with its place in the chain, and the drills that it names as abandoned.

    What proofs do not state of a drill's beginning is empty: what it had planned, its options.
    """

    begun: BeginDrill
    link: Link
    copies: Sequence[CopyResult]
    abandoned: Sequence[BeginDrill]


class _KnownDrill(msgspec.Struct, frozen=True, array_like=True):
    scenario: str
    seed: Seed
    proof_sha256: Sha256 | None
    abandoned_by: int | None


class _KnownLink(msgspec.Struct, frozen=True, array_like=True):
    number: Positive
    previous: Sha256 | None
    proof_sha256: Sha256


class Restoring(Chain, Proven):
    """The part of the ledger that takes in again what it knew once."""

    def known_links(self, scenario: str) -> dict[int, str]:
        """Return the SHA-256 of each proof in a scenario's chain, by its number."""
        rows = self._database.rows(
            _KnownLink,
            "SELECT number, previous, proof_sha256 FROM drill WHERE scenario = (SELECT id FROM name WHERE name = ?)"
            " AND number IS NOT NULL",
            scenario,
        )
        return {row.number: row.proof_sha256 for row in rows}

    def restore(self, past: PastProof, proven: Sequence[ProvenBefore]) -> bool:
        """Take in a finished drill and what it had proven, whole or not at all; tell whether it was new.

        Drills are to come in the order of their numbers. Of a file that a later drill has proven, the later stays.

        Raises:
            ValueError: a value is not of its type.
            LedgerError: it contradicts what is known (another proof has its number or its id, or is named by the one
                beside it), or the disk refuses.
        """
        for fact in (past.begun, past.link, *past.copies, *past.abandoned):
            check(fact)
        with self._database.transaction(durable=True):
            known = self._known(past.begun)
            self._hold_against_neighbours(past.begun.scenario, past.link)
            is_new = known is None or known.proof_sha256 is None
            is_last = is_new and self._is_last(past)
            if is_new:
                self._restore_link(past)
            elif known is not None and known.proof_sha256 != past.link.proof_sha256:
                raise LedgerError(f"expected the proof of {known.proof_sha256} for its drill, got another")
            for part in proven:
                self._restore_proven(past, part, is_last=is_last)
        return is_new

    def _known(self, drill: BeginDrill) -> _KnownDrill | None:
        known = self._database.row(
            _KnownDrill,
            "SELECT name.name, seed, proof_sha256, abandoned_by FROM drill JOIN name ON name.id = drill.scenario"
            " WHERE drill.id = ?",
            drill.id,
        )
        if known is not None and (known.scenario, known.seed) != (drill.scenario, drill.seed):
            raise LedgerError(f"expected the drill that the ledger knows as {relpath.show(drill.id)}, got another")
        return known

    def _hold_against_neighbours(self, scenario: str, link: Link) -> None:
        if (link.previous is None) != (link.number == 1):
            raise LedgerError(f"expected number 1, and no other, after no proof, got number {link.number}")
        beside = self._database.rows(
            _KnownLink,
            "SELECT number, previous, proof_sha256 FROM drill WHERE scenario = (SELECT id FROM name WHERE name = ?)"
            " AND number BETWEEN ? AND ?",
            scenario,
            link.number - 1,
            link.number + 1,
        )
        for one in beside:
            expected, got = (one.proof_sha256, link.proof_sha256)
            if one.number != link.number:
                before, after = (one, link) if one.number < link.number else (link, one)
                expected, got = before.proof_sha256, after.previous or "none"
            if expected != got:
                raise LedgerError(f"expected the proof {expected} beside number {link.number} of the chain, got {got}")

    def _is_last(self, past: PastProof) -> bool:
        head = self.chain_head(past.begun.scenario)
        return head is None or head.number < past.link.number

    def _restore_link(self, past: PastProof) -> None:
        for begun in (*past.abandoned, past.begun):
            if self._known(begun) is None:
                self._insert(begun)
        drill = self._unfinished_drill(past.begun.id)
        self._set_link(drill, past.link)
        for result in past.copies:
            self._add_result(drill, result)
        for other in past.abandoned:
            known = self._known(other)
            if known is not None and known.proof_sha256 is None and known.abandoned_by is None:
                self._abandon(self._unfinished_drill(other.id), drill)

    def _restore_proven(self, past: PastProof, part: ProvenBefore, *, is_last: bool) -> None:
        database, number = self._database, past.link.number
        key = (name_number(database, past.begun.scenario), name_number(database, part.copy))
        seconds = seconds_of(past.link.finished_at)
        database.execute_many(
            "INSERT INTO proven (scenario, copy, path, mark, proven_at, drill_number) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (scenario, copy, path) DO UPDATE SET"
            " mark = excluded.mark, proven_at = excluded.proven_at, drill_number = excluded.drill_number"
            " WHERE excluded.drill_number > drill_number",
            ((*key, path, mark, seconds, number) for path, mark in part.rows),
        )
        if is_last:  # of damage it isn't written when it was found: what later drills left noted can't be told apart
            self._note_damaged(key, number, part.damaged)
