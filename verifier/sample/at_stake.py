"""How many more files could be bad, and the sizes of those not drawn → the most bytes that these could be."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_FILES_IN_MEMORY: Final = 100_000
_LEADING_BITS: Final = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesAtStake:
    """The most bytes that may be bad, of how many. A damaged file counts whole."""

    at_most_bad_bytes: int
    population_bytes: int

    @property
    def share(self) -> float:
        """Which part of all bytes that is, from 0 to 1; loose where few files hold most bytes."""
        return self.at_most_bad_bytes / self.population_bytes if self.population_bytes else 0.0


def bad_bytes_bound(
    *, bad_bytes: int, more_files: int, undrawn_bytes: Iterable[int], population_bytes: int
) -> BytesAtStake:
    """Return the bytes of the drawn files that were bad, plus those of the `more_files` largest that were not drawn.

    Exact for up to 100,000 more files. For more than that, which is what a draw of a handful of millions leaves
    possible, sizes are counted by their leading 11 bits: the bound is then never lower, and higher by less than the
    thousandth part of the sizes on its edge. Memory is bounded whatever the population.

    Args:
        bad_bytes: of the drawn files without a match.
        more_files: K - x, how many of the others could be bad.
        undrawn_bytes: the size of each file of the population that was not drawn, in any order.
        population_bytes: of all files of the population, drawn or not.
    """
    few = more_files <= _FILES_IN_MEMORY
    largest = sum(heapq.nlargest(more_files, undrawn_bytes)) if few else _largest(more_files, undrawn_bytes)
    return BytesAtStake(at_most_bad_bytes=bad_bytes + largest, population_bytes=population_bytes)


def _largest(files: int, sizes_bytes: Iterable[int]) -> int:
    """Return a bound of the bytes of the largest so many files: of those on the edge, each counts as the largest."""
    counts: Counter[tuple[int, int]] = Counter()
    sums: Counter[tuple[int, int]] = Counter()
    for size_bytes in sizes_bytes:
        spare_bits = max(0, size_bytes.bit_length() - _LEADING_BITS)
        group = (spare_bits, size_bytes >> spare_bits)
        counts[group] += 1
        sums[group] += size_bytes
    total = 0
    for group in sorted(counts, reverse=True):
        if counts[group] >= files:
            spare_bits, leading = group
            return total + min(sums[group], files * (((leading + 1) << spare_bits) - 1))
        files -= counts[group]
        total += sums[group]
    return total
