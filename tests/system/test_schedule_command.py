"""`verifier schedule`: shown, put where it belongs, removed, and nothing else touched."""

from __future__ import annotations

import configparser
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import Verifier

SCENARIO = """\
name = "notes"
manifest = "notes.jsonl"

[schedule]
every = "week"
window = "02:00-05:00"

[[copy]]
name = "b2"
at = "b2://bucket/notes"
key_id = { credential = "b2-id" }
key = { env = "B2_KEY" }
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "my backups 100%"
    (folder / "scenarios").mkdir(parents=True)
    (folder / "scenarios" / "notes.toml").write_text(SCENARIO)
    return folder


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_show_prints_and_writes_nothing(home: Path, verifier: Verifier) -> None:
    before = everything(home.parent)
    for kind in ("systemd", "cron", "launchd", "windows", "synology"):
        shown = verifier("schedule", "show", "--kind", kind, cwd=home, env={"HOME": str(home)})
        assert shown.returncode == 0, shown.stderr
        assert "drill --due" in shown.stdout.replace('" "', " ") or "<string>--due</string>" in shown.stdout
        assert "nothing was written" in shown.stderr
        assert "B2_KEY" in shown.stderr
        assert ("b2-id" in shown.stderr) == (kind != "systemd")
    assert everything(home.parent) == before


def test_a_users_timer_is_installed_and_removed(home: Path, verifier: Verifier, tmp_path: Path) -> None:
    config = tmp_path / "config"
    env = {"HOME": str(home), "XDG_CONFIG_HOME": str(config)}
    wrote = verifier("schedule", "install", "--kind", "systemd", cwd=home, env=env)
    assert wrote.returncode == 0, wrote.stderr
    units = config / "systemd" / "user"
    assert sorted(path.name for path in units.iterdir()) == ["verifier-drill.service", "verifier-drill.timer"]
    assert "systemctl --user enable --now verifier-drill.timer" in wrote.stderr
    service = configparser.RawConfigParser(strict=False)
    service.read(units / "verifier-drill.service")
    assert service["Service"]["WorkingDirectory"] == str(home).replace("%", "%%")
    assert service["Service"]["LoadCredential"] == "b2-id:%h/.config/verifier/credentials/b2-id"
    assert "OnCalendar=*-*-* 02:00:00" in (units / "verifier-drill.timer").read_text()

    (units / "other.timer").write_text("not ours\n")
    removed = verifier("schedule", "remove", "--kind", "systemd", cwd=home, env=env)
    assert removed.returncode == 0, removed.stderr
    assert [path.name for path in units.iterdir()] == ["other.timer"]
    assert "nothing of ours is there" in verifier("schedule", "remove", "--kind", "systemd", cwd=home, env=env).stderr


def test_what_the_service_runs_is_a_command_that_is_there(home: Path, verifier: Verifier, tmp_path: Path) -> None:
    shown = verifier("schedule", "show", "--kind", "cron", "--state", tmp_path / "s t", cwd=home)
    line = shown.stdout.splitlines()[1].split(" * * * ", 1)[1].replace("\\%", "%")
    assert shlex.split(line)[:4] == ["cd", str(home), "&&", "exec"]
    ran = subprocess.run(["/bin/sh", "-c", f"{line} --help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "--due" in ran.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("install", "--kind", "cron"), "expected --into DIR for cron"),
        (("show", "--kind", "cron", "--system"), "expected --system with systemd or launchd, got cron"),
        (("show", "unplanned.toml"), "expected a scenario with a [schedule], got none"),
    ],
)
def test_what_cannot_be_is_said(home: Path, verifier: Verifier, options: tuple[str, ...], says: str) -> None:
    head, _, rest = SCENARIO.partition("[schedule]")
    (home / "unplanned.toml").write_text(head + rest[rest.index("[[copy]]") :])
    told = verifier("schedule", *options, cwd=home)
    assert (told.returncode, says in told.stderr) == (2, True), told.stderr


def test_into_a_folder_where_it_is_asked_for(home: Path, verifier: Verifier, tmp_path: Path) -> None:
    told = verifier("schedule", "install", "--kind", "cron", "--into", tmp_path / "cron.d", cwd=home)
    assert told.returncode == 0, told.stderr
    assert [path.name for path in (tmp_path / "cron.d").iterdir()] == ["verifier-drill.cron"]


def test_help_answers(verifier: Verifier) -> None:
    told = verifier("schedule", "--help")
    assert (told.returncode, "show|install|remove" in told.stdout) == (0, True)
