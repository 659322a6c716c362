"""The scripts that the README puts before a backup do what it says: an update first, and no backup where that fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
SECTION = README.split("## Right before each backup", 1)[1].split("\n## ", 1)[0]
Verifier = Callable[..., subprocess.CompletedProcess[str]]


def script(word: str) -> str:
    """Return the script that holds this word."""
    (found,) = (text for text in re.findall(r"^```sh\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL) if word in text)
    return found


@pytest.fixture
def home(tmp_path: Path, verifier: Verifier) -> Path:
    """Lay out a home: pictures, their manifest, and the program where pipx puts it."""
    pictures = tmp_path / "Pictures"
    pictures.mkdir()
    for number in range(10):
        (pictures / f"{number}.jpg").write_bytes(bytes([number]) * 1_000)
    generations = tmp_path / "backups/scenarios/manifests/pictures"
    generations.mkdir(parents=True)
    made = verifier("manifest", "create", pictures, "-o", generations)
    assert made.returncode == 0, made.stderr
    program = tmp_path / ".local/bin/verifier"
    program.parent.mkdir(parents=True)
    program.symlink_to(Path(sys.executable).with_name("verifier"))
    return tmp_path


def generations(home: Path) -> int:
    return len(list((home / "backups/scenarios/manifests/pictures").iterdir()))


def test_no_backup_follows_an_update_that_wants_a_word(home: Path, must_run: Callable[[str, str], None]) -> None:
    if shutil.which("rclone") is None:
        must_run("rclone", "rclone is not installed")
    text = script("rclone sync")
    (sync,) = re.findall(r"# or: (rclone sync .*)", text)
    assert "b2:family-backup/photos" in sync
    copy = home / "copy"
    hook = re.sub(r"^restic .*", sync.replace("b2:family-backup/photos", str(copy)), text, flags=re.MULTILINE)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}

    def run() -> int:
        return subprocess.run(["sh", "-c", hook], env=environment, capture_output=True, check=False).returncode

    assert run() == 0
    assert (generations(home), len(list(copy.iterdir()))) == (2, 10)
    for number in range(3):
        (home / f"Pictures/{number}.jpg").write_bytes(os.urandom(1_000))
    assert run() == 3
    assert (copy / "0.jpg").read_bytes() == bytes(1_000)
    assert generations(home) == 2


def test_the_hook_of_vzdump_runs_once_a_job_and_without_an_environment(home: Path) -> None:
    hook = home / "vzdump-hook"
    printed = script("job-start")
    for text, here in {
        "/root/.local": home / ".local",
        "/root/manifests/photos": home / "backups/scenarios/manifests/pictures",
        "/root/verifier": home / "state",
    }.items():
        assert text in printed
        printed = printed.replace(text, str(here))
    hook.write_text(printed)
    hook.chmod(0o755)

    def run(*arguments: str) -> int:
        return subprocess.run([hook, *arguments], env={}, capture_output=True, check=False).returncode

    phases = [("job-init",), ("job-start",), ("backup-start", "snapshot", "101"), ("log-end", "snapshot", "101")]
    assert [run(*phase) for phase in phases] == [0, 0, 0, 0]
    assert generations(home) == 2
    shutil.rmtree(home / "Pictures")
    (home / "Pictures").mkdir()
    assert run("job-start") == 3
    assert generations(home) == 2
