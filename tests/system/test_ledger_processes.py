"""Killed in the middle, nothing that was committed is lost; two processes at once wait or are refused."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.errors import BusyError, LedgerError
from verifier.ledger import BeginDrill, CopyResult, Ledger, claim_scenario, database

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-11-22T18:30:00Z"
PRELUDE = """
import itertools, os, sys, time
from pathlib import Path
from verifier.errors import BusyError, LedgerError
from verifier.ledger import *
state, AT = Path(sys.argv[1]), "2026-11-22T18:30:00Z"
def drill(name):
    seed = name.encode().rjust(32, b"s")
    return BeginDrill(scenario="photos", id=name, started_at=AT, seed=seed, planned={}, options="")
def say(text):
    os.write(1, f"{text}\\n".encode())
"""

Children = list[subprocess.Popen[str]]


@pytest.fixture
def children() -> Iterator[Children]:
    started: Children = []
    yield started
    for child in started:
        child.kill()
        child.communicate()


def start(children: Children, state: Path, code: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    children.append(child)
    return child


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    assert select.select([child.stdout], [], [], 60)[0], "the child says nothing"
    return child.stdout.readline().strip()


def drill(name: str) -> BeginDrill:
    return BeginDrill(scenario="photos", id=name, started_at=AT, seed=b"s" * 32, planned={}, options="")


def test_killed_while_saving_batches_keeps_every_batch_that_was_acknowledged(
    tmp_path: Path, children: Children
) -> None:
    child = start(
        children,
        tmp_path,
        """
ledger = Ledger.open(state)
ledger.begin(drill("a"))
for number in itertools.count():
    ledger.save_batch("a", "nas", number, b"f%d" % number, b"o" * 30_000)
    say(number)
""",
    )
    acknowledged = -1
    while acknowledged < 50:
        acknowledged = int(line(child))
    child.send_signal(signal.SIGKILL)
    assert child.stdout is not None
    acknowledged = max([acknowledged, *(int(one) for one in child.stdout.read().split("\n")[:-1])])
    with Ledger.open(tmp_path) as ledger:
        (unfinished,) = ledger.unfinished("photos")
        assert (unfinished.id, unfinished.seed) == ("a", b"a".rjust(32, b"s"))
        batches = list(ledger.saved_batches("a", "nas"))
        assert [number for number, _ in batches] == list(range(len(batches)))
        assert len(batches) in {acknowledged + 1, acknowledged + 2}
        assert {len(outcomes) for _, outcomes in batches} == {30_000}
        assert ledger.saved_batch("a", "nas", acknowledged) == (b"f%d" % acknowledged, b"o" * 30_000)


def test_killed_while_proven_files_are_written_leaves_the_former_ones(tmp_path: Path, children: Children) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.record_proven("photos", "nas", ((b"%09d" % n, 1) for n in range(1_000)), proven_at=AT, drill_number=1)
    child = start(
        children,
        tmp_path,
        """
def rows():
    for number in itertools.count():
        if number == 300_000:
            say("in the middle")
        yield b"%09d and a long name, so that the cache can not hold them" % number, 2
Ledger.open(state).record_proven("photos", "nas", rows(), proven_at=AT, drill_number=2)
""",
    )
    assert line(child) == "in the middle"
    assert (tmp_path / "ledger.sqlite-wal").stat().st_size > 4_000_000  # much of it is in the file already
    child.kill()
    child.wait()
    with Ledger.open(tmp_path) as ledger:
        assert [(row.path, row.mark) for row in ledger.proven("photos", "nas")] == [
            (b"%09d" % number, 1) for number in range(1_000)
        ]


def test_killed_right_after_it_was_begun_the_drill_and_its_seed_are_known(tmp_path: Path, children: Children) -> None:
    child = start(
        children,
        tmp_path,
        """
Ledger.open(state).begin(drill("a"))
os.kill(os.getpid(), 9)
""",
    )
    assert child.wait(60) == -signal.SIGKILL
    with Ledger.open(tmp_path) as ledger:
        assert [(one.id, one.seed) for one in ledger.unfinished("photos")] == [("a", b"a".rjust(32, b"s"))]


def test_of_two_that_finish_as_the_same_number_one_fails(tmp_path: Path, children: Children) -> None:
    code = """
ledger = Ledger.open(state)
name = "%s"
ledger.begin(drill(name))
assert ledger.chain_head("photos") is None
say("ready")
sys.stdin.readline()
try:
    ledger.finish(name, number=1, previous=None, proof_sha256=name * 64, finished_at=AT, verdict="PASSED", copies=[])
    say("finished")
except LedgerError as error:
    say(error.message)
"""
    pair = [start(children, tmp_path, code % name) for name in "ab"]
    assert [line(child) for child in pair] == ["ready", "ready"]
    for child in pair:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [line(child) for child in pair]
    assert sorted(answer == "finished" for answer in answers) == [False, True]
    winner = "ab"[answers.index("finished")]
    assert any(f"expected number 2 after {winner * 64}" in answer for answer in answers)
    with Ledger.open(tmp_path) as ledger:
        head = ledger.chain_head("photos")
        assert head is not None
        assert (head.number, head.proof_sha256) == (1, winner * 64)
        assert len(ledger.unfinished("photos")) == 1


def test_many_that_open_a_new_ledger_at_once_all_get_it(tmp_path: Path, children: Children) -> None:
    code = """
sys.stdin.readline()
with Ledger.open(state) as ledger:
    ledger.begin(drill("%d"))
say("begun")
"""
    crowd = [start(children, tmp_path / "state", code % number) for number in range(6)]
    for child in crowd:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [line(child) for child in crowd] == ["begun"] * 6
    with Ledger.open(tmp_path / "state") as ledger:
        assert {one.id for one in ledger.unfinished("photos")} == set("012345")


WRITING = """
def rows():
    yield b"a", 1
    say("writing")
    sys.stdin.readline()
    yield b"b", 1
with Ledger.open(state) as ledger:
    ledger.record_proven("photos", "nas", rows(), proven_at=AT, drill_number=1)
say("done")
"""


def test_a_writer_waits_for_another_and_a_reader_does_not(tmp_path: Path, children: Children) -> None:
    child = start(children, tmp_path, WRITING)
    assert line(child) == "writing"
    with Ledger.open(tmp_path) as ledger:
        assert list(ledger.proven("photos", "nas")) == []
    waiter = start(
        children, tmp_path, 'ledger = Ledger.open(state)\nsay("open")\nledger.begin(drill("b"))\nsay("begun")\n'
    )
    assert line(waiter) == "open"
    time.sleep(1.2)  # longer than SQLite itself waits
    assert waiter.poll() is None
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    assert line(child) == "done"
    assert line(waiter) == "begun"


def test_opening_waits_for_one_who_has_the_new_database_to_himself(tmp_path: Path, children: Children) -> None:
    holder = start(
        children,
        tmp_path,
        """
import sqlite3
connection = sqlite3.connect(state / "ledger.sqlite", isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
say("held")
sys.stdin.readline()
connection.execute("ROLLBACK")
""",
    )
    assert line(holder) == "held"
    waiter = start(children, tmp_path, 'say("opening")\nLedger.open(state).begin(drill("b"))\nsay("begun")\n')
    assert line(waiter) == "opening"
    time.sleep(1.2)  # longer than SQLite itself waits
    assert waiter.poll() is None
    assert holder.stdin is not None
    holder.stdin.write("go\n")
    holder.stdin.flush()
    assert line(waiter) == "begun"


def test_patience_ends_with_a_clear_error(tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    child = start(children, tmp_path, WRITING)
    assert line(child) == "writing"
    monkeypatch.setattr(database, "_PATIENCE_SECONDS", 0.1)
    with Ledger.open(tmp_path) as ledger, pytest.raises(LedgerError, match="to be free within"):
        ledger.begin(drill("b"))


def test_a_reader_in_the_middle_of_a_stream_may_write_though_another_process_wrote_meanwhile(
    tmp_path: Path, children: Children
) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.begin(drill("a"))
        ledger.record_proven("photos", "nas", ((b"%09d" % n, 1) for n in range(5_000)), proven_at=AT, drill_number=1)
        stream = ledger.proven("photos", "nas")
        next(stream)
        other = start(children, tmp_path, 'Ledger.open(state).begin(drill("b"))\nsay("begun")\n')
        assert line(other) == "begun"
        began = time.monotonic()
        ledger.save_batch("a", "nas", 0, b"", b"")
        assert time.monotonic() - began < 10
        assert sum(1 for _ in stream) == 4_999


def test_the_lock_of_a_scenario_names_its_holder_and_dies_with_it(tmp_path: Path, children: Children) -> None:
    child = start(
        children,
        tmp_path,
        """
with claim_scenario(state, "photos", holder=describe_holder(since=AT)):
    say("held")
    time.sleep(600)
""",
    )
    assert line(child) == "held"
    with pytest.raises(BusyError) as caught, claim_scenario(tmp_path, "photos", holder="me"):
        pass
    assert f"process {child.pid} on {os.uname().nodename} since {AT}" in caught.value.message
    child.kill()
    child.wait()
    with claim_scenario(tmp_path, "photos", holder="me"):
        pass


def test_proven_files_by_the_million_take_bounded_memory(tmp_path: Path, children: Children) -> None:
    child = start(
        children,
        tmp_path,
        """
import resource
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "linux" else 1024 * 1024)
with Ledger.open(state) as ledger:
    before = peak()
    rows = ((b"photos/2015/summer/IMG_%09d.jpg" % number, number) for number in range(300_000))
    ledger.record_proven("photos", "nas", rows, proven_at=AT, drill_number=1)
    assert sum(1 for _ in ledger.proven("photos", "nas")) == 300_000
    say(peak() - before)
""",
    )
    assert int(line(child)) < 40  # MiB; the page cache may have 16, and lists of the rows would have 60


def test_a_finished_drill_of_many_copies_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    results = [
        CopyResult(
            copy=f"copy {number}", verdict="PASSED", planned_files=1, planned_bytes=1, proven_files=1, proven_bytes=1
        )
        for number in range(10)
    ]
    with Ledger.open(tmp_path) as ledger:
        ledger.begin(drill("a"))
        with pytest.raises(LedgerError, match="UNIQUE"):
            ledger.finish(
                "a",
                number=1,
                previous=None,
                proof_sha256="a" * 64,
                finished_at=AT,
                verdict="PASSED",
                copies=[*results, results[0]],
            )
        assert list(ledger.past_results("photos")) == []
        assert [one.id for one in ledger.unfinished("photos")] == ["a"]
