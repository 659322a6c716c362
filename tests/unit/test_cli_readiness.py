from __future__ import annotations

import io
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from verifier.cli import readiness
from verifier.cli.readiness import Row
from verifier.cli.terminal import Terminal
from verifier.manifest import Header, Origin
from verifier.manifest.header import write_time
from verifier.manifest.writer import write_manifest
from verifier.scenario.scenario import Copy, Objectives, Scenario
from verifier.sources.interface import SourceFacts
from verifier.sources.places.b2.account import _ahead_seconds

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


def age(tmp_path: Path, created: datetime, rpo_seconds: int | None) -> Row:
    path = tmp_path / "m.jsonl"
    origin = Origin(address="/x", machine="m")
    write_manifest(path, Header(dataset="d", created=write_time(created), origin=origin, digest="xxh3_128"), iter(()))
    scenario = Scenario(name="s", sha256="", copies=(), manifest=path, objectives=Objectives(rpo_seconds=rpo_seconds))
    rows = readiness.rows(scenario, reports=tmp_path / "r", state=tmp_path / "s", now=NOW)
    return next(row for row in rows if row.thing == "age")


@pytest.mark.parametrize(
    ("days", "rpo_days", "state", "words"),
    [
        (0, None, "ready", "made today"),
        (1, None, "ready", "1 day old"),
        (400, None, "ready", "400 days old"),
        (6, 7, "ready", "6 days old"),
        (8, 7, "look", "8 days old, and rpo is 7 days: make a new one, or what is newer is not proven"),
        (-2, None, "look", "made 48 h 0 min from now: is this machine's clock right?"),
    ],
)
def test_the_age_of_the_manifest(tmp_path: Path, days: int, rpo_days: int | None, state: str, words: str) -> None:
    row = age(tmp_path, NOW - timedelta(days=days), None if rpo_days is None else rpo_days * 86_400)
    assert (row.state, row.words, row.exit_code) == (state, words.replace("48 h 0 min", "2 days"), 0)


def clock(at: str, ahead_seconds: float | None) -> tuple[str, str]:
    row = readiness._clock_row(Copy(name="c", at=at), "copy c", SourceFacts(address=at, ahead_seconds=ahead_seconds))
    return row.state, row.words


def test_a_clock_that_is_wrong_is_told_and_none_is_made_up() -> None:
    assert clock("/x", None) == ("ready", "this machine's own")
    assert clock("sftp://nas/x", None)[1].startswith("can't be told")
    assert clock("b2://b", 2.4) == ("ready", "2 s ahead of this machine's")
    assert clock("b2://b", -7200.0)[0] == "look"
    assert clock("b2://b", -7200.0)[1].startswith("2 h 0 min behind this machine's: ")


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 22 Nov 2026 18:30:00", "Sun, 99 Nov 2026 18:30:00 GMT"])
def test_what_is_no_date_tells_nothing(date: str | None) -> None:
    assert _ahead_seconds(date, time.time()) is None


def test_a_date_tells_how_far_the_server_is_ahead() -> None:
    assert _ahead_seconds("Sun, 22 Nov 2026 18:30:05 GMT", NOW.timestamp()) == 5


def test_folders_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    scenario = Scenario(name="s", sha256="", copies=(), manifest=tmp_path / "none")
    rows = {
        row.subject: row
        for row in readiness.rows(scenario, reports=tmp_path / "file" / "x", state=tmp_path / "new" / "er", now=NOW)
    }
    assert (rows["reports"].state, rows["reports"].exit_code) == ("to do", 3)
    assert rows["reports"].words == f"expected a folder that can be written at {tmp_path}/file/x, got none"
    assert rows["state"].state == "ready"
    assert not (tmp_path / "new").exists()


ROWS = [
    ("photos", Row(subject="copy nas", thing="opened", state="ready", words="it is")),
    ("p", Row(subject="manifest", thing="age", state="to do", words="make one", exit_code=3)),
]


def test_the_columns_are_aligned_and_coloured_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert readiness.table(ROWS, Terminal(colour=False)) == [
        "photos  copy nas  opened  ready  it is",
        "p       manifest  age     to do  make one",
    ]
    assert readiness.table(ROWS, Terminal(colour=True))[1].endswith("\x1b[31mto do\x1b[0m  make one")


def test_what_has_to_be_put_right_comes_before_what_may_be_tried_again() -> None:
    assert readiness.exit_code(row for _, row in ROWS) == 3
    wrong = Row(subject="manifest", thing="read", state="to do", words="", exit_code=2)
    assert readiness.exit_code([ROWS[1][1], wrong, ROWS[0][1]]) == 2
    assert readiness.exit_code([ROWS[0][1]]) == 0
