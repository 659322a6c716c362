"""The kinds of timers, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from verifier.schedule.timers import cron, launchd, synology, systemd, windows
from verifier.schedule.timers.job import Job, Timer

KINDS: Final[Mapping[str, Callable[[Job], Timer]]] = {
    "systemd": systemd.timer,
    "cron": cron.timer,
    "launchd": launchd.timer,
    "windows": windows.timer,
    "synology": synology.timer,
}


def usual_kind(platform: str, *, has_systemd: bool) -> str:
    """Return the kind that a platform, as `sys.platform` names it, usually has."""
    if platform == "darwin":
        return "launchd"
    return "systemd" if has_systemd else "cron"


def render_timer(kind: str, job: Job) -> Timer:
    """Return what starts a job on a kind of system.

    Raises:
        UsageError: a path can't stand in what that system reads.
    """
    return KINDS[kind](job)
