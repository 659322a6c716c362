"""Scenarios and the ledger → of each scenario and copy the last drill, the last that PASSED, and what is due when.

What is due stands in the scenarios' files, what was done in the ledger. A scenario that only one of the two knows is
shown all the same: as never drilled, or as without a schedule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import msgspec

from verifier import relpath
from verifier.ledger import Asked, Attempt, Ledger, PastDrill, PastResult, UnfinishedDrill
from verifier.ledger.facts import Result
from verifier.scenario.scenario import Scenario
from verifier.schedule import Standing, scenario_standing
from verifier.status.coverage import CopyCoverage, read_coverage
from verifier.status.restores import Restores, RestoreStatus


class CopyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One copy: how many finished drills it was part of, what the last of them found, when one last PASSED.

    `last_at` is None where it never was part of one. A drill that patterns limited counts as one, and never as PASSED.
    """

    name: str
    drills: int = 0
    last_at: str | None = None
    last_verdict: Result | None = None
    planned_files: int = 0
    planned_bytes: int = 0
    proven_files: int = 0
    proven_bytes: int = 0
    last_passed_at: str | None = None
    coverage: CopyCoverage | None = None
    restore: RestoreStatus = RestoreStatus()


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """A drill that was begun and has left no proof: under way, interrupted, or abandoned without being named yet."""

    id: str
    started_at: str


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """How a scenario stands by its schedule; `overdue_since` is when the hours were over that had no good drill."""

    schedule: str
    now: bool
    next_at: str
    overdue: bool
    overdue_since: str | None


class ScenarioStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario: its finished drills, the last, the last PASSED, unfinished ones, its copies, when it is due.

    `due` is None where no schedule is known.
    """

    name: str
    drills: int
    last_at: str | None
    last_verdict: Result | None
    last_passed_at: str | None
    unfinished: tuple[Unfinished, ...]
    copies: tuple[CopyStatus, ...]
    due: Due | None

    @property
    def failed(self) -> bool:
        """Whether the last drill of the scenario, or of any of its copies, FAILED."""
        return "FAILED" in {self.last_verdict, *(copy.last_verdict for copy in self.copies)}

    @property
    def overdue(self) -> bool:
        """Whether a good drill should have been there by now."""
        return self.due is not None and self.due.overdue


def attention(statuses: Sequence[ScenarioStatus]) -> str:
    """Return in a line what is failed or overdue: the first line that a monitoring program shows."""
    wrong = []
    for status in statuses:
        name = relpath.show(status.name)
        failed = [relpath.show(copy.name) for copy in status.copies if copy.last_verdict == "FAILED"]
        if status.failed:
            wrong.append(f"{name} FAILED" + (f" ({', '.join(failed)})" if failed else ""))
        if status.due is not None and status.due.overdue:
            since = status.due.overdue_since
            wrong.append(f"{name} is overdue since {since}" if since else f"{name} was never good, and is overdue")
    if not wrong:
        planned = sum(status.due is not None for status in statuses)
        never = sum(not status.drills for status in statuses)
        undrilled = f", {never:,} never drilled" if never else ""
        return f"nothing failed, nothing overdue: {len(statuses):,} scenarios, {planned:,} with a schedule{undrilled}"
    return "; ".join(wrong)


def read_status(
    ledger: Ledger | None,
    scenarios: Sequence[Scenario] = (),
    *,
    reports: Path,
    machine: str,
    now: datetime,
    zone: tzinfo,
) -> tuple[ScenarioStatus, ...]:
    """Return the status of every scenario that has a file, or that a drill was ever begun of, by name.

    Args:
        ledger: None where there is none yet.
        scenarios: those that have files.
        reports: where bundles lie, for how much was ever proven.
        machine: this machine's name, by which drills are spread.
        now: an aware time.
        zone: what the hours of schedules are in.

    Raises:
        LedgerError: the ledger can't be read.
    """
    with_file = {scenario.name: scenario for scenario in scenarios}
    known = set(ledger.scenarios()) if ledger is not None else set()
    statuses = []
    for name in sorted(known | with_file.keys()):
        scenario = with_file.get(name)
        standing = None
        if scenario is not None:
            standing = scenario_standing(scenario, ledger, machine=machine, now=now, zone=zone)
        due = None if scenario is None or standing is None else _due(scenario, standing)
        expected = [copy.name for copy in scenario.copies if not copy.live] if scenario else []
        if ledger is None or name not in known:
            statuses.append(summarise(name, (), (), (), attempts=(), coverage={}, expected=expected, due=due))
            continue
        statuses.append(
            summarise(
                name,
                ledger.past_drills(name),
                ledger.past_results(name),
                ledger.unfinished(name),
                attempts=ledger.attempts(name),
                coverage=read_coverage(name, ledger.attempts(name), reports),
                expected=expected,
                due=due,
            )
        )
    return tuple(statuses)


def _due(scenario: Scenario, standing: Standing) -> Due:
    return Due(
        schedule=str(scenario.schedule),
        now=standing.due,
        next_at=_text(standing.next_at),
        overdue=standing.overdue,
        overdue_since=None if standing.overdue_since is None else _text(standing.overdue_since),
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def summarise(
    name: str,
    drills: Iterable[PastDrill],
    results: Iterable[PastResult],
    unfinished: Iterable[UnfinishedDrill],
    *,
    attempts: Iterable[Attempt],
    coverage: Mapping[str, CopyCoverage],
    expected: Sequence[str],
    due: Due | None,
) -> ScenarioStatus:
    """Return one scenario's status from its rows in the ledger, each kind in the order of the chain.

    `expected` are the copies that its file names; one that no drill was of is shown as that.
    """
    limited = {it.number for it in attempts if (asked := Asked.from_text(it.options)) is not None and asked.only}
    count, last, passed_at = 0, None, None
    for drill in drills:
        count, last = count + 1, drill
        if drill.verdict == "PASSED" and drill.number not in limited:
            passed_at = drill.finished_at
    copies = {copy: CopyStatus(name=copy) for copy in expected}
    restores: dict[str, Restores] = {}
    for result in results:
        restores.setdefault(result.copy, Restores()).add(result)
        before = copies.get(result.copy, CopyStatus(name=result.copy))
        copies[result.copy] = _add(before, result, limited=result.number in limited)
    return ScenarioStatus(
        name=name,
        drills=count,
        last_at=last.finished_at if last else None,
        last_verdict=last.verdict if last else None,
        last_passed_at=passed_at,
        unfinished=tuple(Unfinished(id=drill.id, started_at=drill.started_at) for drill in unfinished),
        copies=tuple(
            msgspec.structs.replace(
                copies[copy], coverage=coverage.get(copy), restore=restores.get(copy, Restores()).told()
            )
            for copy in sorted(copies)
        ),
        due=due,
    )


def _add(before: CopyStatus, result: PastResult, *, limited: bool) -> CopyStatus:
    """Return the status of a copy after one more of its drills."""
    passed = result.verdict == "PASSED" and not limited
    return CopyStatus(
        name=result.copy,
        drills=before.drills + 1,
        last_at=result.finished_at,
        last_verdict=result.verdict,
        planned_files=result.planned_files,
        planned_bytes=result.planned_bytes,
        proven_files=result.proven_files,
        proven_bytes=result.proven_bytes,
        last_passed_at=result.finished_at if passed else before.last_passed_at,
    )
