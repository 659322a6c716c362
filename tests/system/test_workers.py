from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from verifier.engine import Cancelled, Done, Engine, Lost
from verifier.errors import AccessDeniedError, EngineError

sys.path.insert(0, str(Path(__file__).parent))  # a spawned interpreter gets this path, too
import worker_tasks as work

_OTHERS: set[int] = set()


def living_children() -> set[int]:
    """Return the workers of this process that still run: its children, and those of the server they are forked from.

    Servers that other tests keep running for their session were there before, and are none.
    """
    parents: dict[int, int] = {}
    servers = {os.getpid()}
    helpers = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(folder.name)] = parent
        if b"resource_tracker" in command:
            helpers.add(int(folder.name))
        elif b"multiprocessing.forkserver" in command and parent == os.getpid():
            helpers.add(int(folder.name))
            servers.add(int(folder.name))
    return {process for process, parent in parents.items() if parent in servers} - helpers - _OTHERS


def alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    _OTHERS.clear()
    _OTHERS.update(living_children())
    yield
    assert not living_children()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(workers=2, stall_seconds=20, grace_seconds=5) as engine:
        yield engine


def by_number(answers: Iterator[Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for answer in answers:
        assert answer.number not in found, "two answers for one task"
        found[answer.number] = answer
    return found


def test_every_task_is_done_by_two_processes_that_stay(engine: Engine) -> None:
    assert by_number(engine.map(work.double, ((n, n) for n in range(50)))) == {
        n: Done(number=n, answer=2 * n, attempts=1) for n in range(50)
    }
    workers = {answer.answer for answer in by_number(engine.map(work.who, ((n, None) for n in range(20)))).values()}
    assert len(workers) <= 2
    assert os.getpid() not in workers
    assert workers <= living_children()


def test_answers_come_in_order_of_completion(engine: Engine) -> None:
    list(engine.map(work.double, [(0, 0), (1, 1)]))  # both workers have begun
    assert [answer.number for answer in engine.map(work.nap, [(0, 1.0), (1, 0.0), (2, 0.1)])] == [1, 2, 0]


def test_tasks_are_pulled_as_slots_become_free(engine: Engine) -> None:
    pulled = 0

    def tasks() -> Iterator[tuple[int, int]]:
        nonlocal pulled
        for number in range(100):
            pulled += 1
            yield number, number

    for answered, _ in enumerate(engine.map(work.double, tasks()), 1):
        # Two in the slots, answered ones that are about to be told (at most two), one ahead.
        assert pulled <= answered + 2 + 2 + 1
    assert pulled == 100


def test_a_worker_that_is_killed_costs_one_attempt_and_is_not_counted_twice(engine: Engine, tmp_path: Path) -> None:
    answers = by_number(engine.map(work.count_then_die_once, [(n, tmp_path / f"{n}") for n in range(3)]))
    assert {type(answer) for answer in answers.values()} == {Done}
    assert [answers[n].attempts for n in range(3)] == [2, 2, 2]
    assert (engine.bytes_moved, engine.files_finished) == (3000, 30)


@pytest.mark.parametrize(
    ("function", "cause"),
    [(work.die_if, "the worker was killed by SIGKILL"), (work.exit_if, "the worker ended with exit code 7")],
)
def test_a_task_that_always_kills_its_worker_is_lost_and_all_others_are_done(
    engine: Engine, function: Callable[[int], int], cause: str
) -> None:
    answers = by_number(engine.map(function, [(n, -1 if n == 5 else n) for n in range(30)]))
    assert answers.pop(5) == Lost(number=5, cause=cause, attempts=3)
    assert answers == {n: Done(number=n, answer=n, attempts=1) for n in range(30) if n != 5}


def test_the_last_task_of_all_may_be_the_one_that_kills(engine: Engine) -> None:
    assert list(engine.map(work.die_if, [(0, -1)])) == [
        Lost(number=0, cause="the worker was killed by SIGKILL", attempts=3)
    ]


def test_a_worker_that_hangs_is_killed_with_the_tool_it_waits_for(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with Engine(workers=2, stall_seconds=1) as engine:
        began = time.monotonic()
        answers = by_number(engine.map(work.hang_once, [(0, marker)]))
        assert time.monotonic() - began < 10
    assert answers == {0: Done(number=0, answer="done", attempts=2)}
    assert wait_until(lambda: not alive(int(marker.read_text())), 2)


def test_a_task_that_always_hangs_is_lost_with_its_cause() -> None:
    with Engine(workers=2, stall_seconds=0.3) as engine:
        assert list(engine.map(work.nap, [(0, 600.0)])) == [Lost(number=0, cause="no progress for 0.3 s", attempts=3)]


def test_work_that_beats_does_not_stall() -> None:
    with Engine(workers=2, stall_seconds=0.8) as engine:
        assert list(engine.map(work.beat_for, [(0, 2.0)])) == [Done(number=0, answer=2.0, attempts=1)]


def test_a_worker_out_of_memory_costs_one_attempt(engine: Engine, tmp_path: Path) -> None:
    answers = by_number(engine.map(work.run_out_of_memory_once, [(n, tmp_path / f"{n}") for n in range(2)]))
    # In a fresh worker the limit is gone; in the one that ran out of memory it would strike again.
    assert answers == {n: Done(number=n, answer=str(256 * work.MIB), attempts=2) for n in range(2)}


def test_the_tool_of_a_killed_worker_ends_with_it(engine: Engine, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    assert by_number(engine.map(work.kill_own_worker_beside_a_tool, [(0, marker)]))[0].attempts == 2
    assert wait_until(lambda: not alive(int(marker.read_text())), 2)


def test_an_idle_worker_that_died_costs_nothing(engine: Engine) -> None:
    (worker,) = {answer.answer for answer in engine.map(work.who, [(0, None)])}
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: not alive(worker), 2)
    time.sleep(0.2)
    answers = by_number(engine.map(work.double, [(n, n) for n in range(4)]))
    assert {answer.attempts for answer in answers.values()} == {1}


def test_an_error_that_is_meant_to_be_read_ends_its_task_alone(engine: Engine) -> None:
    answers = by_number(engine.map(work.refuse, [(0, 0), (1, 1)]))
    for number, answer in answers.items():
        assert (answer.cause, answer.attempts) == (f"no entry for {number}", 1)
        assert type(answer.error) is AccessDeniedError
        assert answer.error.hint == "ask for it"
    assert len(answers) == 2


def test_a_bug_is_raised_with_the_workers_traceback_after_all_workers_ended(engine: Engine) -> None:
    list(engine.map(work.double, [(n, n) for n in range(4)]))
    with pytest.raises(ZeroDivisionError) as caught:
        list(engine.map(work.have_a_bug, [(0, 0), (1, 1)]))
    assert "have_a_bug" in str(caught.value.__cause__)
    assert not living_children()


@pytest.mark.parametrize(
    ("function", "told"),
    [(work.have_an_unportable_bug, "UnportableError: spelt0"), (work.leave, "SystemExit: 0")],
)
def test_a_bug_that_cannot_be_handed_over_is_told(engine: Engine, function: Callable[[int], int], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        list(engine.map(function, [(0, 0)]))


def test_only_what_can_be_pickled_is_taken(engine: Engine) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError), match="pickle"):
        engine.map(lambda payload: payload, [(0, 0)])
    with pytest.raises(Exception, match="pickle"):
        list(engine.map(work.double, [(0, (n for n in ()))]))  # type: ignore[list-item]
    with pytest.raises(Exception, match="pickle"):
        list(engine.map(work.answer_with_a_lambda, [(0, 0)]))


def test_an_error_of_the_tasks_reaches_the_caller_and_leaves_no_worker(engine: Engine) -> None:
    def tasks() -> Iterator[tuple[int, float]]:
        yield 0, 600.0
        raise KeyError("the plan broke")

    with pytest.raises(KeyError, match="the plan broke"):
        list(engine.map(work.nap, tasks()))
    assert wait_until(lambda: not living_children(), 2)


def test_a_caller_that_walks_away_leaves_no_work_behind(engine: Engine) -> None:
    answers = engine.map(work.nap, [(0, 0.0), (1, 600.0)])
    assert next(answers).number == 0
    answers.close()  # type: ignore[attr-defined]
    assert by_number(engine.map(work.double, [(n, n) for n in range(4)])).keys() == set(range(4))


def test_one_map_at_a_time(engine: Engine) -> None:
    first = engine.map(work.double, [(0, 0), (1, 1)])
    next(first)
    with pytest.raises(RuntimeError, match="another map"):
        next(engine.map(work.double, [(0, 0)]))
    assert len(list(first)) == 1


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        (work.until_asked_to_stop, Cancelled(number=0)),
        (work.partial_when_asked_to_stop, Done(number=0, answer="partial", attempts=1)),
    ],
)
def test_stop_asks_the_workers_and_pulls_no_more(
    engine: Engine, tmp_path: Path, function: Callable[[Path], str], answer: object
) -> None:
    pulled: list[int] = []

    def tasks() -> Iterator[tuple[int, Path]]:
        for number in range(100):
            pulled.append(number)
            yield number, tmp_path

    def stop_when_both_work() -> None:
        if len(list(tmp_path.iterdir())) == 2:
            engine.stop()

    began = time.monotonic()
    answers = by_number(engine.map(function, tasks(), on_progress=stop_when_both_work))
    assert time.monotonic() - began < 4
    assert answers[0] == answer
    assert type(answers[1]) is type(answer)
    assert answers.keys() == set(pulled)
    assert len(pulled) <= 3
    assert list(engine.map(work.double, [(0, 0)])) == []


@pytest.mark.parametrize(("grace_seconds", "calls"), [(0.5, 1), (60, 2)])
def test_the_deaf_are_killed_after_the_grace_or_at_the_second_word(
    tmp_path: Path, grace_seconds: float, calls: int
) -> None:
    with Engine(workers=2, grace_seconds=grace_seconds) as engine:

        def stop_from_another_thread() -> None:
            wait_until(lambda: len(list(tmp_path.iterdir())) == 2, 10)
            for _ in range(calls):
                engine.stop()

        thread = threading.Thread(target=stop_from_another_thread)
        thread.start()
        answers = by_number(engine.map(work.deaf, ((n, tmp_path) for n in range(10))))
        thread.join()
        assert answers == {n: Cancelled(number=n) for n in answers}
        assert 2 <= len(answers) <= 3
        assert wait_until(lambda: not living_children(), 2)


def test_what_died_is_not_attempted_again_after_stop(engine: Engine, tmp_path: Path) -> None:
    answers = engine.map(work.deaf, ((n, tmp_path) for n in range(2)))
    thread = threading.Thread(target=lambda: wait_until(lambda: len(list(tmp_path.iterdir())) == 2, 10))

    def stop_and_kill() -> None:
        thread.join()
        engine.stop()
        for process in living_children():
            os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=stop_and_kill)
    thread.start()
    killer.start()
    assert by_number(answers) == {n: Cancelled(number=n) for n in range(2)}
    killer.join()


def test_a_worker_has_its_own_session_and_is_private_and_deaf(engine: Engine) -> None:
    (answer,) = engine.map(work.circumstances, [(0, None)])
    assert isinstance(answer, Done)
    assert answer.answer == {
        "leads its session": True,
        "umask": 0o077,
        "meter knows the process": True,
        "tool ended by": -signal.SIGTERM,
        "held signals": 0,
    }


def test_preload_is_imported_before_the_first_task() -> None:
    with Engine(workers=2, preload=("xml.sax.saxutils",)) as engine:
        assert [a.answer for a in engine.map(work.loaded, [(0, "xml.sax.saxutils")]) if isinstance(a, Done)] == [True]


def test_the_start_of_a_worker_is_no_stall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time; time.sleep(1)")
    monkeypatch.syspath_prepend(tmp_path)
    with Engine(workers=2, stall_seconds=0.3, preload=("slow_to_import",)) as engine:
        assert list(engine.map(work.double, [(0, 1)])) == [Done(number=0, answer=2, attempts=1)]


def test_workers_that_cannot_begin_are_told() -> None:
    with (
        Engine(workers=2, preload=("there_is_no_such_module",)) as engine,
        pytest.raises(EngineError, match="workers can't be started: the worker ended with exit code"),
    ):
        list(engine.map(work.double, [(0, 0)]))


def test_progress_is_told_ten_times_a_second_and_seen_within_a_task(engine: Engine, tmp_path: Path) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(engine.bytes_moved)
        if len(seen) > 15:
            engine.stop()

    list(engine.map(work.double, [(0, 0), (1, 1)]))
    began = time.monotonic()
    list(engine.map(work.until_asked_to_stop, [(0, tmp_path)], on_progress=look))
    assert 1.3 < time.monotonic() - began < 6
    assert seen == sorted(seen)
    assert 0 < seen[5] < seen[10]


def test_a_worker_may_die_with_a_large_payload_on_its_way(engine: Engine) -> None:
    list(engine.map(work.double, [(0, 0), (1, 1)]))
    (process,) = {a.answer for a in engine.map(work.who, [(0, None)]) if isinstance(a, Done)}
    os.kill(process, signal.SIGSTOP)
    threading.Timer(0.5, os.kill, (process, signal.SIGKILL)).start()
    payloads = [(n, bytes(4 * work.MIB)) for n in range(6)]
    answers = by_number(engine.map(work.size_of, payloads))
    assert {n: answer.answer for n, answer in answers.items()} == dict.fromkeys(range(6), 4 * work.MIB)


def start_main(kind: str, folder: Path, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", work.__file__, kind, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=cwd,
    )


def test_workers_and_their_tools_end_within_two_seconds_of_the_kill_of_their_parent(tmp_path: Path) -> None:
    with start_main("killed", tmp_path) as main:
        assert wait_until(lambda: len(list(tmp_path.glob("*.tool"))) == 2, 20)
        processes = [int(file.stem) for file in tmp_path.glob("[0-9]*.*")]
        assert len(processes) == 4
        assert all(alive(process) for process in processes)
        main.kill()
        assert wait_until(lambda: not any(alive(process) for process in processes), 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_is_the_parents_alone(tmp_path: Path, number: signal.Signals) -> None:
    with start_main("stopped", tmp_path) as main:
        assert wait_until(lambda: len(list(tmp_path.glob("*.begun"))) == 2, 20)
        workers = [int(file.stem) for file in tmp_path.glob("*.begun")]
        for process in workers:  # as the end of a whole control group would come
            os.kill(process, number)
        os.killpg(main.pid, number)
        out, err = main.communicate(timeout=10)
    assert (out.splitlines().count("Done partial"), err, main.returncode) == (2, "", 0)


def test_ctrl_c_while_workers_start_is_no_death_of_theirs(tmp_path: Path) -> None:
    with start_main("stopped", tmp_path) as main:
        assert wait_until((tmp_path / "ready").exists, 20)
        for _ in range(10):  # in the time that the workers' interpreters take to start
            os.killpg(main.pid, signal.SIGINT)
            time.sleep(0.01)
        _, err = main.communicate(timeout=15)
    assert (err, main.returncode) == ("", 0)


def test_no_module_is_imported_from_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "cwd").mkdir()
    (tmp_path / "state").mkdir()
    for name in ("multiprocessing", "signal", "verifier", "socket", "struct"):
        (tmp_path / "cwd" / f"{name}.py").write_text("open('ran', 'w')")
    with start_main("stopped", tmp_path / "state", cwd=tmp_path / "cwd") as main:
        assert wait_until(lambda: len(list((tmp_path / "state").glob("*.begun"))) == 2, 20)
        main.terminate()
        _, err = main.communicate(timeout=10)
    assert (err, main.returncode) == ("", 0)
    assert not (tmp_path / "cwd" / "ran").exists()


@pytest.mark.parametrize("tasks", [0, 2])
def test_closing_twice_is_fine_and_leaves_no_process_behind(tasks: int) -> None:
    before = set(multiprocessing.active_children())
    engine = Engine(workers=2)
    assert len(list(engine.map(work.double, ((number, number) for number in range(tasks))))) == tasks
    assert len(set(multiprocessing.active_children()) - before) == tasks
    for _ in range(2):
        engine.close()
        assert set(multiprocessing.active_children()) <= before


def test_close_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with Engine(workers=3) as engine:
        list(engine.map(work.die_if, [(n, -1 if n == 2 else n) for n in range(6)]))
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("slots", [1, 3])
def test_over_threads_of_somebody_else(slots: int) -> None:
    with ThreadPoolExecutor(max_workers=slots) as executor:
        with Engine.over(executor, slots=slots) as engine:
            answers = by_number(engine.map(work.double, ((n, n) for n in range(20))))
        assert answers == {n: Done(number=n, answer=2 * n, attempts=1) for n in range(20)}
        assert executor.submit(work.double, 4).result() == 8, "the executor is its owner's to close"


def test_over_processes_of_somebody_else_counts_come_with_the_answers() -> None:
    with (
        ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as executor,
        Engine.over(executor, slots=2) as engine,
    ):
        assert len(by_number(engine.map(work.die_if, [(n, n) for n in range(20)]))) == 20
        assert engine.bytes_moved == 20
        refused = by_number(engine.map(work.refuse, [(0, 0)]))[0]
        assert type(refused.error) is AccessDeniedError
        with pytest.raises(EngineError, match="takes no more tasks"):
            list(engine.map(work.die_if, [(0, -1)]))


def test_over_stop_leaves_alone_what_goes_on_after_the_grace() -> None:
    release = threading.Event()
    _EVENTS.append(release)
    with ThreadPoolExecutor(max_workers=1) as executor:
        engine = Engine.over(executor, slots=2, grace_seconds=0.3)
        threading.Timer(0.3, engine.stop).start()
        answers = by_number(engine.map(wait_for_event, ((n, 0) for n in range(9))))
        assert answers == {n: Cancelled(number=n) for n in range(3)}
        release.set()


_EVENTS: list[threading.Event] = []


def wait_for_event(number: int) -> bool:
    return _EVENTS[number].wait(30)
