"""How much coverage takes, in which order, and that after so many drills everything was proven."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.sample import (
    SizeSpread,
    bytes_for_coverage,
    cover,
    coverage_key,
    drills_within,
    files_for_coverage,
    lowest_tickets,
    ticket,
)

DAY = 86_400


def test_drills_within_a_period() -> None:
    assert drills_within(90 * DAY, 30 * DAY) == 3
    assert drills_within(90 * DAY, 31 * DAY) == 2
    assert drills_within(365 * DAY, 31 * DAY) == 11
    assert drills_within(90 * DAY, 91 * DAY) == 0


def test_files_for_coverage() -> None:
    assert files_for_coverage(10_000, 294, 12) == 809
    assert files_for_coverage(10_000, 4, 12) == 833
    assert files_for_coverage(10_000, 0, 1) == 10_000
    assert files_for_coverage(10, 10, 3) == 0
    assert files_for_coverage(10, 11, 3) == 0
    assert files_for_coverage(10, 12, 1) == 0
    assert files_for_coverage(0, 0, 3) == 0
    with pytest.raises(ValueError, match="at least one drill, got 0"):
        files_for_coverage(10, 1, 0)


def test_bytes_for_coverage() -> None:
    spread = SizeSpread.of([10, 20, 31])
    assert bytes_for_coverage(spread, 3) == 21 + 31
    assert bytes_for_coverage(spread, 2) == 61
    assert bytes_for_coverage(spread, 1) == 61
    assert bytes_for_coverage(SizeSpread(), 5) == 0
    with pytest.raises(ValueError, match="at least one drill, got 0"):
        bytes_for_coverage(spread, 0)


def test_the_order_of_coverage() -> None:
    keys = [coverage_key(None, b"a"), coverage_key(None, b"b"), coverage_key(0, b"c"), coverage_key(7, b"a")]
    assert keys[0] < keys[1] < keys[2] < keys[3]
    assert coverage_key(7, b"a") < coverage_key(7, b"b")
    assert coverage_key(0, b"b") < coverage_key(1, b"a")


def _covered(sizes: list[int], budget: int | None, files: int | None = None) -> list[int]:
    return list(cover(iter(sizes), budget, size_bytes=int, files=files))


def test_what_fits_is_taken_in_order() -> None:
    assert _covered([5, 9, 3, 2, 1, 0], 10) == [5, 3, 2, 0]
    assert _covered([5, 9, 3], 17) == [5, 9, 3]
    assert _covered([5, 9, 3], 16) == [5, 9]
    assert _covered([5], 4) == []
    assert _covered([5, 9, 3], None) == [5, 9, 3]
    assert _covered([5, 9, 3], None, 2) == [5, 9]
    assert _covered([5, 9, 3, 1], 9, 2) == [5, 3]
    assert _covered([5], None, 0) == []


def test_no_more_is_read_than_may_be_taken() -> None:
    source = iter([1, 2, 3, 4])
    assert list(cover(source, None, size_bytes=int, files=2)) == [1, 2]
    assert list(source) == [4]  # one is looked at to see that it is one too many


Drill = Callable[[dict[int, int | None], int], set[int]]


def _unproven_after(drills: int, last: dict[int, int | None], drill: Drill) -> int:
    """Return how many files the drills of a period leave unproven, and that of the worst period of three."""
    worst = 0
    for period in range(3):
        before = period * drills + 10
        for number in range(before, before + drills):
            for file in drill(last, number):
                last[file] = number
        worst = max(worst, sum(proven is None or proven < before for proven in last.values()))
    return worst


@given(st.integers(1, 60), st.data())
def test_everything_is_proven_in_the_period_whatever_is_drawn(population: int, data: st.DataObject) -> None:
    fresh_drawn = data.draw(st.integers(0, population))
    drills = data.draw(st.integers(1, 14))
    beside = files_for_coverage(population, fresh_drawn, drills)
    chance = data.draw(st.randoms(use_true_random=False))
    stubborn = data.draw(st.booleans())  # the lot draws the same files ever again, which is the worst that it can do
    last = {file: data.draw(st.none() | st.integers(0, 9)) for file in range(population)}

    def drill(last: dict[int, int | None], number: int) -> set[int]:
        fresh = range(fresh_drawn) if stubborn else chance.sample(range(population), fresh_drawn)
        rest = sorted(set(last) - set(fresh), key=lambda file: coverage_key(last[file], b"%d %d" % (number, file)))
        return {*fresh, *cover(rest, None, size_bytes=int, files=beside)}

    assert _unproven_after(drills, last, drill) == 0


def test_one_file_less_is_not_enough() -> None:
    for population, fresh_drawn, drills in ((100, 20, 8), (101, 1, 10), (60, 0, 7)):
        short = files_for_coverage(population, fresh_drawn, drills) - 1

        def drill(last: dict[int, int | None], number: int, few: int = short, fresh: int = fresh_drawn) -> set[int]:
            rest = sorted(set(last) - set(range(fresh)), key=lambda file: coverage_key(last[file], b"%d" % file))
            return {*range(fresh), *cover(rest, None, size_bytes=int, files=few)}

        assert _unproven_after(drills, dict.fromkeys(range(population)), drill) > 0


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=40), st.integers(1, 12), st.randoms(use_true_random=False))
def test_everything_is_proven_in_the_period_by_bytes(sizes: list[int], drills: int, chance: random.Random) -> None:
    budget = bytes_for_coverage(SizeSpread.of(sizes), drills)

    def drill(last: dict[int, int | None], number: int) -> set[int]:
        del number
        fresh = set(chance.sample(range(len(sizes)), len(sizes) // 10))
        rest = sorted(set(last) - fresh, key=lambda file: coverage_key(last[file], chance.randbytes(4)))
        return fresh | set(cover(rest, budget, size_bytes=sizes.__getitem__))

    assert _unproven_after(drills, dict.fromkeys(range(len(sizes))), drill) == 0


def test_bytes_without_room_for_the_largest_are_not_enough() -> None:
    sizes = [5, 5, 5]  # seven and a half bytes a drill are half of all, and room for a single one
    last: dict[int, int | None] = dict.fromkeys(range(3))

    def drill(last: dict[int, int | None], number: int) -> set[int]:
        del number
        order = sorted(last, key=lambda file: coverage_key(last[file], b""))
        return set(cover(order, 8, size_bytes=sizes.__getitem__))

    assert bytes_for_coverage(SizeSpread.of(sizes), 2) == 13
    assert _unproven_after(2, last, drill) > 0


def test_twelve_months_at_the_planned_size_prove_every_file() -> None:
    chance = random.Random(12)
    paths = [b"%d.jpg" % number for number in range(2_000)]
    fresh_drawn, months = 150, 12
    beside = files_for_coverage(len(paths), fresh_drawn, months)
    last: dict[bytes, int | None] = dict.fromkeys(paths)
    proofs: dict[bytes, list[int]] = {path: [] for path in paths}
    for month in range(36):
        seed = chance.randbytes(32)
        fresh = set(lowest_tickets(paths, fresh_drawn, seed=seed, path=bytes))
        rest = [path for path in paths if path not in fresh]
        rest.sort(key=lambda path: coverage_key(last[path], ticket(seed, path)))
        for path in (*fresh, *cover(rest, None, size_bytes=len, files=beside)):
            last[path] = month
            proofs[path].append(month)
        if month == months - 1:
            assert None not in last.values()
    # Nor is any of them ever left for longer: 12 drills after it was proven at the latest, it is again.
    assert (
        max(later - earlier for months_of in proofs.values() for earlier, later in itertools.pairwise(months_of)) <= 12
    )
