"""Due times on days that are not like others: month ends, leap days, summer time, clocks that were wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from verifier.ledger import Asked, Attempt
from verifier.scenario.scenario import Copy, Sample, Scenario
from verifier.scenario.schedule import Schedule
from verifier.schedule import Calendar, LocalZone, PastDrill, Standing, standing, whole_drills

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = "every month, window 01:00-06:00"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def stands(schedule: str, now: str, *past: str) -> Standing:
    """Past drills are times in Berlin; one that ends in `!` was not good."""
    drills = [PastDrill(started_at=local(text.rstrip("!")), good=not text.endswith("!")) for text in past]
    return standing(Calendar(schedule=Schedule.parse(schedule), zone=BERLIN), drills, now=local(now))


@pytest.mark.parametrize(
    ("schedule", "last", "now", "next_at"),
    [
        (NIGHT, "2026-01-31T02:00", "2026-01-31T12:00", "2026-02-01T01:00"),
        (NIGHT, "2026-01-01T02:00", "2026-01-31T03:00", "2026-02-01T01:00"),
        (NIGHT, "2028-02-29T02:00", "2028-02-29T12:00", "2028-03-01T01:00"),
        (NIGHT, "2026-12-01T01:00", "2026-12-01T02:00", "2027-01-01T01:00"),
        ("every year", "2028-02-29T12:00", "2028-03-01T00:00", "2029-01-01T00:00"),
        ("every quarter", "2026-03-31T23:59", "2026-03-31T23:59", "2026-04-01T00:00"),
        ("every week", "2026-11-22T12:00", "2026-11-22T13:00", "2026-11-23T00:00"),  # a Sunday
        ("every day", "2026-11-22T12:00", "2026-11-22T13:00", "2026-11-23T00:00"),
        ("every 30d", "1970-01-30T12:00", "1970-01-30T13:00", "1970-01-31T00:00"),
        # Hours over midnight count for the day that they began on.
        ("every month, window 22:00-04:00", "2026-02-01T01:00", "2026-02-01T02:00", "2026-02-01T22:00"),
        ("every month, window 22:00-04:00", "2026-02-01T10:00", "2026-02-01T22:30", "2026-03-01T22:00"),
    ],
)
def test_what_was_good_is_enough_until_the_next_period(schedule: str, last: str, now: str, next_at: str) -> None:
    here = stands(schedule, now, last)
    assert (here.due, here.next_at, here.overdue) == (False, local(next_at), False)


def test_a_window_is_kept_to() -> None:
    assert stands(NIGHT, "2026-02-01T00:59", "2026-01-05T02:00").next_at == local("2026-02-01T01:00")
    begins = stands(NIGHT, "2026-02-01T01:00", "2026-01-05T02:00")
    assert (begins.due, begins.ends_at) == (True, local("2026-02-01T06:00"))
    assert not stands(NIGHT, "2026-02-01T06:00", "2026-01-05T02:00").due
    assert stands(NIGHT, "2026-02-01T06:00", "2026-01-05T02:00").next_at == local("2026-02-02T01:00")


def test_what_was_missed_is_caught_up_on_once() -> None:
    missed = stands(NIGHT, "2026-06-17T01:30", "2026-01-05T02:00")
    assert (missed.due, missed.overdue_since) == (True, local("2026-02-01T06:00"))
    caught_up = stands(NIGHT, "2026-06-17T03:30", "2026-01-05T02:00", "2026-06-17T01:30")
    assert (caught_up.due, caught_up.next_at, caught_up.overdue) == (False, local("2026-07-01T01:00"), False)


def test_after_one_that_was_not_good_the_next_hours_are_taken() -> None:
    failed = ("2026-01-05T02:00", "2026-02-01T01:00!")
    assert stands(NIGHT, "2026-02-01T05:00", *failed).next_at == local("2026-02-02T01:00")
    assert stands(NIGHT, "2026-02-02T01:00", *failed).due
    assert stands(NIGHT, "2026-02-01T05:00", *failed).overdue_since is None
    assert stands(NIGHT, "2026-02-01T06:00", *failed).overdue_since == local("2026-02-01T06:00")
    assert not stands(NIGHT, "2026-02-03T01:00", *failed, "2026-02-02T01:00").overdue


def test_overdue_does_not_end_with_the_period_that_was_missed() -> None:
    since = local("2026-02-01T06:00")
    for now in ("2026-02-28T23:00", "2026-03-01T00:30", "2026-03-01T05:59", "2026-03-01T06:00"):
        assert stands(NIGHT, now, "2026-01-05T02:00").overdue_since == since


def test_one_that_was_never_good_is_overdue_from_the_beginning() -> None:
    for past in ((), ("2026-02-01T01:00!",)):
        here = stands(NIGHT, "2026-02-01T02:00", *past)
        assert (here.never, here.overdue, here.overdue_since, here.due) == (True, True, None, not past)


@pytest.mark.parametrize(
    ("window", "day", "opens_utc", "closes_utc"),
    [
        ("01:00-06:00", "2026-03-29", "00:00", "04:00"),  # an hour is left out
        ("01:00-06:00", "2026-10-25", "23:00", "05:00"),  # an hour comes twice
        ("02:30-06:00", "2026-03-29", "01:30", "04:00"),  # opens in the hour that is left out
        ("02:30-03:15", "2026-03-29", "01:30", "02:15"),  # nothing would be left of it
        ("02:30-02:45", "2026-10-25", "00:30", "00:45"),  # comes twice
    ],
)
def test_summer_time_begins_and_ends(window: str, day: str, opens_utc: str, closes_utc: str) -> None:
    calendar = Calendar(schedule=Schedule.parse(f"every day, window {window}"), zone=BERLIN)
    slot = calendar.slot(date.fromisoformat(day))
    assert (f"{slot.opens_at:%H:%M}", f"{slot.closes_at:%H:%M}") == (opens_utc, closes_utc)


def test_a_clock_that_was_wrong_silences_nothing() -> None:
    wrong = "2031-05-01T02:00"
    here = stands(NIGHT, "2026-02-01T02:00", "2026-01-05T02:00", wrong)
    assert (here.due, here.overdue) == (True, False)
    assert stands(NIGHT, "2026-02-02T02:00", "2026-01-05T02:00", wrong).overdue
    # Set back over the end of a month: the drill of February is done, and March is next.
    assert stands(NIGHT, "2026-01-31T23:00", "2026-01-05T02:00", "2026-02-01T01:00").next_at == local(
        "2026-03-01T01:00"
    )


def test_without_a_window_a_drill_is_ended_when_the_next_one_is_due() -> None:
    here = stands("every month", "2026-01-15T13:00")
    assert (here.due, here.ends_at) == (True, local("2026-02-01T00:00"))


SAMPLE = Sample(confidence=0.9, always=("*.kdbx",))
SCENARIO = Scenario(
    name="photos",
    sha256="0" * 64,
    copies=(Copy(name="desktop", at="/d", live=True), Copy(name="nas", at="/n"), Copy(name="b2", at="/b")),
    sample=SAMPLE,
    schedule=Schedule(),
)


def attempt(verdict: str = "PASSED", *, text: str | None = None, **changed: object) -> Attempt:
    sample = msgspec.to_builtins(SAMPLE)
    stated = {
        "scenario_sha256": "1" * 64,
        "references": ("m", "m"),
        "only": (),
        "sample": sample,
        "copies": ("nas", "b2"),
    }
    asked = Asked(**{**stated, **changed})  # type: ignore[arg-type]
    options = asked.to_text() if text is None else text
    return Attempt(
        number=1,
        id="a",
        started_at="2026-02-01T00:00:00Z",
        verdict=verdict,
        proof_sha256="0" * 64,
        options=options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("verdict", ["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"])
def test_a_drill_of_everything_counts_and_is_good_where_it_was(verdict: str) -> None:
    full = {"full": True, "files": None, "confidence": 0.5, "tolerable": 0.01, "always": ()}
    for one in (
        attempt(verdict),
        attempt(verdict, sample=full),
        attempt(verdict, copies=("desktop", "nas", "b2", "c")),
    ):
        (found,) = whole_drills(SCENARIO, [one])
        assert found == PastDrill(started_at=datetime(2026, 2, 1, tzinfo=UTC), good=verdict in {"PASSED", "WARNED"})


@pytest.mark.parametrize(
    "less",
    [
        attempt(only=("*.txt",)),
        attempt(copies=("nas",)),
        attempt(sample={"full": False, "files": 3, "confidence": 0.9, "tolerable": 0.01, "always": ("*.kdbx",)}),
        attempt(text=""),
        attempt(text="[1, 2]"),
        attempt(text='{"only": []}'),
    ],
)
def test_a_drill_of_less_counts_for_nothing(less: Attempt) -> None:
    assert list(whole_drills(SCENARIO, [less])) == []


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # a rule, as no table of zones has it
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_the_machines_own_zone_is_that_of_its_clock() -> None:
    zone = LocalZone()
    moment = datetime(2026, 3, 28, 22, tzinfo=UTC)
    while moment < datetime(2026, 10, 26, tzinfo=UTC):
        here, there = moment.astimezone(zone), moment.astimezone(BERLIN)
        assert here.replace(tzinfo=None) == there.replace(tzinfo=None)
        assert here.fold == there.fold
        assert here.astimezone(UTC) == moment
        moment += timedelta(minutes=30) if moment.day in (24, 25, 28, 29) else timedelta(hours=7)
    assert zone.tzname(moment) == "CET"
