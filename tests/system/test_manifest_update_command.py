"""`manifest update` as a user runs it: what is said, what is written, when nothing is, and each exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from verifier.inventory import take_inventory
from verifier.inventory.batch import mark_of
from verifier.manifest import open_manifest

Verifier = Callable[..., subprocess.CompletedProcess[str]]
SECOND_NS = 1_000_000_000


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number in range(20):
        path = folder / f"{2010 + number % 4}" / f"{number:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"picture {number}".encode() * 10)
        os.utime(path, ns=(0, 1_700_000_000 * SECOND_NS))
    return folder


@pytest.fixture
def kept(photos: Path, tmp_path: Path, verifier: Verifier) -> Path:
    """Return the manifest of the photos, with an exclusion and a name of its own."""
    target = tmp_path / "photos.jsonl.zst"
    made = verifier("manifest", "create", photos, "-o", target, "--exclude", "*.tmp", "--dataset", "pictures")
    assert made.returncode == 0, made.stderr
    return target


def facts(path: Path) -> dict[str, Any]:
    """Return path → line of a manifest, its header under `header`, its last line under `end`."""
    with open_manifest(path) as manifest:
        totals = manifest.check()
        entries: dict[str, Any] = {entry.path.decode(): entry for entry in manifest.entries()}
        return entries | {"header": manifest.header, "end": totals}


def damage(path: Path) -> None:
    """Change a byte and set the time back, as a program that hides its work does: the change time stays new."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"\xff")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_what_changed_is_said_and_written(photos: Path, kept: Path, verifier: Verifier) -> None:
    before = facts(kept)
    (photos / "2010" / "00.jpg").write_bytes(b"edited")
    (photos / "2010" / "04.jpg").unlink()
    (photos / "2011" / "01.jpg").rename(photos / "2011" / "moved\n.jpg")
    (photos / "new").write_bytes(b"12")
    (photos / "x.tmp").write_bytes(b"left out")
    told = verifier("manifest", "update", kept, "--reread", "0")
    assert told.returncode == 0, told.stderr
    for line in (
        "1 files, 6 B: changed\n  2010/00.jpg\n",
        "1 files, 90 B: removed\n  2010/04.jpg\n",
        "1 files, 90 B: moved\n  2011/01.jpg → 2011/moved\\n.jpg\n",
        "1 files, 2 B: added\n  new\n",
        "0 files, 0 B: read again, and as they were\n",
    ):
        assert line in told.stderr
    after = facts(kept)
    assert told.stdout.strip() == after["end"].identity
    header = after["header"]
    assert header.previous == before["end"].identity
    assert (header.dataset, header.digest, header.origin) == ("pictures", "xxh3_128", before["header"].origin)
    assert header.exclude == before["header"].exclude
    assert header.left_out.excluded.files == 1
    assert after["2010/08.jpg"].hashed_at == before["header"].created
    assert after["new"].hashed_at is None
    assert verifier("manifest", "verify", kept, photos).returncode == 0
    again = verifier("manifest", "update", kept, "--reread", "1")
    assert "20 files, " in again.stderr
    assert facts(kept)["2010/08.jpg"].hashed_at is None


def test_damage_that_wrote_to_the_file_is_seen_at_once(photos: Path, kept: Path, verifier: Verifier) -> None:
    before = facts(kept)
    damage(photos / "2010" / "00.jpg")
    for _ in range(2):
        told = verifier("manifest", "update", kept, "--reread", "0", "--quiet")
        assert told.returncode == 1, told.stderr
        assert "warning: SOURCE_DAMAGED: 1 files, 90 B" in told.stderr
        assert "2010/00.jpg" in told.stderr
        after = facts(kept)
        assert after["2010/00.jpg"].digest == before["2010/00.jpg"].digest
        assert after["2010/00.jpg"].hashed_at == before["header"].created
    told = verifier("manifest", "update", kept, "--reread", "0", "--accept")
    assert (told.returncode, "SOURCE_DAMAGED" in told.stderr) == (0, True)
    assert facts(kept)["2010/00.jpg"].digest != before["2010/00.jpg"].digest
    assert "SOURCE_DAMAGED" not in verifier("manifest", "update", kept, "--reread", "1").stderr


def test_damage_that_nobody_wrote_is_seen_when_its_turn_comes(
    photos: Path, kept: Path, verifier: Verifier, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    assert verifier("manifest", "update", kept, "--state", state).returncode == 0
    rotten = photos / "2010" / "00.jpg"
    damage(rotten)
    # Only a failing disk changes a file and leaves its change time; here the time that is remembered follows instead.
    (marks,) = (state / "marks").iterdir()
    head, _, rest = marks.read_bytes().partition(b"\n")
    words = b"".join(word.to_bytes(8, sys.byteorder) for word in mark_of(rotten.stat()))
    marks.write_bytes(head + b"\n" + words + rest[16:])  # it is the first file of all
    unread = verifier("manifest", "update", kept, "--reread", "0", "--state", state)
    assert (unread.returncode, "SOURCE_DAMAGED" in unread.stderr) == (0, False)
    told = verifier("manifest", "update", kept, "--reread", "1", "--state", state)
    assert told.returncode == 1
    assert "2010/00.jpg: nobody wrote to it" in told.stderr


def test_without_what_is_remembered_size_and_time_decide(photos: Path, kept: Path, verifier: Verifier) -> None:
    damage(photos / "2010" / "00.jpg")
    told = verifier("manifest", "update", kept, "--reread", "0", env={"XDG_STATE_HOME": str(kept.parent / "other")})
    assert told.returncode == 0
    assert "size and time decide" in told.stderr


def test_a_good_copy_passes_and_the_damaged_source_fails(
    photos: Path, kept: Path, verifier: Verifier, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(photos, copy)
    damage(photos / "2010" / "00.jpg")
    for folder in (photos, copy):
        (folder / "new").write_bytes(b"12")
    assert verifier("manifest", "update", kept).returncode == 1
    drill = ["--full", "--scratch", tmp_path / "scratch", "--reports", tmp_path / "reports", "--json"]
    good = verifier("prove", copy, "--manifest", kept, *drill)
    proof = json.loads(good.stdout)
    assert good.returncode == 0, good.stderr
    assert proof["verdict"]["result"] == "PASSED"
    assert proof["copies"][0]["proven"]["files"] == 21
    assert proof["manifest"]["identity"] == facts(kept)["end"].identity
    copied = tmp_path / "copied later"
    shutil.copytree(photos, copied)
    bad = verifier("prove", copied, "--manifest", kept, *drill)
    assert (bad.returncode, json.loads(bad.stdout)["copies"][0]["findings"][0]["path"]) == (1, "2010/00.jpg")


@pytest.mark.parametrize("kind", ["removed", "encrypted"])
def test_a_mass_change_writes_nothing(photos: Path, kept: Path, verifier: Verifier, kind: str) -> None:
    before = kept.read_bytes()
    for number in range(5):
        path = photos / f"{2010 + number % 4}" / f"{number:02}.jpg"
        if kind == "removed":
            path.unlink()
        else:
            path.write_bytes(os.urandom(100))
    told = verifier("manifest", "update", kept, "--quiet")
    assert (told.returncode, told.stdout) == (3, "")
    assert "expected at most 20% changed or vanished, got 5 of 20 files, 450 B of 1.9 KiB; nothing was" in told.stderr
    assert "2010/00.jpg" in told.stderr
    assert "--accept" in told.stderr
    assert kept.read_bytes() == before
    accepted = verifier("manifest", "update", kept, "--accept")
    assert accepted.returncode == 0, accepted.stderr
    assert verifier("manifest", "verify", kept, photos).returncode == 0


def test_a_mass_change_by_bytes(photos: Path, kept: Path, verifier: Verifier) -> None:
    (photos / "film").write_bytes(bytes(100_000))
    assert verifier("manifest", "update", kept).returncode == 0
    (photos / "film").unlink()
    told = verifier("manifest", "update", kept)
    assert told.returncode == 3
    assert "got 1 of 21 files, 97.7 KiB of 99.5 KiB" in told.stderr


def test_a_fifth_is_no_mass(photos: Path, kept: Path, verifier: Verifier) -> None:
    for number in range(4):
        (photos / f"{2010 + number}" / f"{number:02}.jpg").write_bytes(b"x")
    assert verifier("manifest", "update", kept).returncode == 0


@pytest.mark.parametrize("by", ["option", "scenario"])
@pytest.mark.parametrize("what", ["edited", "removed", "moved", "added"])
def test_where_nothing_may_change(photos: Path, kept: Path, verifier: Verifier, by: str, what: str) -> None:
    scenario = kept.parent / "photos.toml"
    scenario.write_text(
        f'name = "photos"\nmanifest = "{kept.name}"\nunchanging = ["2010/**"]\n[[copy]]\nname = "nas"\nat = "nas"\n'
    )
    options = ["--unchanging", "2010/**"] if by == "option" else ["--scenario", scenario]
    path = photos / "2010" / "00.jpg"
    match what:
        case "edited":
            path.write_bytes(b"edited")
        case "removed":
            path.unlink()
        case "moved":
            path.rename(photos / "elsewhere.jpg")
        case _:
            (photos / "2010" / "new").write_bytes(b"x")
    before = kept.read_bytes()
    told = verifier("manifest", "update", kept, *options)
    if what == "added":
        assert told.returncode == 0
        return
    assert (told.returncode, kept.read_bytes() == before) == (3, True), told.stderr
    assert "expected nothing changed under unchanging, got 1 files" in told.stderr
    assert "2010/00.jpg" in told.stderr
    assert verifier("manifest", "update", kept, *options, "--accept").returncode == 0


def test_nothing_is_made_of_nothing(photos: Path, kept: Path, verifier: Verifier) -> None:
    before = kept.read_bytes()
    away = photos.with_name("away")
    photos.rename(away)
    gone = verifier("manifest", "update", kept, "--accept")
    assert gone.returncode == 3
    assert "--from FOLDER" in gone.stderr
    photos.mkdir()
    (photos / "empty").mkdir()
    empty = verifier("manifest", "update", kept, "--accept")
    assert empty.returncode == 3
    assert "expected 20 files, got an empty folder; no manifest was made" in empty.stderr
    assert kept.read_bytes() == before
    moved = verifier("manifest", "update", kept, "--from", away)
    assert moved.returncode == 0, moved.stderr
    assert facts(kept)["header"].origin.address == str(away)


def test_a_manifest_of_another_machine(photos: Path, kept: Path, verifier: Verifier) -> None:
    with take_inventory(photos, created=datetime(2026, 1, 1, tzinfo=UTC), machine="else\nwhere") as inventory:
        inventory.write(kept)
    before = kept.read_bytes()
    told = verifier("manifest", "update", kept)
    assert (told.returncode, kept.read_bytes() == before) == (2, True)
    assert "on else\\nwhere; --from FOLDER names where the data is now" in told.stderr
    assert verifier("manifest", "update", kept, "--from", photos).returncode == 0


def test_a_folder_of_generations(photos: Path, kept: Path, verifier: Verifier) -> None:
    generations = photos / "manifests"
    generations.mkdir()
    first = generations / "first.jsonl"
    verifier("manifest", "create", photos, "-o", first)
    before = first.read_bytes()
    (photos / "new").write_bytes(b"x")
    for count in (2, 3):
        told = verifier("manifest", "update", generations)
        assert told.returncode == 0, told.stderr
        assert len(list(generations.iterdir())) == count
    assert first.read_bytes() == before
    made = [path for path in generations.iterdir() if path != first]
    second, third = sorted(made, key=lambda path: facts(path)["header"].created)  # two of one second have like names
    assert facts(third)["header"].previous == facts(second)["end"].identity
    assert facts(second)["header"].previous == facts(first)["end"].identity
    assert facts(third)["end"].files == 21
    shutil.rmtree(photos / "2010")
    shutil.rmtree(photos / "2011")
    assert verifier("manifest", "update", generations).returncode == 3
    assert len(list(generations.iterdir())) == 3
    assert verifier("manifest", "update", generations, "--accept").returncode == 0
    fourth = max(generations.glob("2*"), key=lambda path: path.stat().st_mtime_ns)
    accepted = [json.loads(line)["accepted"] for line in (generations / "ACCEPTED").read_text().splitlines()]
    assert accepted == [facts(fourth)["end"].identity]


def without_privilege(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command so that a file's rights count, for root, too."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-m", "verifier.cli.main", "manifest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_may_not_be_read_now_is_kept(photos: Path, kept: Path) -> None:
    before = facts(kept)
    (photos / "2010" / "00.jpg").chmod(0)
    (photos / "new").write_bytes(b"x")
    (photos / "new").chmod(0)
    for share in ("1", "0"):  # what kept its old digest is tried each time, due or not
        told = without_privilege("update", kept, "--reread", share)
        assert told.returncode == 0, told.stderr
        assert "1 files, 90 B: could not be read now; kept with the digest and the date of before" in told.stderr
        assert "2010/00.jpg: Permission denied" in told.stderr
        after = facts(kept)
        assert after["2010/00.jpg"].digest == before["2010/00.jpg"].digest
        assert after["2010/00.jpg"].hashed_at == before["header"].created
        assert after["header"].left_out.unreadable.files == 1
        assert "new" not in after
    (photos / "2010").chmod(0)
    whole = kept.read_bytes()
    refused = without_privilege("update", kept)
    (photos / "2010").chmod(0o700)
    assert (refused.returncode, kept.read_bytes() == whole) == (3, True)
    assert "no manifest was made" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_the_old_manifest(
    photos: Path, kept: Path, tmp_path: Path, verifier: Verifier, number: signal.Signals
) -> None:
    before = kept.read_bytes()
    with (photos / "large").open("wb") as file:
        file.truncate(2**40)
    command = [sys.executable, "-m", "verifier.cli.main", "manifest", "update", str(kept), "--workers", "2"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        deadline = time.monotonic() + 20
        while not list(temporary.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        running.send_signal(number)
        output, _said = running.communicate(timeout=20)
    assert (running.returncode, output) == (-9 if number == signal.SIGKILL else 130, b"")
    assert kept.read_bytes() == before
    (photos / "large").unlink()
    assert verifier("manifest", "update", kept).returncode == 0


@pytest.mark.parametrize("kind", ["cut", "flipped", "foreign"])
def test_an_old_manifest_that_is_not_whole_is_refused(
    photos: Path, tmp_path: Path, verifier: Verifier, kind: str
) -> None:
    manifest = tmp_path / "m.jsonl"
    verifier("manifest", "create", photos, "-o", manifest)
    data = manifest.read_bytes()
    place = data.index(b'"digest":"', 1000) + 12
    spoilt = {
        "cut": b"".join(data.splitlines(keepends=True)[:-1]),
        "flipped": data[:place] + (b"0" if data[place : place + 1] != b"0" else b"1") + data[place + 1 :],
        "foreign": b"d41d8cd98f00b204e9800998ecf8427e  a.jpg\n",
    }[kind]
    manifest.write_bytes(spoilt)
    told = verifier("manifest", "update", manifest)
    assert (told.returncode, told.stdout) == (2, "")
    assert "Traceback" not in told.stderr
    assert manifest.read_bytes() == spoilt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reread", "2"], "expected a part from 0 to 1 like 1/30 for --reread, got 2"),
        (["--reread", "1/0"], "expected a part from 0 to 1"),
        (["--unchanging", "!"], "expected patterns"),
        (["--scenario", "none.toml"], "none.toml"),
        (["--workers", "0"], "expected at least 1 worker, got 0"),
    ],
)
def test_mistakes(kept: Path, verifier: Verifier, options: list[str], message: str) -> None:
    before = kept.read_bytes()
    told = verifier("manifest", "update", kept, *options)
    assert (told.returncode, told.stdout, kept.read_bytes() == before) == (2, "", True)
    assert message in told.stderr
    assert "Traceback" not in told.stderr
