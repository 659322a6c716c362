"""A folder as a place: what it lists, what it copies, and what each trouble is called."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from drilled import THEN, noise, put

from verifier.entry import Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    SourceError,
    UnreachableError,
    UnreadableError,
)
from verifier.scratch import Slot
from verifier.sources.interface import Failed, Landed, Request
from verifier.sources.places.folder import Folder, source_error

MIB = 1024 * 1024


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def folder(root: Path) -> Iterator[Folder]:
    place = Folder(root, {})
    yield place
    place.close()
    place.close()


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    with Slot(tmp_path / "slot", 50 * MIB) as slot:
        yield slot


def _listed(name: bytes, size_bytes: int, mtime_ns: int = THEN * 10**9) -> Listed:
    return Listed(name=name, size_bytes=size_bytes, mtime_ns=mtime_ns)


def _fetched(folder: Folder, slot: Slot, request: Request) -> tuple[Landed | Failed, bytes]:
    (answer,) = folder.fetch([request], slot)
    if isinstance(answer, Failed):
        return answer, b""
    return answer, os.pread(slot.open(answer.number), 10 * MIB, 0)


def test_it_lists_each_thing_as_what_it_is(root: Path, folder: Folder) -> None:
    put(root, "b/file", b"12345")
    put(root, "empty", b"")
    (root / "a link").symlink_to("b")
    os.mkfifo(root / "pipe")
    (root / "nothing").mkdir()

    listed = {one.name: one for one in folder.list()}

    assert list(listed) == [b"a link", b"b/file", b"empty", b"pipe"]
    assert [one.kind for one in listed.values()] == ["link", "file", "file", "other"]
    assert (listed[b"a link"].link, listed[b"a link"].size_bytes) == (b"b", 0)
    assert listed[b"b/file"] == _listed(b"b/file", 5)


@pytest.mark.parametrize("size_bytes", [0, 1, 4_096, MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_a_file_is_copied_whole(root: Path, folder: Folder, slot: Slot, size_bytes: int) -> None:
    data = noise(size_bytes, size_bytes)
    put(root, "file", data)

    answer, landed = _fetched(folder, slot, Request(number=7, listed=_listed(b"file", size_bytes)))

    assert isinstance(answer, Landed)
    assert (answer.number, answer.mtime_ns, answer.changed) == (7, THEN * 10**9, False)
    assert landed == data


@pytest.mark.parametrize(
    ("offset", "length_bytes", "to_end", "expected"),
    [
        (0, 10, False, slice(0, 10)),
        (5, 10, False, slice(5, 15)),
        (90, 10, True, slice(90, 100)),
        (0, 100, True, slice(0, 100)),
        (95, 10, False, slice(95, 100)),
        (100, 10, False, slice(100, 100)),
        (0, 50, True, slice(0, 51)),
    ],
)
def test_a_part_is_copied_to_the_start(
    root: Path,
    folder: Folder,
    slot: Slot,
    offset: int,
    length_bytes: int,
    to_end: bool,  # noqa: FBT001 - a column
    expected: slice,
) -> None:
    data = noise(100, 1)
    put(root, "file", data)
    request = Request(number=1, listed=_listed(b"file", 100), offset=offset, length_bytes=length_bytes, to_end=to_end)

    answer, landed = _fetched(folder, slot, request)

    assert isinstance(answer, Landed)
    assert landed == data[expected]


@pytest.mark.parametrize("listed_bytes", [0, 10, 99, 101, 5_000])
def test_a_size_that_is_not_the_listed_one_is_told(root: Path, folder: Folder, slot: Slot, listed_bytes: int) -> None:
    data = noise(100, 1)
    put(root, "file", data)

    answer, landed = _fetched(folder, slot, Request(number=1, listed=_listed(b"file", listed_bytes)))

    assert isinstance(answer, Landed)
    assert answer.changed
    assert landed == data[: listed_bytes + 1]  # one byte more than listed, and no more, however large it has become


def test_another_time_is_told(root: Path, folder: Folder, slot: Slot) -> None:
    put(root, "file", b"x", seconds=THEN + 5)

    answer, _ = _fetched(folder, slot, Request(number=1, listed=_listed(b"file", 1)))

    assert isinstance(answer, Landed)
    assert (answer.changed, answer.mtime_ns) == (True, (THEN + 5) * 10**9)


@pytest.mark.parametrize("what", ["nothing", "a link", "a pipe", "a folder", "a link above"])
def test_what_is_no_file_any_more_is_absent(root: Path, folder: Folder, slot: Slot, what: str) -> None:
    put(root.parent, "outside/file", b"x")
    if what == "a link above":
        (root / "below").symlink_to(root.parent / "outside")
    else:
        (root / "below").mkdir()
        make = {
            "a link": lambda path: path.symlink_to(root.parent / "outside/file"),
            "a pipe": os.mkfifo,
            "a folder": Path.mkdir,
        }
        make.get(what, lambda _: None)(root / "below/file")

    answer, _ = _fetched(folder, slot, Request(number=1, listed=_listed(b"below/file", 1)))

    assert isinstance(answer, Failed)
    assert isinstance(answer.error, AbsentError)


def test_one_files_trouble_ends_that_file_alone(root: Path, folder: Folder, slot: Slot) -> None:
    for number in range(80):
        if number % 3:
            put(root, f"{number:02d}", b"%d" % number)
    requests = [Request(number=number, listed=_listed(b"%02d" % number, len(b"%d" % number))) for number in range(80)]

    answers = {}
    for answer in folder.fetch(requests, slot):
        answers[answer.number] = answer
        if isinstance(answer, Landed):
            assert os.pread(slot.open(answer.number), 9, 0) == b"%d" % answer.number
            slot.free(answer.number)

    assert sorted(answers) == list(range(80))
    assert all(isinstance(answers[number], Failed) == (number % 3 == 0) for number in range(80))


def test_a_fetch_that_is_left_early_leaves_nothing_open(root: Path, folder: Folder, slot: Slot) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("open descriptors are counted as Linux tells them")
    for number in range(60):
        put(root, f"{number}", b"x")
    before = len(list(descriptors.iterdir()))

    answers = folder.fetch([Request(number=number, listed=_listed(b"%d" % number, 1)) for number in range(60)], slot)
    next(answers)
    answers.close()  # type: ignore[attr-defined]

    assert len(list(descriptors.iterdir())) <= before + 1  # the file in the slot


def test_a_range_is_read_where_it_lies(root: Path, folder: Folder) -> None:
    data = noise(1_000, 1)
    put(root, "file", data)

    assert folder.read_at(_listed(b"file", 1_000), 10, 20) == data[10:30]
    assert folder.read_at(_listed(b"file", 1_000), 990, 20) == data[990:]
    assert folder.read_at(_listed(b"file", 1_000), 2_000, 20) == b""
    with pytest.raises(AbsentError):
        folder.read_at(_listed(b"nowhere", 1), 0, 1)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, AbsentError), (errno.ENOTDIR, AbsentError), (errno.ELOOP, AbsentError),
        (errno.EACCES, AccessDeniedError), (errno.EPERM, AccessDeniedError),
        (errno.ESTALE, UnreachableError), (errno.ENOTCONN, UnreachableError), (errno.ETIMEDOUT, UnreachableError),
        (errno.EHOSTDOWN, UnreachableError), (errno.ENODEV, UnreachableError),
        (errno.EIO, UnreadableError), (errno.EMFILE, SourceError), (errno.ENOMEM, SourceError),
    ],
)  # fmt: skip
def test_each_trouble_has_its_name(number: int, kind: type[SourceError]) -> None:
    error = source_error(OSError(number, "said"), b"a\n\x1b[31m", "read")

    assert type(error) is kind
    assert str(error).startswith("can't read a\\n\\x1b[31m: ")


@pytest.mark.parametrize("what", ["nothing", "a file"])
def test_a_root_that_is_no_folder_is_unreachable(root: Path, what: str) -> None:
    root.rmdir()
    if what == "a file":
        root.write_bytes(b"x")

    with pytest.raises(UnreachableError, match="expected a folder"):
        Folder(root, {})


def test_a_root_that_is_taken_away_makes_the_listing_fail(root: Path, folder: Folder) -> None:
    put(root, "a/file", b"x")
    put(root, "b/file", b"x")
    listing = folder.list()
    assert next(listing).name == b"a/file"
    shutil.rmtree(root / "b")

    with pytest.raises(SourceError, match="can't list b"):
        list(listing)


@pytest.mark.parametrize(
    ("pins", "says"),
    [
        ({"mount": "{root}"}, "mounted"),
        ({"marker": "nowhere"}, "marker file nowhere"),
        ({"filesystem": "1234-ABCD"}, "file system 1234-ABCD"),
        ({"mount": "/", "marker": "nowhere"}, "marker"),
    ],
)
def test_a_folder_that_is_not_the_pinned_one(root: Path, pins: dict[str, str], says: str) -> None:
    with pytest.raises(UnreachableError, match=says):
        Folder(root, {key: value.replace("{root}", str(root)) for key, value in pins.items()})


def test_a_marker_may_be_a_folder_or_a_link(root: Path) -> None:
    (root / "marker").mkdir()
    (root / "link").symlink_to("nowhere")
    put(root, "file", b"x")
    for marker in ("marker", "link"):
        with contextlib.closing(Folder(root, {"marker": marker, "mount": "/"})) as place:
            assert {listed.name for listed in place.list()} == {b"file", b"link"}


def test_facts_name_the_disk(root: Path, folder: Folder) -> None:
    facts = folder.facts()

    assert facts.address == str(root)
    assert facts.device
    assert facts.read_from in {"device", "server", "cache possible"}


def test_case_is_told_apart_here(root: Path, folder: Folder) -> None:
    put(root, "Name", b"x")
    put(root, "other/NAME", b"x")
    folds = (root / "nAME").exists()

    assert folder.folds_case(_listed(b"Name", 1)) is folds
    assert folder.folds_case(_listed(b"other/NAME", 1)) is folds
    assert not folder.folds_case(_listed(b"123", 1))
    assert not folder.folds_case(_listed(b"gone", 1))


def test_two_names_that_differ_by_case_fold_nothing(root: Path, folder: Folder) -> None:
    put(root, "Name", b"x")
    if (root / "nAME").exists():
        pytest.skip("this file system folds case")
    put(root, "nAME", b"y")

    assert not folder.folds_case(_listed(b"Name", 1))
