"""What a timer is told: the command, where it runs, and at which local times; and what comes of it: marked files.

Every timer fires on each day, and `drill --due` decides: so a drill that was missed or failed has its next chance in
the next hours, whatever the period is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from verifier import relpath
from verifier.errors import UsageError
from verifier.scenario.schedule import DAY_MINUTES, Window

MARK: Final = "written by `verifier schedule`; `verifier schedule remove` removes it"
"""What every file of ours holds, so that no other is ever overwritten or removed."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When drills of a scenario may begin, local time: so many minutes after `hours` open, until they close.

    With `any_hour` they are the whole day, and a drill may begin whenever the machine is there.
    """

    hours: Window
    delay_minutes: int
    any_hour: bool

    @property
    def clock(self) -> tuple[int, int]:
        """Hour and minute on the clock when they begin."""
        return divmod((self.hours.opens_minutes + self.delay_minutes) % DAY_MINUTES, 60)

    @property
    def chances(self) -> tuple[int, ...]:
        """The hours of the day in which to ask again at the same minute: a machine may be switched on in between."""
        if self.any_hour:
            return tuple(range(24))
        first = self.hours.opens_minutes + self.delay_minutes
        return tuple(sorted({minute // 60 % 24 for minute in range(first, self.hours.closes_minutes, 60)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command, as words, its working folder, and when it starts.

    `credentials` are the names of systemd's that scenarios refer to; `writable` folders that the command writes to.
    `system` says that it runs for the whole machine, as a user of its own.
    """

    command: Sequence[str]
    folder: str
    starts: Sequence[Start]
    credentials: Sequence[str] = ()
    writable: Sequence[str] = ()
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFile:
    """A file of a timer: its name, its text, and the folder that it belongs to (None: nobody puts it there for you)."""

    name: str
    text: str
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """What starts a job: files, and what a person has to do about them, before and after, as lines."""

    files: Sequence[TimerFile]
    to_install: Sequence[str]
    to_remove: Sequence[str] = ()


def refuse_control(text: str, *, where: str) -> str:
    """Return a text that a format can hold; one with control characters, or no Unicode, it can't.

    Raises:
        UsageError: it has some.
    """
    if _CONTROL.search(text):
        raise UsageError(f"expected a path without control characters for {where}, got {relpath.show(text)}")
    return text
