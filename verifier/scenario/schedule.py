"""When a dataset is to be drilled: how often, in which hours, how spread. Values, and the text of them in a proof."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

DAY_MINUTES: Final = 24 * 60
LONGEST_DAYS: Final = 3_660
NAMED_DAYS: Final = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The periods that have names, and the most days that each can have."""

EVERY: Final = rf"{'|'.join(NAMED_DAYS)}|[1-9][0-9]{{0,3}}d"
WINDOW: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_TEXT: Final = re.compile(
    rf"every (?P<every>{EVERY})(?:, window (?P<window>{WINDOW}))?(?:, spread (?P<spread>[1-9][0-9]{{0,3}}) min)?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The hours of a day in which drills may be under way, in minutes after midnight, local time.

    One that reaches into the next day closes after minute 1,440.
    """

    opens_minutes: int
    closes_minutes: int

    @classmethod
    def parse(cls, text: str) -> Window:
        """Return the window that `22:00-04:00` names.

        Raises:
            ValueError: it names none, or opens when it closes.
        """
        if not re.fullmatch(WINDOW, text):
            raise ValueError("expected a window as 01:00-06:00")
        opens, closes = (int(clock[:2]) * 60 + int(clock[3:]) for clock in text.split("-"))
        if opens == closes:
            raise ValueError("expected a window that closes later than it opens")
        return cls(opens_minutes=opens, closes_minutes=closes if closes > opens else closes + DAY_MINUTES)

    @property
    def length_minutes(self) -> int:
        """How long it is on a day of 24 hours."""
        return self.closes_minutes - self.opens_minutes

    def __str__(self) -> str:
        closes = self.closes_minutes - DAY_MINUTES if self.closes_minutes > DAY_MINUTES else self.closes_minutes
        return f"{_clock(self.opens_minutes)}-{_clock(closes)}"


WHOLE_DAY: Final = Window(opens_minutes=0, closes_minutes=DAY_MINUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a drill is due: once in each `every`, which is `day`, `week`, `month`, `quarter`, `year` or as `30d`.

    Weeks begin on Monday; those of a number of days are counted from 1970-01-01. Without a `window` a drill may begin
    at any hour. With `spread_minutes` it begins so much later at most, the same on each day for a machine and scenario.
    """

    every: str = "month"
    window: Window | None = None
    spread_minutes: int = 0

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule that wrote itself as this text.

        Raises:
            ValueError: none did.
        """
        match = _TEXT.match(text)
        if match is None:
            raise ValueError("expected a schedule as `every month, window 01:00-06:00, spread 30 min`")
        window = match["window"]
        return cls(
            every=match["every"],
            window=None if window is None else Window.parse(window),
            spread_minutes=int(match["spread"] or 0),
        )

    @property
    def hours(self) -> Window:
        """The window, or the whole day."""
        return self.window or WHOLE_DAY

    @property
    def longest_days(self) -> int:
        """The days of the longest period."""
        return NAMED_DAYS.get(self.every) or int(self.every[:-1])

    def __str__(self) -> str:
        """Write it as a proof states it: `every month, window 01:00-06:00, spread 30 min`."""
        window = f", window {self.window}" if self.window else ""
        spread = f", spread {self.spread_minutes} min" if self.spread_minutes else ""
        return f"every {self.every}{window}{spread}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
