"""A job → a task for the Task Scheduler of Windows, which starts it in the Windows Subsystem for Linux.

Source: the Task Scheduler schema, version 1.2. This program doesn't run on Windows itself.
"""

from __future__ import annotations

import subprocess
from typing import Final
from xml.etree import ElementTree as ET

from verifier.schedule.timers.job import MARK, Job, Timer, TimerFile, refuse_control

NAME: Final = "verifier-drill.xml"
NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
# A task's time is a day's and a time's; which day, is all the same to one of every day.
_FIRST_DAY: Final = "2026-01-01"


def timer(job: Job) -> Timer:
    """Return the task, and how to have it registered.

    Raises:
        UsageError: a path can't stand in it.
    """
    ET.register_namespace("", NAMESPACE)
    task = ET.Element(f"{{{NAMESPACE}}}Task", version="1.2")
    task.append(ET.Comment(f" {MARK} "))
    _below(task, "RegistrationInfo", Description="Drills of backups that are due")
    triggers = _below(task, "Triggers")
    for hour, minute in sorted({start.clock for start in job.starts}):
        trigger = _below(
            triggers, "CalendarTrigger", StartBoundary=f"{_FIRST_DAY}T{hour:02}:{minute:02}:00", Enabled="true"
        )
        _below(trigger, "ScheduleByDay", DaysInterval="1")
    _below(
        task,
        "Settings",
        MultipleInstancesPolicy="IgnoreNew",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        # What was missed while the machine was off is started when it is back.
        StartWhenAvailable="true",
        RunOnlyIfNetworkAvailable="false",
        WakeToRun="false",
        # The drill ends itself with its hours.
        ExecutionTimeLimit="PT0S",
        Priority="7",
    )
    words = ["--cd", job.folder, "--exec", *job.command]
    arguments = subprocess.list2cmdline([refuse_control(word, where="Windows") for word in words])
    _below(_below(task, "Actions"), "Exec", Command="wsl.exe", Arguments=arguments)
    ET.indent(task)
    # ASCII alone, so that it is read alike in whatever encoding it is passed on.
    text = ET.tostring(task, encoding="us-ascii", xml_declaration=False).decode() + "\n"
    return Timer(
        files=(TimerFile(name=NAME, text=text),),
        to_install=[f"schtasks /Create /TN verifier-drill /XML {NAME}  # on Windows, beside that file"],
        to_remove=["schtasks /Delete /TN verifier-drill"],
    )


def _below(parent: ET.Element, name: str, **texts: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    for key, text in texts.items():
        ET.SubElement(element, f"{{{NAMESPACE}}}{key}").text = text
    return element
