"""Scenario → what a drill of it would restore: the listing and the sizes, without a seed and without a byte moved."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

import msgspec

from verifier.drill.references import References, open_references
from verifier.drill.size import Size, draw_size, moved_within
from verifier.drill.survey import Rules, take_survey
from verifier.drill.surveyed import Survey
from verifier.errors import SameDataError, SourceError
from verifier.ledger import Ledger
from verifier.outcome import FindingKind
from verifier.plan import INSPECTED_FILES
from verifier.sample import SizeSpread, at_most_bad
from verifier.scenario.scenario import Copy, Scenario
from verifier.spool import Workspace
from verifier.verdict import Amount


class CopyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill would restore of one copy. `restored_bytes` is expected, not known: the draw is not made yet.

    `at_most_bad_files` is how many bad files could stay unseen if none is found, at `confidence`.
    """

    copy: str
    confidence: float
    trouble: str | None = None
    comparable_files: int = 0
    comparable_bytes: int = 0
    restored_files: int = 0
    restored_bytes: int = 0
    at_most_bad_files: int = 0
    newer_files: int = 0
    maybe_moved_files: int = 0
    listing_findings: int = 0


def plan_copies(scenario: Scenario, *, now: datetime, folder: Path, book: Ledger | None = None) -> list[CopyPlan]:
    """Return the plan of each copy that would be drilled; `folder` is a private place for tables.

    `book` knows what earlier drills showed; None: there were none.

    Raises:
        VerifierError: the manifest can't be read, or a copy is the live data itself.
    """
    copies = [copy for copy in scenario.copies if not copy.live]
    with (
        contextlib.closing(Workspace(folder)) as workspace,
        open_references(scenario, now=now, folder=folder) as references,
    ):
        return [_plan(copy, scenario, references, workspace, book) for copy in copies]


def _plan(
    copy: Copy, scenario: Scenario, references: References, workspace: Workspace, book: Ledger | None
) -> CopyPlan:
    confidence = scenario.sample.confidence
    try:
        rules = Rules.of(scenario)
        survey = take_survey(copy, references, rules, workspace=workspace, watch=iter)
    except SameDataError:
        raise
    except SourceError as error:
        return CopyPlan(copy=copy.name, confidence=confidence, trouble=error.message)
    proven = () if book is None else book.proven_marks(scenario.name, copy.name)
    damaged = () if book is None else book.damaged(scenario.name, copy.name)
    size = draw_size(survey, scenario, workspace, proven=proven, damaged=damaged)
    population, restored = survey.population, _expected(survey, size)
    return CopyPlan(
        copy=copy.name,
        confidence=confidence,
        comparable_files=population.files,
        comparable_bytes=population.size_bytes,
        restored_files=restored.files,
        restored_bytes=restored.size_bytes,
        at_most_bad_files=at_most_bad(size.population_files, drawn=size.sample_files, bad=0, confidence=confidence),
        newer_files=len(survey.newer),
        maybe_moved_files=len(survey.moved),
        listing_findings=len(survey.findings),
    )


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
