"""A drill that is asked to stop leaves a whole bundle of what it did, an empty scratch, and no process."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from drill_processes import Ended, Home, Running, assert_one_outcome_each, assert_whole, comes, many, read_outcomes

FILES = 1_200
SLOW = 0.0005
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are seen through /proc")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("dataset")).fill(many(FILES))


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


def assert_interrupted(ended: Ended, home: Home) -> None:
    assert ended.code == 130, ended.stderr
    assert_whole(ended.bundle)
    assert ended.result == "INCONCLUSIVE"
    assert ended.proof.drill.interrupted
    assert "the drill was interrupted" in ended.copy.verdict.reasons
    assert home.scratch_files() == []
    assert home.count("SELECT count(*) FROM drill WHERE number IS NULL") == 0


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 2), (signal.SIGHUP, 1), (signal.SIGHUP, 2)],
)
def test_a_signal_in_the_middle_leaves_a_whole_proof_of_what_was_done(home: Home, number: int, workers: int) -> None:
    with home.start(*home.prove, "--full", "--workers", str(workers), read_seconds=SLOW) as running:
        running.until_batches(2)
        at_work = running.processes()
        running.send(number)
        ended = running.end()
        assert comes(lambda: not running.processes(), 2), running.processes()
    assert len(at_work) == 1 if workers == 1 else len(at_work) >= 4, "two workers, and the interpreter's tracker"
    assert_interrupted(ended, home)
    assert "Traceback" not in ended.stderr
    copy = ended.copy
    assert_one_outcome_each(copy)
    assert copy.planned.files == FILES
    assert 0 < copy.proven.files < FILES
    assert set(copy.counts) == {"CANCELLED"}
    assert copy.control == "not run"
    outcomes = read_outcomes(ended.bundle)
    assert len(outcomes) == len({line["path"] for line in outcomes}) == copy.counts["CANCELLED"].files
    assert {line["outcome"] for line in outcomes} == {"CANCELLED"}


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_batch_has_proven_before_the_wish_to_stop_counts(home: Home, tmp_path: Path, workers: int) -> None:
    names = tmp_path / "names"
    remember = {"VERIFIER_TEST_READ_NAMES": str(names)}
    options = ("--sample", "16", "--workers", str(workers))  # the smallest batch: there is no other
    with home.start(*home.prove, *options, read_seconds=0.05, env=remember) as running:
        copied = os.fsencode(home.copy)
        running.until(lambda: names.exists() and names.read_bytes().count(copied) > 4)
        for process in running.processes():  # as systemd stops a service
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        ended = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert_interrupted(ended, home)
    copy = ended.copy
    assert_one_outcome_each(copy)
    assert (copy.planned.files, set(copy.counts)) == (16, {"CANCELLED"})
    assert 0 < copy.proven.files < 16
    words = [line["outcome"] for line in read_outcomes(ended.bundle)]
    assert (words.count("match"), words.count("CANCELLED")) == (copy.proven.files, copy.counts["CANCELLED"].files)
    assert copy.assurance is not None
    assert copy.assurance.bad == copy.counts["CANCELLED"].files, "what was not told is not counted as good"


def test_the_drill_after_an_interrupted_one_goes_on_with_the_chain(home: Home) -> None:
    with home.start(*home.prove, "--full", "--workers", "1", read_seconds=SLOW) as running:
        running.until_batches(1)
        running.send(signal.SIGTERM)
        first = running.end()
    assert_interrupted(first, home)
    second = home.run_here(*home.prove, "--sample", "5", "--resume")
    assert second.code == 0
    drill = second.proof.drill
    assert (drill.number, drill.abandoned, drill.interrupted) == (2, (), False)
    assert second.copy.planned.files == 5, "an interrupted drill has left its proof, so it is not taken up again"
    # What was proven before the interruption is known as such.
    proven = second.copy.coverage.proven.files
    assert first.copy.proven.files <= proven <= first.copy.proven.files + 5


def test_a_signal_while_the_copy_is_listed_leaves_a_proof_of_nothing(home: Home) -> None:
    with home.start(*home.prove, "--full", "--workers", "2", list_seconds=0.2) as running:
        running.until(lambda: list(home.scratch.glob("tables/*/*")))
        running.send(signal.SIGINT)
        ended = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert_interrupted(ended, home)
    assert (ended.copy.planned.files, ended.copy.proven.files) == (0, 0)
    assert "interrupted while the copy was listed" in " ".join(ended.copy.verdict.reasons)


def test_a_signal_stops_the_copies_and_scenarios_that_are_still_to_come(home: Home, dataset: Home) -> None:
    places = {"first": dataset.copy, "second": home.another_copy("second")}
    copies = "".join(f'[[copy]]\nname = "{name}"\nat = "{place}"\n' for name, place in places.items())
    text = f'manifest = "{dataset.manifest}"\n[sample]\nfull = true\n{copies}'
    scenarios = [home.scenario("one", text), home.scenario("two", text)]
    with home.start("drill", *scenarios, "--workers", "2", read_seconds=SLOW) as running:
        running.until_batches(2)
        running.send(signal.SIGTERM)
        ended = running.end()
    assert ended.code == 130
    assert_whole(ended.bundle)
    first, second = ended.proof.copies
    assert (first.name, second.name) == ("first", "second")
    for copy in (first, second):
        assert_one_outcome_each(copy)
        assert copy.verdict.result == "INCONCLUSIVE"
        assert copy.planned.files == FILES
    assert first.proven.files > 0
    assert second.proven.files == 0
    assert not (home.reports / "two").exists()


@pytest.fixture
def stopped_worker(home: Home) -> Iterator[tuple[Running, int]]:
    """Give a drill of two workers in its middle, one of which has been stopped and so can't hear a wish."""
    with home.start(*home.prove, "--full", "--workers", "2", read_seconds=SLOW) as running:
        running.until_batches(2)
        worker = running.workers()[0]
        os.kill(worker, signal.SIGSTOP)
        yield running, worker


def test_a_second_signal_ends_a_drill_without_grace(home: Home, stopped_worker: tuple[Running, int]) -> None:
    running, _ = stopped_worker
    running.send(signal.SIGINT)
    running.until(lambda: "once more to stop without grace" in running.said())
    time.sleep(0.3)
    assert running.process.poll() is None, "the grace is for a worker that does not answer yet"
    running.send(signal.SIGINT)
    began = time.monotonic()
    ended = running.end()
    assert time.monotonic() - began < 5
    assert_interrupted(ended, home)
    assert_one_outcome_each(ended.copy)
    assert comes(lambda: not running.processes(), 2), "a stopped worker is killed, too"


def test_a_terminal_that_is_closed_ends_a_drill_in_good_order(home: Home) -> None:
    ours, theirs = pty.openpty()

    def take_the_terminal() -> None:
        os.setsid()
        os.ttyname(2)
        import fcntl  # noqa: PLC0415 - runs in the child
        import termios  # noqa: PLC0415 - runs in the child

        fcntl.ioctl(2, termios.TIOCSCTTY, 0)

    terminal = {"stderr": theirs, "stdout": theirs, "start_new_session": False, "preexec_fn": take_the_terminal}
    with home.start(*home.prove, "--full", "--workers", "2", read_seconds=SLOW, **terminal) as running:
        os.close(theirs)
        running.until_batches(2)
        os.close(ours)  # the kernel sends SIGHUP, and from here on nothing can be said any more
        ended = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert_interrupted(ended, home)
    assert_one_outcome_each(ended.copy)


def test_whoever_reads_the_talk_may_go_away(home: Home) -> None:
    with home.start(*home.prove, "--sample", "30", stderr=subprocess.PIPE, read_seconds=0.005) as running:
        assert running.process.stderr is not None
        running.process.stderr.close()
        ended = running.end()
    assert ended.code == 0
    assert_whole(ended.bundle)
    assert ended.result == "PASSED"


def test_a_signal_is_heard_while_nobody_reads_the_talk(home: Home) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    # The summary is the first thing said here, and it blocks: the signal arrives in the middle of a write.
    with home.start(*home.prove, "--sample", "3", "--workers", "1", stderr=writing) as running:
        os.close(writing)
        running.until(lambda: home.bundles() and home.count("SELECT count(*) FROM proven"))
        comes(lambda: "pipe_write" in Path(f"/proc/{running.pid}/wchan").read_text(), 1)
        running.send(signal.SIGTERM)
        time.sleep(0.2)
        assert running.process.poll() is None
        said = b""
        while chunk := os.read(reading, 65536):
            said += chunk
        os.close(reading)
        ended = running.end()
    assert b"Traceback" not in said
    assert ended.code == 0, "everything was done when the signal came"
    assert_whole(ended.bundle)


def test_a_drill_under_nohup_goes_on_when_its_terminal_is_closed(home: Home) -> None:
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    with home.start(*home.prove, "--sample", "60", "--workers", "1", read_seconds=SLOW, **ignoring) as running:
        running.until_batches(1)
        running.send(signal.SIGHUP)
        ended = running.end()
    assert (ended.code, ended.result) == (0, "PASSED")


def test_an_interrupted_drill_prints_its_proof_too(home: Home) -> None:
    with home.start(*home.prove, "--full", "--json", "--workers", "2", read_seconds=SLOW) as running:
        running.until_batches(1)
        running.send(signal.SIGINT)
        ended = running.end()
    assert_interrupted(ended, home)
    assert ended.stdout == (ended.bundle / "proof.json").read_bytes()
    assert json.loads(ended.stdout)["drill"]["interrupted"] is True
