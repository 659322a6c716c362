"""A survey, the scenario and what earlier drills showed → how much to draw, fixed before the seed exists.

First those that are restored in every drill are set apart (`verifier.sample.strata`); what is left of the comparable
files is the population, and its sizes decide how many of it are drawn by lot. A full drill draws everything, whatever
the budget, and sets nothing apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import xxhash

from verifier.drill.content import content_mark
from verifier.drill.surveyed import Survey
from verifier.entry import Item
from verifier.ledger import ProvenMark
from verifier.outcome import FindingKind
from verifier.plan import INSPECTED_FILES, FittedSample, fit_sample
from verifier.sample import (
    Candidate,
    SizeSpread,
    Strata,
    StrataWish,
    choose_strata,
    cover,
    drills_within,
    files_for_coverage,
    most_bytes,
)
from verifier.sample.strata import Stratum
from verifier.scenario.scenario import Scenario
from verifier.spool import Table, Workspace
from verifier.verdict import Amount

MOVED_IN_A_SAMPLE: Final = 1_000
"""How many candidates for having been moved a sample drill restores."""
INTERVAL_SECONDS: Final = 31 * 86_400
"""How often a dataset is taken to be drilled, where only its coverage is stated: once a month."""

_PART_OF_BUDGET: Final = 8
# Of a few files the lot is to keep most: one of the largest, and one of the newest, for every so many, up to three.
_FILES_FOR_ONE: Final = 20
_MOST_IN_STRATUM: Final = 3


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much may be restored beside everything else: so many files, and what the budget leaves of so many bytes."""

    files: int | None = None
    size_bytes: int | None = None

    def within(self, rest: SizeSpread, *, spent_bytes: int) -> Amount:
        """Return what is expected to be restored of the rest, of average files, where so many bytes are spent."""
        files = rest.files if self.files is None else min(self.files, rest.files)
        if self.size_bytes is not None and rest.size_bytes:
            left_bytes = max(0, self.size_bytes - spent_bytes)
            files = min(files, left_bytes * rest.files // rest.size_bytes)
        return Amount(files, rest.size_bytes * files // rest.files if rest.files else 0)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is to be drawn of a copy.

    `candidates` are the comparable files, one for one, with what is known of them (of a full drill, none): those that
    `strata` says nothing of are the population, and `spread` its sizes. `beside` is what stands beside the sample,
    `set_apart` its parts, `over_budget` what is too large to be restored. `budget_bytes` is None where nothing limits;
    `coverage` is None where none is asked for. `fingerprint` tells this from every other size.
    """

    full: bool
    sample: FittedSample
    spread: SizeSpread
    candidates: Table[Candidate]
    strata: Strata = field(default_factory=Strata)
    set_apart: dict[Stratum, Amount] = field(default_factory=dict)
    budget_bytes: int | None = None
    coverage: Coverage | None = None
    fingerprint: str = ""

    @property
    def population_files(self) -> int:
        """How many files the lot may fall on."""
        return self.spread.files

    @property
    def sample_files(self) -> int:
        """How many of them are drawn."""
        return self.sample.drawn_files

    @property
    def beside(self) -> Amount:
        """Files and bytes that are restored in full, beside the sample."""
        kept = [amount for stratum, amount in self.set_apart.items() if stratum != "over_budget"]
        return Amount(sum(amount.files for amount in kept), sum(amount.size_bytes for amount in kept))

    @property
    def over_budget(self) -> Amount:
        """Files that are larger than the budget, and their bytes."""
        return self.set_apart.get("over_budget", Amount())

    @property
    def part_bytes(self) -> int | None:
        """What the candidates for having been moved may take of the budget, and as much again what was changed."""
        return None if self.budget_bytes is None else self.budget_bytes // _PART_OF_BUDGET


def draw_size(
    survey: Survey,
    scenario: Scenario,
    workspace: Workspace,
    *,
    proven: Iterable[ProvenMark] = (),
    damaged: Iterable[bytes] = (),
) -> Size:
    """Return how much to draw of a copy: fixed from the listing, the scenario and the ledger alone.

    Args:
        survey: the copy's listing, held against its manifest.
        scenario: what is wished for, and what it may cost.
        workspace: where tables are kept.
        proven: the ledger's rows of this copy, in the order of paths.
        damaged: what was damaged when it was last restored, in the order of paths.
    """
    wish = scenario.sample
    candidates: Table[Candidate] = workspace.table(Candidate)
    if wish.full:
        spread = SizeSpread.of(item.entry.size_bytes for item in survey.comparable)
        return Size(full=True, sample=fit_sample(wish, spread, budget_bytes=None), spread=spread, candidates=candidates)
    budget_bytes = scenario.budget.size_bytes
    known = _noted(candidates, _candidates(survey, iter(proven), iter(damaged)))
    most = 0 if wish.alone else min(_MOST_IN_STRATUM, len(survey.comparable) // _FILES_FOR_ONE)
    strata = choose_strata(known, StrataWish(largest_files=most, newest_files=most), budget_bytes)
    set_apart: dict[Stratum, Amount] = {}
    marks = xxhash.xxh3_128()
    spread = SizeSpread.of(_population_sizes(candidates, strata, set_apart, marks))
    size = Size(
        full=False,
        sample=fit_sample(wish, spread, budget_bytes=None),
        spread=spread,
        candidates=candidates,
        strata=strata,
        set_apart=set_apart,
        budget_bytes=budget_bytes,
    )
    sample = fit_sample(wish, spread, budget_bytes=_left_bytes(survey, size))
    coverage = _coverage(scenario, sample)
    stated = (spread, sample, coverage, scenario.budget)
    fingerprint = xxhash.xxh3_128_hexdigest(f"{stated}:{marks.hexdigest()}".encode())
    return replace(size, sample=sample, coverage=coverage, fingerprint=fingerprint)


def _candidates(survey: Survey, proven: Iterator[ProvenMark], damaged: Iterator[bytes]) -> Iterator[Candidate]:
    """Yield each comparable file with what is known of it: a merge of three streams in the order of paths."""
    row, worst = next(proven, None), next(damaged, None)
    for item in survey.comparable:
        entry = item.entry
        path = entry.path
        while row is not None and row.path < path:
            row = next(proven, None)
        while worst is not None and worst < path:
            worst = next(damaged, None)
        seconds = None
        if row is not None and row.path == path and row.mark == content_mark(entry):
            seconds = row.proven_at_seconds
        yield Candidate(
            path=path,
            size_bytes=entry.size_bytes,
            mtime_ns=entry.mtime_ns,
            mark="always" if item.why == "always" else "damaged" if worst == path else None,
            last_proven_seconds=seconds,
        )


def _noted(candidates: Table[Candidate], known: Iterable[Candidate]) -> Iterator[Candidate]:
    for candidate in known:
        candidates.append(candidate)
        yield candidate


def _population_sizes(
    candidates: Iterable[Candidate], strata: Strata, set_apart: dict[Stratum, Amount], marks: xxhash.xxh3_128
) -> Iterator[int]:
    """Yield the sizes of the population; add up what stands beside it, and in `marks` what tells that from others."""
    stratum_of = strata.stratum
    for candidate in candidates:
        stratum = stratum_of(candidate)
        if stratum is None:
            yield candidate.size_bytes
        else:
            set_apart.setdefault(stratum, Amount()).add(candidate.size_bytes)
            marks.update(b"%d:%b:%b" % (len(candidate.path), candidate.path, stratum.encode()))


def _left_bytes(survey: Survey, size: Size) -> int | None:
    """Return what the budget leaves for the sample, beside strata, what may have been moved, and what was changed."""
    if size.budget_bytes is None or size.part_bytes is None:
        return None
    moved = sum(item.entry.size_bytes for item in moved_within(survey, size.part_bytes))
    changed = SizeSpread.of(item.entry.size_bytes for item in survey.newer if item.newer == FindingKind.CHANGED)
    inspected = min(size.part_bytes, most_bytes(changed, min(changed.files, INSPECTED_FILES)))
    return max(0, size.budget_bytes - size.beside.size_bytes - moved - inspected)


def moved_within(survey: Survey, part_bytes: int | None) -> Iterator[Item]:
    """Yield the candidates for having been moved that a sample drill restores."""
    return cover(survey.moved, part_bytes, size_bytes=lambda item: item.entry.size_bytes, files=MOVED_IN_A_SAMPLE)


def _coverage(scenario: Scenario, sample: FittedSample) -> Coverage | None:
    """Return what is restored beside the sample for its own sake: nothing where neither budget nor objective asks."""
    budget, period_seconds = scenario.budget, scenario.objectives.coverage_seconds
    if scenario.sample.alone:
        return None
    if budget.size_bytes is not None or budget.seconds is not None:
        return Coverage(size_bytes=budget.size_bytes)
    if period_seconds is None:
        return None
    drills = drills_within(period_seconds, INTERVAL_SECONDS)
    if not drills:  # with a drill a month the promise can't be kept, whatever the size; all at once comes closest
        return Coverage()
    return Coverage(files=files_for_coverage(sample.population_files, sample.drawn_files, drills))
