"""Silence against the schedule: named where it was too long, by the schedule that held when it began."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from verifier.audit.check import Check, State
from verifier.audit.silence import Sign, check_silence

MONTHLY = "every month, window 01:00-06:00"


def told(*begun: str, schedule: str = MONTHLY, now: str | None = None) -> Check:
    signs = [Sign(number=n, started_at=f"{at}Z", schedule=schedule) for n, at in enumerate(begun, start=1)]
    moment = datetime.fromisoformat(now or begun[-1]).replace(tzinfo=UTC)
    (check,) = check_silence(signs[::-1], now=moment)
    return check


def test_without_a_schedule_nothing_is_said() -> None:
    assert list(check_silence([], now=datetime.now(UTC))) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-01-01T00:00:00", "2026-02-01T05:59:00"),  # with the month, and at the end of the next one's hours
        ("2026-01-31T05:00:00", "2026-02-01T01:00:00"),
        ("2026-03-01T02:00:00", "2026-01-05T02:00:00"),  # the clock was set back
    ],
)
def test_each_period_with_a_drill_is_no_silence(first: str, second: str) -> None:
    assert told(first, second).state == State.HOLDS


def test_a_gap_is_named_with_its_ends_and_its_schedule() -> None:
    check = told("2026-01-01T02:00:00", "2026-02-01T02:00:00", "2026-04-01T02:00:00", "2026-05-01T02:00:00")
    assert (check.state, check.detail) == (
        State.BROKEN,
        f"no drill from 2026-02-01T02:00:00Z to 2026-04-01T02:00:00Z, 59 days, by the schedule `{MONTHLY}`",
    )


def test_silence_at_the_end_counts_up_to_now() -> None:
    assert told("2026-01-01T02:00:00", now="2026-02-01T05:00:00").state == State.HOLDS
    check = told("2026-01-01T02:00:00", now="2026-03-01T00:00:00")
    assert (check.state, check.detail.split(",")[0]) == (State.BROKEN, "no drill since 2026-01-01T02:00:00Z")


def test_the_schedule_that_held_then_is_what_counts() -> None:
    begun = ("2026-01-01T02:00:00", "2026-01-20T02:00:00")
    assert told(*begun, schedule="every week").state == State.BROKEN
    assert told(*begun, schedule="every 30d").state == State.HOLDS


@pytest.mark.parametrize(
    ("started_at", "schedule"), [("soon", MONTHLY), ("2026-01-01T00:00:00", MONTHLY), ("2026-01-01T00:00:00Z", "now\n")]
)
def test_what_is_no_time_or_no_schedule_is_broken(started_at: str, schedule: str) -> None:
    (check,) = check_silence([Sign(number=1, started_at=started_at, schedule=schedule)], now=datetime.now(UTC))
    assert check.state == State.BROKEN
    assert "\n" not in check.detail
