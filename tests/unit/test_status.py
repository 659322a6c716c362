"""What was proven when: read from a real ledger, told as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from verifier.cli import status as command
from verifier.cli.setting import Setting
from verifier.cli.terminal import Terminal
from verifier.errors import LedgerError
from verifier.ledger import BeginDrill, CopyResult, Ledger, Seen, SeenLock
from verifier.status import CopyStatus, Unfinished, read_status
from verifier.trend import PastRestore


def at(day: int) -> str:
    return f"2026-11-{day:02d}T18:30:00Z"


class History:
    """Drills in a state, one a day."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.day = 0
        self.numbers: dict[str, int] = {}

    def begin(self, scenario: str = "photos") -> str:
        self.day += 1
        drill_id = f"{self.day:032x}"
        with Ledger.open(self.state) as ledger:
            ledger.begin(
                BeginDrill(
                    scenario=scenario, id=drill_id, started_at=at(self.day), seed=b"s" * 32, planned={}, options=""
                )
            )
        return drill_id

    def drill(
        self,
        scenario: str = "photos",
        *,
        verdict: Any = "PASSED",
        abandoned: str = "",
        seen: Seen | None = None,
        **copies: Any,
    ) -> None:
        drill_id = self.begin(scenario)
        number = self.numbers[scenario] = self.numbers.get(scenario, 0) + 1
        with Ledger.open(self.state) as ledger:
            head = ledger.chain_head(scenario)
            ledger.finish(
                drill_id,
                number=number,
                previous=head.proof_sha256 if head else None,
                proof_sha256=f"{self.day:064x}",
                finished_at=at(self.day),
                verdict=verdict,
                copies=[
                    CopyResult(
                        copy=name,
                        verdict=found,
                        planned_files=20_000 + self.day,
                        planned_bytes=1_000,
                        proven_files=10_000,
                        proven_bytes=500,
                        seen=seen,
                    )
                    for name, found in copies.items()
                ],
                abandoned=[abandoned] if abandoned else [],
            )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "state")


def run(state: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    setting = Setting(now=lambda: datetime.now(UTC), environment={}, terminal=Terminal())
    code = command.run(parser.parse_args(["--state", str(state), *arguments]), setting)
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def test_the_last_drill_and_the_last_that_passed_are_told_apart(history: History) -> None:
    history.drill(nas="PASSED", b2="WARNED")
    history.drill(nas="PASSED")
    history.drill(nas="FAILED", verdict="FAILED")
    with Ledger.open(history.state) as ledger:
        (status,) = read_status(ledger)
    assert (status.name, status.drills, status.last_at, status.last_verdict) == ("photos", 3, at(3), "FAILED")
    b2, nas = status.copies
    assert nas == CopyStatus(
        name="nas",
        drills=3,
        last_at=at(3),
        last_verdict="FAILED",
        planned_files=20_003,
        planned_bytes=1_000,
        proven_files=10_000,
        proven_bytes=500,
        last_passed_at=at(2),
    )
    assert (b2.name, b2.drills, b2.last_at, b2.last_verdict, b2.last_passed_at) == ("b2", 1, at(1), "WARNED", None)


def test_unfinished_drills_are_told_until_a_proof_names_them(history: History) -> None:
    left = history.begin()
    with Ledger.open(history.state) as ledger:
        (status,) = read_status(ledger)
    assert (status.drills, status.last_at, status.copies) == (0, None, ())
    assert status.unfinished == (Unfinished(id=left, started_at=at(1)),)
    history.drill(nas="PASSED", abandoned=left)
    with Ledger.open(history.state) as ledger:
        (status,) = read_status(ledger)
    assert (status.drills, status.unfinished) == (1, ())


def test_scenarios_stand_by_name_and_apart(history: History) -> None:
    history.drill("photos", nas="FAILED", verdict="FAILED")
    history.drill("documents", nas="PASSED")
    with Ledger.open(history.state) as ledger:
        assert [(one.name, one.failed) for one in read_status(ledger)] == [("documents", False), ("photos", True)]


@pytest.mark.parametrize("verdict", ["PASSED", "WARNED", "INCONCLUSIVE", "FAILED"])
def test_the_exit_code_is_1_only_where_the_last_drill_of_a_copy_failed(
    history: History, capsys: pytest.CaptureFixture[str], verdict: str
) -> None:
    history.drill(nas="FAILED", b2=verdict, verdict="FAILED")
    history.drill(nas="PASSED")
    history.drill("zebras", nas="PASSED")
    assert run(history.state, capsys)[0] == (1 if verdict == "FAILED" else 0)


def test_a_scenario_that_failed_by_its_rule_counts_as_failed(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.drill(nas="PASSED", verdict="FAILED")
    assert run(history.state, capsys)[0] == 1


def test_the_table_has_a_line_for_each_copy(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.drill("family-photos", nas="PASSED", b2="INCONCLUSIVE")
    history.begin("documents")
    code, out = run(history.state, capsys)
    assert code == 0
    heading, *lines = out.splitlines()
    columns = [heading.index(word) for word in ("scenario", "copy", "drills", "last drill", "verdict", "proven of")]
    cells = [[line[start:].split("  ")[0].strip() for start in columns] for line in lines[:3]]
    assert cells == [
        ["documents", "-", "0", "never", "-", ""],
        ["family-photos", "b2", "1", at(1), "INCONCLUSIVE", "10,000 of 20,001 files"],
        ["family-photos", "nas", "1", at(1), "PASSED", "10,000 of 20,001 files"],
    ]
    assert lines[1].endswith("  never")
    assert lines[2].endswith(f"  {at(1)}")
    assert lines[3] == f"documents: drill {2:032x} was begun at {at(2)} and has left no proof"
    assert len(lines) == 4


def test_json_is_one_line_for_each_scenario(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.drill("photos", nas="FAILED", verdict="FAILED")
    left = history.begin("documents")
    code, out = run(history.state, capsys, "--json")
    assert code == 1
    documents, photos = (json.loads(line) for line in out.splitlines())
    assert documents == {
        "name": "documents",
        "drills": 0,
        "last_at": None,
        "last_verdict": None,
        "unfinished": [{"id": left, "started_at": at(2)}],
        "copies": [],
    }
    assert photos["copies"][0]["last_verdict"] == "FAILED"
    assert photos["copies"][0]["last_passed_at"] is None


def test_where_nothing_was_drilled_it_says_so_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "mistyped\x1b[31m"
    code, out = run(state, capsys)
    assert code == 0
    assert out == f"nothing was ever drilled: no drill in {tmp_path}/mistyped\\x1b[31m\n"
    assert run(state, capsys, "--json") == (0, "")
    assert not state.exists()
    Ledger.open(state).close()
    assert "nothing was ever drilled" in run(state, capsys)[1]


def test_names_are_shown_harmlessly(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.drill("evil\x1b[2J\u202e\n", **{"n\tas\r": "PASSED"})
    out = run(history.state, capsys)[1]
    assert all(line.isprintable() for line in out.splitlines())
    assert "evil\\x1b[2J\\u202e\\n" in out


def test_a_damaged_ledger_is_an_error_and_not_an_empty_table(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.drill(nas="PASSED")
    (history.state / "ledger.sqlite").write_bytes(b"garbage" * 1_000)
    with pytest.raises(LedgerError, match="whole ledger"):
        run(history.state, capsys)


def seen(full_seconds: float | None, *, address: str = "/mnt/nas") -> Seen:
    return Seen(
        address=address,
        whole=True,
        findings=0,
        full_seconds=full_seconds,
        population_files=1_000,
        population_bytes=10**9,
    )


def test_how_long_a_full_restore_takes_is_told_with_its_trend(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.drill(nas="PASSED", seen=seen(10.0, address="/mnt/old"))  # another place says nothing of this one
    for day in range(10):
        history.drill(nas="PASSED", seen=seen(3_600.0 * 1.01**day))
    with Ledger.open(history.state) as ledger:
        (nas,) = read_status(ledger)[0].copies
        restores = [one.full_restore for one in ledger.past_results("photos")]
    assert nas.full_seconds == pytest.approx(3_600 * 1.01**9)
    assert nas.is_slower
    assert nas.pace_share == nas.restore_share == pytest.approx(1.01**30 - 1)
    assert restores[-1] == PastRestore(
        at_seconds=datetime(2026, 11, 11, 18, 30, tzinfo=UTC).timestamp(),
        restore_seconds=nas.full_seconds,
        files=1_000,
        size_bytes=10**9,
    )
    told = run(history.state, capsys)[1].splitlines()[-1]
    assert told == (
        "photos: a full restore of nas takes about 1 h 5 min, 35% more each 30 days; "
        "for the same data 35% more each 30 days, and not by chance"
    )


def test_a_drill_that_could_not_tell_leaves_what_the_one_before_told(history: History) -> None:
    history.drill(nas="PASSED", seen=seen(60.0))
    history.drill(nas="PASSED", seen=seen(None))
    history.drill(nas="PASSED")
    with Ledger.open(history.state) as ledger:
        (nas,) = read_status(ledger)[0].copies
    assert (nas.full_seconds, nas.restore_share, nas.is_slower) == (60.0, None, False)
    history.drill(nas="PASSED", seen=seen(None, address="/mnt/new"))  # at another place nothing is known yet
    with Ledger.open(history.state) as ledger:
        (nas,) = read_status(ledger)[0].copies
    assert nas.full_seconds is None


def test_what_a_drill_had_seen_is_read_back_as_it_was_or_refused(history: History) -> None:
    whole = Seen(
        address="b2://bucket",
        whole=False,
        findings=3,
        device="b2:account/bucket",
        lock=SeenLock(files=7, locked_files=6, untold_files=1, until=at(30), modes=("compliance",)),
        listing_seconds=1.5,
        seconds=20.25,
        restored_files=5,
        restored_bytes=6,
        population_files=7,
        population_bytes=8,
        full_seconds=9.0,
    )
    history.drill(nas="PASSED", seen=whole)
    with Ledger.open(history.state) as ledger:
        assert [one.seen for one in ledger.past_results("photos")] == [whole]
    connection = sqlite3.connect(history.state / "ledger.sqlite")
    connection.execute("""UPDATE result SET seen = '{"address": 5}'""")
    connection.commit()
    connection.close()
    with Ledger.open(history.state) as ledger, pytest.raises(LedgerError, match="what a drill had seen as JSON"):
        list(ledger.past_results("photos"))
