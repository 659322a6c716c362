"""Manifest and ledger → the files that are restored in every drill, beside the sample and counted apart from it.

They are known before the seed is, so they say nothing of other files: they are in neither the population nor the
draw. Nothing here depends on chance, on the listing's order or on the copy's state: who has the manifest and what the
drills before have proven finds the same.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

Mark = Literal["always", "damaged"]
Stratum = Literal["always", "damaged", "largest", "newest", "over_budget"]

_PART_OF_BUDGET: Final = 4
MOST_FILES: Final = 5_000
"""How many of the largest, and how many of the newest files may be wished for: their paths are held in memory."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True):
    """A comparable file with what the manifest and the ledger know of it.

    `mark` says that a pattern asks for it always, or that it was damaged last time (always, where both are so);
    `last_proven_seconds` (since 1970) is None where its content was never proven from this copy.
    """

    path: bytes
    size_bytes: int
    mtime_ns: int | None = None
    mark: Mark | None = None
    last_proven_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrataWish:
    """How many of the largest and of the newest files each drill restores.

    The largest take turns: the least recently proven `largest_files` of the `largest_among` largest.
    """

    largest_files: int = 3
    largest_among: int = 36
    newest_files: int = 3

    def __post_init__(self) -> None:
        """Refuse what would not be held in memory, or makes no sense."""
        for files in (self.largest_files, self.largest_among, self.newest_files):
            if not 0 <= files <= MOST_FILES:
                raise ValueError(f"expected 0 to {MOST_FILES:,} files, got {files:,}")
        if self.largest_files > self.largest_among:
            raise ValueError(f"expected at most {self.largest_among:,} files to take turns, got {self.largest_files:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Which files stand beside the sample: `stratum` tells it of each. What it says None of is the population."""

    largest: frozenset[bytes] = frozenset()
    newest: frozenset[bytes] = frozenset()
    budget_bytes: int | None = None

    def stratum(self, candidate: Candidate) -> Stratum | None:
        """Return why a file is restored in full, or that the budget is too small for it; None: it is drawn by lot."""
        if self.budget_bytes is not None and candidate.size_bytes > self.budget_bytes:
            return "over_budget"
        if candidate.mark is not None:
            return candidate.mark
        if candidate.path in self.largest:
            return "largest"
        return "newest" if candidate.path in self.newest else None


def choose_strata(candidates: Iterable[Candidate], wish: StrataWish, budget_bytes: int | None = None) -> Strata:
    """Choose the largest and the newest files of a population that is passed through once, in any order.

    The largest together, and the newest together, take at most a quarter of the budget, so that half of it is left to
    the sample: only files that are small enough for that take part, and the others are drawn by lot as all are.
    Memory holds some hundred paths.
    """
    largest_limit = _limit(budget_bytes, wish.largest_files)
    newest_limit = _limit(budget_bytes, wish.newest_files)
    large: list[_Ranked] = []
    # Those that turn out to be chosen as the largest make room for as many others.
    new: list[_Ranked] = []
    large_from = new_from = -math.inf
    largest_bytes = math.inf if largest_limit is None else largest_limit
    newest_bytes = math.inf if newest_limit is None else newest_limit
    for candidate in candidates:
        if candidate.mark is not None:
            continue
        size_bytes, mtime_ns = candidate.size_bytes, candidate.mtime_ns
        # Of millions nearly all are below both floors, and cost these comparisons alone.
        if large_from <= size_bytes <= largest_bytes:
            large_from = _keep(large, _Ranked(size_bytes, candidate), wish.largest_among)
        if mtime_ns is not None and mtime_ns >= new_from and size_bytes <= newest_bytes:
            new_from = _keep(new, _Ranked(mtime_ns, candidate), wish.newest_files + wish.largest_files)
    turn = sorted(_best_first(large), key=_age_of_proof)  # equal ages stay in the order of size
    largest = frozenset(candidate.path for candidate in turn[: wish.largest_files])
    newest = [candidate.path for candidate in _best_first(new) if candidate.path not in largest]
    return Strata(largest=largest, newest=frozenset(newest[: wish.newest_files]), budget_bytes=budget_bytes)


class _Ranked:
    """A candidate that is less than another where its rank is lower, or equal and its path later."""

    __slots__ = ("candidate", "rank")

    def __init__(self, rank: int, candidate: Candidate) -> None:
        self.rank = rank
        self.candidate = candidate

    def __lt__(self, other: _Ranked) -> bool:
        if self.rank != other.rank:
            return self.rank < other.rank
        return self.candidate.path > other.candidate.path


def _keep(heap: list[_Ranked], ranked: _Ranked, most: int) -> float:
    """Keep the best; return the lowest rank that may still be one of them."""
    if len(heap) < most:
        heapq.heappush(heap, ranked)
    elif heap:
        heapq.heappushpop(heap, ranked)
    else:
        return math.inf
    return heap[0].rank if len(heap) == most else -math.inf


def _best_first(heap: list[_Ranked]) -> Iterator[Candidate]:
    return (ranked.candidate for ranked in sorted(heap, reverse=True))


def _age_of_proof(candidate: Candidate) -> tuple[bool, int]:
    return (candidate.last_proven_seconds is not None, candidate.last_proven_seconds or 0)


def _limit(budget_bytes: int | None, files: int) -> int | None:
    """Return how large each of so many files may be for all together to stay within their part of the budget."""
    return None if budget_bytes is None or not files else budget_bytes // (_PART_OF_BUDGET * files)
