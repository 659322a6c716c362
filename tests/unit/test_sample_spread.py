"""How many bytes a draw is planned with, the largest draw within a budget, and the bytes that could be bad."""

from __future__ import annotations

import math
import statistics
import tracemalloc
from fractions import Fraction
from itertools import combinations, combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.sample import (
    BytesAtStake,
    SizeSpread,
    bad_bytes_bound,
    files_of_bytes,
    files_of_percent,
    largest_n_within,
    most_bytes,
)

SIZES = [0, 1, 5, 5, 9, 40, 41, 300]
size_lists = st.lists(st.integers(0, 10**13) | st.integers(0, 20), min_size=1, max_size=40)


def test_the_spread_of_sizes() -> None:
    assert SizeSpread.of(iter(SIZES)) == SizeSpread(
        files=8, size_bytes=401, squared_bytes=sum(size * size for size in SIZES), largest_bytes=300
    )
    assert SizeSpread.of([]) == SizeSpread()


def test_what_is_planned_is_the_mean_and_two_deviations_of_all_possible_draws() -> None:
    spread = SizeSpread.of(SIZES)
    for drawn in range(1, len(SIZES) + 1):
        sums = [sum(chosen) for chosen in combinations(SIZES, drawn)]
        exactly = statistics.mean(sums) + 2 * statistics.pstdev(sums)
        assert most_bytes(spread, drawn) == min(math.ceil(round(exactly, 6)), 300 * drawn, 401)
    assert most_bytes(spread, 0) == 0
    assert most_bytes(SizeSpread(), 0) == 0


def test_a_whole_root_is_not_rounded_up() -> None:
    # Half of sixteen files, half of which have 60 bytes: 240 expected, and √(8 · 8 · 900 / 15) = 62 to 1 a deviation.
    assert most_bytes(SizeSpread.of([0, 60] * 8), 8) == 240 + math.ceil(2 * math.sqrt(3_840))
    # One of four: a mean of 4, a deviation of 4; no more than the largest, which is 8, less than 12.
    assert most_bytes(SizeSpread.of([0, 0, 8, 8]), 1) == 8
    # One of twenty-five: 2 expected, a deviation of 4, so 10 exactly.
    assert most_bytes(SizeSpread.of([0] * 20 + [10] * 4 + [10]), 1) == 10
    assert most_bytes(SizeSpread.of([1] * 20 + [11] * 4 + [26]), 1) == math.ceil(3.6 + 2 * math.sqrt(34.24))
    assert most_bytes(SizeSpread.of([5] * 9), 4) == 20
    assert most_bytes(SizeSpread.of([7]), 1) == 7


def test_what_is_planned_is_exact_to_the_byte() -> None:
    for sizes in combinations_with_replacement([0, 1, 2, 3, 7, 30], 4):
        spread = SizeSpread.of(sizes)
        for drawn in range(1, 5):
            variance = Fraction(drawn * (4 - drawn) * (4 * spread.squared_bytes - spread.size_bytes**2), 16 * 3)
            expected = Fraction(drawn * spread.size_bytes, 4)
            planned = next(
                size_bytes
                for size_bytes in range(200)
                if size_bytes >= expected and (size_bytes - expected) ** 2 >= 4 * variance
            )
            assert most_bytes(spread, drawn) == min(planned, drawn * max(sizes), sum(sizes)), (sizes, drawn)


@given(size_lists, st.data())
def test_the_largest_draw_within_a_budget(sizes: list[int], data: st.DataObject) -> None:
    spread = SizeSpread.of(sizes)
    budget = data.draw(st.integers(0, sum(sizes) + 10))

    drawn = largest_n_within(spread, budget)

    assert 0 <= drawn <= len(sizes)
    assert most_bytes(spread, drawn) <= budget
    assert all(most_bytes(spread, more) > budget for more in range(drawn + 1, len(sizes) + 1))
    assert sum(sizes) > budget or drawn == len(sizes)
    assert drawn >= min(len(sizes), budget // max(1, spread.largest_bytes))


def test_a_budget_for_nothing_and_a_population_of_none() -> None:
    assert largest_n_within(SizeSpread.of([5, 5]), 4) == 0
    assert largest_n_within(SizeSpread.of([5, 5]), 5) == 1
    assert largest_n_within(SizeSpread.of([5, 5]), 10) == 2
    assert largest_n_within(SizeSpread.of([0, 0, 0]), 0) == 3
    assert largest_n_within(SizeSpread(), 100) == 0


def test_sizes_by_percent() -> None:
    assert files_of_percent(100_000, 1) == 1_000
    assert files_of_percent(100_000, 1.0) == 1_000
    assert files_of_percent(1_000, 0.7) == 7  # 7.000000000000001 in binary
    assert files_of_percent(1_000, 0.71) == 8
    assert files_of_percent(3, 0.001) == 1
    assert files_of_percent(7, 100) == 7
    assert files_of_percent(7, 100.5) == 7
    assert files_of_percent(0, 5) == 0


def test_sizes_by_bytes() -> None:
    spread = SizeSpread.of([10] * 90 + [110] * 10)  # twenty bytes each, on average
    assert files_of_bytes(spread, 200) == 10
    assert files_of_bytes(spread, 219) == 10
    assert files_of_bytes(spread, 220) == 11
    assert files_of_bytes(spread, 1) == 1
    assert files_of_bytes(spread, 1_999) == 99
    assert files_of_bytes(spread, 2_000) == 100
    assert files_of_bytes(spread, 9_999) == 100
    assert files_of_bytes(SizeSpread.of([0, 0]), 5) == 2
    assert files_of_bytes(SizeSpread.of([0, 0]), 0) == 2
    assert files_of_bytes(SizeSpread(), 5) == 0


def test_the_bytes_that_could_be_bad() -> None:
    known = bad_bytes_bound(bad_bytes=7, more_files=2, undrawn_bytes=iter([4, 90, 1, 30]), population_bytes=200)
    assert known == BytesAtStake(at_most_bad_bytes=127, population_bytes=200)
    assert known.share == 0.635
    assert bad_bytes_bound(bad_bytes=7, more_files=0, undrawn_bytes=[4], population_bytes=20) == BytesAtStake(
        at_most_bad_bytes=7, population_bytes=20
    )
    assert bad_bytes_bound(bad_bytes=0, more_files=9, undrawn_bytes=[4], population_bytes=4).share == 1
    assert bad_bytes_bound(bad_bytes=0, more_files=0, undrawn_bytes=[0], population_bytes=0).share == 0


@given(size_lists, st.integers(1, 45))
def test_the_bytes_of_very_many_are_never_too_few(sizes: list[int], files: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("verifier.sample.at_stake._FILES_IN_MEMORY", 0)
        got = bad_bytes_bound(
            bad_bytes=0, more_files=files, undrawn_bytes=iter(sizes), population_bytes=0
        ).at_most_bad_bytes

    exact = sum(sorted(sizes, reverse=True)[:files])
    assert exact <= got <= min(sum(sizes), exact * 1_025 / 1_024)
    assert max(sizes) > 2_047 or got == exact


def test_groups_of_sizes_are_told_apart() -> None:
    sizes = [4_096, 4_097, 4_098, 8_190, 8_191, 1 << 40]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("verifier.sample.at_stake._FILES_IN_MEMORY", 1)

        def bound(files: int) -> int:
            return bad_bytes_bound(
                bad_bytes=0, more_files=files, undrawn_bytes=sizes, population_bytes=0
            ).at_most_bad_bytes - (1 << 40)

        few = bad_bytes_bound(bad_bytes=0, more_files=2, undrawn_bytes=[4, 4, 5], population_bytes=13)
        assert few.at_most_bad_bytes == 9
        assert bound(1) == 0
        assert bound(2) == 8_191
        assert bound(3) == 8_190 + 8_191
        assert bound(4) == 8_190 + 8_191 + 4_099  # 4,096 to 4,099 are one group
        assert bound(6) == bound(7) == sum(sizes[:-1])


def test_memory_is_bounded_however_many_could_be_bad() -> None:
    tracemalloc.start()
    try:
        bad_bytes_bound(bad_bytes=0, more_files=250_000, undrawn_bytes=range(300_000), population_bytes=0)
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 4_000_000
