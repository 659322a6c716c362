"""Counts of a population, of a draw and of the bad files in it → how large the draw must be, and what it proves.

All of it is the hypergeometric distribution's, exact and without approximation by the binomial, since populations may
be small: X bad files are in a draw of n, without replacement, from N files of which D are bad. Shares are taken as the
decimals that a person wrote (0.95 is 19/20, not the nearest binary number), and no decision hangs on a rounding: a
chance is first computed through logarithms, with a bound for its error; where the doubt lies within that error, whole
numbers decide.
"""

from __future__ import annotations

import bisect
import math
from fractions import Fraction
from typing import Final

_LEAST_ERROR: Final = 1e-12
# Nine logarithms of the gamma function make up a chance, each right to some units in the last of 53 binary places
# and none larger than that of the population: a bound with room for a poor mathematical library.
_ERROR_OF_LOGARITHMS: Final = 2e-14
_NEGLIGIBLE: Final = 1e-18
# Digits (in files) × terms that whole numbers may cost: some hundredths of a second.
_EXACT_WORK: Final = 10_000_000


def tolerable_files(population: int, *, tolerable: float) -> int:
    """Return how many bad files the share `tolerable` comes to: rounded up, and at least one."""
    return max(1, math.ceil(_decimal(tolerable) * population))


def sample_size(population: int, *, confidence: float, tolerable: float) -> int:
    """Return the smallest number of files to draw that would have found bad ones, were `tolerable` of them bad.

    That is the smallest n with P(no bad among n | ⌈tolerable · population⌉ bad) ≤ 1 - confidence: for 10,000 files,
    1 % and 95 % it is 294. The whole population where only that is enough; 0 of nothing.
    """
    doubt = _doubt(confidence)
    if population <= 0:
        return 0
    bad = tolerable_files(population, tolerable=tolerable)
    sizes = range(1, population + 1)
    return sizes[bisect.bisect_left(sizes, True, key=lambda drawn: not _is_likelier(population, bad, drawn, 0, doubt))]


def at_most_bad(population: int, *, drawn: int, bad: int, confidence: float) -> int:
    """Return the largest number of bad files in the population that this draw leaves possible, at this confidence.

    That is the largest D with P(X ≤ bad | population, D, drawn) > 1 - confidence (the one-sided Clopper-Pearson bound
    of the hypergeometric distribution). With everything drawn it is `bad`; with nothing drawn, the whole population.

    Args:
        population: all files that could have been drawn.
        drawn: how many were, whatever became of them.
        bad: how many of those did not match, for any reason.
        confidence: a share between 0 and 1.

    Raises:
        ValueError: more are bad than drawn, more drawn than there are, or the confidence is no such share.
    """
    doubt = _doubt(confidence)
    if not 0 <= bad <= drawn <= population:
        raise ValueError(f"expected bad ≤ drawn ≤ population, got {bad}, {drawn} and {population}")
    more = range(bad + 1, population - (drawn - bad) + 1)
    return bad + bisect.bisect_left(
        more, True, key=lambda total: not _is_likelier(population, total, drawn, bad, doubt)
    )


def tolerable_of(population: int, drawn: int, *, confidence: float) -> int | None:
    """Return the least number of bad files of which such a draw would have found one, at this confidence.

    That is the smallest D with P(no bad among drawn | D bad) ≤ 1 - confidence: the rate that a draw of this size still
    supports. None where nothing is drawn, since that finds nothing however much is bad.

    Raises:
        ValueError: more are drawn than there are, or the confidence is no share between 0 and 1.
    """
    most = at_most_bad(population, drawn=drawn, bad=0, confidence=confidence)
    return most + 1 if drawn else None


def chance_of_missing(population: int, bad: int, drawn: int) -> float:
    """Return the probability that a draw without replacement holds none of the bad ones: hypergeometric, at zero.

    Raises:
        ValueError: more are bad, or drawn, than there are.
    """
    if not (0 <= bad <= population and 0 <= drawn <= population):
        raise ValueError(f"expected at most {population} bad and drawn, got {bad} and {drawn}")
    return _chance_of_at_most(population, bad, drawn, 0)


def chance_of_finding(population: int, bad: int, drawn: int) -> float:
    """Return the probability that a draw without replacement holds at least one of the bad ones.

    Raises:
        ValueError: more are bad, or drawn, than there are.
    """
    return max(0.0, 1 - chance_of_missing(population, bad, drawn))


def _doubt(confidence: float) -> Fraction:
    doubt = 1 - _decimal(confidence)
    if not 0 < doubt < 1:
        raise ValueError(f"expected a confidence between 0 and 1, got {confidence}")
    return doubt


def _decimal(share: float) -> Fraction:
    # `repr` of a float is the shortest decimal that means it: what stands in the scenario.
    return Fraction(repr(share))


def _is_likelier(population: int, bad: int, drawn: int, found: int, doubt: Fraction) -> bool:
    """Tell whether P(X ≤ found) > doubt, without an error of rounding.

    Only where the logarithms can't tell and whole numbers would take too long (many thousands drawn, of which many are
    bad) does it answer yes unseen: the draw is then larger, and the bound higher, by one at most, never the other way.
    """
    error = _LEAST_ERROR + _ERROR_OF_LOGARITHMS * math.lgamma(population + 2)
    share = _chance_of_at_most(population, bad, drawn, found) / float(doubt)
    if abs(share - 1) > error:
        return share > 1
    fewer, more = sorted((bad, drawn))  # the distribution is the same with the two exchanged
    if fewer * (found + 1) > _EXACT_WORK:
        return True
    ways = _ways_of_at_most(population, more, fewer, found)
    return ways * doubt.denominator > doubt.numerator * math.comb(population, fewer)


def _ways_of_at_most(population: int, bad: int, drawn: int, found: int) -> int:
    """Return how many of all possible draws hold at most `found` of the bad ones: C(bad, k) · C(good, drawn - k)."""
    least, most = max(0, drawn + bad - population), min(found, bad, drawn)
    ways = total = math.comb(bad, least) * math.comb(population - bad, drawn - least)
    for seen in range(least, most):
        ways = ways * (bad - seen) * (drawn - seen) // ((seen + 1) * (population - bad - drawn + seen + 1))
        total += ways
    return total


def _chance_of_at_most(population: int, bad: int, drawn: int, found: int) -> float:
    """Return P(X ≤ found), summed from the likeliest term outwards until terms no longer count."""
    least, most = max(0, drawn + bad - population), min(found, bad, drawn)
    if most < least:
        return 0.0
    good = population - bad
    likeliest = max(least, min(most, (drawn + 1) * (bad + 1) // (population + 2)))
    first = math.exp(
        _log_choose(bad, likeliest) + _log_choose(good, drawn - likeliest) - _log_choose(population, drawn)
    )
    terms, term = [first], first
    for seen in range(likeliest, least, -1):
        term *= seen * (good - drawn + seen) / ((bad - seen + 1) * (drawn - seen + 1))
        if term <= _NEGLIGIBLE * first:
            break
        terms.append(term)
    term = first
    for seen in range(likeliest, most):
        term *= (bad - seen) * (drawn - seen) / ((seen + 1) * (good - drawn + seen + 1))
        if term <= _NEGLIGIBLE * first:
            break
        terms.append(term)
    return math.fsum(terms)


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
