"""A schedule, past drills and the time → whether a drill is due, when the next one is, and whether it is too late.

One drill that PASSED or WARNED is enough for its period, whatever was missed before: what a machine slept through is
caught up on once. After one that FAILED or was INCONCLUSIVE the next hours are taken to try again; in the hours of an
attempt there is no second one. A drill counts for the period that it began in, and for no other: one from the future,
before the clock was set back, keeps no drill of today from being due.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from verifier.scenario.schedule import Schedule
from verifier.schedule.calendar import Calendar, Slot, first_day, period_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDrill:
    """A drill of all that the scenario asks for: when it began, and whether it PASSED or WARNED."""

    started_at: datetime
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a scenario stands by its schedule at one time; all times in UTC.

    `next_at` is when a drill is due next; where `due` is true it is, since then, and one that is begun now is ended at
    `ends_at`. `never` says that no drill was ever good. `overdue_since` is when the hours were over in which there
    should have been one; None where there was, where they are not over, and where `never` is true.
    """

    due: bool
    next_at: datetime
    ends_at: datetime
    never: bool
    overdue_since: datetime | None

    @property
    def overdue(self) -> bool:
        """Whether a good drill should have been there by now. One that never was is always overdue."""
        return self.never or self.overdue_since is not None


def delay_minutes(schedule: Schedule, *, machine: str, scenario: str) -> int:
    """Return how many minutes later than its hours open this machine begins this scenario: the same each time."""
    most_minutes = min(schedule.spread_minutes, schedule.hours.length_minutes - 1)
    digest = hashlib.sha256(f"{machine}\0{scenario}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % most_minutes if most_minutes else 0


def standing(calendar: Calendar, past: Iterable[PastDrill], *, now: datetime) -> Standing:
    """Return how a scenario stands now.

    Args:
        calendar: its schedule, in a time zone, on this machine.
        past: drills that left a proof, in any order.
        now: an aware time.
    """
    begun: list[datetime] = []
    done: set[int] = set()
    for drill in past:
        begun.append(drill.started_at)
        if drill.good:
            done.add(calendar.period_at(drill.started_at))
    begun.sort()
    every = calendar.schedule.every
    period = calendar.period_at(now)
    open_now = calendar.open_at(now)
    if open_now is not None and (now < open_now.begins_at or not _begins(open_now, done, begun, every)):
        open_now = None
    upcoming = open_now or _next_slot(calendar, done, begun, now)
    has_window = calendar.schedule.window is not None
    beyond = calendar.first_slot(period_of(every, upcoming.day) + 1).opens_at
    good_until = max((one for one in done if one <= period), default=None)
    return Standing(
        due=open_now is not None,
        next_at=upcoming.begins_at,
        ends_at=upcoming.closes_at if has_window else beyond,
        never=good_until is None,
        overdue_since=None if good_until is None else _overdue_since(calendar, good_until, now),
    )


def _begins(slot: Slot, done: set[int], begun: list[datetime], every: str) -> bool:
    """Tell whether a drill shall begin in these hours: its period has no good one, and they no attempt."""
    first = bisect_left(begun, slot.opens_at)
    attempted = first < len(begun) and begun[first] < slot.closes_at
    return period_of(every, slot.day) not in done and not attempted


def _next_slot(calendar: Calendar, done: set[int], begun: list[datetime], now: datetime) -> Slot:
    every = calendar.schedule.every
    day = calendar.day_of(now) - timedelta(days=1)
    while True:
        period = period_of(every, day)
        if period in done:
            day = first_day(every, period + 1)
            continue
        slot = calendar.slot(day)
        if slot.begins_at > now and _begins(slot, done, begun, every):
            return slot
        day += timedelta(days=1)


def _overdue_since(calendar: Calendar, good_until: int, now: datetime) -> datetime | None:
    """Return when the first hours behind the last good period were over, if they are."""
    over_at = calendar.first_slot(good_until + 1).closes_at
    return over_at if over_at <= now else None
