"""Tickets, sizes of draws and what they prove, against exact enumeration, somebody else's program and known answers."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import hypergeom

from verifier.sample import (
    at_most_bad,
    chance_of_finding,
    chance_of_missing,
    lowest_tickets,
    sample_size,
    ticket,
    tolerable_files,
    tolerable_of,
)
from verifier.sample.bound import _chance_of_at_most, _ways_of_at_most

CONFIDENCES = ["0.5", "0.9", "0.95", "0.99"]
MOST = 60


@functools.cache
def _cumulated(population: int, drawn: int) -> list[list[int]]:
    """Return in how many draws at most x are bad, by all that are bad and x: by counting, in whole numbers."""
    table = []
    for bad in range(population + 1):
        row, total = [], 0
        for seen in range(drawn + 1):
            total += math.comb(bad, seen) * math.comb(population - bad, drawn - seen)
            row.append(total)
        table.append(row)
    return table


def _draws(most: int = MOST, least: int = 0) -> Iterator[tuple[int, int]]:
    return ((population, drawn) for population in range(least, most + 1) for drawn in range(population + 1))


def _largest(population: int, drawn: int, seen: int, doubt: Fraction) -> int:
    enough = math.comb(population, drawn) * doubt.numerator
    possible = (
        total for total, row in enumerate(_cumulated(population, drawn)) if row[seen] * doubt.denominator > enough
    )
    return max(possible)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_the_bound_is_the_largest_that_exact_enumeration_allows(confidence: str) -> None:
    doubt = 1 - Fraction(confidence)
    for population, drawn in _draws():
        for seen in range(drawn + 1):
            got = at_most_bad(population, drawn=drawn, bad=seen, confidence=float(confidence))
            assert got == _largest(population, drawn, seen, doubt), (population, drawn, seen)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_the_size_is_the_smallest_that_exact_enumeration_allows(confidence: str) -> None:
    doubt = 1 - Fraction(confidence)
    for population in range(1, MOST + 1):
        for bad in range(1, population + 1):
            smallest = next(
                drawn
                for drawn in range(population + 1)
                if Fraction(_cumulated(population, drawn)[bad][0], math.comb(population, drawn)) <= doubt
            )
            share = (bad - 0.5) / population
            assert tolerable_files(population, tolerable=share) == bad
            assert sample_size(population, confidence=float(confidence), tolerable=share) == smallest, (population, bad)
            supported = tolerable_of(population, smallest, confidence=float(confidence))
            assert supported is not None
            assert supported <= bad


def test_chances_are_those_of_scipy() -> None:
    bad, seen = np.meshgrid(np.arange(MOST + 1), np.arange(MOST + 1), indexing="ij")
    for population, drawn in _draws(least=1):  # of nothing scipy knows nothing
        totals, found = bad[: population + 1, : drawn + 1], seen[: population + 1, : drawn + 1]
        theirs = hypergeom.cdf(found, population, totals, drawn)
        exact = np.array(_cumulated(population, drawn)) / math.comb(population, drawn)
        assert np.allclose(theirs, exact.astype(float), rtol=1e-9, atol=1e-12), (population, drawn)
        ours = [[_chance_of_at_most(population, d, drawn, x) for x in range(drawn + 1)] for d in range(population + 1)]
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-12), (population, drawn)
        for total in range(population + 1):
            assert chance_of_missing(population, total, drawn) == ours[total][0]
            assert chance_of_finding(population, total, drawn) == max(0, 1 - ours[total][0])
            assert 0 <= chance_of_finding(population, total, drawn) <= 1


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_bound_is_that_of_scipys_distribution(confidence: float) -> None:
    """Where its chances are not within rounding of the doubt; what holds there, the enumeration above has shown."""
    edges = 0
    for population, drawn in _draws(least=1):
        totals, seen = np.meshgrid(np.arange(population + 1), np.arange(drawn + 1), indexing="ij")
        over = hypergeom.cdf(seen, population, totals, drawn) - (1 - confidence)
        for found in range(drawn + 1):
            if (abs(over[:, found]) < 1e-9).any():
                edges += 1
                continue
            largest = int(np.flatnonzero(over[:, found] > 0).max())
            assert at_most_bad(population, drawn=drawn, bad=found, confidence=confidence) == largest
    assert edges > 10


def test_worked_examples() -> None:
    assert sample_size(10_000, confidence=0.95, tolerable=0.01) == 294
    assert chance_of_finding(100_000, 10, 1_000) == pytest.approx(0.0956, abs=5e-5)
    assert at_most_bad(10_000, drawn=294, bad=0, confidence=0.95) == 99
    assert tolerable_of(10_000, 294, confidence=0.95) == 100
    assert tolerable_of(10_000, 293, confidence=0.95) == 101
    assert sample_size(5_000_000, confidence=0.95, tolerable=0.01) == 299
    # Everything but one file proves nothing of that one, unless it is drawn, too.
    assert at_most_bad(1_000, drawn=999, bad=0, confidence=0.9999) == 1


def test_the_edges() -> None:
    assert sample_size(0, confidence=0.95, tolerable=0.01) == 0
    assert sample_size(-1, confidence=0.95, tolerable=0.01) == 0
    assert sample_size(1, confidence=0.95, tolerable=0.01) == 1
    assert at_most_bad(0, drawn=0, bad=0, confidence=0.95) == 0
    for bad in (0, 3, 10):
        assert at_most_bad(10, drawn=10, bad=bad, confidence=0.95) == bad
    assert at_most_bad(10, drawn=0, bad=0, confidence=0.95) == 10
    assert tolerable_of(10, 0, confidence=0.95) is None
    assert tolerable_of(10, 10, confidence=0.95) == 1


def test_shares_are_the_decimals_that_were_written() -> None:
    # In binary 0.07 × 100 is 7.000000000000001, and 1 - 0.95 more than a twentieth.
    assert tolerable_files(100, tolerable=0.07) == 7
    assert tolerable_files(100, tolerable=0.0700001) == 8
    assert tolerable_files(10, tolerable=0.3) == 3
    assert tolerable_files(10, tolerable=1e-09) == 1
    assert tolerable_files(10, tolerable=0.0) == 1
    # Of 20 files of which one is bad, 19 miss it with a chance of just a twentieth: that is enough, for any population.
    for population in (20, 60, 10_000, 5_000_000):
        enough = population * 19 // 20
        assert sample_size(population, confidence=0.95, tolerable=0.5 / population) == enough
        assert at_most_bad(population, drawn=1, bad=0, confidence=0.95) == enough - 1
        # A confidence of the next larger number is one that this is not enough for.
        surer = math.nextafter(0.95, 1)
        assert sample_size(population, confidence=surer, tolerable=0.5 / population) == enough + 1
        assert at_most_bad(population, drawn=1, bad=0, confidence=surer) == enough
    # And at other counts: 3 of 6 drawn, of which 3 are bad, hold at most one in 10 of 20 draws.
    assert at_most_bad(6, drawn=3, bad=1, confidence=0.5) == 3 - 1
    assert at_most_bad(6, drawn=3, bad=1, confidence=0.500001) == 3


def test_what_no_draw_can_be_is_refused() -> None:
    for population, drawn, bad in ((10, 11, 0), (10, 5, 6), (10, 5, -1)):
        with pytest.raises(ValueError, match=f"got {bad}, {drawn} and {population}"):
            at_most_bad(population, drawn=drawn, bad=bad, confidence=0.95)
    for confidence in (0.0, 1.0, 1.5, -0.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            at_most_bad(10, drawn=5, bad=0, confidence=confidence)
        with pytest.raises(ValueError, match="between 0 and 1"):
            sample_size(0, confidence=confidence, tolerable=0.01)


LARGE = [
    (5_000_000, 49_844, 299, 0),
    (5_000_000, 120_000, 300, 2),
    (3_000_000, 900, 2_500, 0),
    (1_000_000, 5_000, 4_000, 12),
    (200_000, 90_000, 700, 280),
    (200_000, 190_000, 700, 640),
    (70_000, 30, 69_000, 28),
]


@pytest.mark.parametrize(("population", "bad", "drawn", "found"), LARGE)
def test_chances_through_logarithms_are_off_by_less_than_is_allowed_for(
    population: int, bad: int, drawn: int, found: int
) -> None:
    exact = Fraction(_ways_of_at_most(population, bad, drawn, found), math.comb(population, drawn))
    got = _chance_of_at_most(population, bad, drawn, found)
    assert abs(Fraction(got) / exact - 1) < 2e-15 * math.lgamma(population)


def test_draws_are_counted_in_whole_numbers() -> None:
    for population, drawn in _draws(24):
        for bad, row in enumerate(_cumulated(population, drawn)):
            least = max(0, drawn + bad - population)
            got = [_ways_of_at_most(population, bad, drawn, found) for found in range(least, drawn + 1)]
            assert got == row[least:]


def test_a_large_bound_is_that_of_whole_numbers() -> None:
    for population, _, drawn, found in LARGE[:4]:
        whole = math.comb(population, drawn)
        most = at_most_bad(population, drawn=drawn, bad=found, confidence=0.95)
        assert _ways_of_at_most(population, most, drawn, found) * 20 > whole
        assert _ways_of_at_most(population, most + 1, drawn, found) * 20 <= whole


def test_where_whole_numbers_would_take_too_long_the_bound_is_the_higher_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [(population, drawn, seen) for population, drawn in _draws(24) for seen in range(drawn + 1)]
    exact = [at_most_bad(n, drawn=drawn, bad=seen, confidence=0.95) for n, drawn, seen in cases]
    sizes = [sample_size(20, confidence=0.95, tolerable=bad / 20) for bad in range(1, 21)]
    monkeypatch.setattr("verifier.sample.bound._EXACT_WORK", 0)
    cautious = [at_most_bad(n, drawn=drawn, bad=seen, confidence=0.95) for n, drawn, seen in cases]
    differences = [higher - lower for higher, lower in zip(cautious, exact, strict=True)]
    assert set(differences) == {0, 1}
    larger = [sample_size(20, confidence=0.95, tolerable=bad / 20) for bad in range(1, 21)]
    # One bad of 20 is missed by 19 with a chance of just a twentieth, and 19 bad by one.
    assert [more - size for more, size in zip(larger, sizes, strict=True)] == [1, *(17 * [0]), 1, 0]


def test_the_bound_of_millions_takes_no_time() -> None:
    # Whoever restores half of five millions and finds a million bad ones waits for no sum of a million terms.
    most = at_most_bad(5_000_000, drawn=2_500_000, bad=1_000_000, confidence=0.95)
    deviation = math.sqrt(2_500_000 * 0.4 * 0.6 * 0.5)
    assert most == pytest.approx(2_000_000 + 2 * 1.645 * deviation, abs=20)


def test_a_ticket_is_what_the_design_says() -> None:
    seed, path = bytes(range(32)), b"a/b\xff"

    assert ticket(seed, path) == hashlib.sha256(seed + path).digest()


def test_the_lowest_tickets_are_drawn_in_their_order() -> None:
    paths = [b"%d" % number for number in range(200)]
    seed = bytes(32)
    ordered = sorted(paths, key=lambda path: hashlib.sha256(seed + path).digest())

    assert lowest_tickets(iter(paths), 17, seed=seed, path=bytes) == ordered[:17]
    assert lowest_tickets(iter(paths), 0, seed=seed, path=bytes) == []
    assert lowest_tickets(iter(paths), 500, seed=seed, path=bytes) == ordered
