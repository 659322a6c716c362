"""A survey, the size and the seed → the items to restore, in their order.

First the sample, by the lowest tickets of the population whatever the ledger says: from it alone follows something for
the files that were not drawn. Then what stands beside it, and at last what was not proven for longest, which is what a
budget cuts.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from verifier.drill.size import Coverage, Size, moved_within
from verifier.drill.surveyed import Survey
from verifier.entry import Item
from verifier.outcome import FindingKind
from verifier.plan import INSPECTED_FILES
from verifier.sample import cover, coverage_key, lowest_tickets, ticket
from verifier.spool import Table, Workspace
from verifier.verdict import Amount

_TICKETS_IN_MEMORY: Final = 50_000
_Aged = tuple[Item, int | None]


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What was drawn, on tables: `items` with the sample first, in the order of tickets (of a full drill, of paths).

    `coverage` are those beside it that a budget may cut; `over_budget` those that none allows for, which are restored
    in no drill. `amount` is that of items and coverage. `last_ticket` is the highest of the sample; None: it is empty.
    """

    size: Size
    items: Table[Item]
    coverage: Table[Item]
    over_budget: Table[Item]
    amount: Amount
    last_ticket: bytes | None


def draw(survey: Survey, size: Size, *, seed: bytes, workspace: Workspace) -> Draw:
    """Draw the items of one copy.

    A full drill restores everything that the copy has of the manifest. A sample drill restores the lowest tickets of
    the population, and beside them: the strata, candidates for having been moved, a few of the newer ones, to see
    whether they look encrypted, and for coverage what was proven longest ago.
    """
    drawn = _everything(survey, size, workspace) if size.full else _sample(survey, size, seed, workspace)
    for item in itertools.chain(drawn.items, drawn.coverage):
        drawn.amount.add(item.entry.size_bytes)
    everything = len(survey.comparable) + len(survey.newer) + len(survey.moved)
    if size.full and drawn.amount.files != everything:
        raise AssertionError(f"expected a full drill to draw all of {everything} files, got {drawn.amount.files}")
    return drawn


def _everything(survey: Survey, size: Size, workspace: Workspace) -> Draw:
    items: Table[Item] = workspace.table(Item)
    for item in itertools.chain(survey.comparable, survey.newer):
        items.append(item if item.newer else replace(item, why="full"))
    return _draw(size, workspace, items.extend(survey.moved), last_ticket=None)


def _draw(size: Size, workspace: Workspace, items: Table[Item], *, last_ticket: bytes | None) -> Draw:
    return Draw(
        size=size,
        items=items,
        coverage=workspace.table(Item),
        over_budget=workspace.table(Item),
        amount=Amount(),
        last_ticket=last_ticket,
    )


def _sample(survey: Survey, size: Size, seed: bytes, workspace: Workspace) -> Draw:
    drawn = _draw(size, workspace, workspace.table(Item), last_ticket=None)
    beside: Table[Item] = workspace.table(Item)
    items, last_ticket = drawn.items, None
    # One pass for both, since of millions of files each costs seconds: what stands beside the sample is put aside.
    population = _population(survey, drawn, beside)
    for item in _lowest(population, size.sample_files, seed, workspace):
        items.append(replace(item, why="sample"))
        last_ticket = ticket(seed, item.entry.path)
    for _ in population:
        pass  # where nothing is drawn by lot none of it was passed through
    if len(items) != size.sample_files:
        raise AssertionError(f"expected {size.sample_files} files to be drawn by lot, got {len(items)}")
    drawn = dataclasses.replace(drawn, last_ticket=last_ticket)
    items.extend(beside)
    items.extend(moved_within(survey, size.part_bytes))
    changed = (item for item in survey.newer if item.newer == FindingKind.CHANGED)
    inspected = _lowest(changed, INSPECTED_FILES, seed, workspace)
    items.extend(cover(inspected, size.part_bytes, size_bytes=_size_bytes))
    if size.coverage is not None:
        drawn.coverage.extend(_covered(survey, drawn, size.coverage, seed, workspace))
    return drawn


def _population(survey: Survey, drawn: Draw, beside: Table[Item]) -> Iterator[Item]:
    """Yield what the lot may fall on; put what stands beside the sample on a table, and what no budget allows for."""
    stratum_of = drawn.size.strata.stratum
    for item, candidate in zip(survey.comparable, drawn.size.candidates, strict=True):
        stratum = stratum_of(candidate)
        if stratum is None:
            yield item
        elif stratum == "over_budget":
            drawn.over_budget.append(replace(item, why="largest"))
        else:
            beside.append(replace(item, why=stratum))


def _covered(survey: Survey, drawn: Draw, wish: Coverage, seed: bytes, workspace: Workspace) -> Iterator[Item]:
    """Yield what of the population is not in the sample, the least recently proven first, as far as the wish allows."""
    spent_bytes = sum(map(_size_bytes, drawn.items))
    left_bytes = None if wish.size_bytes is None else max(0, wish.size_bytes - spent_bytes)
    ordered = workspace.sort_on_disk(
        _undrawn_by_lot(survey, drawn, seed),
        key=lambda aged: coverage_key(aged[1], ticket(seed, aged[0].entry.path)),
        record_type=_Aged,
    )
    taken = cover(ordered, left_bytes, size_bytes=lambda aged: _size_bytes(aged[0]), files=wish.files)
    return (replace(item, why="coverage") for item, _ in taken)


def _undrawn_by_lot(survey: Survey, drawn: Draw, seed: bytes) -> Iterator[_Aged]:
    for item, candidate in zip(survey.comparable, drawn.size.candidates, strict=True):
        if drawn.size.strata.stratum(candidate) is None and not _is_in_sample(drawn, seed, candidate.path):
            yield item, candidate.last_proven_seconds


def _is_in_sample(drawn: Draw, seed: bytes, path: bytes) -> bool:
    return drawn.last_ticket is not None and ticket(seed, path) <= drawn.last_ticket


def undrawn_bytes(drawn: Draw, *, seed: bytes) -> Iterator[int]:
    """Yield the size of each file of the population that is not in the sample; of a full drill there is none."""
    for candidate in drawn.size.candidates:
        if drawn.size.strata.stratum(candidate) is None and not _is_in_sample(drawn, seed, candidate.path):
            yield candidate.size_bytes


def _size_bytes(item: Item) -> int:
    return item.entry.size_bytes


def _lowest(items: Iterable[Item], count: int, seed: bytes, workspace: Workspace) -> Iterable[Item]:
    if count <= _TICKETS_IN_MEMORY:
        return lowest_tickets(items, count, seed=seed, path=lambda item: item.entry.path)
    ordered = workspace.sort_on_disk(items, key=lambda item: ticket(seed, item.entry.path), record_type=Item)
    return itertools.islice(ordered, count)


def undrawn(survey: Survey, drawn: Draw) -> Iterator[Item]:
    """Yield the newer and the maybe moved items that were not drawn: what they stand for is told without a restore."""
    if drawn.size.full:
        return
    chosen = {item.entry.path for item in drawn.items if item.newer or item.why == "moved"}
    for item in itertools.chain(survey.moved, survey.newer):
        if item.entry.path not in chosen:
            yield item
