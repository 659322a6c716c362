"""Tickets, sizes of draws and what they prove, against exact enumeration and known answers."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction

import pytest

from verifier.sample import at_most_bad, chance_of_missing, lowest_tickets, sample_size, ticket

CONFIDENCES = ["0.5", "0.9", "0.95", "0.99"]


def _ways(population: int, bad: int, drawn: int, at_most: int) -> int:
    """In how many draws there are at most so many bad ones."""
    return sum(
        math.comb(bad, seen) * math.comb(population - bad, drawn - seen) for seen in range(at_most + 1) if seen <= drawn
    )


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_the_size_is_the_smallest_that_exact_enumeration_allows(confidence: str) -> None:
    doubt = 1 - Fraction(confidence)
    for population in range(1, 41):
        for tolerable in ("0.001", "0.01", "0.05", "0.1", "0.25", "0.5", "0.9"):
            bad = math.ceil(Fraction(tolerable) * population)
            smallest = next(
                drawn
                for drawn in range(1, population + 1)
                if Fraction(_ways(population, bad, drawn, 0), math.comb(population, drawn)) <= doubt
            )
            got = sample_size(population, confidence=float(confidence), tolerable=float(tolerable))
            assert got == smallest, (population, tolerable)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_the_bound_is_the_largest_that_exact_enumeration_allows(confidence: str) -> None:
    doubt = 1 - Fraction(confidence)
    for population in range(1, 41):
        for drawn in range(population + 1):
            whole = math.comb(population, drawn) * doubt.numerator
            for bad in range(min(drawn, 4) + 1):
                possible = range(bad, population - (drawn - bad) + 1)
                largest = max(
                    (total for total in possible if _ways(population, total, drawn, bad) * doubt.denominator > whole),
                    default=bad,
                )
                got = at_most_bad(population, drawn=drawn, bad=bad, confidence=float(confidence))
                assert got == largest, (population, drawn, bad)


def test_the_chance_of_missing_is_that_of_exact_enumeration() -> None:
    for population in range(1, 41):
        for bad in range(population + 1):
            for drawn in range(population + 1):
                exact = Fraction(math.comb(population - bad, drawn), math.comb(population, drawn))
                assert chance_of_missing(population, bad, drawn) == pytest.approx(float(exact), rel=1e-9), (bad, drawn)


def test_worked_examples() -> None:
    assert sample_size(10_000, confidence=0.95, tolerable=0.01) == 294
    assert chance_of_missing(100_000, 10, 1_000) == pytest.approx(0.9044, abs=5e-5)
    assert at_most_bad(10_000, drawn=294, bad=0, confidence=0.95) == 99
    assert sample_size(5_000_000, confidence=0.95, tolerable=0.01) == 299
    # Everything but one file proves nothing of that one, unless it is drawn, too.
    assert at_most_bad(1_000, drawn=999, bad=0, confidence=0.9999) == 1


def test_the_edges() -> None:
    assert sample_size(0, confidence=0.95, tolerable=0.01) == 0
    assert sample_size(1, confidence=0.95, tolerable=0.01) == 1
    assert at_most_bad(0, drawn=0, bad=0, confidence=0.95) == 0
    for bad in (0, 3, 10):
        assert at_most_bad(10, drawn=10, bad=bad, confidence=0.95) == bad
    assert at_most_bad(10, drawn=0, bad=0, confidence=0.95) == 10
    # A share that floating point puts just above a whole number is that number: 0.07 × 100 is 7.000000000000001.
    assert sample_size(100, confidence=0.95, tolerable=0.07) == sample_size(100, confidence=0.95, tolerable=0.069)


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
