"""`verifier schedule`: the scenarios' schedules → a timer of this system, shown, put where it belongs, or removed."""

from __future__ import annotations

import argparse
import dataclasses
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting
from verifier.errors import UsageError

if TYPE_CHECKING:
    from verifier.scenario.scenario import Scenario
    from verifier.schedule.timers import Job, Timer, TimerFile
    from verifier.secret import SecretReference

_KINDS: Final = ("systemd", "cron", "launchd", "windows", "synology")
_FOR_THE_MACHINE: Final = ("systemd", "launchd")
_SCENARIOS: Final = Path("scenarios")
_ETC: Final = Path("/etc/verifier")
_OWN_FOLDERS: Final = (Path("/var/lib/verifier"), Path("/var/cache/verifier"))
_RUNS_SYSTEMD: Final = Path("/run/systemd/system")  # as sd_booted(3) asks


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    commands = parser.add_subparsers(dest="schedule_command", required=True, metavar="show|install|remove")
    meanings = {
        "show": "print the timer, and write nothing",
        "install": "write the timer where this system finds it, and say what to run",
        "remove": "remove the files that install wrote",
    }
    for name, means in meanings.items():
        command = commands.add_parser(name, help=means, description=means)
        command.add_argument(
            "scenarios", nargs="*", type=Path, metavar="SCENARIO", help="default: every file in scenarios/"
        )
        command.add_argument("--kind", choices=_KINDS, help="default: what this system has")
        command.add_argument("--system", action="store_true", help="for the whole machine, as the user verifier")
        if name != "show":
            command.add_argument("--into", type=Path, metavar="DIR", help="the folder of the timer's files")
        if name != "remove":
            command.add_argument("--state", type=Path, metavar="DIR", help="as of `verifier drill`")
            command.add_argument("--reports", type=Path, metavar="DIR", help="as of `verifier drill`")
            command.add_argument("--scratch", type=Path, metavar="DIR", help="as of `verifier drill`")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Show, install or remove a timer; return 0.

    Raises:
        ScenarioError: a scenario's file can't be used.
        UsageError: no scenario has a schedule, a path can't stand in a timer, or a file is not ours.
    """
    from verifier.schedule.timers import render_timer, usual_kind  # noqa: PLC0415 - `--help` answers at once

    kind = arguments.kind or usual_kind(sys.platform, has_systemd=_RUNS_SYSTEMD.is_dir())
    if arguments.system and kind not in _FOR_THE_MACHINE:
        raise UsageError(f"expected --system with systemd or launchd, got {kind}")
    if arguments.schedule_command == "remove":
        return _remove(kind, arguments, setting)
    scenarios = _planned(arguments, setting)
    timer = render_timer(kind, _job(scenarios, arguments))
    if arguments.schedule_command == "show":
        _show(timer, setting)
    else:
        _install(timer, kind, arguments, setting)
    for line in timer.to_install:
        setting.terminal.say(f"  {line}")
    _warn_of_secrets(scenarios, kind, setting)
    return 0


def _warn_of_secrets(scenarios: Sequence[Scenario], kind: str, setting: Setting) -> None:
    """Name the secrets that a drill won't find when a timer starts it."""
    absent = {"env"} if kind == "systemd" else {"env", "credential"}
    names = sorted({one.words[0] for one in _references(scenarios) if one.kind in absent})
    if names:
        setting.terminal.warn(f"what a {kind} timer starts will not find {', '.join(names)}: refer to a file instead")


def _planned(arguments: argparse.Namespace, setting: Setting) -> Sequence[Scenario]:
    from verifier.scenario import find, load_all  # noqa: PLC0415 - `--help` reads no scenario

    paths = [path.absolute() for path in arguments.scenarios]
    if not paths:
        etc = _ETC / _SCENARIOS
        paths = find(etc if arguments.system and etc.is_dir() else _SCENARIOS)
    home = setting.environment.get("HOME")
    found = [one for one in load_all(paths, home=Path(home) if home else None) if one.schedule is not None]
    if not found:
        raise UsageError("expected a scenario with a [schedule], got none", hint='[schedule] every = "month"')
    return found


def _job(scenarios: Sequence[Scenario], arguments: argparse.Namespace) -> Job:
    from verifier.ledger import default_state  # noqa: PLC0415 - `--help` opens no database
    from verifier.schedule import delay_minutes  # noqa: PLC0415 - the same
    from verifier.schedule.timers import Job, Start  # noqa: PLC0415 - the same

    machine = socket.gethostname()
    starts = [
        Start(
            hours=one.schedule.hours,
            delay_minutes=delay_minutes(one.schedule, machine=machine, scenario=one.name),
            any_hour=one.schedule.window is None,
        )
        for one in scenarios
        if one.schedule is not None
    ]
    state, reports, scratch = arguments.state, arguments.reports, arguments.scratch
    if arguments.system:
        state, reports = state or _OWN_FOLDERS[0], reports or _OWN_FOLDERS[0] / "reports"
        scratch = scratch or _OWN_FOLDERS[1]
    # Named, because a timer's environment may lead to another one than yours.
    folders = {"--state": state or default_state(), "--reports": reports, "--scratch": scratch}
    options = [word for name, folder in folders.items() if folder for word in (name, str(folder.absolute()))]
    writable = [folder.absolute() for folder in folders.values() if folder]
    writable += [one.scratch_path for one in scenarios if one.scratch_path is not None]
    named = [str(path.absolute()) for path in arguments.scenarios]
    return Job(
        command=[*_own_command(), "drill", "--due", *named, *options],
        folder=str(_ETC if arguments.system else Path.cwd()),
        starts=starts,
        credentials=sorted({one.words[0] for one in _references(scenarios) if one.kind == "credential"}),
        writable=sorted({str(path) for path in writable if not any(map(path.is_relative_to, _OWN_FOLDERS))}),
        system=arguments.system,
    )


def _own_command() -> list[str]:
    """Return the words that start this program, whatever the folder and the search path."""
    installed = Path(sys.executable).with_name("verifier")
    if os.access(installed, os.X_OK):
        return [str(installed)]
    return [sys.executable, "-m", "verifier.cli.main"]


def _references(value: object) -> Iterator[SecretReference]:
    """Yield the references to secrets anywhere in scenarios."""
    from verifier.secret import SecretReference  # noqa: PLC0415 - `--help` reads no scenario

    if isinstance(value, SecretReference):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _references(getattr(value, field.name))
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _references(inner)


def _show(timer: Timer, setting: Setting) -> None:
    for file in timer.files:
        # A single file can be passed on as it is; several are told apart.
        if len(timer.files) > 1:
            setting.terminal.put(f"# {file.folder}/{file.name}")
        setting.terminal.put(file.text.removesuffix("\n"))
    setting.terminal.say("nothing was written; to have it started:")


def _install(timer: Timer, kind: str, arguments: argparse.Namespace, setting: Setting) -> None:
    from verifier import relpath  # noqa: PLC0415 - `--help` answers at once
    from verifier.schedule.timers import put_file  # noqa: PLC0415 - the same

    for file in timer.files:
        path = put_file(_folder(file, kind, arguments, setting), file)
        setting.terminal.say(f"wrote {relpath.show(os.fsencode(path))}")
    setting.terminal.say("to have it started:")


def _remove(kind: str, arguments: argparse.Namespace, setting: Setting) -> int:
    from verifier import relpath  # noqa: PLC0415 - `--help` answers at once
    from verifier.schedule.timers import Job, remove_file, render_timer  # noqa: PLC0415 - the same

    timer = render_timer(kind, Job(command=["verifier"], folder="/", starts=[], system=arguments.system))
    removed = 0
    for file in timer.files:
        path = remove_file(_folder(file, kind, arguments, setting), file.name)
        if path is not None:
            removed += 1
            setting.terminal.say(f"removed {relpath.show(os.fsencode(path))}")
    setting.terminal.say("to have it end:" if removed else "nothing of ours is there")
    for line in timer.to_remove if removed else ():
        setting.terminal.say(f"  {line}")
    return 0


def _folder(file: TimerFile, kind: str, arguments: argparse.Namespace, setting: Setting) -> Path:
    """Return where a timer's file belongs.

    Raises:
        UsageError: nowhere, unless it is said.
    """
    if arguments.into is not None:
        return Path(arguments.into)
    if file.folder is None:
        raise UsageError(
            f"expected --into DIR for {kind}, whose timers no file starts by itself, got nothing",
            hint=f"`verifier schedule show --kind {kind}` prints what to do",
        )
    above = setting.environment.get("XDG_CONFIG_HOME")
    if file.folder.startswith("~/.config/") and above:
        return Path(above) / file.folder.removeprefix("~/.config/")
    return Path(file.folder.replace("~", setting.environment.get("HOME", "~"), 1)).expanduser()
