"""What was proven when, and a budget → which files a drill proves beside its sample, so that each gets its turn.

No bound follows from these files: what is taken hangs on the ledger and on sizes, not on the lot alone. What follows
is that after enough drills everything was proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from verifier.sample.spread import SizeSpread

Covered = TypeVar("Covered")


def drills_within(period_seconds: int, interval_seconds: int) -> int:
    """Return how many drills stand between two proofs of a file at most, if it is to be proven once in the period.

    A file proven by one drill is proven anew by the one after so many intervals at the latest, so partial intervals
    don't count: 90 days of drills every 31 days are 2. At 0 the period can't be kept however much is drilled.
    """
    return period_seconds // interval_seconds


def files_for_coverage(population: int, fresh_drawn: int, drills: int) -> int:
    """Return how many files a drill must prove beside its fresh sample so that `drills` in a row prove everything.

    The first of them proves its fresh sample and, beside it, as many of the least recently proven. What any later one
    draws afresh may have been proven already, so it counts for nothing; what it takes beside has not been, as long as
    anything is left, since everything that has is more recent. So n + drills · c files are proven at least, and
    c = ⌈(N - n) / drills⌉ is enough whatever the lot brings. Files that were added since come before all others.

    Raises:
        ValueError: there are no drills in which to prove anything.
    """
    if drills < 1:
        raise ValueError(f"expected at least one drill, got {drills}")
    return -(-max(0, population - fresh_drawn) // drills)


def bytes_for_coverage(spread: SizeSpread, drills: int) -> int:
    """Return how many bytes beside its fresh sample a drill must have for `drills` in a row to prove everything.

    A drill that leaves out an unproven file has less room left than that file needs, so it filled all of its bytes but
    those of the largest file with unproven ones, which come first: ⌈bytes / drills⌉ plus the largest is enough.

    Raises:
        ValueError: there are no drills in which to prove anything.
    """
    if drills < 1:
        raise ValueError(f"expected at least one drill, got {drills}")
    return min(spread.size_bytes, -(-spread.size_bytes // drills) + spread.largest_bytes)


def coverage_key(last_proven_seconds: int | None, ticket: bytes) -> tuple[bool, int, bytes]:
    """Return by what files are ordered for coverage: never proven, then the least recently proven, ties by ticket."""
    return (last_proven_seconds is not None, last_proven_seconds or 0, ticket)


def cover(
    items: Iterable[Covered],
    budget_bytes: int | None,
    *,
    size_bytes: Callable[[Covered], int],
    files: int | None = None,
) -> Iterator[Covered]:
    """Yield the items that fit into the budget, in their order, passing over those that don't fit any more.

    Args:
        items: everything that may be taken, already in the order of `coverage_key`.
        budget_bytes: what all of them together may have; None: as much as there is.
        size_bytes: how large one of them is.
        files: how many of them may be taken; None: as many as there are.
    """
    left_bytes = budget_bytes
    left_files = files
    for item in items:
        if left_files is not None and left_files < 1:
            return
        if left_bytes is not None:
            if size_bytes(item) > left_bytes:
                continue
            left_bytes -= size_bytes(item)
        if left_files is not None:
            left_files -= 1
        yield item
