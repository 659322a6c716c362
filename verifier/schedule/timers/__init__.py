"""A command and its hours → what starts it on each system: systemd, cron, launchd, Windows, Synology."""

from verifier.schedule.timers.job import MARK, Job, Start, Timer, TimerFile
from verifier.schedule.timers.placing import put_file, remove_file
from verifier.schedule.timers.table import KINDS, render_timer, usual_kind

__all__ = [
    "KINDS",
    "MARK",
    "Job",
    "Start",
    "Timer",
    "TimerFile",
    "put_file",
    "remove_file",
    "render_timer",
    "usual_kind",
]
