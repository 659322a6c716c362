"""What holds of due times whatever the schedule, the zone, the past and the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from verifier.scenario.schedule import Schedule, Window
from verifier.schedule.calendar import Calendar, first_day, period_of
from verifier.schedule.due import PastDrill, delay_minutes, standing

EVERY = st.sampled_from(["day", "week", "month", "quarter", "year", "2d", "7d", "30d", "90d"])
# Summer times of an hour and of half an hour, at midnight and at night, in both hemispheres; none; a day left out.
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "America/Sao_Paulo",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Africa/Cairo",
            "Pacific/Apia",
        )
    ]
)
DAYS = st.dates(min_value=date(1996, 1, 1), max_value=date(2031, 12, 31))
MOMENTS = st.datetimes(min_value=datetime(2008, 1, 1), max_value=datetime(2028, 12, 31)).map(  # noqa: DTZ001 - below
    lambda naive: naive.replace(microsecond=0, tzinfo=UTC)
)


@st.composite
def windows(draw: st.DrawFn) -> Window | None:
    opens = draw(st.integers(0, 1439))
    length = draw(st.integers(0, 1439))
    return Window(opens_minutes=opens, closes_minutes=opens + length) if length else None


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    schedule = Schedule(every=draw(EVERY), window=draw(windows()), spread_minutes=draw(st.integers(0, 1439)))
    delay = delay_minutes(schedule, machine=draw(st.text(max_size=3)), scenario="photos")
    return Calendar(schedule=schedule, zone=draw(ZONES), delay_minutes=delay)


@st.composite
def pasts(draw: st.DrawFn, around: datetime) -> list[PastDrill]:
    seconds = draw(st.lists(st.integers(-100 * 86_400, 40 * 86_400), max_size=6))
    return [PastDrill(started_at=around + timedelta(seconds=it), good=draw(st.booleans())) for it in seconds]


@given(EVERY, DAYS)
def test_each_day_is_in_one_period_that_has_a_first_day(every: str, day: date) -> None:
    period = period_of(every, day)
    assert first_day(every, period) <= day < first_day(every, period + 1)
    assert period_of(every, first_day(every, period)) == period
    length = (first_day(every, period + 1) - first_day(every, period)).days
    assert length <= Schedule(every=every).longest_days


@given(calendars(), DAYS)
def test_hours_are_never_empty_and_each_moment_of_them_counts_for_their_day(calendar: Calendar, day: date) -> None:
    slot = calendar.slot(day)
    assert slot.opens_at <= slot.begins_at < slot.closes_at
    found = calendar.open_at(slot.begins_at)
    assert found is not None
    # Where a country left out a whole day of the calendar, two days have the same hours.
    assert found.day == day or calendar.slot(found.day).opens_at == slot.opens_at or "Apia" in str(calendar.zone)


@given(calendars(), MOMENTS, st.data())
def test_when_it_is_next_due_it_is_due(calendar: Calendar, now: datetime, data: st.DataObject) -> None:
    past = data.draw(pasts(now))
    here = standing(calendar, past, now=now)
    if here.due:
        assert here.next_at <= now < here.ends_at or calendar.schedule.window is None
        return
    assert here.next_at > now
    then = standing(calendar, past, now=here.next_at)
    assert (then.due, then.next_at) == (True, here.next_at) or "Apia" in str(calendar.zone)
    assert not standing(calendar, past, now=here.next_at - timedelta(seconds=1)).due


@given(calendars(), MOMENTS, st.data())
def test_a_drill_that_is_due_lies_in_the_hours_and_is_due_no_more_once_it_was(
    calendar: Calendar, now: datetime, data: st.DataObject
) -> None:
    past = data.draw(pasts(now))
    here = standing(calendar, past, now=now)
    due_at = now if here.due else here.next_at
    slot = calendar.open_at(due_at)
    assert slot is not None
    for good in (True, False):
        after = standing(calendar, [*past, PastDrill(started_at=due_at, good=good)], now=due_at)
        assert not after.due
        assert after.next_at > due_at
        assert not (good and after.overdue)
        again = calendar.period_at(after.next_at)
        if good:
            assert again > calendar.period_at(due_at)


@given(calendars(), st.lists(st.tuples(st.integers(1, 200_000), st.booleans()), max_size=80), MOMENTS)
def test_however_often_it_is_asked_a_period_has_one_good_drill_at_most_and_none_is_lost(
    calendar: Calendar, asked: list[tuple[int, bool]], start: datetime
) -> None:
    now, past = start, list[PastDrill]()
    for seconds, good in asked:
        now += timedelta(seconds=seconds)
        slot = calendar.open_at(now)
        here = standing(calendar, past, now=now)
        periods = [calendar.period_at(drill.started_at) for drill in past if drill.good]
        attempted = [drill for drill in past if slot and slot.opens_at <= drill.started_at < slot.closes_at]
        wanted = slot is not None and now >= slot.begins_at and calendar.period_at(now) not in periods
        assert here.due == (wanted and not attempted)
        if here.due:
            past.append(PastDrill(started_at=now, good=good))
    good_periods = [calendar.period_at(drill.started_at) for drill in past if drill.good]
    assert len(good_periods) == len(set(good_periods))


@given(calendars(), MOMENTS, st.data())
def test_overdue_is_what_had_its_hours_and_no_good_drill(
    calendar: Calendar, now: datetime, data: st.DataObject
) -> None:
    past = data.draw(pasts(now))
    here = standing(calendar, past, now=now)
    periods = {calendar.period_at(drill.started_at) for drill in past if drill.good}
    current = calendar.period_at(now)
    if current in periods:
        assert not here.overdue
    if not [period for period in periods if period <= current]:
        assert here.never
        assert here.overdue
    elif current - 1 not in periods and current not in periods and now >= calendar.first_slot(current - 1).closes_at:
        assert here.overdue
    if here.overdue_since is not None:
        assert here.overdue_since <= now


@given(calendars(), MOMENTS, st.integers(1, 3_000))
def test_a_drill_from_the_future_keeps_none_of_today_from_being_due(
    calendar: Calendar, now: datetime, days: int
) -> None:
    future = PastDrill(started_at=now + timedelta(days=days), good=True)
    with_it, without = standing(calendar, [future], now=now), standing(calendar, [], now=now)
    if calendar.period_at(future.started_at) != calendar.period_at(now):
        assert with_it.due == without.due
        assert with_it.never


@given(st.integers(1, 1439), windows(), st.text(max_size=5), st.text(max_size=5))
def test_the_spread_is_the_same_each_time_and_within_the_hours(
    spread: int, window: Window | None, machine: str, scenario: str
) -> None:
    schedule = Schedule(window=window, spread_minutes=spread)
    delay = delay_minutes(schedule, machine=machine, scenario=scenario)
    assert 0 <= delay < spread
    assert delay < schedule.hours.length_minutes
    assert delay == delay_minutes(schedule, machine=machine, scenario=scenario)
