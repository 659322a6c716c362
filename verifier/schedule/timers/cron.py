"""A job → lines for `crontab -e`.

Source: crontab(5): a line ends a command, and a `%` is a newline unless a backslash stands before it. Cron starts
nothing that was missed, so a machine that was off is asked again in each hour that is still open.
"""

from __future__ import annotations

import shlex
from typing import Final

from verifier.schedule.timers.job import MARK, Job, Timer, TimerFile, refuse_control

NAME: Final = "verifier-drill.cron"


def timer(job: Job) -> Timer:
    """Return the lines, and where they go.

    Raises:
        UsageError: a path can't stand in a line.
    """
    command = f"cd {shlex.quote(job.folder)} && exec {shlex.join([*job.command, '--quiet'])}"
    escaped = refuse_control(command, where="cron").replace("%", "\\%")
    lines = [f"# {MARK}"]
    lines += sorted({f"{start.clock[1]} {_hours(start.chances)} * * * {escaped}" for start in job.starts})
    text = "\n".join(lines) + "\n"
    return Timer(
        files=(TimerFile(name=NAME, text=text),),
        to_install=["crontab -e  # and put these lines there"],
        to_remove=["crontab -e  # and take the lines out"],
    )


def _hours(hours: tuple[int, ...]) -> str:
    return "*" if len(hours) == 24 else ",".join(map(str, hours))  # noqa: PLR2004 - the hours of a day
