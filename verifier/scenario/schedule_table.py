"""The rows of `[schedule]`: how often a drill is due, in which hours, and how machines keep out of each other's way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from verifier.errors import ScenarioError
from verifier.scenario.kinds import COUNT
from verifier.scenario.schedule import EVERY, LONGEST_DAYS, NAMED_DAYS, WHOLE_DAY, WINDOW, Schedule, Window
from verifier.scenario.section import Base, Key, Scalar, Section, shown

_EVERY_EXPECTED: Final = f'one of {", ".join(NAMED_DAYS)}, or days as "30d"'
_WINDOW_EXPECTED: Final = 'hours as "01:00-06:00"'


def _read_every(value: object, _base: Base) -> object:
    try:
        schedule = Schedule.parse(f"every {value}") if isinstance(value, str) else None
    except ValueError:
        schedule = None
    if schedule is None or schedule.every != value or schedule.longest_days > LONGEST_DAYS:
        raise ScenarioError(f"expected {_EVERY_EXPECTED}, got {shown(value)}")
    return value


def _read_window(value: object, _base: Base) -> object:
    try:
        if isinstance(value, str):
            return Window.parse(value)
    except ValueError:
        pass
    raise ScenarioError(f"expected {_WINDOW_EXPECTED}, got {shown(value)}")


def _spread_fits_the_window(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    room = (values.get("window") or WHOLE_DAY).length_minutes
    if values.get("spread_minutes", 0) >= room:
        yield ("spread",), f"expected fewer minutes than the window's {room:,}, got {values['spread_minutes']:,}"


SCHEDULE: Final = Section(
    makes=Schedule,
    rules=(_spread_fits_the_window,),
    keys={
        "every": Key(
            kind=Scalar(
                expected=_EVERY_EXPECTED, schema={"type": "string", "pattern": f"^(?:{EVERY})$"}, read=_read_every
            ),
            goes_to="every",
            means="how often a drill is due: once in each (month without it); weeks begin on Monday",
        ),
        "window": Key(
            kind=Scalar(
                expected=_WINDOW_EXPECTED, schema={"type": "string", "pattern": f"^(?:{WINDOW})$"}, read=_read_window
            ),
            goes_to="window",
            means="the hours in which `drill --due` begins, and at whose end a drill is ended (any hour without it)",
        ),
        "spread": Key(
            kind=COUNT,
            goes_to="spread_minutes",
            means="minutes: begin so much later at most, another time for each machine and scenario",
        ),
    },
)
"""When drills are due."""
