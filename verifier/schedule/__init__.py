"""When drills are due, and the timers that start them: of systemd, cron, launchd, Windows and Synology."""

from verifier.schedule.calendar import Calendar
from verifier.schedule.due import PastDrill, Standing, delay_minutes, standing
from verifier.schedule.history import scenario_standing, whole_drills
from verifier.schedule.zone import LocalZone

__all__ = [
    "Calendar",
    "LocalZone",
    "PastDrill",
    "Standing",
    "delay_minutes",
    "scenario_standing",
    "standing",
    "whole_drills",
]
