from __future__ import annotations

import ctypes
import os
import traceback
from pathlib import Path

import pytest
from mounted import MustRun, mounted, need_root

from verifier.errors import ScratchError
from verifier.scratch import Left, removal, remove_tree


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """Return a folder of files that nobody may touch."""
    folder = tmp_path / "live"
    (folder / "inner").mkdir(parents=True)
    (folder / "photo").write_bytes(b"irreplaceable")
    (folder / "inner" / "letter").write_bytes(b"irreplaceable")
    return folder


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def assert_untouched(live: Path) -> None:
    assert (live / "photo").read_bytes() == b"irreplaceable"
    assert (live / "inner" / "letter").read_bytes() == b"irreplaceable"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_everything_goes_and_what_is_linked_to_stays(scratch: Path, live: Path) -> None:
    (scratch / "to folder").symlink_to(live)
    (scratch / "to file").symlink_to(live / "photo")
    (scratch / "broken").symlink_to("nowhere")
    os.link(live / "photo", scratch / "hard")
    (scratch / "a" / "b").mkdir(parents=True)
    (scratch / "a" / "b" / "up").symlink_to("../..")
    (scratch / "a" / "file").write_bytes(b"x")
    os.mkfifo(scratch / "pipe")
    (scratch / os.fsdecode(b"not \xff utf-8\n")).write_bytes(b"x")
    assert remove_tree(scratch) == ()
    assert not scratch.exists()
    assert_untouched(live)


def test_what_is_not_there_is_removed_already(tmp_path: Path) -> None:
    assert remove_tree(tmp_path / "nothing") == ()
    assert remove_tree(tmp_path / "no parent" / "nothing") == ()


def test_a_link_or_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, live: Path) -> None:
    (tmp_path / "link").symlink_to(live)
    with pytest.raises(ScratchError, match="expected a folder, got"):
        remove_tree(tmp_path / "link")
    with pytest.raises(ScratchError, match="expected a folder, got"):
        remove_tree(live / "photo")
    assert_untouched(live)


def test_a_depth_of_3000_with_a_path_longer_than_any_path_may_be(scratch: Path) -> None:
    name = "a folder with a long name"
    descriptor = os.open(scratch, os.O_RDONLY)
    for depth in range(3000):
        if depth % 100 == 0:
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    before = open_descriptors()
    assert remove_tree(scratch) == ()
    assert not scratch.exists()
    assert open_descriptors() == before


def test_more_names_than_are_read_at_once(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_NAMES_AT_ONCE", 10)
    for number in range(55):
        (scratch / f"file {number}").touch()
        if number % 2:
            (scratch / f"folder {number}").mkdir()
    assert remove_tree(scratch) == ()
    assert not scratch.exists()


def test_a_bind_mount_of_live_files_is_left_alone_and_told(scratch: Path, live: Path, must_run: MustRun) -> None:
    (scratch / "a" / "mount").mkdir(parents=True)
    (scratch / "a" / "file").touch()
    (scratch / "b").mkdir()
    point = scratch / "a" / "mount"
    with mounted(must_run, "--bind", live, point):
        assert point.stat().st_dev == scratch.stat().st_dev, "the device number can't tell them apart"
        assert remove_tree(scratch) == (Left(path=b"a/mount", why="another file system is mounted here"),)
        assert_untouched(live)
        assert names(scratch) == ["a"], "all else is gone"
        assert names(scratch / "a") == ["mount"]
    assert remove_tree(scratch) == ()
    assert_untouched(live)


def test_a_folder_that_is_itself_a_mount_is_left_alone(scratch: Path, live: Path, must_run: MustRun) -> None:
    with mounted(must_run, "--bind", live, scratch):
        assert remove_tree(scratch) == (Left(path=b"", why="another file system is mounted here"),)
        assert_untouched(live)


def test_a_file_mounted_over_a_file_is_left_alone(scratch: Path, live: Path, must_run: MustRun) -> None:
    (scratch / "file").touch()
    with mounted(must_run, "--bind", live / "photo", scratch / "file"):
        (left,) = remove_tree(scratch)
        assert left.path == b"file"
        assert_untouched(live)


def test_another_file_system_is_left_alone(scratch: Path, must_run: MustRun) -> None:
    (scratch / "mount").mkdir()
    with mounted(must_run, "-t", "tmpfs", "tmpfs", scratch / "mount"):
        (scratch / "mount" / "file").write_bytes(b"kept")
        assert remove_tree(scratch) == (Left(path=b"mount", why="another file system is mounted here"),)
        assert (scratch / "mount" / "file").read_bytes() == b"kept"


_NOBODY = 65534
_SET_DUMPABLE = 4


def remove_as_nobody(place: Path) -> None:
    """Become somebody without rights, for good, and remove what that one may remove."""
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self stays root's
    (place / "tree/closed/inner").mkdir(parents=True)
    (place / "tree/closed/inner/file").touch()
    (place / "tree/unwritable").mkdir()
    (place / "tree/unwritable/file").touch()
    (place / "live").mkdir()
    (place / "live").chmod(0)
    (place / "tree/link").symlink_to(place / "live")
    (place / "tree/closed/inner").chmod(0)
    (place / "tree/closed").chmod(0)
    (place / "tree/unwritable").chmod(0o500)
    (place / "tree").chmod(0o500)
    assert remove_tree(place / "tree") == ()
    assert not (place / "tree").exists()
    assert (place / "live").stat().st_mode & 0o777 == 0, "a mode was changed by way of a link"
    assert [left.path for left in remove_tree(place / "foreign")] == [b"roots/file"]


def test_closed_folders_of_ours_are_opened_and_those_of_others_told(must_run: MustRun) -> None:
    need_root(must_run, "only root can become somebody else")
    place = Path("/tmp") / f"restore-verifier-test-{os.getpid()}"  # noqa: S108 - nobody can't reach tmp_path
    (place / "foreign" / "roots").mkdir(parents=True)
    (place / "foreign" / "roots" / "file").touch()
    try:
        os.chown(place, _NOBODY, _NOBODY)
        os.chown(place / "foreign", _NOBODY, _NOBODY)
        child = os.fork()
        if child == 0:
            try:
                remove_as_nobody(place)
            except BaseException:  # noqa: BLE001 - the child must never go on as a second test process
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        assert remove_tree(place) == ()
