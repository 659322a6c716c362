"""What was proven when: read from a real ledger, told as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from verifier.cli import status as command
from verifier.cli.setting import Setting
from verifier.cli.terminal import Terminal
from verifier.errors import LedgerError
from verifier.ledger import Asked, BeginDrill, CopyResult, Ledger, Seen, SeenLock
from verifier.scenario.scenario import Sample
from verifier.status import CopyStatus, ScenarioStatus, Unfinished, read_status
from verifier.trend import PastRestore


def at(day: int) -> str:
    return f"2026-11-{day:02d}T18:30:00Z"


class History:
    """Drills in a state, one a day."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.day = 0
        self.numbers: dict[str, int] = {}

    def begin(self, scenario: str = "photos", options: str = "") -> str:
        self.day += 1
        drill_id = f"{self.day:032x}"
        with Ledger.open(self.state) as ledger:
            ledger.begin(
                BeginDrill(
                    scenario=scenario, id=drill_id, started_at=at(self.day), seed=b"s" * 32, planned={}, options=options
                )
            )
        return drill_id

    def drill(
        self,
        scenario: str = "photos",
        *,
        verdict: Any = "PASSED",
        abandoned: str = "",
        options: str = "",
        seen: Seen | None = None,
        **copies: Any,
    ) -> None:
        drill_id = self.begin(scenario, options)
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
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.chdir(tmp_path)
    return History(tmp_path / "state")


def read(history: History) -> tuple[ScenarioStatus, ...]:
    with Ledger.open(history.state) as ledger:
        return read_status(ledger, reports=Path("reports"), machine="here", now=datetime.now(UTC), zone=UTC)


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
    (status,) = read(history)
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
    (status,) = read(history)
    assert (status.drills, status.last_at, status.copies) == (0, None, ())
    assert status.unfinished == (Unfinished(id=left, started_at=at(1)),)
    history.drill(nas="PASSED", abandoned=left)
    (status,) = read(history)
    assert (status.drills, status.unfinished) == (1, ())


def test_scenarios_stand_by_name_and_apart(history: History) -> None:
    history.drill("photos", nas="FAILED", verdict="FAILED")
    history.drill("documents", nas="PASSED")
    assert [(one.name, one.failed) for one in read(history)] == [("documents", False), ("photos", True)]


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
    summary, heading, *lines = out.splitlines()
    assert summary == "nothing failed, nothing overdue: 2 scenarios, 0 with a schedule, 1 never drilled"
    columns = [heading.index(word) for word in ("scenario", "copy", "drills", "last drill", "verdict", "proven of")]
    cells = [[line[start:].split("  ")[0].strip() for start in columns] for line in lines[:3]]
    assert cells == [
        ["documents", "-", "0", "never", "-", "-"],
        ["family-photos", "b2", "1", at(1), "INCONCLUSIVE", "10,000 of 20,001 files"],
        ["family-photos", "nas", "1", at(1), "PASSED", "10,000 of 20,001 files"],
    ]
    assert [line[heading.index("last PASSED") :].split() for line in lines[1:3]] == [
        ["never", "-", "-"],
        [at(1), "-", "-"],
    ]
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
        "last_passed_at": None,
        "due": None,
        "failed": False,
        "overdue": False,
        "unfinished": [{"id": left, "started_at": at(2)}],
        "copies": [],
    }
    assert photos["copies"][0]["last_verdict"] == "FAILED"
    assert photos["copies"][0]["last_passed_at"] is None


def test_where_nothing_was_drilled_it_says_so_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
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


SCENARIO = """\
name = "photos"
manifest = "photos.jsonl"

[schedule]
every = "day"

[[copy]]
name = "nas"
at = "/mnt/nas"

[[copy]]
name = "b2"
at = "/mnt/b2"
"""


def run_at(history: History, moment: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    now = datetime.fromisoformat(moment)
    setting = Setting(now=lambda: now, environment={}, terminal=Terminal())
    code = command.run(parser.parse_args(["--state", str(history.state), *arguments]), setting)
    return code, capsys.readouterr().out


def asked(*, only: tuple[str, ...] = (), copies: tuple[str, ...] = ("nas", "b2")) -> str:
    sample = msgspec.to_builtins(Sample())
    return Asked(scenario_sha256="0" * 64, references=("m",), only=only, sample=sample, copies=copies).to_text()


@pytest.fixture
def planned(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "photos.toml").write_text(SCENARIO)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield history
    monkeypatch.undo()
    time.tzset()


def test_what_was_never_drilled_is_shown_and_overdue(planned: History, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run_at(planned, "2026-11-10T12:00:00Z", capsys)
    summary, _, *lines = out.splitlines()
    assert (code, summary) == (1, "photos was never good, and is overdue")
    assert [line.split()[:5] for line in lines] == [
        ["photos", "b2", "0", "never", "-"],
        ["photos", "nas", "0", "never", "-"],
    ]
    assert all(line.endswith("now, since 2026-11-10T00:00:00Z OVERDUE") for line in lines)
    assert not planned.state.exists()


def test_overdue_comes_with_time_and_goes_with_a_drill(planned: History, capsys: pytest.CaptureFixture[str]) -> None:
    planned.drill(nas="PASSED", b2="WARNED", verdict="WARNED", options=asked())  # on the 1st
    assert run_at(planned, "2026-11-01T19:00:00Z", capsys)[0] == 0
    assert run_at(planned, "2026-11-02T23:59:59Z", capsys)[0] == 0
    code, out = run_at(planned, "2026-11-03T00:00:00Z", capsys)
    assert (code, out.splitlines()[0]) == (1, "photos is overdue since 2026-11-03T00:00:00Z")
    planned.day = 3
    planned.drill(nas="PASSED", b2="PASSED", options=asked())  # on the 4th
    code, out = run_at(planned, "2026-11-04T19:00:00Z", capsys)
    assert (code, out.splitlines()[0]) == (0, "nothing failed, nothing overdue: 1 scenarios, 1 with a schedule")


@pytest.mark.parametrize("less", [asked(only=("*.txt",)), asked(copies=("nas",))])
def test_a_limited_drill_leaves_a_scenario_overdue(
    planned: History, capsys: pytest.CaptureFixture[str], less: str
) -> None:
    planned.drill(nas="PASSED", options=less)
    assert run_at(planned, "2026-11-01T19:00:00Z", capsys)[0] == 1


def test_a_drill_that_patterns_limited_is_no_last_passed(history: History) -> None:
    history.drill(nas="PASSED", options=asked())
    history.drill(nas="PASSED", options=asked(only=("*.txt",)))
    (status,) = read(history)
    assert (status.last_at, status.last_passed_at) == (at(2), at(1))
    assert (status.copies[0].last_at, status.copies[0].last_passed_at) == (at(2), at(1))


def test_the_metrics_are_what_prometheus_reads(planned: History, capsys: pytest.CaptureFixture[str]) -> None:
    planned.drill(nas="PASSED", b2="FAILED", verdict="FAILED", options=asked())
    planned.drill('od"d\\name\n', nas="PASSED")
    code, out = run_at(planned, "2026-11-03T12:00:00Z", capsys, "--prometheus")
    assert code == 1
    families = {family.name: family for family in text_string_to_metric_families(out)}
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert families["verifier_drills"].type == "counter"
    odd, nas, b2 = ("scenario", 'od"d\\\\name\\n'), ("copy", "nas"), ("copy", "b2")
    photos = ("scenario", "photos")
    first = datetime.fromisoformat(at(1)).timestamp()
    assert samples["verifier_drills_total", odd] == 1
    assert samples["verifier_last_drill_timestamp_seconds", nas, photos] == first
    assert samples["verifier_last_passed_timestamp_seconds", nas, photos] == first
    assert ("verifier_last_passed_timestamp_seconds", b2, photos) not in samples
    assert samples["verifier_last_verdict", b2, photos, ("verdict", "FAILED")] == 1
    assert samples["verifier_last_verdict", b2, photos, ("verdict", "PASSED")] == 0
    assert (samples["verifier_failed", photos], samples["verifier_failed", odd]) == (1, 0)
    assert samples["verifier_overdue", photos] == 1
    assert ("verifier_overdue", odd) not in samples
    assert samples["verifier_next_due_timestamp_seconds", photos] == datetime(2026, 11, 3, tzinfo=UTC).timestamp()


def seen(full_seconds: float | None, *, address: str = "/mnt/nas") -> Seen:
    return Seen(
        address=address,
        whole=True,
        findings=0,
        full_seconds=full_seconds,
        population_files=1_000,
        population_bytes=10**9,
    )


def told_of(ledger: Ledger) -> ScenarioStatus:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    (status,) = read_status(ledger, reports=Path("reports"), machine="here", now=now, zone=UTC)
    return status


def test_how_long_a_full_restore_takes_is_told_with_its_trend(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.drill(nas="PASSED", seen=seen(10.0, address="/mnt/old"))  # another place says nothing of this one
    for day in range(10):
        history.drill(nas="PASSED", seen=seen(3_600.0 * 1.01**day))
    with Ledger.open(history.state) as ledger:
        (nas,) = told_of(ledger).copies
        restores = [one.full_restore for one in ledger.past_results("photos")]
    assert nas.restore.full_seconds == pytest.approx(3_600 * 1.01**9)
    assert nas.restore.is_slower
    assert nas.restore.pace_share == nas.restore.restore_share == pytest.approx(1.01**30 - 1)
    assert restores[-1] == PastRestore(
        at_seconds=datetime(2026, 11, 11, 18, 30, tzinfo=UTC).timestamp(),
        restore_seconds=nas.restore.full_seconds,
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
        (nas,) = told_of(ledger).copies
    assert (nas.restore.full_seconds, nas.restore.restore_share, nas.restore.is_slower) == (60.0, None, False)
    history.drill(nas="PASSED", seen=seen(None, address="/mnt/new"))  # at another place nothing is known yet
    with Ledger.open(history.state) as ledger:
        (nas,) = told_of(ledger).copies
    assert nas.restore.full_seconds is None


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
