"""What a proof states of a sample and of coverage → the sentences that claim so much, and no more.

A claim from a sample is one of chance, for one drill of one copy; what was proven over time is another, and the two
stand in sentences of their own. Beside each claim stands what it could not have found.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from msgspec import UNSET

from verifier import plan
from verifier.proof import Assurance, CopyFacts, CoverageFacts, DrillFacts, ScenarioFacts
from verifier.report import meaning
from verifier.report.amount import duration, moment, number, percent, size

_DAY_SECONDS = 86_400


def assurance_of(copy: CopyFacts, drill: DrillFacts) -> str:
    """Return what follows from a copy's sample for the files that were not drawn, and what does not."""
    known = copy.assurance
    if known is None or not known.drawn:
        claim = "Nothing can be concluded from this drill about the files that were not proven."
        return " ".join([claim, *(_known_beside(known) if known is not None else ())])
    if known.drawn >= known.population:
        return " ".join([_of_everything(copy, known), *_known_beside(known)])
    return " ".join([_bound(known, drill), *_not_found(known), *_known_beside(known), *_chosen(drill)])


def _of_everything(copy: CopyFacts, known: Assurance) -> str:
    population = number(known.population)
    if not known.bad and copy.proven.files >= known.population:
        return f"Every comparable file was restored, {number(known.drawn)} of {population}: no sample was drawn."
    return (
        f"Every comparable file was drawn, {number(known.drawn)} of {population}: {number(known.bad)} differ from "
        f"the manifest or could not be restored."
    )


def _bound(known: Assurance, drill: DrillFacts) -> str:
    # The bound is loose where few files hold most bytes, so its share of all bytes stands beside it.
    share = ""
    if known.population_bytes is not UNSET and known.population_bytes:
        part = plan.percent(known.at_most_bad_bytes, known.population_bytes, up=True)
        share = f", {part} of {size(known.population_bytes)}"
    return (
        f"On {moment(drill.finished_at)} at most {number(known.at_most_bad_files)} of {number(known.population)} "
        f"comparable files (at most {size(known.at_most_bad_bytes)}{share}) differ from the manifest or could not be "
        f"restored, at {percent(known.confidence)} confidence. Drawn: {number(known.drawn)} of "
        f"{number(known.population)}; bad among them: {number(known.bad)} of {number(known.drawn)}."
    )


def _not_found(known: Assurance) -> Iterator[str]:
    """Yield what the sample could not have found."""
    if known.wished is not UNSET and known.wished > known.drawn:
        yield f"The budget was too small for the {number(known.wished)} files that were to be drawn."
    if known.few_bad is UNSET or known.chance_of_few is UNSET:
        return
    files = "1 bad file" if known.few_bad == 1 else f"{number(known.few_bad)} bad files"
    yield (
        f"{files} among {number(known.population)} would be found by such a drill with a chance of "
        f"{plan.percent(Fraction(known.chance_of_few), 1)}."
    )


def _known_beside(known: Assurance) -> Iterator[str]:
    """Yield what is known, without any chance, of the files that the lot could not fall on."""
    if known.known_bad is UNSET or not known.known_bad.files:
        return
    beside = known.known_bad
    files = "1 file" if beside.files == 1 else f"{number(beside.files)} files"
    yield (
        f"Beside these, and for certain: {files} ({size(beside.bytes)}) missing from the copy, of another size, or "
        f"restored beside the sample without a match."
    )


def _chosen(drill: DrillFacts) -> Iterator[str]:
    if drill.seed_source != "fresh":
        yield f"The seed was {drill.seed_source}: {meaning.SEED_SOURCES[drill.seed_source]}."


def coverage_of(copy: CopyFacts) -> str:
    """Return how much was proven of a copy over all drills, since when, and what is overdue."""
    known = copy.coverage
    # A list may state no sizes; then nothing is said of bytes.
    sizes = f", {size(known.proven.bytes)} of {size(known.of.bytes)}," if known.of.bytes else ""
    everything = bool(known.of.files) and known.proven.files == known.of.files
    since = ""
    if known.oldest_proven_at:
        at = moment(known.oldest_proven_at)
        since = f" Every file was proven since {at}." if everything else f" The oldest of these proofs is of {at}."
    return (
        f"Over all drills so far: {number(known.proven.files)} of {number(known.of.files)} files{sizes} were proven "
        f"from this copy with the content that the manifest has now.{since}{_overdue(known)}"
    )


def _overdue(known: CoverageFacts) -> str:
    if known.overdue is UNSET or known.objective_seconds is UNSET:
        return ""
    period = f"{number(known.objective_seconds // _DAY_SECONDS)} days"
    if known.objective_seconds % _DAY_SECONDS:
        period = duration(known.objective_seconds)
    return (
        f" Overdue, since each is to be proven every {period}: {number(known.overdue.files)} files, "
        f"{size(known.overdue.bytes)}."
    )


def sample_of(scenario: ScenarioFacts) -> str:
    """Return how much was to be drawn."""
    if scenario.full:
        return "none: every comparable file"
    if scenario.sample_files is not None:
        return f"{number(scenario.sample_files)} files"
    if scenario.sample_percent is not UNSET:
        return f"{percent(scenario.sample_percent / 100)} of the files"
    if scenario.sample_bytes is not UNSET:
        return f"as many files as are expected to have {size(scenario.sample_bytes)}"
    tolerable, confidence = percent(scenario.tolerable), percent(scenario.confidence)
    return f"large enough to have found {tolerable} bad files at {confidence} confidence"


def budget_of(scenario: ScenarioFacts) -> str:
    """Return what a drill of each copy may cost."""
    stated = []
    if scenario.budget_bytes is not UNSET:
        stated.append(size(scenario.budget_bytes))
    if scenario.budget_seconds is not UNSET:
        stated.append(duration(scenario.budget_seconds))
    limits = ", ".join(stated) or "no limit"
    return f"{limits}, which does not hold for a full drill" if stated and scenario.full else limits
