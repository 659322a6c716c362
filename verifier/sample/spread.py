"""The sizes of a population's files → how many bytes a draw of some of them will be, before it is made.

The draw is without replacement, so the sum of the sizes drawn has the mean n · m and the variance
n · s² · (N - n) / (N - 1), with m and s² those of the population (Cochran, "Sampling Techniques", section 2.6). How
many files to draw is fixed from these, never from the sizes that happen to be drawn: that would favour small files.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSpread:
    """How many files, their bytes, the sum of the squares of their sizes in bytes, and the size of the largest."""

    files: int = 0
    size_bytes: int = 0
    squared_bytes: int = 0
    largest_bytes: int = 0

    @classmethod
    def of(cls, sizes_bytes: Iterable[int]) -> Self:
        """Return the spread of a stream of sizes."""
        files = total = squared = largest = 0
        for size_bytes in sizes_bytes:
            files += 1
            total += size_bytes
            squared += size_bytes * size_bytes
            largest = max(largest, size_bytes)
        return cls(files=files, size_bytes=total, squared_bytes=squared, largest_bytes=largest)


def files_of_percent(files: int, percent: float) -> int:
    """Return how many files are so many of 100, rounded up; `percent` is the decimal that a person wrote."""
    return min(files, math.ceil(Fraction(repr(percent)) * files / 100))


def files_of_bytes(spread: SizeSpread, wished_bytes: int) -> int:
    """Return the largest draw whose expected bytes are no more than those wished; one file at least, if there is one.

    The bytes that are then drawn are more or fewer: a draw that stopped at a number of bytes would not be by lot.
    """
    if wished_bytes >= spread.size_bytes:
        return spread.files
    return max(1, wished_bytes * spread.files // spread.size_bytes)


def most_bytes(spread: SizeSpread, drawn: int) -> int:
    """Return how many bytes a draw of so many files is planned with: those expected, plus two deviations.

    It is never more than so many files of the largest size, or than all.
    """
    files = spread.files
    if not drawn:
        return 0
    # (n · bytes + √scatter) / N, with the root and the quotient rounded up in whole numbers: exact, not only close.
    scatter = 4 * drawn * (files - drawn) * (files * spread.squared_bytes - spread.size_bytes**2)
    scatter = -(-scatter // max(1, files - 1))
    root = math.isqrt(scatter - 1) + 1 if scatter else 0
    planned = -(-(drawn * spread.size_bytes + root) // files)
    return min(planned, drawn * spread.largest_bytes, spread.size_bytes)


def largest_n_within(spread: SizeSpread, budget_bytes: int) -> int:
    """Return the largest draw whose expected bytes plus two deviations are within the budget; possibly none.

    The planned bytes rise with the draw, and fall only where nearly all is drawn and they are more than all together:
    so the draws within a smaller budget are the first ones, and a bisection finds the last of these.
    """
    draws = range(1, spread.files + 1)
    return bisect.bisect_left(draws, True, key=lambda drawn: most_bytes(spread, drawn) > budget_bytes)
