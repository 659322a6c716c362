"""A worker counts, its parent reads, and the word to stop arrives at the next count, also between processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, MutableSequence

import pytest

from verifier import progress
from verifier.errors import VerifierError
from verifier.progress import METER_LENGTH, CancelledError, Meter


@pytest.fixture
def meter() -> Meter:
    return Meter([0] * METER_LENGTH)


def test_bytes_and_files_are_counted_apart(meter: Meter) -> None:
    meter.moved(10)
    meter.moved(2**40)
    meter.finished()
    meter.finished(999)
    assert (meter.bytes_moved, meter.files_finished) == (2**40 + 10, 1_000)


def test_whatever_is_counted_shows_that_the_worker_lives(meter: Meter) -> None:
    seen = {meter.beats}
    for count in (lambda: meter.moved(1), lambda: meter.moved(0), meter.beat, meter.finished):
        count()
        assert meter.beats not in seen
        seen.add(meter.beats)
    assert meter.bytes_moved == 1


@pytest.mark.parametrize("count", [lambda meter: meter.moved(5), lambda meter: meter.beat()])
def test_a_worker_that_is_asked_to_stop_does_so_at_its_next_count(meter: Meter, count: Callable[[Meter], None]) -> None:
    count(meter)
    assert not meter.stopping
    meter.ask_to_stop()
    assert meter.stopping
    with pytest.raises(CancelledError):
        count(meter)


def test_files_that_are_done_are_counted_though_it_shall_stop(meter: Meter) -> None:
    meter.ask_to_stop()
    meter.finished(3)
    assert meter.files_finished == 3


def test_being_cancelled_is_an_error_of_ours() -> None:
    assert issubclass(CancelledError, VerifierError)


def test_the_process_is_known_once_it_has_begun(meter: Meter) -> None:
    assert meter.process_id == 0
    meter.process_id = 4_711
    assert meter.process_id == 4_711
    assert (meter.bytes_moved, meter.files_finished, meter.beats, meter.stopping) == (0, 0, 0, False)


@pytest.fixture
def replaced(meter: Meter) -> Iterator[Meter]:
    before = progress.use_meter(meter)
    yield before
    progress.use_meter(before)


def test_a_process_has_one_meter_that_may_be_replaced(replaced: Meter, meter: Meter) -> None:
    assert progress.meter() is meter
    assert progress.use_meter(replaced) is meter
    assert progress.meter() is replaced


def _work(cells: MutableSequence[int], ready: object) -> None:
    meter = Meter(cells)
    meter.process_id = os.getpid()
    progress.use_meter(meter)
    ready.set()  # type: ignore[attr-defined]
    try:
        while True:
            progress.meter().moved(1)
    except CancelledError:
        meter.finished(7)


def test_counts_and_the_word_to_stop_cross_between_processes() -> None:
    context = multiprocessing.get_context("spawn")
    cells = context.RawArray("q", METER_LENGTH)
    ready = context.Event()
    worker = context.Process(target=_work, args=(cells, ready))
    worker.start()
    try:
        meter = Meter(cells)
        assert ready.wait(60)
        assert meter.process_id == worker.pid
        meter.ask_to_stop()
        worker.join(60)
        assert worker.exitcode == 0
        assert meter.files_finished == 7
        assert meter.bytes_moved >= 1
    finally:
        worker.kill()
        worker.join()
        worker.close()
