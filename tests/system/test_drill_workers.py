"""A worker that dies, hangs or finds no memory costs one batch at most, and never the drill."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from drill_processes import Ended, Home, assert_whole, comes, many, read_outcomes

FILES = 720
BATCH_FILES = 64
SAMPLE = ("--sample", str(FILES), "--seed", "ab" * 32)
DEADLY = "003/000333.jpg"
STALL_SECONDS = 1.0
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are seen through /proc")

IMPATIENT = f"""
import dataclasses, sys
from verifier.cli import drilling
from verifier.cli.main import main
patient = drilling.surroundings
drilling.surroundings = lambda *given: dataclasses.replace(patient(*given), stall_seconds={STALL_SECONDS})
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("dataset")).fill(many(FILES))


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


def troubled(home: Home, trouble: str, *, times: int, workers: int, stall: bool = False) -> Ended:
    """Drill a copy of which one file makes trouble for the process that reads it, so many times."""
    left = home.root / "times"
    left.write_bytes(b"x" * times)
    environment = {
        "VERIFIER_TEST_TROUBLE": trouble,
        "VERIFIER_TEST_TROUBLE_AT": DEADLY,
        "VERIFIER_TEST_TROUBLE_TIMES": str(left),
    }
    command: Mapping[str, Any] = {"command": (sys.executable, "-c", IMPATIENT)} if stall else {}
    with home.start(*home.prove, *SAMPLE, "--workers", str(workers), env=environment, **command) as running:
        ended = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert left.stat().st_size == 0, "the trouble came as often as was meant"
    assert_whole(ended.bundle)
    assert home.scratch_files() == []
    return ended


def attempts(ended: Ended) -> dict[int, list[str]]:
    """Return the paths of all drawn entries by the number of attempts."""
    found: dict[int, list[str]] = {}
    for line in read_outcomes(ended.bundle):
        found.setdefault(line["attempts"], []).append(line["path"])
    return found


def assert_passed(ended: Ended) -> None:
    assert (ended.code, ended.result) == (0, "PASSED"), ended.stderr
    assert ended.copy.proven.files == ended.copy.planned.files == FILES
    assert ended.copy.measured["bytes_restored"] == ended.copy.planned.bytes, "what came to nothing is not counted"


@pytest.mark.parametrize(
    ("trouble", "workers", "times"),
    [("die", 2, 1), ("die", 2, 2), ("hang", 2, 1), ("want memory", 2, 1), ("want memory", 1, 2)],
)
def test_trouble_costs_an_attempt_at_one_batch(home: Home, trouble: str, workers: int, times: int) -> None:
    ended = troubled(home, trouble, times=times, workers=workers, stall=trouble == "hang")
    assert_passed(ended)
    by_attempts = attempts(ended)
    assert by_attempts.keys() == {1, times + 1}
    assert DEADLY in by_attempts[times + 1]
    assert len(by_attempts[times + 1]) == BATCH_FILES


@pytest.mark.parametrize(
    ("trouble", "workers", "detail"),
    [
        ("die", 2, "the worker was killed by SIGKILL"),
        ("hang", 2, "no progress for 1 s"),
        ("want memory", 2, "out of memory"),
        ("want memory", 1, "out of memory"),
    ],
)
def test_trouble_without_end_costs_one_batch_and_not_the_drill(
    home: Home, trouble: str, workers: int, detail: str
) -> None:
    ended = troubled(home, trouble, times=3, workers=workers, stall=trouble == "hang")
    assert (ended.code, ended.result) == (3, "INCONCLUSIVE")
    copy = ended.copy
    assert copy.planned.files == FILES
    assert copy.proven.files == FILES - BATCH_FILES
    assert {reason: count.files for reason, count in copy.counts.items()} == {"INTERRUPTED": BATCH_FILES}
    assert DEADLY in {one.path for one in copy.unrestored}
    assert {one.detail for one in copy.unrestored} == {detail}
    assert len(attempts(ended)[3]) == BATCH_FILES
    assert copy.assurance is not None
    assert copy.assurance.bad == BATCH_FILES, "what could not be told is not counted as good"


@pytest.mark.parametrize("which", ["a worker", "every worker", "every helper"])
def test_processes_that_are_killed_from_outside(home: Home, which: str) -> None:
    with home.start(*home.prove, *SAMPLE, "--workers", "2", read_seconds=0.0005) as running:
        running.until_batches(2)
        workers = running.workers()
        assert len(workers) == 2
        helpers = running.processes() - {running.pid}
        for process in {"a worker": workers[:1], "every worker": workers, "every helper": sorted(helpers)}[which]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        ended = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert_passed(ended)
    by_attempts = attempts(ended)
    lost = sum(len(paths) for tries, paths in by_attempts.items() if tries > 1)
    assert set(by_attempts) <= {1, 2}
    assert lost <= (BATCH_FILES if which == "a worker" else 2 * BATCH_FILES)  # less: one had no batch at that moment
    assert home.scratch_files() == []


def test_a_worker_that_is_stopped_is_replaced(home: Home) -> None:
    impatient = (sys.executable, "-c", IMPATIENT)
    with home.start(*home.prove, *SAMPLE, "--workers", "2", read_seconds=0.0005, command=impatient) as running:
        running.until_batches(2)
        os.kill(running.workers()[0], signal.SIGSTOP)
        ended = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert_passed(ended)
    assert len(attempts(ended)[2]) == BATCH_FILES
