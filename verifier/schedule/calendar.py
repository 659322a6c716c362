"""Days → the periods that they belong to, and the hours in which a drill may be under way, as moments in UTC.

A period is a calendar's: a day, a week from Monday on, a month, a quarter, a year, or so many days counted from
1970-01-01. Nothing drifts, and a month has a first day whatever its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from verifier.scenario.schedule import DAY_MINUTES, Schedule

_EPOCH: Final = date(1970, 1, 1).toordinal()
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_DAYS: Final = {"day": 1, "week": 7}
# Ordinal 1, the first day of year 1, was a Monday.
_MONDAY: Final = 1


def period_of(every: str, day: date) -> int:
    """Return the number of the period that a day belongs to; the next period has the next number."""
    if every in _MONTHS:
        return (day.year * 12 + day.month - 1) // _MONTHS[every]
    days, start = _grid(every)
    return (day.toordinal() - start) // days


def first_day(every: str, period: int) -> date:
    """Return the first day of a period."""
    if every in _MONTHS:
        year, month = divmod(period * _MONTHS[every], 12)
        return date(year, month + 1, 1)
    days, start = _grid(every)
    return date.fromordinal(period * days + start)


def _grid(every: str) -> tuple[int, int]:
    return (_DAYS[every], _MONDAY) if every in _DAYS else (int(every[:-1]), _EPOCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The hours of one day in which a drill may be under way: from `opens_at` until before `closes_at`.

    This machine begins at `begins_at`, which is later where drills are spread.
    """

    day: date
    opens_at: datetime
    begins_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A schedule, read in a time zone by one machine that begins `delay_minutes` after the hours begin."""

    schedule: Schedule
    zone: tzinfo
    delay_minutes: int = 0

    def slot(self, day: date) -> Slot:
        """Return the hours of a day.

        Clocks are put forward and back: an hour that does not exist begins with the one behind it, of one that comes
        twice the first is meant, and where nothing would be left, the hours are as long as on any other day.
        """
        hours = self.schedule.hours
        opens_at = self._at(day, hours.opens_minutes)
        begins_at = opens_at + timedelta(minutes=self.delay_minutes)
        closes_at = self._at(day, hours.closes_minutes)
        if closes_at <= begins_at:
            closes_at = opens_at + timedelta(minutes=hours.length_minutes)
        return Slot(day=day, opens_at=opens_at, begins_at=begins_at, closes_at=closes_at)

    def _at(self, day: date, minutes: int) -> datetime:
        days, minute = divmod(minutes, DAY_MINUTES)
        wall = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), tzinfo=self.zone)
        return wall.astimezone(UTC)

    def open_at(self, moment: datetime) -> Slot | None:
        """Return the hours that a moment lies in, from when they open; those of the later day where two would do."""
        today = moment.astimezone(self.zone).date()
        # Hours reach into the next day, and some countries have left out a whole day of the calendar.
        for back in (-1, 0, 1, 2):
            slot = self.slot(today - timedelta(days=back))
            if slot.opens_at <= moment < slot.closes_at:
                return slot
        return None

    def day_of(self, moment: datetime) -> date:
        """Return the day that a moment counts for: that of the hours it lies in, else that on the wall."""
        slot = self.open_at(moment)
        return slot.day if slot else moment.astimezone(self.zone).date()

    def period_at(self, moment: datetime) -> int:
        """Return the period that a moment counts for."""
        return period_of(self.schedule.every, self.day_of(moment))

    def first_slot(self, period: int) -> Slot:
        """Return the hours of a period's first day."""
        return self.slot(first_day(self.schedule.every, period))
