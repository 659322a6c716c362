"""Batches of a known machine give its known time back, whatever few, odd or alike batches there are."""

from __future__ import annotations

import math

import pytest

from verifier.projection import MOST_BATCHES, Projection, TimedBatch, Timing, Whole, project

WHOLE = Whole(files=100_000, size_bytes=50_000_000_000, batches=196)


def batch(files: int, size_bytes: int, seconds: float, *, ended_at: float, timing: Timing | None = None) -> TimedBatch:
    known = timing or Timing(restore_seconds=seconds, whole_seconds=seconds)
    return TimedBatch(files=files, size_bytes=size_bytes, ended_at=ended_at, timing=known)


def machine(
    sizes: list[tuple[int, int]],
    *,
    per_file: float,
    per_byte: float,
    workers: int = 1,
    slow: dict[int, float] | None = None,
) -> list[TimedBatch]:
    """Return batches as workers of an engine of these costs would time them, all of them busy all the time."""
    clocks = [0.0] * workers
    done = []
    for number, (files, size_bytes) in enumerate(sizes):
        seconds = (files * per_file + size_bytes * per_byte) * workers * (slow or {}).get(number, 1.0)
        worker = clocks.index(min(clocks))
        clocks[worker] += seconds
        done.append(batch(files, size_bytes, seconds, ended_at=clocks[worker]))
    return done


def projected(batches: list[TimedBatch], *, workers: int = 1, whole: Whole = WHOLE) -> Projection:
    found = project(batches, workers=workers, whole=whole)
    assert found is not None
    assert found.low_seconds <= found.seconds <= found.high_seconds
    return found


VARIED = [(64, 1_000_000), (10, 16_000_000), (64, 3_000_000), (1, 30_000_000), (40, 9_000_000), (64, 500_000)]


@pytest.mark.parametrize("workers", [1, 2])
def test_costs_of_a_file_and_a_byte_are_told_apart(workers: int) -> None:
    found = projected(machine(VARIED * 6, per_file=0.002, per_byte=1e-7, workers=workers), workers=workers)
    # At the end fewer workers are busy than before, which is all that these two differ in.
    assert found.seconds == pytest.approx(100_000 * 0.002 + 50_000_000_000 * 1e-7, rel=0.02)
    assert found.per_file_seconds == pytest.approx(0.002, rel=0.1)
    assert found.bytes_per_second == pytest.approx(1e7, rel=0.05)


def test_what_workers_do_at_once_is_not_added_up() -> None:
    alone = projected(machine(VARIED * 6, per_file=0.002, per_byte=1e-7))
    four = projected(machine(VARIED * 6, per_file=0.002, per_byte=1e-7, workers=4), workers=4)
    assert four.seconds == pytest.approx(alone.seconds, rel=0.05)


def test_time_in_which_nothing_came_is_nobodys() -> None:
    apart = [batch(10, 1_000_000, 1.0, ended_at=at) for at in (1.0, 100.0, 200.0, 300.0)]
    assert projected(apart, whole=Whole(files=1_000, size_bytes=100_000_000, batches=8)).seconds == pytest.approx(100.0)


def test_one_slow_batch_moves_it_by_less_than_its_share() -> None:
    good = projected(machine(VARIED * 6, per_file=0.002, per_byte=1e-7)).seconds
    one = machine(VARIED * 6, per_file=0.002, per_byte=1e-7, slow={9: 30.0})
    assert good <= projected(one).seconds <= 1.1 * good
    share = sum(one_batch.timing.restore_seconds for one_batch in one) / sum(
        one_batch.timing.restore_seconds for one_batch in machine(VARIED * 6, per_file=0.002, per_byte=1e-7)
    )
    assert share > 1.5


def test_where_files_and_bytes_can_not_be_told_apart_the_mixture_is_kept() -> None:
    alike = machine([(64, 6_400_000)] * 10, per_file=0.001, per_byte=1e-8)
    same = Whole(files=64_000, size_bytes=6_400_000_000, batches=64)
    assert projected(alike, whole=same).seconds == pytest.approx(64_000 * 0.001 + 64.0, rel=0.001)


def test_files_without_bytes_cost_by_number() -> None:
    empty = machine([(64, 0)] * 5, per_file=0.001, per_byte=0.0)
    found = projected(empty, whole=Whole(files=6_400, size_bytes=0, batches=100))
    assert found.seconds == pytest.approx(6.4)
    assert found.bytes_per_second is None
    assert project(empty, workers=1, whole=Whole(files=6_400, size_bytes=1, batches=100)) is None


def test_a_huge_file_in_pieces_costs_by_bytes() -> None:
    pieces = [(1, 256_000_000)] + [(0, 256_000_000)] * 7
    found = projected(
        machine(pieces, per_file=0.0, per_byte=1e-8), whole=Whole(files=4, size_bytes=8_192_000_000, batches=32)
    )
    assert found.seconds == pytest.approx(81.92, rel=0.05)


def test_small_files_come_no_faster_than_the_lines_delay_lets_them() -> None:
    # 64 files come 0.1 s after they were asked for, nearly at once: a thousand take 16 rounds, not one.
    timing = Timing(first_byte_seconds=0.1, restore_seconds=0.001, whole_seconds=0.101, at_once=64)
    batches = [batch(64, 64_000, 0.0, ended_at=0.101 * number, timing=timing) for number in range(1, 9)]
    whole = Whole(files=64_000, size_bytes=64_000_000, batches=64)
    found = projected(batches, whole=whole)
    assert found.seconds == pytest.approx(64 * 16 * 0.1 + 1.0, rel=0.001)
    assert projected(batches, workers=2, whole=whole).seconds == pytest.approx(found.seconds / 2, rel=0.01)


def test_waits_overlap_and_what_is_shared_adds_up() -> None:
    # Half of a batch's time is the line's delay. Two workers leave the line idle at times, many never do.
    timing = Timing(first_byte_seconds=1.0, restore_seconds=1.0, whole_seconds=2.0, at_once=64)
    batches = [batch(10, 1_000, 0.0, ended_at=2.0 * number, timing=timing) for number in range(1, 9)]
    whole = Whole(files=10_000, size_bytes=1_000_000, batches=1_000)
    times = {workers: projected(batches, workers=workers, whole=whole).seconds for workers in (1, 2, 40)}
    assert times[1] == pytest.approx(2_000.0)
    assert times[2] == pytest.approx(1_000 * (1.0 + 1.5) / 2)
    assert 1_000.0 <= times[40] == pytest.approx(1_000.0, rel=0.01)


def test_what_came_with_the_first_bytes_is_not_counted_twice() -> None:
    # A line of 1 MB/s and 0.1 s: the first block of 250 kB takes 0.35 s, the other 750 kB another 0.75 s.
    timing = Timing(first_byte_seconds=0.35, first_bytes=250_000, restore_seconds=0.75, whole_seconds=1.1, at_once=64)
    batches = [batch(1, 1_000_000, 0.0, ended_at=1.1 * number, timing=timing) for number in range(1, 9)]
    found = projected(batches, whole=Whole(files=100, size_bytes=100_000_000, batches=100))
    assert found.seconds == pytest.approx(110.0, rel=0.01)


def test_what_is_waited_for_once_is_added_once() -> None:
    timing = Timing(connect_seconds=3.0, first_byte_seconds=0.5, restore_seconds=1.0, whole_seconds=5.0)
    batches = [batch(10, 10, 0.0, ended_at=10.0 * number, timing=timing) for number in range(1, 5)]
    found = project(batches, workers=1, whole=Whole(files=100, size_bytes=100, batches=10), start_seconds=7.0)
    assert found is not None
    assert found.seconds == pytest.approx(7.0 + 3.0 + 10 * (0.5 + 0.5) + 10.0)


def test_nothing_timed_projects_nothing() -> None:
    assert project([], workers=2, whole=WHOLE) is None
    assert project([batch(0, 0, 1.0, ended_at=1.0)], workers=2, whole=WHOLE) is None


def test_few_batches_leave_a_wide_interval_and_many_alike_a_narrow_one() -> None:
    one = projected(machine([(64, 10**7)], per_file=0.001, per_byte=1e-8))
    assert (one.high_seconds / one.seconds, one.seconds / one.low_seconds) == (pytest.approx(2.0), pytest.approx(2.0))
    two = projected(machine([(64, 10**7)] * 2, per_file=0.001, per_byte=1e-8))
    assert two.high_seconds / two.seconds == pytest.approx(2.0)
    many = projected(machine([(64, 10**7)] * 40, per_file=0.001, per_byte=1e-8))
    assert many.high_seconds / many.seconds == pytest.approx(1.1)
    noisy = machine([(64, 10**7)] * 40, per_file=0.001, per_byte=1e-8, slow={n: 1 + n % 5 for n in range(40)})
    assert projected(noisy).high_seconds / projected(noisy).seconds > 1.2


def test_the_interval_is_never_beyond_all_measure() -> None:
    odd = machine(VARIED * 2, per_file=0.001, per_byte=1e-9, slow={0: 1e9, 5: 1e-9})
    found = projected(odd)
    assert math.isfinite(found.high_seconds)
    assert found.low_seconds > 0


def test_only_the_first_few_thousand_batches_are_looked_at() -> None:
    batches = machine([(64, 10**7)] * (MOST_BATCHES + 5), per_file=0.001, per_byte=1e-8, slow={MOST_BATCHES + 1: 1e9})
    assert projected(batches).seconds == projected(batches[:MOST_BATCHES]).seconds
