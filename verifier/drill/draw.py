"""A survey and the seed → the items to restore, in their order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from verifier.drill.surveyed import Survey
from verifier.entry import Item
from verifier.outcome import FindingKind
from verifier.plan import INSPECTED_FILES, sample_files
from verifier.sample import lowest_tickets, ticket
from verifier.scenario.scenario import Sample
from verifier.spool import Table, Workspace
from verifier.verdict import Amount

_TICKETS_IN_MEMORY: Final = 50_000
MOVED_IN_A_SAMPLE: Final = 1_000
"""How many candidates for having been moved a sample drill restores."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is to be drawn, fixed before the seed exists. `always_files` are drawn beside the sample."""

    full: bool
    population_files: int
    sample_files: int
    always_files: int


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What was drawn, on a table: the sample first, in the order of its tickets (of a full drill, of paths)."""

    size: Size
    items: Table[Item]
    amount: Amount


def draw_size(survey: Survey, wish: Sample) -> Size:
    """Return how much to draw of a copy: fixed from what the listing and the scenario say alone."""
    # A full drill draws these, too, so nothing stands beside its sample.
    apart = wish.always and not wish.full
    always = sum(item.why == "always" for item in survey.comparable) if apart else 0
    population = survey.population.files - always
    return Size(
        full=wish.full,
        population_files=population,
        sample_files=sample_files(wish, population),
        always_files=always,
    )


def draw(survey: Survey, size: Size, *, seed: bytes, workspace: Workspace) -> Draw:
    """Draw the items of one copy.

    A full drill restores everything that the copy has of the manifest. A sample drill restores the lowest tickets of
    the comparable files, and beside them: those that are always asked for, candidates for having been moved, and a
    few of the newer ones, to see whether they look encrypted.
    """
    items: Table[Item] = workspace.table(Item)
    amount = Amount()
    for item in _everything(survey) if size.full else _sample(survey, size, seed, workspace):
        items.append(item)
        amount.add(item.entry.size_bytes)
    everything = len(survey.comparable) + len(survey.newer) + len(survey.moved)
    if size.full and amount.files != everything:
        raise AssertionError(f"expected a full drill to draw all of {everything} files, got {amount.files}")
    return Draw(size=size, items=items, amount=amount)


def _everything(survey: Survey) -> Iterator[Item]:
    for item in itertools.chain(survey.comparable, survey.newer):
        yield item if item.newer else replace(item, why="full")
    yield from survey.moved


def _sample(survey: Survey, size: Size, seed: bytes, workspace: Workspace) -> Iterator[Item]:
    population = (item for item in survey.comparable if item.why != "always")
    yield from _lowest(population, size.sample_files, seed, workspace)
    yield from (item for item in survey.comparable if item.why == "always")
    yield from itertools.islice(survey.moved, MOVED_IN_A_SAMPLE)
    changed = (item for item in survey.newer if item.newer == FindingKind.CHANGED)
    yield from _lowest(changed, INSPECTED_FILES, seed, workspace)


def _lowest(items: Iterable[Item], count: int, seed: bytes, workspace: Workspace) -> Iterable[Item]:
    if count <= _TICKETS_IN_MEMORY:
        return lowest_tickets(items, count, seed=seed, path=lambda item: item.entry.path)
    ordered = workspace.sort_on_disk(items, key=lambda item: ticket(seed, item.entry.path), record_type=Item)
    return itertools.islice(ordered, count)


def undrawn(survey: Survey, drawn: Draw) -> Iterator[Item]:
    """Yield the newer and the maybe moved items that were not drawn: what they stand for is told without a restore."""
    if drawn.size.full:
        return
    yield from itertools.islice(survey.moved, MOVED_IN_A_SAMPLE, None)
    chosen = {item.entry.path for item in drawn.items if item.newer}
    yield from (item for item in survey.newer if item.entry.path not in chosen)
