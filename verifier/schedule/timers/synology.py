"""A job → the steps in DSM, the system of Synology's NAS, whose Task Scheduler is filled in by hand."""

from __future__ import annotations

import shlex
from typing import Final

from verifier.schedule.timers.job import Job, Timer, TimerFile, refuse_control

NAME: Final = "verifier-drill-synology.txt"


def timer(job: Job) -> Timer:
    """Return the steps.

    Raises:
        UsageError: a path can't stand in a line of a script.
    """
    script = f"cd {shlex.quote(job.folder)} && exec {shlex.join([*job.command, '--quiet'])}"
    refuse_control(script, where="Synology's Task Scheduler")
    lines = ["In DSM: Control Panel, Task Scheduler, Create, Scheduled Task, User-defined script."]
    for number, start in enumerate(sorted(job.starts, key=lambda one: one.clock), start=1):
        hour, minute = start.clock
        latest = max(chance for chance in start.chances if chance >= hour)
        last = f", each hour, last run at {latest:02}:{minute:02}" if latest > hour else ""
        lines += [
            f"Task {number}:",
            "  General: a user that may read the copies and nothing else; not root",
            f"  Schedule: daily, first run at {hour:02}:{minute:02}{last}",
            "  Task Settings: send run details by e-mail only when the script terminates abnormally",
            f"  Run command: {script}",
        ]
    return Timer(files=(TimerFile(name=NAME, text="\n".join(lines) + "\n"),), to_install=["follow these steps in DSM"])
