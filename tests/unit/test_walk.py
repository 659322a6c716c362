"""Everything under a folder in the order of raw path bytes, links never followed, whatever stands there."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from drilled import put, run_without_rights
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.sources.places import walk as walking
from verifier.sources.places.walk import Directories, walk


def _walked(root: Path) -> list[bytes]:
    with Directories(os.fsencode(root)) as directories:
        return [found.path for found in walk(directories)]


names = st.sampled_from([b"a", b"a.txt", b"a-b", b"a0", b"ab", b"B", b"\xff", b" ", b"-", b"." + b"x", b"\n"])
paths = st.lists(names, min_size=1, max_size=4).map(b"/".join)


@settings(max_examples=40)
@given(st.sets(paths, max_size=14), st.sampled_from([1, 2, 200_000]))
def test_it_is_the_order_of_whole_paths(tree: set[bytes], in_memory: int) -> None:
    files = {path for path in tree if not any(other.startswith(path + b"/") for other in tree)}
    before = walking._NAMES_IN_MEMORY
    walking._NAMES_IN_MEMORY = in_memory  # type: ignore[misc]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for path in files:
                put(Path(folder), path, path)
            assert _walked(Path(folder)) == sorted(files)
    finally:
        walking._NAMES_IN_MEMORY = before  # type: ignore[misc]


def test_each_thing_is_told_as_what_it_is(tmp_path: Path) -> None:
    put(tmp_path, "folder/file", b"12345")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "pipe")

    with Directories(os.fsencode(tmp_path)) as directories:
        found = [
            (
                one.path,
                one.name,
                one.status.st_size,
                os.readlink(one.name, dir_fd=one.parent) if one.path == b"link" else None,
            )
            for one in walk(directories)
        ]

    assert [path for path, *_ in found] == [b"folder/file", b"link", b"loop", b"pipe"]
    assert found[0] == (b"folder/file", b"file", 5, None)
    assert found[1][3] == b"folder"


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A file below 400 folders, whose path is longer than the system opens; taken away level by level."""
    levels, name = 400, "n" * 20
    before = Path.cwd()
    os.chdir(tmp_path)
    for level in range(levels):
        if level % 3 == 0:
            put(Path(), f"{name}-beside", b"x")
        Path(name).mkdir()
        os.chdir(name)
    put(Path(), "bottom", b"x")
    os.chdir(before)
    yield tmp_path, levels
    shutil.rmtree(tmp_path)


def test_a_path_may_be_longer_than_the_system_opens(deep: tuple[Path, int]) -> None:
    root, levels = deep

    walked = _walked(root)

    assert len(walked) == 1 + -(-levels // 3)
    assert walked == sorted(walked)
    longest = max(path for path in walked if path.endswith(b"/bottom"))
    assert (len(longest), longest[-7:]) == (levels * 21 + 6, b"/bottom")
    with Directories(os.fsencode(root)) as directories:
        parent = directories.descriptor(longest.rpartition(b"/")[0])
        assert os.stat(b"bottom", dir_fd=parent).st_size == 1


def test_many_directories_stay_within_the_bound(tmp_path: Path) -> None:
    for number in range(walking._OPEN_DIRECTORIES * 3):
        put(tmp_path, f"{number:04d}/below/file", b"x")
    descriptors = Path("/proc/self/fd")
    open_before = len(list(descriptors.iterdir())) if descriptors.is_dir() else 0

    with Directories(os.fsencode(tmp_path)) as directories:
        walked = 0
        most = 0
        for _ in walk(directories):
            walked += 1
            most = max(most, len(list(descriptors.iterdir())) if descriptors.is_dir() else 0)

    assert walked == walking._OPEN_DIRECTORIES * 3
    assert most - open_before <= walking._OPEN_DIRECTORIES + 4
    assert not descriptors.is_dir() or len(list(descriptors.iterdir())) == open_before


def test_what_is_deleted_meanwhile_is_not_there(tmp_path: Path) -> None:
    for name in "abc":
        put(tmp_path, name, b"x")

    with Directories(os.fsencode(tmp_path)) as directories:
        walked = []
        for found in walk(directories):
            walked.append(found.path)
            with contextlib.suppress(FileNotFoundError):
                (tmp_path / "b").unlink()

    assert walked == [b"a", b"c"]


@pytest.mark.parametrize("swap", ["gone", "a link", "a file"])
def test_a_folder_that_is_no_folder_any_more_ends_the_walk_loudly(tmp_path: Path, swap: str) -> None:
    put(tmp_path / "root", "a", b"x")
    put(tmp_path / "root", "b/secret", b"x")
    put(tmp_path, "outside/secret", b"x")

    with Directories(os.fsencode(tmp_path / "root")) as directories:
        walked = walk(directories)
        assert next(walked).path == b"a"
        shutil.rmtree(tmp_path / "root/b")
        if swap == "a link":
            (tmp_path / "root/b").symlink_to(tmp_path / "outside")
        elif swap == "a file":
            (tmp_path / "root/b").write_bytes(b"x")

        with pytest.raises(OSError, match="b") as caught:
            list(walked)
    assert caught.value.filename == b"b"


def test_a_folder_that_refuses_ends_the_walk_loudly(tmp_path: Path) -> None:
    put(tmp_path / "root", "a", b"x")
    put(tmp_path / "root", "b/secret", b"x")
    (tmp_path / "root/b").chmod(0)
    try:
        done = run_without_rights("manifest", "create", tmp_path / "root", "-o", tmp_path / "m.jsonl", cwd=tmp_path)
    finally:
        (tmp_path / "root/b").chmod(0o700)

    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "m.jsonl").exists()


def test_a_root_that_is_a_link_is_followed_and_nothing_below_it(tmp_path: Path) -> None:
    put(tmp_path / "real", "x/file", b"x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/y").symlink_to("x")

    with Directories(os.fsencode(tmp_path / "link")) as directories:
        assert [found.path for found in walk(directories)] == [b"x/file", b"y"]
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            directories.descriptor(b"y")
        with pytest.raises(FileNotFoundError):
            directories.descriptor(b"z/z")
        directories.close()
    directories.close()
