"""Objectives of time: SLOW is never noise, and what is over an objective is never silent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from verifier.drill.objectives import RestoreTime, Snapshot, missed, notes, warnings
from verifier.drill.surveyed import Survey
from verifier.outcome import FindingKind
from verifier.scenario.scenario import Objectives

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = 3_600.0
UNKNOWN = Snapshot(is_="unknown")


class Plain(Survey):
    """A survey of which nothing matters but its heartbeat: none."""

    def __init__(self) -> None:
        self.heartbeat = None
        self.heartbeat_trouble = None


def told(low: float, seconds: float, high: float, *, projected: bool = True) -> tuple[list[str], list[str], list[str]]:
    """Return the kinds of findings, the warnings and the notes of a restore time in hours, where 12 are wanted."""
    wanted = Objectives(rto_seconds=12 * 3_600)
    time = RestoreTime(seconds=seconds * HOUR, low_seconds=low * HOUR, high_seconds=high * HOUR, projected=projected)
    findings = [finding.kind.value for finding in missed(wanted, UNKNOWN, time, now=NOW)]
    return findings, list(warnings(wanted, Plain(), UNKNOWN, time, now=NOW)), list(notes(wanted, Plain(), time))


def test_what_is_surely_in_time_is_not_spoken_of() -> None:
    assert told(1, 2, 3) == ([], [], [])
    assert told(6, 8, 12) == ([], [], [])


def test_what_is_likely_in_time_is_a_note() -> None:
    findings, warned, noted = told(8, 10, 13)
    assert (findings, warned) == ([], [])
    assert noted == [
        "a full restore is projected to take 10:00:00, within the 12:00:00 that are wanted, though it could be 13:00:00"
    ]


def test_what_is_likely_too_slow_is_warned_of() -> None:
    findings, warned, noted = told(11, 13, 15)
    assert (findings, noted) == ([], [])
    (said,) = warned
    assert said.startswith(
        "a full restore is projected to take 13:00:00 (11:00:00 to 15:00:00), more than the 12:00:00"
    )


def test_what_is_surely_too_slow_is_a_finding() -> None:
    assert told(13, 14, 15) == (["SLOW"], [], [])
    assert told(13, 13, 13, projected=False) == (["SLOW"], [], [])


def test_without_an_objective_nothing_is_held_against_a_copy() -> None:
    slow = RestoreTime(seconds=1e9, low_seconds=1e9, high_seconds=1e9, projected=True)
    old = Snapshot(is_="heartbeat", at=datetime(1999, 1, 1, tzinfo=UTC))
    assert list(missed(Objectives(), old, slow, now=NOW)) == []
    assert list(warnings(Objectives(), Plain(), UNKNOWN, slow, now=NOW)) == []


@pytest.mark.parametrize(("hour", "kinds"), [(11, []), (10, [FindingKind.STALE])])
def test_an_age_is_held_against_the_objective(hour: int, kinds: list[FindingKind]) -> None:
    snapshot = Snapshot(is_="the copy's own", at=NOW.replace(hour=hour))
    found = list(missed(Objectives(rpo_seconds=3_600), snapshot, None, now=NOW))
    assert [finding.kind for finding in found] == kinds
    assert all(finding.detail == "the snapshot's age" for finding in found)


def test_an_age_that_nothing_tells_is_warned_of() -> None:
    wanted = Objectives(rpo_seconds=3_600)
    assert list(missed(wanted, UNKNOWN, None, now=NOW)) == []
    (said,) = warnings(wanted, Plain(), UNKNOWN, None, now=NOW)
    assert "can't be told" in said


def test_a_time_that_nothing_tells_is_warned_of() -> None:
    wanted = Objectives(rto_seconds=3_600)
    assert list(missed(wanted, UNKNOWN, None, now=NOW)) == []
    (said,) = warnings(wanted, Plain(), UNKNOWN, None, now=NOW)
    assert "how long a full restore takes can't be told" in said
