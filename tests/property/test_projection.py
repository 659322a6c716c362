"""For any batches: a projection is never negative, grows with what there is, has no unit of its own, lies within."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verifier.projection import Projection, TimedBatch, Timing, Whole, project

SECONDS = st.floats(0.0, 1e4)


@st.composite
def timings(draw: st.DrawFn) -> Timing:
    connect, first_byte, restore, around = draw(SECONDS), draw(SECONDS), draw(st.floats(1e-6, 1e4)), draw(SECONDS)
    return Timing(
        connect_seconds=connect,
        first_byte_seconds=first_byte,
        restore_seconds=restore,
        verify_seconds=restore / 2,
        whole_seconds=connect + first_byte + restore + around,
        at_once=draw(st.sampled_from([1, 16, 64])),
    )


BATCHES = st.lists(
    st.builds(
        TimedBatch,
        files=st.integers(0, 1_000),
        size_bytes=st.integers(0, 300_000_000),
        ended_at=st.floats(0.0, 1e5),
        timing=timings(),
    ),
    max_size=40,
)
WHOLES = st.builds(Whole, files=st.integers(0, 10**7), size_bytes=st.integers(0, 10**14), batches=st.integers(0, 10**5))
WORKERS = st.integers(1, 32)


def projected(batches: list[TimedBatch], workers: int, whole: Whole) -> Projection | None:
    return project(batches, workers=workers, whole=whole)


@given(BATCHES, WORKERS, WHOLES)
def test_it_is_a_time_within_its_interval(batches: list[TimedBatch], workers: int, whole: Whole) -> None:
    found = projected(batches, workers, whole)
    if found is not None:
        assert 0 <= found.low_seconds <= found.seconds <= found.high_seconds < math.inf
        assert found.per_file_seconds >= 0
        assert found.bytes_per_second is None or found.bytes_per_second > 0


@given(BATCHES, WORKERS, WHOLES, st.integers(0, 10**6), st.integers(0, 10**13))
def test_more_to_restore_takes_no_less(
    batches: list[TimedBatch], workers: int, whole: Whole, files: int, size_bytes: int
) -> None:
    more = dataclasses.replace(whole, files=whole.files + files, size_bytes=whole.size_bytes + size_bytes)
    less, found = projected(batches, workers, whole), projected(batches, workers, more)
    if less is not None and found is not None:
        assert found.seconds >= less.seconds * (1 - 1e-12)


@given(BATCHES, WORKERS, WHOLES, st.sampled_from([0.001, 0.5, 8.0, 1000.0]))
def test_it_has_no_unit_of_time_of_its_own(
    batches: list[TimedBatch], workers: int, whole: Whole, factor: float
) -> None:
    def scaled(timing: Timing) -> Timing:
        names = [name for name in timing.__struct_fields__ if name.endswith("_seconds")]
        return replace(timing, **{name: getattr(timing, name) * factor for name in names})

    other = [dataclasses.replace(one, ended_at=one.ended_at * factor, timing=scaled(one.timing)) for one in batches]
    found, expected = projected(other, workers, whole), projected(batches, workers, whole)
    if found is not None and expected is not None:
        assert found.seconds == pytest.approx(expected.seconds * factor, rel=1e-3, abs=1e-5)


@given(BATCHES, WORKERS, WHOLES)
def test_when_the_clock_began_does_not_matter(batches: list[TimedBatch], workers: int, whole: Whole) -> None:
    later = [dataclasses.replace(one, ended_at=one.ended_at + 1e5) for one in batches]
    found, expected = projected(later, workers, whole), projected(batches, workers, whole)
    if found is not None and expected is not None:
        assert found.seconds == pytest.approx(expected.seconds, rel=1e-2, abs=1e-4)
