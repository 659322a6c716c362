"""`drill --due`: what is due and nothing else, once, within its hours."""

from __future__ import annotations

import importlib
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Verifier
from drilled import change, flip
from simulated import Clock, Simulated

from verifier.errors import UsageError
from verifier.ledger import claim_scenario

NIGHT = '[schedule]\nevery = "month"\nwindow = "01:00-06:00"\n'


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def simulated(tmp_path: Path) -> Simulated:
    return Simulated(tmp_path, Clock("2027-01-15T02:00:00"), schedule=NIGHT)


def test_what_is_due_is_drilled_and_nothing_else(simulated: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    simulated.clock.set("2027-01-15T00:30:00")
    assert simulated.drill() == 0
    assert capsys.readouterr().err == "nothing is due until 2027-01-15T01:00:00Z\n"
    assert simulated.proofs() == []
    simulated.clock.set("2027-01-15T02:00:00")
    unplanned = simulated.write("unplanned", "")
    assert simulated.drill(simulated.file, unplanned) == 0
    (only,) = simulated.proofs()
    assert (only.scenario.name, only.drill.schedule) == ("notes", "every month, window 01:00-06:00")
    capsys.readouterr()
    assert simulated.drill(simulated.file, unplanned) == 0
    assert capsys.readouterr().err == "nothing is due until 2027-02-01T01:00:00Z\n"
    assert len(simulated.proofs()) == 1


def test_without_any_schedule_it_says_so(simulated: Simulated) -> None:
    with pytest.raises(UsageError, match=r"expected a scenario with a \[schedule\]"):
        simulated.drill(simulated.write("unplanned", ""))


@pytest.mark.parametrize("less", [("--only", "*.txt"), ("--sample", "2"), ("--copy", "other")])
def test_less_than_everything_is_never_what_was_due(
    simulated: Simulated, tmp_path: Path, less: tuple[str, str]
) -> None:
    with simulated.file.open("a") as file:
        shutil.copytree(simulated.place.copy, tmp_path / "other")
        file.write(f'[[copy]]\nname = "other"\nat = "{tmp_path}/other"\n')
    with pytest.raises(UsageError, match="expected --due without"):
        simulated.drill(simulated.file, *less)
    where = ("--state", simulated.place.state, "--reports", simulated.place.reports)
    manual = (simulated.file, "--workers", "1", "--scratch", simulated.place.scratch, *where)
    assert simulated.run("drill", *manual, *less, quiet=True) == 0
    assert [one.drill.schedule for one in simulated.proofs()] == [None]
    simulated.clock.moment += timedelta(minutes=5)
    assert simulated.drill(quiet=True) == 0
    assert [one.drill.schedule is None for one in simulated.proofs()] == [True, False]


def test_a_manual_drill_of_everything_counts(simulated: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--state", simulated.place.state, "--reports", simulated.place.reports)
    assert simulated.run("drill", simulated.file, "--workers", "1", "--scratch", simulated.place.scratch, *where) == 0
    capsys.readouterr()
    assert simulated.drill() == 0
    assert "nothing is due until 2027-02-01" in capsys.readouterr().err


def test_of_two_that_ask_at_once_one_drills(simulated: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    with claim_scenario(simulated.place.state, "_due.notes", holder="another"):
        assert simulated.drill() == 0
    assert capsys.readouterr().err == "notes: another process drills what is due\n"
    assert simulated.proofs() == []


def test_of_two_processes_at_once_one_drills(simulated: Simulated, verifier: Verifier) -> None:
    file = simulated.write("always", '[schedule]\nevery = "year"\n')
    place = simulated.place
    where = ("--state", place.state, "--reports", place.reports, "--scratch", place.scratch)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(verifier, "drill", "--due", file, "--workers", 1, *where) for _ in range(2)]
        ended = [one.result() for one in both]
    assert [one.returncode for one in ended] == [0, 0], [one.stderr for one in ended]
    assert len(simulated.proofs()) == 1
    assert sum("another process drills" in one.stderr or "nothing is due" in one.stderr for one in ended) == 1


def test_a_drill_is_ended_with_its_hours_and_leaves_a_proof(
    simulated: Simulated, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock passes the end of the window while the drill is at its second copy."""
    drilling = importlib.import_module("verifier.drill.drill")
    begun = drilling.draw

    def slow(*arguments: object, **options: object) -> object:
        simulated.clock.set("2027-01-15T06:00:00")
        time.sleep(1.5)
        return begun(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(drilling, "draw", slow)
    assert simulated.drill() == 3
    assert "notes: its hours are over since 2027-01-15T06:00:00Z" in capsys.readouterr().err
    (proof,) = simulated.proofs()
    assert (proof.verdict.result, proof.drill.interrupted) == ("INCONCLUSIVE", True)
    monkeypatch.undo()
    simulated.clock.set("2027-01-16T01:00:00")
    assert simulated.drill(quiet=True) == 0
    assert [one.verdict.result for one in simulated.proofs()] == ["INCONCLUSIVE", "PASSED"]


def test_one_that_fails_is_due_again_the_next_night_and_not_before(simulated: Simulated) -> None:
    damaged = [f"{number:02}.txt" for number in range(12)]
    for name in damaged:
        change(simulated.place.copy, name, lambda data: flip(data, 3))
    assert simulated.drill(quiet=True) == 1
    simulated.clock.set("2027-01-15T05:00:00")
    assert simulated.drill(quiet=True) == 0
    for name in damaged:
        change(simulated.place.copy, name, lambda data: flip(data, 3))
    simulated.clock.set("2027-01-16T01:00:00")
    assert simulated.drill(quiet=True) == 0
    assert [one.verdict.result for one in simulated.proofs()] == ["FAILED", "PASSED"]


def status(simulated: Simulated, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    place = simulated.place
    code = simulated.run("status", simulated.file, "--state", place.state, "--reports", place.reports, "--json")
    return code, json.loads(capsys.readouterr().out)


def audited(simulated: Simulated, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]]]:
    capsys.readouterr()
    code = simulated.run("audit", simulated.place.reports, "--json")
    (chain,) = json.loads(capsys.readouterr().out)["chains"]
    return code, [check for check in chain["checks"] if check["name"] == "silence against the schedule"]


def test_thirty_six_months_are_told_as_they_were(simulated: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    """One month with the machine off, one drill that fails and is repeated, and the rest as it should be."""
    first = simulated.clock.moment.year
    for month in range(36):
        text = f"{first + month // 12}-{month % 12 + 1:02}"
        if month == 7:
            continue  # the machine is off
        if month == 20:
            for number in range(12):
                change(simulated.place.copy, f"{number:02}.txt", lambda data: flip(data, 3))
        for day in (1, 2, 20):
            simulated.clock.set(f"{text}-{day:02}T01:30:00")
            if month == 8 and day == 1:
                code, before = status(simulated, capsys)
                assert (code, before["overdue"], before["failed"]) == (1, True, False)
                assert before["due"]["overdue_since"] == f"{first}-08-01T06:00:00Z"  # type: ignore[index]
            code = simulated.drill(quiet=True)
            assert code == (1 if (month, day) == (20, 1) else 0), (text, day)
            if (month, day) == (20, 1):
                assert status(simulated, capsys)[0] == 1
                for number in range(12):
                    change(simulated.place.copy, f"{number:02}.txt", lambda data: flip(data, 3))
    proofs = simulated.proofs()
    assert len(proofs) == 36 - 1 + 1
    assert [one.drill.number for one in proofs] == list(range(1, 37))
    assert [one.verdict.result for one in proofs].count("FAILED") == 1
    begun = [one.drill.started_at[:10] for one in proofs]
    assert f"{first}-08-01" not in begun
    assert begun[19:21] == [f"{first + 1}-09-01", f"{first + 1}-09-02"]
    assert {it[8:] for it in begun} == {"01", "02"}

    code, now = status(simulated, capsys)
    assert (code, now["drills"], now["overdue"]) == (0, 36, False)
    assert now["due"]["next_at"] == f"{first + 3}-01-01T01:00:00Z"  # type: ignore[index]
    (nas,) = now["copies"]  # type: ignore[misc, attr-defined]
    assert nas["coverage"]["proven_files"] == nas["coverage"]["of_files"] == 12

    code, silence = audited(simulated, capsys)
    assert code == 1
    (check,) = silence
    assert check["state"] == "broken"
    assert check["detail"].count("no drill from") == 1
    assert f"no drill from {first}-07-01T01:30:00Z to {first}-09-01T01:30:00Z" in check["detail"]

    simulated.clock.set(f"{first + 3}-01-01T06:00:00")
    assert status(simulated, capsys)[0] == 1
    simulated.clock.set(f"{first + 3}-03-01T00:00:00")
    _, (check,) = audited(simulated, capsys)
    assert f"no drill since {first + 2}-12-01T01:30:00Z" in check["detail"]
