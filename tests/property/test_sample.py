"""What a sample proves, for any population: bounds that hold, order that does not matter, draws that nest."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.sample import (
    at_most_bad,
    chance_of_finding,
    chance_of_missing,
    lowest_tickets,
    sample_size,
    tolerable_files,
)

populations = st.integers(1, 3_000_000)
shares = st.floats(0.0005, 0.9)
confidences = st.floats(0.5, 0.999)


@given(populations, confidences, shares)
def test_a_sample_of_the_size_is_enough_and_one_less_is_not(
    population: int, confidence: float, tolerable: float
) -> None:
    size = sample_size(population, confidence=confidence, tolerable=tolerable)
    bad = tolerable_files(population, tolerable=tolerable)

    assert 1 <= size <= population
    assert chance_of_missing(population, bad, size) <= (1 - confidence) * (1 + 1e-6)
    if size > 1:
        assert chance_of_missing(population, bad, size - 1) > (1 - confidence) * (1 - 1e-6)


@given(populations, confidences, st.data())
def test_the_bound_is_between_what_was_seen_and_what_is_left(
    population: int, confidence: float, data: st.DataObject
) -> None:
    drawn = data.draw(st.integers(0, min(population, 5_000)))
    bad = data.draw(st.integers(0, min(drawn, 50)))

    most = at_most_bad(population, drawn=drawn, bad=bad, confidence=confidence)

    assert bad <= most <= population - (drawn - bad)
    if bad < drawn:
        assert at_most_bad(population, drawn=drawn, bad=bad + 1, confidence=confidence) >= most


@given(populations, confidences, shares)
def test_a_clean_sample_of_the_size_proves_what_it_was_sized_for(
    population: int, confidence: float, tolerable: float
) -> None:
    size = sample_size(population, confidence=confidence, tolerable=tolerable)

    assert at_most_bad(population, drawn=size, bad=0, confidence=confidence) <= tolerable * population + 1e-6


def test_chances_of_what_can_not_be_are_refused() -> None:
    for population, bad, drawn in ((5, 6, 0), (5, 0, 6), (5, -1, 2), (5, 2, -1), (5, 10, 2)):
        for chance in (chance_of_missing, chance_of_finding):
            with pytest.raises(ValueError, match=f"at most 5 bad and drawn, got {bad} and {drawn}"):
                chance(population, bad, drawn)
    assert (chance_of_missing(5, 5, 0), chance_of_missing(5, 0, 5), chance_of_missing(5, 5, 5)) == (1, 1, 0)
    assert (chance_of_missing(0, 0, 0), chance_of_finding(0, 0, 0)) == (1, 0)


def test_the_stated_assurance_holds_in_simulation() -> None:
    """Of many drills of a population with as many bad files as the bound says, at most the doubt shows a clean draw."""
    chance = random.Random(20)
    population, drawn, confidence = 200, 40, 0.9
    most = at_most_bad(population, drawn=drawn, bad=0, confidence=confidence)
    rounds = 4_000

    def clean(bad: int) -> float:
        return sum(min(chance.sample(range(population), drawn)) >= bad for _ in range(rounds)) / rounds

    assert clean(most) > 1 - confidence - 0.02
    assert clean(most + 1) < 1 - confidence + 0.02


names = st.lists(st.binary(min_size=1, max_size=8), unique=True, max_size=60)


@given(names, st.binary(min_size=32, max_size=32), st.integers(0, 70), st.randoms())
def test_the_draw_depends_on_seed_and_names_alone(
    paths: list[bytes], seed: bytes, count: int, order: random.Random
) -> None:
    shuffled = list(paths)
    order.shuffle(shuffled)

    drawn = lowest_tickets(paths, count, seed=seed, path=bytes)

    assert drawn == lowest_tickets(shuffled, count, seed=seed, path=bytes)
    assert drawn == lowest_tickets(paths, count + 1, seed=seed, path=bytes)[:count]
    assert len(drawn) == min(count, len(paths)) == len(set(drawn))
    # Without a file that was not drawn, the draw is the same; so a file can't push itself out by what others are.
    assert lowest_tickets(drawn, count, seed=seed, path=bytes) == drawn
