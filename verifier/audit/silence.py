"""The drills of one scenario and the schedules that they name → whether there was too long a time without any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from verifier.audit.check import Check, broken, settled
from verifier.relpath import show
from verifier.scenario.schedule import Schedule

_NAME = "silence against the schedule"
# Where clocks are put back in a period, it is an hour longer.
_CLOCK_CHANGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A drill of all that was asked for: its number, when it says that it began, the schedule that it counts for."""

    number: int
    started_at: str
    schedule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    number: int
    at: datetime
    schedule: Schedule

    @property
    def patience(self) -> timedelta:
        """The longest time to the next drill: begun with a period, and followed at the end of the next one's hours."""
        hours = timedelta(minutes=self.schedule.hours.closes_minutes)
        return timedelta(days=self.schedule.longest_days) + hours + _CLOCK_CHANGE


def check_silence(signs: Sequence[Sign], *, now: datetime) -> Iterator[Check]:
    """Name the times without a drill that the schedule at their beginning does not allow; nothing without schedules.

    Any drill of everything breaks the silence, whatever it found. The times are what the proofs say. Up to `now`
    counts, too: whoever audits a folder of old asks when it fell silent.
    """
    if not signs:
        return
    try:
        heard = [
            _Heard(number=one.number, at=_time(one.started_at), schedule=Schedule.parse(one.schedule))
            for one in sorted(signs, key=lambda one: one.number)
        ]
    except ValueError as error:
        yield broken(_NAME, f"{show(str(error))}, got something else in a proof")
        return
    problems = [
        f"no drill from {_text(one.at)} to {_text(other.at)}, {_too_long(one, other.at)}"
        for one, other in pairwise(heard)
        if other.at - one.at > one.patience
    ]
    last = heard[-1]
    if now - last.at > last.patience:
        problems.append(f"no drill since {_text(last.at)}, {_too_long(last, now)}")
    yield settled(_NAME, problems)


def _too_long(heard: _Heard, until: datetime) -> str:
    return f"{(until - heard.at).days:,} days, by the schedule `{show(str(heard.schedule))}`"


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected a time with a zone")
    return moment


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
