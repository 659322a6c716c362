"""The ledger → what was proven when: of each scenario and copy the last drill, the last that passed, how many in all.

What is due next is not told: that needs a schedule, and the ledger holds none.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from verifier.ledger import Ledger, PastDrill, PastResult, UnfinishedDrill
from verifier.ledger.facts import Result
from verifier.trend import PastRestore, trend


class CopyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One copy: how many finished drills it was part of, what the last of them found, when one last PASSED.

    `full_seconds` is how long a full restore takes by the last drill that could tell, at its present address;
    `restore_share` how that changed in 30 days over all drills (0.1: a tenth more), `pace_share` how the time for the
    same data did; `is_slower` says that the latter rose, and not by chance. None where nothing tells.
    """

    name: str
    drills: int
    last_at: str
    last_verdict: Result
    planned_files: int
    planned_bytes: int
    proven_files: int
    proven_bytes: int
    last_passed_at: str | None
    full_seconds: float | None = None
    restore_share: float | None = None
    pace_share: float | None = None
    is_slower: bool = False


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """A drill that was begun and has left no proof: under way, interrupted, or abandoned without being named yet."""

    id: str
    started_at: str


class ScenarioStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario: its finished drills, the last of them (None before the first), unfinished ones, its copies."""

    name: str
    drills: int
    last_at: str | None
    last_verdict: Result | None
    unfinished: tuple[Unfinished, ...]
    copies: tuple[CopyStatus, ...]

    @property
    def failed(self) -> bool:
        """Whether the last drill of the scenario, or of any of its copies, FAILED."""
        return "FAILED" in {self.last_verdict, *(copy.last_verdict for copy in self.copies)}


def read_status(ledger: Ledger) -> tuple[ScenarioStatus, ...]:
    """Return the status of every scenario that a drill was ever begun of, by name.

    Raises:
        LedgerError: the ledger can't be read.
    """
    return tuple(
        summarise(name, ledger.past_drills(name), ledger.past_results(name), ledger.unfinished(name))
        for name in ledger.scenarios()
    )


def summarise(
    name: str, drills: Iterable[PastDrill], results: Iterable[PastResult], unfinished: Iterable[UnfinishedDrill]
) -> ScenarioStatus:
    """Return one scenario's status from its rows in the ledger, each kind in the order of the chain."""
    count, last = 0, None
    for drill in drills:
        count, last = count + 1, drill
    copies: dict[str, CopyStatus] = {}
    restores: dict[str, _Restores] = {}
    for result in results:
        copies[result.copy] = _add(copies.get(result.copy), result)
        restores.setdefault(result.copy, _Restores()).add(result)
    return ScenarioStatus(
        name=name,
        drills=count,
        last_at=last.finished_at if last else None,
        last_verdict=last.verdict if last else None,
        unfinished=tuple(Unfinished(id=drill.id, started_at=drill.started_at) for drill in unfinished),
        copies=tuple(restores[copy].told(copies[copy]) for copy in sorted(copies)),
    )


class _Restores:
    """How long full restores of one copy took, at the address where it was last drilled."""

    def __init__(self) -> None:
        self._address: str | None = None
        self._past: list[PastRestore] = []

    def add(self, result: PastResult) -> None:
        """Take in one more drill; at another address everything begins anew."""
        if result.seen is not None and result.seen.address != self._address:
            self._address, self._past = result.seen.address, []
        if result.full_restore is not None:
            self._past.append(result.full_restore)

    def told(self, status: CopyStatus) -> CopyStatus:
        """Return the status with what all drills say of a full restore."""
        if not self._past:
            return status
        changed, full_seconds = trend(self._past), self._past[-1].restore_seconds
        if changed is None:
            return replace(status, full_seconds=full_seconds)
        return replace(
            status,
            full_seconds=full_seconds,
            restore_share=changed.restore_share,
            pace_share=changed.pace_share,
            is_slower=changed.is_slower,
        )


def _add(before: CopyStatus | None, result: PastResult) -> CopyStatus:
    """Return the status of a copy after one more of its drills."""
    passed_before = before.last_passed_at if before else None
    return CopyStatus(
        name=result.copy,
        drills=(before.drills if before else 0) + 1,
        last_at=result.finished_at,
        last_verdict=result.verdict,
        planned_files=result.planned_files,
        planned_bytes=result.planned_bytes,
        proven_files=result.proven_files,
        proven_bytes=result.proven_bytes,
        last_passed_at=result.finished_at if result.verdict == "PASSED" else passed_before,
    )
