"""What workers are let do before their first task, and that nothing of it can cost a task more than an attempt."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.engine import Done, Engine

sys.path.insert(0, str(Path(__file__).parent))  # a spawned interpreter gets this path, too
import worker_tasks as work


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(workers=2, stall_seconds=20, grace_seconds=5) as engine:
        yield engine


def _doubled(engine: Engine) -> dict[int, Done[int]]:
    answers = {answer.number: answer for answer in engine.map(work.double, [(n, n) for n in range(20)])}
    assert all(isinstance(answer, Done) and answer.answer == 2 * number for number, answer in answers.items())
    assert len(answers) == 20
    return answers  # type: ignore[return-value]


def test_every_worker_has_made_the_call_before_its_first_task(engine: Engine, tmp_path: Path) -> None:
    engine.begin_ahead(work.sign, tmp_path)
    answers = engine.map(work.signed, ((number, tmp_path) for number in range(40)))
    told = [answer.answer for answer in answers if isinstance(answer, Done)]
    assert len(told) == 40
    assert len({worker for worker, _ in told}) == 2
    assert all(signed for _, signed in told)


def test_the_call_is_not_waited_for(engine: Engine) -> None:
    began = time.monotonic()
    engine.begin_ahead(work.nap, 4.0)
    assert time.monotonic() - began < 3


def test_a_call_that_fails_costs_nothing(engine: Engine) -> None:
    engine.begin_ahead(work.have_a_bug, 1)
    assert {answer.attempts for answer in _doubled(engine).values()} == {1}


def test_a_call_that_kills_its_worker_costs_an_attempt_at_most(engine: Engine) -> None:
    engine.begin_ahead(work.die_if, -1)
    assert {answer.attempts for answer in _doubled(engine).values()} <= {1, 2}


def test_a_call_that_hangs_ends_as_a_stall_with_its_worker(tmp_path: Path) -> None:
    with Engine(workers=2, stall_seconds=0.5) as engine:
        engine.begin_ahead(work.hang, tmp_path)
        assert {answer.attempts for answer in _doubled(engine).values()} <= {1, 2}


def test_what_was_counted_before_the_first_task_is_not_the_tasks(engine: Engine) -> None:
    engine.begin_ahead(work.count_bytes, 1000)
    _doubled(engine)
    assert engine.bytes_moved == 0


def test_nothing_is_begun_in_the_process_itself_or_after_a_stop(tmp_path: Path) -> None:
    with Engine(workers=1) as engine:
        engine.begin_ahead(work.sign, tmp_path)
    with Engine(workers=2) as engine:
        engine.stop()
        engine.begin_ahead(work.sign, tmp_path)
    assert list(tmp_path.iterdir()) == []
