"""The manifest command as a user runs it: results on standard output, talk beside it, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Verifier = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "2015" / "@eaDir").mkdir(parents=True)
    (folder / "2015" / "a.jpg").write_bytes(b"a" * 1000)
    (folder / "2015" / "\x1b[31mb\n.jpg").write_bytes(b"b")
    (folder / "2015" / "@eaDir" / "thumb").write_bytes(b"thumb")
    (folder / "link").symlink_to("2015/a.jpg")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "photos.jsonl.zst"


def test_create_show_verify(photos: Path, target: Path, verifier: Verifier) -> None:
    made = verifier("manifest", "create", photos, "-o", target)
    assert made.returncode == 0, made.stderr
    identity = made.stdout.strip()
    assert "1 files, 5 B: left out as asked\n  2015/@eaDir/thumb" in made.stderr
    assert "2 files and 1 links, 1,001 B" in made.stderr
    assert str(target) in made.stderr
    shown = verifier("manifest", "show", target)
    assert f"identity  {identity}" in shown.stdout
    assert "left out  1 files, 5 B left out as asked" in shown.stdout
    facts = json.loads(verifier("manifest", "show", target, "--json").stdout)
    assert facts["totals"] == {"files": 2, "links": 1, "bytes": 1001, "identity": identity}
    assert facts["dataset"] == "photos"
    assert facts["origin"]["address"] == str(photos)
    whole = verifier("manifest", "verify", target)
    assert (whole.returncode, identity in whole.stdout) == (0, True)
    same = verifier("manifest", "verify", target, photos)
    assert same.returncode == 0, same.stdout
    assert "all as in" in same.stdout


def test_quiet_create_prints_the_identity_alone(photos: Path, target: Path, verifier: Verifier) -> None:
    made = verifier("manifest", "create", photos, "-o", target, "--quiet", "--digest", "sha256", "--workers", "2")
    assert made.stderr == ""
    assert len(made.stdout.strip()) == 64


def test_verify_tells_what_differs(photos: Path, target: Path, verifier: Verifier) -> None:
    verifier("manifest", "create", photos, "-o", target)
    damaged = photos / "2015" / "a.jpg"
    status = damaged.stat()
    damaged.write_bytes(b"A" + b"a" * 999)
    os.utime(damaged, ns=(status.st_atime_ns, status.st_mtime_ns))
    (photos / "2015" / "\x1b[31mb\n.jpg").unlink()
    (photos / "new").write_bytes(b"12")
    told = verifier("manifest", "verify", target, photos)
    assert told.returncode == 1
    assert "1 files, 1,000 B: other content under an unchanged time" in told.stdout
    assert "1 files, 1 B: removed\n  2015/\\x1b[31mb\\n.jpg\n" in told.stdout
    assert "1 files, 2 B: added\n  new\n" in told.stdout
    assert "\x1b" not in told.stdout


def test_diff(photos: Path, tmp_path: Path, verifier: Verifier) -> None:
    old, new, other = (tmp_path / f"{name}.jsonl" for name in ("old", "new", "other"))
    verifier("manifest", "create", photos, "-o", old)
    assert verifier("manifest", "diff", old, old).returncode == 0
    (photos / "2015" / "a.jpg").write_bytes(b"edited")
    verifier("manifest", "create", photos, "-o", new)
    told = verifier("manifest", "diff", old, new)
    held = "2 files and 1 links, {}"
    sides = f"before: {held.format('1,001 B')}\nnow: {held.format('7 B')}\n"
    assert (told.returncode, told.stdout) == (1, f"1 files, 6 B: changed\n  2015/a.jpg\n{sides}")
    assert told.stderr == "warning: 994 B less than before: 99.3% of all bytes\n"
    verifier("manifest", "create", photos, "-o", other, "--digest", "blake3")
    assert verifier("manifest", "diff", old, other).returncode == 2
    new.write_bytes(new.read_bytes()[:-80])
    cut = verifier("manifest", "diff", old, new)
    assert (cut.returncode, cut.stdout) == (2, "")
    assert f"{new}:" in cut.stderr


def test_diff_tells_what_was_moved_and_what_is_less(photos: Path, tmp_path: Path, verifier: Verifier) -> None:
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    (photos / "2014").mkdir()
    (photos / "2014" / "gone").write_bytes(b"gone")
    verifier("manifest", "create", photos, "-o", old)
    (photos / "2015" / "a.jpg").rename(photos / "2014" / "a\n.jpg")
    (photos / "2014" / "gone").unlink()
    verifier("manifest", "create", photos, "-o", new)
    told = verifier("manifest", "diff", old, new)
    assert told.returncode == 1
    assert "1 files, 4 B: removed\n  2014/gone\n" in told.stdout
    assert "1 files, 1,000 B: moved\n  2015/a.jpg → 2014/a\\n.jpg\n" in told.stdout
    assert "before: 3 files and 1 links, 1,005 B\nnow: 2 files and 1 links, 1,001 B\n" in told.stdout
    assert "warning: 1 files fewer than before: 33.3% of them\n" in told.stderr
    assert "warning: 4 B less than before: 0.4% of all bytes\n" in told.stderr
    back = verifier("manifest", "diff", new, old)
    assert (back.returncode, back.stderr) == (1, "")


def test_output_in_the_folder_leaves_itself_out(photos: Path, verifier: Verifier) -> None:
    target = photos / "m.jsonl"
    for _ in range(2):
        made = verifier("manifest", "create", photos, "-o", target)
        assert "leaves itself out" in made.stderr
        assert json.loads(target.read_bytes().splitlines()[-1])["files"] == 2
    assert verifier("manifest", "verify", target, photos).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["create", "sftp://nas/photos", "-o", "m"], 2, "expected a folder, got the address sftp://nas/photos"),
        (["create", "none", "-o", "m"], 3, "expected a folder at none"),
        (["create", ".", "-o", "none/m"], 3, "expected a folder to write none/m into"),
        (["create", ".", "-o", "m", "--exclude", "!"], 2, "expected patterns"),
        (["create", ".", "-o", "m", "--workers", "0"], 2, "expected at least 1 worker, got 0"),
        (["show", "none"], 2, "can't open the manifest none"),
        (["verify", "."], 2, "expected a manifest"),
    ],
)
def test_mistakes(tmp_path: Path, verifier: Verifier, arguments: list[str], code: int, message: str) -> None:
    said = verifier("manifest", *arguments, cwd=tmp_path)
    assert (said.returncode, said.stdout) == (code, "")
    assert message in said.stderr
    assert "Traceback" not in said.stderr
    assert list(tmp_path.iterdir()) == []


def without_privilege(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command so that a file's rights count, for root, too."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-m", "verifier.cli.main", "manifest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_may_not_be_read_is_said_and_is_not_missing(photos: Path, target: Path, verifier: Verifier) -> None:
    verifier("manifest", "create", photos, "-o", target)
    (photos / "2015" / "a.jpg").chmod(0)
    told = without_privilege("verify", target, photos)
    assert told.returncode == 3, told.stderr
    assert "can't be told, since they could not be read\n  2015/a.jpg" in told.stdout
    assert "1 files, 0 B: unreadable\n" in told.stderr
    assert "2015/a.jpg: Permission denied" in told.stderr
    made = without_privilege("create", photos, "-o", target)
    assert made.returncode == 0
    assert json.loads(verifier("manifest", "show", target, "--json").stdout)["left_out"]["unreadable"]["files"] == 1
    before = target.read_bytes()
    (photos / "2015").chmod(0)
    for arguments in (["verify", target, photos], ["create", photos, "-o", target]):
        refused = without_privilege(*arguments)
        assert (refused.returncode, refused.stdout) == (3, "")
        assert "can't list 2015: Permission denied; no manifest was made" in refused.stderr
    assert target.read_bytes() == before
    (photos / "2015").chmod(0o700)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_leaves_no_trace(tmp_path: Path, number: signal.Signals, workers: int) -> None:
    folder, temporary = tmp_path / "data", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(2**40)
    target = tmp_path / "m.jsonl"
    target.write_bytes(b"old")
    command = [sys.executable, "-m", "verifier.cli.main", "manifest", "create", str(folder), "-o", str(target)]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        [*command, "--workers", str(workers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as running:
        deadline = time.monotonic() + 20
        while not list(temporary.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5)
        running.send_signal(number)
        output, said = running.communicate(timeout=20)
    assert (running.returncode, output) == (130, b"")
    assert b"Traceback" not in said
    assert target.read_bytes() == b"old"
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "m.jsonl", "temporary"]
