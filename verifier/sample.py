"""Tickets, sizes of draws, and what a sample proves: pure statistics.

The draw is Rivest's consistent sampling ("Consistent Sampling with Replacement", 2018, section 2, without
replacement): each path's ticket is a hash of seed and path, and the lowest are drawn, so that anyone who has the seed
and the manifest can draw it again. What it proves is the hypergeometric distribution's: exact, without approximation by
the binomial, since populations may be small.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

SEED_BYTES: Final = 32

Drawn = TypeVar("Drawn")


def ticket(seed: bytes, path: bytes) -> bytes:
    """Return SHA-256 of the 32 bytes of the seed followed by the path's bytes; the lowest is drawn first."""
    return hashlib.sha256(seed + path).digest()


def lowest_tickets(items: Iterable[Drawn], count: int, *, seed: bytes, path: Callable[[Drawn], bytes]) -> list[Drawn]:
    """Return the `count` items of the lowest tickets, in the order of their tickets; memory holds only those."""
    return heapq.nsmallest(count, items, key=lambda item: ticket(seed, path(item)))


def sample_size(population: int, *, confidence: float, tolerable: float) -> int:
    """Return the smallest number of files to draw that would have found bad ones, were `tolerable` of them bad.

    That is the smallest n with P(no bad among n | ⌈tolerable · population⌉ bad) ≤ 1 - confidence: for 10,000 files,
    1 % and 95 % it is 294. The whole population where only that is enough; 0 of nothing.
    """
    if population <= 0:
        return 0
    bad = max(1, math.ceil(round(tolerable * population, 9)))
    low, high = 1, population
    while low < high:
        middle = (low + high) // 2
        if chance_of_missing(population, bad, middle) <= _doubt(confidence):
            high = middle
        else:
            low = middle + 1
    return low


def chance_of_missing(population: int, bad: int, drawn: int) -> float:
    """Return the probability that a draw without replacement holds none of the bad ones: hypergeometric, at zero."""
    good = population - bad
    if drawn > good:
        return 0.0
    return math.exp(_log_choose(good, drawn) - _log_choose(population, drawn))


def at_most_bad(population: int, *, drawn: int, bad: int, confidence: float) -> int:
    """Return the largest number of bad files in the population that this draw leaves possible, at this confidence.

    That is the largest D with P(X ≤ bad | population, D, drawn) > 1 - confidence (the one-sided Clopper-Pearson bound
    of the hypergeometric distribution). With everything drawn it is `bad`; with nothing drawn, the whole population.
    """
    low, high = bad, population - (drawn - bad)
    while low < high:
        middle = (low + high + 1) // 2
        if _chance_of_at_most(population, middle, drawn, bad) > _doubt(confidence):
            low = middle
        else:
            high = middle - 1
    return low


def _doubt(confidence: float) -> float:
    # The chances below come through logarithms, a little off: one that equals the doubt must not look larger.
    return (1 - confidence) * (1 + 1e-9)


def _chance_of_at_most(population: int, bad: int, drawn: int, found: int) -> float:
    """Return P(X ≤ found) of the hypergeometric distribution: `bad` of `population` are bad, `drawn` are drawn."""
    lowest = max(0, drawn - (population - bad))
    whole = _log_choose(population, drawn)
    return math.fsum(
        math.exp(_log_choose(bad, seen) + _log_choose(population - bad, drawn - seen) - whole)
        for seen in range(lowest, min(found, bad, drawn) + 1)
    )


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
