from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from verifier import progress
from verifier.engine import Cancelled, Done, Engine, Lost
from verifier.engine.backlog import Backlog
from verifier.errors import AccessDeniedError, UsageError


def double(number: int) -> int:
    progress.meter().moved(10)
    progress.meter().finished()
    return 2 * number


def refuse(number: int) -> int:
    raise AccessDeniedError(f"no entry for {number}", hint="ask for it")


def run_out_of_memory(number: int) -> int:
    progress.meter().moved(10)
    _CALLS.append(number)
    if len(_CALLS) <= number:
        raise MemoryError
    return number


_CALLS: list[int] = []


def move_slowly(steps: int) -> str:
    for _ in range(steps):
        progress.meter().moved(1)
        time.sleep(0.01)
    return "moved"


def move_until_stopped(_payload: int) -> str:
    try:
        while True:
            progress.meter().beat()
            time.sleep(0.001)
    except progress.CancelledError:
        return "partial"


def interrupt(_payload: int) -> None:
    raise KeyboardInterrupt


def own_process(_payload: int) -> int:
    return os.getpid()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(workers=1) as engine:
        yield engine


def test_tasks_are_done_in_the_process_itself(engine: Engine) -> None:
    assert list(engine.map(own_process, [(0, 0)])) == [Done(number=0, answer=os.getpid(), attempts=1)]


def test_each_task_is_pulled_only_when_the_last_is_answered(engine: Engine) -> None:
    pulled: list[int] = []

    def tasks() -> Iterator[tuple[int, int]]:
        for number in range(5):
            pulled.append(number)
            yield number, number

    for answered, answer in enumerate(engine.map(double, tasks()), 1):
        assert answer == Done(number=answered - 1, answer=2 * (answered - 1), attempts=1)
        assert len(pulled) == answered
    assert (engine.bytes_moved, engine.files_finished) == (50, 5)


def test_the_meter_of_the_process_is_itself_again_afterwards(engine: Engine) -> None:
    before = progress.meter()
    for _ in engine.map(double, [(0, 0), (1, 1)]):
        assert progress.meter() is before


def test_an_error_that_is_meant_to_be_read_ends_its_task_alone(engine: Engine) -> None:
    first, second = engine.map(refuse, [(0, 0), (1, 1)])
    assert isinstance(first, Lost)
    assert isinstance(second, Lost)
    assert (first.number, first.cause, first.attempts) == (0, "no entry for 0", 1)
    assert type(second.error) is AccessDeniedError


@pytest.mark.parametrize(
    ("failures", "answer", "moved"),
    [
        (2, Done(number=7, answer=2, attempts=3), 10),
        (3, Lost(number=7, cause="out of memory", attempts=3), 0),
    ],
)
def test_a_lack_of_memory_is_tried_three_times_and_counted_once(
    engine: Engine, failures: int, answer: object, moved: int
) -> None:
    _CALLS.clear()
    assert list(engine.map(run_out_of_memory, [(7, failures)])) == [answer]
    assert engine.bytes_moved == moved


def test_a_bug_and_an_interrupt_are_raised_as_they_are(engine: Engine) -> None:
    with pytest.raises(TypeError):
        list(engine.map(double, [(0, None)]))  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        list(engine.map(interrupt, [(0, 0)]))


def test_what_could_not_go_to_another_process_is_refused_here_too(engine: Engine) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError), match="pickle"):
        engine.map(lambda payload: payload, [(0, 0)])


def test_progress_is_told_within_a_task(engine: Engine) -> None:
    seen: list[int] = []
    list(engine.map(move_slowly, [(0, 60)], on_progress=lambda: seen.append(engine.bytes_moved)))
    assert 4 <= len(seen) <= 12
    assert seen == sorted(seen)
    assert seen[1] > 0
    count = len(seen)
    list(engine.map(move_slowly, [(0, 20)]))
    assert len(seen) == count, "the listener of one map hears nothing of the next"


def test_stop_is_seen_at_the_next_count_and_between_tasks(engine: Engine) -> None:
    pulled: list[int] = []

    def tasks() -> Iterator[tuple[int, int]]:
        for number in range(100):
            pulled.append(number)
            yield number, 1000

    answers: list[Any] = list(
        engine.map(move_slowly, tasks(), on_progress=lambda: engine.stop() if engine.bytes_moved > 5 else None)
    )
    assert (answers, pulled) == ([Cancelled(number=0)], [0])
    assert engine.stopping
    assert list(engine.map(double, [(0, 0)])) == []


def test_what_a_function_returns_when_asked_to_stop_is_done(engine: Engine) -> None:
    threading.Timer(0.1, engine.stop).start()
    assert list(engine.map(move_until_stopped, [(0, 0), (1, 1)])) == [Done(number=0, answer="partial", attempts=1)]


def test_no_workers_is_a_mistake_of_the_user() -> None:
    with pytest.raises(UsageError, match="at least 1 worker, got 0"):
        Engine(workers=0)


def test_a_task_that_killed_a_worker_goes_to_another_slot_before_new_ones() -> None:
    backlog = Backlog([(0, "a"), (1, "b"), (2, "c")])
    first = backlog.take(0, same_slot=False)
    assert first is not None
    first.last_slot = 0
    backlog.give_back(first)
    new = backlog.take(0, same_slot=False)
    assert new is not None
    assert new.number == 1, "not to the slot where it died, while there is other work"
    assert backlog.take(1, same_slot=False) is first
    backlog.give_back(first)
    backlog.pull_ahead()
    assert [task.number for task in backlog.drain()] == [0, 2]
    assert not backlog
    assert backlog.take(1, same_slot=True) is None
