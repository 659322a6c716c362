"""A job → a launch agent of macOS. Source: launchd.plist(5): what was slept through is started on waking."""

from __future__ import annotations

import plistlib
from typing import Final

from verifier.schedule.timers.job import MARK, Job, Timer, TimerFile, refuse_control

LABEL: Final = "restore-verifier.drill"
NAME: Final = f"{LABEL}.plist"
USER_FOLDER: Final = "~/Library/LaunchAgents"
SYSTEM_FOLDER: Final = "/Library/LaunchDaemons"


def timer(job: Job) -> Timer:
    """Return the property list, and how to load it.

    Raises:
        UsageError: a path can't stand in it.
    """
    times = sorted({(hour, start.clock[1]) for start in job.starts for hour in start.chances})
    stated = {
        "Label": LABEL,
        "ProgramArguments": [refuse_control(word, where="launchd") for word in job.command],
        "WorkingDirectory": refuse_control(job.folder, where="launchd"),
        "StartCalendarInterval": [{"Hour": hour, "Minute": minute} for hour, minute in times],
        "RunAtLoad": True,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Umask": 0o077,
        # Longer than launchd's 20 s: the drill leaves a proof of what was done.
        "ExitTimeOut": 120,
        **({"UserName": "verifier"} if job.system else {}),
    }
    head, _, rest = plistlib.dumps(stated).decode().partition("\n")
    folder = SYSTEM_FOLDER if job.system else USER_FOLDER
    domain = "system" if job.system else "gui/$(id -u)"
    admin = "sudo " if job.system else ""
    return Timer(
        files=(TimerFile(name=NAME, text=f"{head}\n<!-- {MARK} -->\n{rest}", folder=folder),),
        to_install=[f"{admin}launchctl bootstrap {domain} {folder}/{NAME}"],
        to_remove=[f"{admin}launchctl bootout {domain}/{LABEL}"],
    )
