from __future__ import annotations

import json
import os
import platform
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mounted import MustRun, mounted, need_root

from verifier.errors import BusyError, ScratchError, ScratchFullError
from verifier.scratch import Scratch, Slot, default_folder
from verifier.scratch import claim as claim_module

MIB = 1024 * 1024


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def claim(folder: Path, state: Path, *, size_bytes: int = 10 * MIB, forbidden: tuple[Path, ...] = ()) -> Scratch:
    return Scratch.claim(folder, state=state, size_bytes=size_bytes, forbidden=forbidden)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_scratch_is_private_divided_and_emptied(folder: Path, state: Path) -> None:
    with claim(folder / "made" / "on the way", state) as scratch:
        assert stat.S_IMODE((folder / "made" / "on the way").stat().st_mode) == 0o700
        assert (scratch.size_bytes, scratch.share(3)) == (10 * MIB, 10 * MIB // 3)
        slot = Slot(scratch.batches / "000001", scratch.share(2))
        slot.write(1, 0, b"restored")
        first, second = scratch.workspace().table(int), scratch.workspace().table(int)
        first.append(1)
        assert list(first) == [1]
        assert list(second) == []
    assert contents(folder / "made" / "on the way") == []
    assert contents(state) == []
    scratch.close()
    slot.close()


def test_a_foreign_looking_folder_is_made_private_only_when_it_is_empty(folder: Path, state: Path) -> None:
    folder.mkdir(mode=0o755)
    claim(folder, state).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    (folder / "file").touch()
    with pytest.raises(ScratchError):
        claim(folder, state)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["letter", "batches", "tables"])
def test_a_folder_with_somebodys_files_is_never_taken_over(folder: Path, state: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "photo").write_bytes(b"irreplaceable")
    with pytest.raises(ScratchError, match=f"expected an empty folder for scratch, got one that holds {name}"):
        claim(folder, state)
    assert (folder / name / "photo").read_bytes() == b"irreplaceable"
    assert contents(folder) == [name]
    assert contents(state) == []


def test_a_file_beside_our_own_is_somebodys_too(folder: Path, state: Path) -> None:
    kill_a_drill(folder, state)
    (folder / "letter").touch()
    with pytest.raises(ScratchError, match="holds letter"):
        claim(folder, state)
    assert "batches" in contents(folder)


def test_a_link_in_place_of_the_folder_is_refused(folder: Path, state: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ScratchError, match="got a link"):
        claim(folder, state)
    assert contents(tmp_path / "elsewhere") == []


def test_a_link_above_the_folder_is_only_another_way_to_it(folder: Path, state: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")
    with claim(tmp_path / "way" / "scratch", state), pytest.raises(BusyError):
        claim(tmp_path / "real" / "scratch", state)


@pytest.mark.parametrize(
    ("scratch", "copy"),
    [
        ("nas", "nas"),
        ("nas/scratch", "nas"),
        ("nas/deep/er/scratch", "nas"),
        (".", "nas"),
        ("link/scratch", "nas"),
        ("nas/scratch", "link"),
        ("nas/../nas/scratch", "nas"),
    ],
)
def test_scratch_is_apart_from_every_copy(tmp_path: Path, state: Path, scratch: str, copy: str) -> None:
    (tmp_path / "nas").mkdir()
    (tmp_path / "link").symlink_to("nas")
    with pytest.raises(ScratchError, match="expected scratch apart from every copy"):
        claim(tmp_path / scratch, state, forbidden=(tmp_path / "another", tmp_path / copy))
    assert contents(tmp_path / "nas") == []


def test_a_neighbour_with_a_name_that_begins_alike_is_no_copy(tmp_path: Path, state: Path) -> None:
    (tmp_path / "nas").mkdir()
    with claim(tmp_path / "nas2", state, forbidden=(tmp_path / "nas", tmp_path / "not there")) as scratch:
        assert scratch.batches.is_relative_to(tmp_path / "nas2")
        assert scratch.batches.is_dir()
    assert contents(tmp_path / "nas") == []


def test_a_copy_under_another_mount_is_seen_to_be_the_same(tmp_path: Path, state: Path, must_run: MustRun) -> None:
    (tmp_path / "nas").mkdir()
    (tmp_path / "mount").mkdir()
    with (
        mounted(must_run, "--bind", tmp_path / "nas", tmp_path / "mount"),
        pytest.raises(ScratchError, match="expected scratch apart from every copy"),
    ):
        claim(tmp_path / "mount" / "scratch", state, forbidden=(tmp_path / "nas",))


def test_one_drill_at_a_time_and_the_second_is_told_who(folder: Path, state: Path) -> None:
    with claim(folder, state) as scratch:
        expected = rf"in use by process {os.getpid()} on {platform.node()} since 20\d\d-.*\+00:00$"
        with pytest.raises(BusyError, match=expected):
            claim(folder, state)
        assert scratch.batches.is_dir(), "the first one loses nothing by it"
    claim(folder, state).close()


def test_what_the_lock_says_is_shown_harmlessly(folder: Path, state: Path) -> None:
    with claim(folder, state):
        lock = folder / "restore-verifier.lock"
        lock.write_text(json.dumps({"process": 1, "machine": "\x1b[31mred\n", "since": "x"}))
        with pytest.raises(BusyError, match=r"process 1 on \\x1b\[31mred\\n since x"):
            claim(folder, state)
        lock.write_text("[" * 5000)
        with pytest.raises(BusyError, match="by another process"):
            claim(folder, state)


def test_a_pipe_in_place_of_the_lock_is_refused(folder: Path, state: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "restore-verifier.lock")
    with pytest.raises(ScratchError, match="expected a file to lock"):
        claim(folder, state)


_DRILL = """
import sys, time
from pathlib import Path
from verifier.scratch import Scratch, Slot
scratch = Scratch.claim(Path(sys.argv[1]), state=Path(sys.argv[2]), size_bytes=1 << 20, forbidden=())
slot = Slot(scratch.batches / "000001", scratch.share(1))
slot.write(1, 0, b"restored")
scratch.workspace().table(int).append(1)
print("busy", flush=True)
time.sleep(600)
"""


def start_a_drill(folder: Path, state: Path) -> subprocess.Popen[str]:
    drill = subprocess.Popen([sys.executable, "-c", _DRILL, str(folder), str(state)], stdout=subprocess.PIPE, text=True)
    assert drill.stdout is not None
    assert drill.stdout.readline() == "busy\n"
    return drill


def kill_a_drill(folder: Path, state: Path) -> None:
    with start_a_drill(folder, state) as drill:
        drill.kill()
    assert contents(folder / "batches") == ["000001"]


def test_what_a_killed_drill_left_is_swept_at_the_next_claim(folder: Path, state: Path, tmp_path: Path) -> None:
    kill_a_drill(folder, state)
    live = tmp_path / "live"
    live.mkdir()
    (live / "photo").write_bytes(b"irreplaceable")
    (folder / "batches" / "link").symlink_to(live)
    with claim(folder, state) as scratch:
        assert contents(scratch.batches) == []
        assert contents(folder / "tables") == []
    assert contents(folder) == []
    assert contents(state) == []
    assert (live / "photo").read_bytes() == b"irreplaceable"


def test_nothing_is_swept_while_the_lock_is_held(folder: Path, state: Path) -> None:
    with start_a_drill(folder, state) as drill:
        with pytest.raises(BusyError, match=f"process {drill.pid} "):
            claim(folder, state)
        assert contents(folder / "batches" / "000001") == ["000001"]
        drill.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("known", ["other id", "none", "cut off"])
def test_the_scratch_of_another_state_is_refused(folder: Path, state: Path, known: str) -> None:
    kill_a_drill(folder, state)
    (known_id,) = state.iterdir()
    if known == "none":
        known_id.unlink()
    else:
        known_id.write_text("0" * 32 + "\n" if known == "other id" else known_id.read_text()[:10])
    with pytest.raises(ScratchError, match="this scratch belongs to another state"):
        claim(folder, state)
    assert contents(folder / "batches" / "000001") == ["000001"]


def test_two_scratches_have_two_ids_in_one_state(tmp_path: Path, state: Path) -> None:
    with claim(tmp_path / "one", state), claim(tmp_path / "two", state):
        assert len({path.read_text() for path in state.iterdir()}) == 2
        assert len(contents(state)) == 2


def test_a_crash_before_the_marker_is_no_obstacle(folder: Path, state: Path) -> None:
    kill_a_drill(folder, state)
    for name in ("batches", "tables"):
        subprocess.run(["rm", "-r", str(folder / name)], check=True)
    (folder / "restore-verifier.scratch").unlink()
    assert contents(folder) == ["restore-verifier.lock"]
    claim(folder, state).close()
    assert contents(folder) == []


def test_a_lock_that_its_holder_removes_is_not_taken_for_one(folder: Path, state: Path) -> None:
    """Many claims at once: there are never two holders, and each ends with success or BusyError."""
    script = """
import sys, time
from pathlib import Path
from verifier.errors import BusyError
from verifier.scratch import Scratch
folder, state, held = map(Path, sys.argv[1:])
until, count = time.monotonic() + 1.5, 0
while time.monotonic() < until:
    try:
        with Scratch.claim(folder, state=state, size_bytes=1000, forbidden=()):
            held.touch(exist_ok=False)
            held.unlink()
            count += 1
    except BusyError:
        pass
print(count)
"""
    arguments = [sys.executable, "-c", script, str(folder), str(state), str(state.parent / "held")]
    drills = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ends = [(*drill.communicate(timeout=30), drill.returncode) for drill in drills]
    assert [(err, code) for _, err, code in ends] == [("", 0)] * 3
    assert sum(int(out) for out, _, _ in ends) > 10


def test_a_disk_with_less_gives_less_and_one_with_too_little_is_refused(
    folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disk:
        f_frsize = 1
        f_bavail = 1000 * MIB

    monkeypatch.setattr(claim_module.os, "statvfs", lambda _: Disk)
    with claim(folder, state, size_bytes=20_000 * MIB) as scratch:
        assert scratch.size_bytes == 936 * MIB
    Disk.f_bavail = 127 * MIB
    with pytest.raises(
        ScratchFullError, match=f"expected at least {128 * MIB} bytes free .* got {127 * MIB}"
    ) as caught:
        claim(folder, state, size_bytes=20_000 * MIB)
    assert caught.value.hint is not None
    assert contents(folder) == []
    with claim(folder, state, size_bytes=MIB) as scratch:
        assert scratch.size_bytes == MIB


@pytest.mark.parametrize("where", ["file/scratch", "file", "nul\0"])
def test_what_cannot_be_made_is_told(tmp_path: Path, state: Path, where: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ScratchError, match="can't use"):
        claim(tmp_path / where, state)


def test_a_read_only_disk_is_told(tmp_path: Path, state: Path, must_run: MustRun) -> None:
    point = tmp_path / "read only"
    point.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "ro", "tmpfs", point):
        for folder in (point, point / "scratch"):
            with pytest.raises(ScratchError, match="Read-only file system"):
                claim(folder, state)


def test_the_folder_of_somebody_else_is_refused(folder: Path, state: Path, must_run: MustRun) -> None:
    need_root(must_run, "only root can make somebody else's folder")
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(ScratchError, match="got one of user 65534"):
        claim(folder, state)


def test_what_cannot_be_swept_is_told_and_does_not_hide_the_first_error(
    folder: Path, state: Path, must_run: MustRun
) -> None:
    scratch = claim(folder, state)
    point = scratch.batches / "mount"
    point.mkdir()
    with mounted(must_run, "-t", "tmpfs", "tmpfs", point):
        with pytest.raises(KeyError) as caught, scratch:
            raise KeyError("the first error")
        assert "batches/mount: another file system is mounted here" in caught.value.__notes__[0]
        with pytest.raises(ScratchError, match="can't empty scratch"):
            claim(folder, state)
    claim(folder, state).close()
    assert contents(folder) == []


def test_an_interrupt_empties_it(folder: Path, state: Path) -> None:
    scratch = claim(folder, state)
    slot = Slot(scratch.batches / "000001", MIB)
    slot.write(1, 0, b"restored")
    with pytest.raises(KeyboardInterrupt), slot, scratch:
        raise KeyboardInterrupt
    assert contents(folder) == []


def test_the_default_is_in_the_platforms_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder().parent.name == "restore-verifier"
    if sys.platform == "linux":
        assert default_folder() == tmp_path / "restore-verifier" / "scratch"


def test_claiming_is_quick(folder: Path, state: Path) -> None:
    began = time.monotonic()
    claim(folder, state).close()
    assert time.monotonic() - began < 1
