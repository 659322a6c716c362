"""Scenario → what a drill of it would restore, show, take and cost, without a seed and without a byte moved.

Sizes and sentences are made by the functions that a drill makes its own by, so that the two can't differ.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from verifier import relpath
from verifier.drill.covered import Promise, coverage, first_drilled
from verifier.drill.expense import Duration, Money, duration, money, past_drills
from verifier.drill.references import References, open_references
from verifier.drill.size import INTERVAL_SECONDS, Size, draw_size, moved_within
from verifier.drill.survey import Rules, take_survey
from verifier.drill.surveyed import Survey
from verifier.errors import SameDataError, SourceError
from verifier.ledger import Ledger, PastResult
from verifier.outcome import FindingKind
from verifier.plan import INSPECTED_FILES, coverage_sentence
from verifier.sample import SizeSpread, at_most_bad
from verifier.scenario.scenario import Copy, Scenario
from verifier.spool import Workspace
from verifier.verdict import Amount

_FEW_BAD: Final = 10  # so many bad files are few, and many enough to hurt: what a sample finds of them is told


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How much of scratch a drill takes at most, and how much is free there."""

    folder: str
    most_bytes: int
    free_bytes: int


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """How many files of the manifest were ever proven from a copy with their present content, and after the drill.

    `after_files` is expected, not known, where a lot decides. `overdue_files` were not proven within the objective;
    None: there is none.
    """

    of_files: int
    files: int
    after_files: int
    oldest_at: str | None
    overdue_files: int | None = None


class CopyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill would restore of one copy. `restored_bytes` is expected, not known: the draw is not made yet.

    `at_most_bad_files` is how many bad files of the population could be there if none is found among the `sample_files`
    drawn of it, at `confidence`; `assurance` are sentences on that, and `beside_files` are known to be right, or not,
    one by one. `too_large_files` are over the budget by themselves, so no drill restores them.
    """

    copy: str
    confidence: float
    trouble: str | None = None
    comparable_files: int = 0
    comparable_bytes: int = 0
    restored_files: int = 0
    restored_bytes: int = 0
    population_files: int = 0
    sample_files: int = 0
    beside_files: int = 0
    at_most_bad_files: int = 0
    assurance: tuple[str, ...] = ()
    newer_files: int = 0
    maybe_moved_files: int = 0
    listing_findings: int = 0
    too_large_files: int = 0
    too_large_bytes: int = 0
    proven: Proven | None = None
    duration: Duration | None = None
    money: Money | None = None


class ScenarioPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill of a scenario would do: copy by copy, and with how much room."""

    scenario: str
    copies: tuple[CopyPlan, ...]
    scratch: Room | None


@dataclass(frozen=True, kw_only=True)
class _Plans:
    """What every copy's plan is made with."""

    scenario: Scenario
    references: References
    workspace: Workspace
    book: Ledger | None
    past: list[PastResult]
    workers: int
    now: datetime


def plan_scenario(
    scenario: Scenario, *, now: datetime, folder: Path, scratch: Path, workers: int, book: Ledger | None = None
) -> ScenarioPlan:
    """Return what a drill of a scenario would do.

    Args:
        scenario: as a drill would have it.
        now: the time of the plan.
        folder: a private place for tables.
        scratch: where a drill would restore to, if the scenario does not say; nothing is made there.
        workers: how many processes would restore.
        book: knows what earlier drills showed; None: there were none.

    Raises:
        VerifierError: the manifest can't be read, or a copy is the live data itself.
    """
    with (
        contextlib.closing(Workspace(folder)) as workspace,
        open_references(scenario, now=now, folder=folder) as references,
    ):
        plans = _Plans(
            scenario=scenario,
            references=references,
            workspace=workspace,
            book=book,
            past=[] if book is None else list(book.past_results(scenario.name)),
            workers=workers,
            now=now,
        )
        copies = tuple(_plan(copy, plans) for copy in scenario.copies if not copy.live)
    return ScenarioPlan(scenario=scenario.name, copies=copies, scratch=_room(scenario, scratch, copies))


def _plan(copy: Copy, plans: _Plans) -> CopyPlan:
    scenario, book = plans.scenario, plans.book
    confidence = scenario.sample.confidence
    try:
        survey = take_survey(copy, plans.references, Rules.of(scenario), workspace=plans.workspace, watch=iter)
    except SameDataError:
        raise
    except SourceError as error:
        return CopyPlan(copy=copy.name, confidence=confidence, trouble=error.message)
    proven = () if book is None else book.proven_marks(scenario.name, copy.name)
    damaged = () if book is None else book.damaged(scenario.name, copy.name)
    size = draw_size(survey, scenario, plans.workspace, proven=proven, damaged=damaged)
    population, restored = survey.population, _expected(survey, size)
    past = past_drills(copy, plans.past)
    return CopyPlan(
        copy=copy.name,
        confidence=confidence,
        comparable_files=population.files,
        comparable_bytes=population.size_bytes,
        restored_files=restored.files,
        restored_bytes=restored.size_bytes,
        population_files=size.population_files,
        sample_files=size.sample_files,
        beside_files=restored.files - size.sample_files,
        at_most_bad_files=at_most_bad(size.population_files, drawn=size.sample_files, bad=0, confidence=confidence),
        assurance=tuple(_assurance(scenario, size)),
        newer_files=len(survey.newer),
        maybe_moved_files=len(survey.moved),
        listing_findings=len(survey.findings),
        too_large_files=size.over_budget.files,
        too_large_bytes=size.over_budget.size_bytes,
        proven=_proven(copy, plans, survey, size),
        duration=duration(restored, past),
        money=money(survey, restored, past, workers=plans.workers, now=plans.now),
    )


def _assurance(scenario: Scenario, size: Size) -> Iterator[str]:
    """Yield what the sample shows, what it could not have found, and what keeps the promise of coverage."""
    period_seconds = scenario.objectives.coverage_seconds
    if size.full or not size.population_files:
        return
    yield size.sample.sentence()
    if 0 < size.sample_files < size.population_files:
        yield size.sample.chance_sentence(_FEW_BAD)
    if period_seconds is not None:
        yield coverage_sentence(
            size.population_files, size.sample_files, period_seconds=period_seconds, interval_seconds=INTERVAL_SECONDS
        )


def _proven(copy: Copy, plans: _Plans, survey: Survey, size: Size) -> Proven:
    """Return how much was proven before, and is expected to be after the drill."""
    scenario, book, period_seconds = plans.scenario, plans.book, plans.scenario.objectives.coverage_seconds
    promise = None
    if period_seconds is not None:
        first = None if book is None else first_drilled(book, scenario.name, copy.name)
        promise = Promise(seconds=period_seconds, first_drilled=first)
    before = () if book is None else book.proven_marks(scenario.name, copy.name)
    covered = coverage(survey.reference, before, (), now=plans.now, promise=promise)
    after = survey.population.files if size.full else covered.proven.files + _newly_proven(size)
    return Proven(
        of_files=covered.of.files,
        files=covered.proven.files,
        after_files=min(covered.of.files, max(covered.proven.files, after)),
        oldest_at=covered.facts().oldest_proven_at,
        overdue_files=None if promise is None else covered.overdue.files,
    )


def _newly_proven(size: Size) -> int:
    """Return how many files a sample drill is expected to prove for the first time."""
    beside = never = 0
    for candidate in size.candidates:
        stratum = size.strata.stratum(candidate)
        if candidate.last_proven_seconds is None:
            never += stratum is None
            beside += stratum not in (None, "over_budget")
    if not size.population_files:
        return beside
    drawn = round(never * size.sample_files / size.population_files)
    covered = 0 if size.coverage is None else size.coverage.within(_average(size), spent_bytes=_spent(size)).files
    return beside + min(never, drawn + covered)  # what was never proven comes first in what coverage takes


def _spent(size: Size) -> int:
    files = size.population_files
    return size.beside.size_bytes + (size.spread.size_bytes * size.sample_files // files if files else 0)


def _room(scenario: Scenario, scratch: Path, copies: Sequence[CopyPlan]) -> Room | None:
    """Return how much room a drill takes and has; None where the disk doesn't tell."""
    folder = scenario.scratch_path or scratch
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
    with contextlib.suppress(OSError):
        free_bytes = shutil.disk_usage(there).free
        # One copy comes after the other, and each file is freed as soon as it is compared.
        most_bytes = min(scenario.scratch_bytes, max((one.restored_bytes for one in copies), default=0))
        return Room(folder=relpath.as_text(str(folder)), most_bytes=most_bytes, free_bytes=free_bytes)
    return None


def _expected(survey: Survey, size: Size) -> Amount:
    """Return how much the drill restores: the files are known, the bytes of a sample are those of average files."""
    restored = Amount(size.beside.files, size.beside.size_bytes)
    for files, population in ((size.sample_files, size.spread), (_inspected(survey, size))):
        if files:
            restored.files += files
            restored.size_bytes += round(population.size_bytes * files / population.files)
    for item in survey.moved if size.full else moved_within(survey, size.part_bytes):
        restored.add(item.entry.size_bytes)
    if size.coverage is not None:
        covered = size.coverage.within(_average(size), spent_bytes=restored.size_bytes)
        restored.files += covered.files
        restored.size_bytes += covered.size_bytes
    return restored


def _average(size: Size) -> SizeSpread:
    """Return what the sample leaves of the population, if it takes files of average size."""
    files, whole = size.population_files - size.sample_files, size.spread
    return SizeSpread(files=files, size_bytes=whole.size_bytes * files // whole.files if whole.files else 0)


def _inspected(survey: Survey, size: Size) -> tuple[int, SizeSpread]:
    """Return how many of the changed files are restored, of which; of a full drill those of the live data, too."""
    changed = SizeSpread.of(
        item.entry.size_bytes for item in survey.newer if size.full or item.newer == FindingKind.CHANGED
    )
    return changed.files if size.full else min(changed.files, INSPECTED_FILES), changed
