"""Timers, held against the parsers of those who read them: systemd's, launchd's format, XML, a shell."""

from __future__ import annotations

import plistlib
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

import pytest

from verifier.errors import UsageError
from verifier.scenario.schedule import Window
from verifier.schedule.timers import KINDS, MARK, Job, Start, TimerFile, put_file, remove_file, render_timer, usual_kind

NIGHT = Start(hours=Window.parse("01:00-06:00"), delay_minutes=17, any_hour=False)
LATE = Start(hours=Window.parse("22:00-04:00"), delay_minutes=150, any_hour=False)
ALWAYS = Start(hours=Window.parse("00:00-24:00"), delay_minutes=5, any_hour=True)
HARD = '/tmp/a b/100%/$HOME/it\'s "so"/ende\\x;`id`/Fotos-é'  # noqa: S108 - a name, and no file
COMMANDS = [["/bin/true", "--state", HARD], ["/bin/true", "line\nbreak\ttab", "%h", "${HOME}", "\x7f\x01", "caf\udce9"]]
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def job(*, command: list[str] | None = None, system: bool = False, folder: str = "/srv") -> Job:
    return Job(
        command=command or COMMANDS[0],
        folder=folder,
        starts=[NIGHT, LATE, NIGHT],
        credentials=["b2-key"],
        writable=["/srv/my reports"],
        system=system,
    )


@pytest.fixture(scope="session")
def analyze(must_run: Callable[[str, str], NoReturn]) -> Callable[..., subprocess.CompletedProcess[str]]:
    if shutil.which("systemd-analyze") is None:
        must_run("systemd", "systemd-analyze is not installed")

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["systemd-analyze", *words], capture_output=True, text=True, errors="surrogateescape", check=False
        )

    return run


def unit(files: list[TimerFile], ends: str) -> str:
    (found,) = [file.text for file in files if file.name.endswith(ends)]
    return found


@pytest.mark.parametrize("system", [False, True])
@pytest.mark.parametrize("command", COMMANDS)
def test_systemd_finds_nothing_wrong(
    tmp_path: Path,
    analyze: Callable[..., subprocess.CompletedProcess[str]],
    command: list[str],
    system: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    folder = tmp_path / "a b%c\\d é"
    folder.mkdir()
    paths = [
        put_file(tmp_path, file)
        for file in render_timer("systemd", job(command=command, system=system, folder=str(folder))).files
    ]
    checked = analyze("verify", *paths)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_systemd_reads_back_the_words_and_the_folder(
    tmp_path: Path, analyze: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """systemd names what it can't run: that is how it tells what it has read."""
    program = f"{tmp_path}/100%h of $HOME, %n"
    service = put_file(tmp_path, render_timer("systemd", job(command=[program])).files[0])
    assert f"Command {program} is not executable" in analyze("verify", service).stderr


@pytest.mark.parametrize("calendar", ["01:17:00", "00:30:00"])
def test_systemd_knows_the_times(analyze: Callable[..., subprocess.CompletedProcess[str]], calendar: str) -> None:
    text = unit(list(render_timer("systemd", job()).files), ".timer")
    line = f"OnCalendar=*-*-* {calendar}"
    assert text.count(line) == 1
    assert f"Normalized form: *-*-* {calendar}" in analyze("calendar", line.removeprefix("OnCalendar=")).stdout


def test_the_service_of_the_machine_is_hardened(
    tmp_path: Path, analyze: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    service = put_file(tmp_path, render_timer("systemd", job(system=True)).files[0])
    rated = analyze("security", "--offline=true", "--threshold=25", service)
    assert rated.returncode == 0, rated.stdout[-200:]
    assert any(word in rated.stdout.splitlines()[-1] for word in ("OK", "SAFE"))
    lines = service.read_text().splitlines()
    for line in ("User=verifier", "StateDirectory=verifier", "KillMode=mixed", 'ReadWritePaths="/srv/my reports"'):
        assert line in lines
    assert "LoadCredential=b2-key:/etc/verifier/credentials/b2-key" in lines


def test_cron_runs_the_command_as_it_is(tmp_path: Path) -> None:
    """What cron hands to the shell, by its own rule for percent signs, is run by that shell."""
    folder = tmp_path / "100% it's"
    folder.mkdir()
    shown = ["/bin/sh", "-c", 'printf "%s\\0" "$PWD" "$@"', "sh", HARD, "%h", "a%%b"]
    (file,) = render_timer("cron", job(command=shown, folder=str(folder))).files
    mark, late, night = file.text.splitlines()
    assert mark == f"# {MARK}"
    assert night.startswith("30 0,1,2,3 * * * cd ") or late.startswith("30 0,1,2,3 * * * cd ")
    assert min(late, night).split(" cd ", 1)[0] == "17 1,2,3,4,5 * * *"
    command = night.split(" * * * ", 1)[1]
    assert "%" not in command.replace("\\%", "")
    ran = subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], capture_output=True, check=True)
    assert ran.stdout.decode().split("\0")[:-1] == [str(folder), HARD, "%h", "a%%b", "--quiet"]


def test_launchd_reads_a_property_list() -> None:
    (file,) = render_timer("launchd", job(folder=HARD)).files
    stated = plistlib.loads(file.text.encode())
    assert stated["ProgramArguments"] == COMMANDS[0]
    assert (stated["WorkingDirectory"], stated["RunAtLoad"], stated["ExitTimeOut"]) == (HARD, True, 120)
    times = {(one["Hour"], one["Minute"]) for one in stated["StartCalendarInterval"]}
    assert times == {(hour, 17) for hour in range(1, 6)} | {(hour, 30) for hour in range(4)}
    assert "UserName" not in stated
    (daemon,) = render_timer("launchd", job(system=True)).files
    assert plistlib.loads(daemon.text.encode())["UserName"] == "verifier"


def test_windows_reads_a_task() -> None:
    (file,) = render_timer("windows", job(folder=HARD)).files
    assert file.text.isascii()
    task = ET.fromstring(file.text)  # noqa: S314 - our own
    assert (task.tag, task.get("version")) == (f"{NAMESPACE}Task", "1.2")
    known = {
        "Task", "RegistrationInfo", "Description", "Triggers", "CalendarTrigger", "StartBoundary", "Enabled",
        "ScheduleByDay", "DaysInterval", "Settings", "MultipleInstancesPolicy", "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries", "StartWhenAvailable", "RunOnlyIfNetworkAvailable", "WakeToRun", "ExecutionTimeLimit",
        "Priority", "Actions", "Exec", "Command", "Arguments",
    }  # fmt: skip
    assert {element.tag.removeprefix(NAMESPACE) for element in task.iter()} == known
    times = [element.text for element in task.iter(f"{NAMESPACE}StartBoundary")]
    assert times == ["2026-01-01T00:30:00", "2026-01-01T01:17:00"]
    arguments = next(task.iter(f"{NAMESPACE}Arguments")).text
    assert arguments == subprocess.list2cmdline(["--cd", HARD, "--exec", *COMMANDS[0]])


def test_synology_gets_steps() -> None:
    (file,) = render_timer("synology", job()).files
    assert "first run at 01:17, each hour, last run at 05:17" in file.text
    assert f"exec {shlex.join([*COMMANDS[0], '--quiet'])}" in file.text


@pytest.mark.parametrize("kind", ["cron", "launchd", "windows", "synology"])
def test_what_a_format_cannot_hold_is_refused(kind: str) -> None:
    for wrong in ("a\nb", "a\x01b", "caf\udce9"):
        with pytest.raises(UsageError, match="without control characters"):
            render_timer(kind, job(command=["/bin/true", wrong]))


@pytest.mark.parametrize("program", ["/a\nb", "/it's", '/a"b', "/a\\b"])
def test_a_program_that_systemd_does_not_run_is_refused(program: str) -> None:
    with pytest.raises(UsageError, match="for systemd"):
        render_timer("systemd", job(command=[program]))


@pytest.mark.parametrize("folder", ["/a\nb", "/a ", "/a\\", "/caf\udce9"])
def test_a_working_folder_that_a_unit_cannot_hold_is_refused(folder: str) -> None:
    with pytest.raises(UsageError, match="for systemd"):
        render_timer("systemd", job(folder=folder))


def test_without_hours_there_is_a_chance_in_each() -> None:
    assert ALWAYS.chances == tuple(range(24))
    plain = Job(command=["/bin/true"], folder="/", starts=[ALWAYS])
    assert "5 * * * * cd / && exec /bin/true --quiet\n" in render_timer("cron", plain).files[0].text


@pytest.mark.parametrize(
    ("platform", "has_systemd", "kind"),
    [("linux", True, "systemd"), ("linux", False, "cron"), ("darwin", False, "launchd")],
)
def test_each_platform_has_its_usual_kind(platform: str, has_systemd: bool, kind: str) -> None:  # noqa: FBT001 - the same
    assert usual_kind(platform, has_systemd=has_systemd) == kind
    assert kind in KINDS


def test_only_what_we_wrote_is_overwritten_or_removed(tmp_path: Path) -> None:
    file = TimerFile(name="x.timer", text=f"# {MARK}\nnew\n")
    folder = tmp_path / "made" / "for it"
    assert remove_file(folder, "x.timer") is None
    path = put_file(folder, file)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (file.text, 0o644)
    assert put_file(folder, file) == path
    assert remove_file(folder, "x.timer") == path
    assert list(folder.iterdir()) == []

    path.write_text("somebody else's\n")
    target = folder / "target"
    target.write_text(f"# {MARK}\n")
    (folder / "link.timer").symlink_to(target)
    (folder / "folder.timer").mkdir()
    for name in ("x.timer", "link.timer", "folder.timer"):
        with pytest.raises(UsageError, match="got another"):
            put_file(folder, TimerFile(name=name, text=file.text))
        with pytest.raises(UsageError, match="got another"):
            remove_file(folder, name)
    assert path.read_text() == "somebody else's\n"
    assert target.read_text() == f"# {MARK}\n"
