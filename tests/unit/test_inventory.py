"""A real folder, read: what is there, in order and with its digests, and what is left out and why."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import blake3
import pytest
import xxhash

from verifier.entry import PIECE_BYTES, Entry
from verifier.errors import SourceError, UnreachableError, UsageError
from verifier.inventory import NAS_FOLDERS, Inventory, exclude_output, take_inventory
from verifier.inventory import survey as survey_room
from verifier.inventory.batch import LARGE_BYTES, LINK_MARK, Batch, Run
from verifier.inventory.cloud import is_cloud_only
from verifier.inventory.survey import survey
from verifier.manifest import open_manifest
from verifier.sources.places import walk as walk_room

CREATED = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
Take = Callable[..., Inventory]


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Take]:
    opened: list[Inventory] = []

    def take_one(folder: Path, **options: Any) -> Inventory:
        settings: dict[str, Any] = {"created": CREATED, "machine": "desk", "workers": 1} | options
        opened.append(take_inventory(folder, **settings))
        return opened[-1]

    yield take_one
    for inventory in opened:
        inventory.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def paths(inventory: Inventory) -> list[bytes]:
    return [entry.path for entry in inventory.entries()]


def put(folder: Path, name: str | bytes, data: bytes = b"x") -> None:
    path = folder / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_known_bytes(folder: Path, tmp_path: Path, take: Take) -> None:
    put(folder, "a/b.txt", b"hello")
    put(folder, "a.txt", b"")
    put(folder, b"n\xff\n", b"hello")
    (folder / "link").symlink_to("a/nowhere")
    (folder / "empty").mkdir()
    os.link(folder / "a.txt", folder / "hard")
    for name in ("a/b.txt", "a.txt", "n\udcff\n", "link"):
        os.utime(folder / name, ns=(1, 1_700_000_000_000_000_005), follow_symlinks=False)
    target = tmp_path / "m.jsonl"
    take(folder, exclude=()).write(target)
    lines = target.read_bytes().splitlines()[1:-1]
    assert lines == [
        b'{"path":"a.txt","size":0,"mtime":"1700000000000000005","digest":"99aa06d3014798d86001c324468d497f"}',
        b'{"path":"a/b.txt","size":5,"mtime":"1700000000000000005","digest":"b5e9c1ad071b3e7fc779cfaa5e523818"}',
        b'{"path":"hard","size":0,"mtime":"1700000000000000005","digest":"99aa06d3014798d86001c324468d497f"}',
        b'{"path":"link","size":0,"mtime":"1700000000000000005","link":"a/nowhere"}',
        b'{"path_b64":"bv8K","size":5,"mtime":"1700000000000000005","digest":"b5e9c1ad071b3e7fc779cfaa5e523818"}',
    ]
    with open_manifest(target) as manifest:
        header = manifest.header
        assert manifest.check().files == 4
    assert header.dataset == "data"
    assert header.created == "2026-11-22T18:30:00.000000Z"
    assert (header.origin.address, header.origin.machine) == (str(folder.resolve()), "desk")


@pytest.mark.parametrize("size_bytes", [0, 1, 4096, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 5, LARGE_BYTES + 1])
def test_digests_are_those_of_the_stock_tools(folder: Path, take: Take, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    put(folder, "file", data)
    said = subprocess.run(["sha256sum", folder / "file"], capture_output=True, check=True, text=True).stdout.split()[0]
    expected = {
        "sha256": said,
        "blake3": blake3.blake3(data).hexdigest(),
        "xxh3_128": xxhash.xxh3_128(data).hexdigest(),
        "xxh3_64": xxhash.xxh3_64(data).hexdigest(),
    }
    for algorithm, digest in expected.items():
        (entry,) = take(folder, digest=algorithm).entries()
        assert (entry.size_bytes, entry.digest, entry.pieces) == (size_bytes, digest, ())


def test_a_very_large_file_has_pieces(folder: Path, take: Take) -> None:
    path = folder / "large"
    with path.open("wb") as file:
        file.truncate(2 * PIECE_BYTES + 3)
        file.seek(PIECE_BYTES - 1)
        file.write(b"ab")
    put(folder, "exact", b"")
    os.truncate(folder / "exact", PIECE_BYTES)
    exact, large = take(folder).entries()
    assert exact.pieces == ()
    data = path.read_bytes()
    cuts = (data[:PIECE_BYTES], data[PIECE_BYTES : 2 * PIECE_BYTES], data[2 * PIECE_BYTES :])
    assert large.pieces == tuple(xxhash.xxh3_128(piece).hexdigest() for piece in cuts)
    assert large.digest == xxhash.xxh3_128(data).hexdigest()


def test_order_is_that_of_whole_paths(folder: Path, take: Take) -> None:
    names = ["a", "a-b", "a.b/c", "a0/c", "b/c/d", "b/c.d", "b/c-d", "c/" + "x/" * 40 + "y", "ü", "z\udcfe", "z\uffff"]
    names.remove("a")
    names.append("a/z")
    for name in names:
        put(folder, name)
    expected = sorted(os.fsencode(name) for name in names)
    assert paths(take(folder)) == expected
    assert paths(take(folder, workers=2)) == expected


def test_thousands_of_files_in_many_batches(folder: Path, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number % 7}/{number:05d}" for number in range(3_500)]
    for name in names:
        put(folder, name, name.encode())
    put(folder, "3/00003x", bytes(LARGE_BYTES + 1))
    expected = sorted([*names, "3/00003x"])
    for workers in (1, 2):
        told: list[tuple[int, int | None, int]] = []
        inventory = take(folder, workers=workers, on_progress=lambda *now, told=told: told.append(now))
        assert [path.decode() for path in paths(inventory)] == expected
        assert told[-1] == (3_501, 3_501, LARGE_BYTES + 1 + sum(map(len, names)))
    monkeypatch.setattr(survey_room, "BATCH_BYTES", 1_000)
    monkeypatch.setattr(walk_room, "_NAMES_IN_MEMORY", 100)
    inventory = take(folder)
    assert [path.decode() for path in paths(inventory)] == expected
    assert all(
        entry.digest == xxhash.xxh3_128(entry.path).hexdigest()
        for entry in inventory.entries()
        if entry.size_bytes < LARGE_BYTES
    )


def test_a_tree_deeper_than_a_path_may_be(folder: Path, take: Take) -> None:
    depth = 1_500
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("dir", dir_fd=descriptor)
        deeper = os.open("dir", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    try:
        assert paths(take(folder)) == [b"dir/" * depth + b"file"]
    finally:
        # The standard library's remover, and so the fixture's, fails at such depth.
        subprocess.run(["rm", "-rf", folder / "dir"], check=True)


def test_exclusion_counts_what_it_hides(folder: Path, take: Take) -> None:
    for name, size_bytes in {
        "keep.txt": 1,
        "@eaDir/thumb": 10,
        "a/@eaDir/b/thumb": 100,
        "a/#recycle/old": 1_000,
        "a/x.tmp": 10_000,
        "a/keep.tmp": 100_000,
        "cache\n/keep.tmp": 1_000_000,
        "b/#recycle": 2,
        "new\nline/y.tmp": 5,
    }.items():
        put(folder, name, bytes(size_bytes))
    (folder / "a" / "#recycle" / "link").symlink_to("x")
    default = take(folder)
    assert default.header.exclude == NAS_FOLDERS
    assert (default.header.left_out.excluded.files, default.header.left_out.excluded.bytes) == (4, 1_110)
    assert default.header.left_out.excluded.names() == [
        b"@eaDir/thumb",
        b"a/#recycle/link",
        b"a/#recycle/old",
        b"a/@eaDir/b/thumb",
    ]
    more = take(folder, exclude=[*NAS_FOLDERS, "*.tmp", "!keep.tmp", "cache*/"])
    assert paths(more) == [b"a/keep.tmp", b"b/#recycle", b"keep.txt"]
    assert (more.header.left_out.excluded.files, more.header.left_out.excluded.bytes) == (7, 1_011_115)
    with pytest.raises(UsageError):
        take(folder, exclude=["!"])


def test_special_files_are_counted(folder: Path, take: Take) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(folder)
        try:
            listening.bind("socket")
        finally:
            os.chdir(before)
        put(folder, "file")
        inventory = take(folder)
    assert paths(inventory) == [b"file"]
    assert inventory.header.left_out.special.files == 2
    assert inventory.header.left_out.special.names() == [b"pipe", b"socket"]


def batch(folder: Path, *names: bytes, algorithm: str | None = "xxh3_128") -> Batch:
    status = folder.stat()
    root_id = (status.st_dev, status.st_ino)
    return Batch(os.fsencode(folder), root_id, algorithm, 0, 0, [Run(b"", list(names))])


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for files that fail: /proc")


@needs_proc
def test_an_unreadable_file_is_named() -> None:
    # A process's memory begins with an unmapped page: a regular file whose first byte fails with an input/output error.
    (left,) = survey(batch(Path("/proc/self"), b"mem")).left
    assert (left.reason, left.path, left.detail) == ("unreadable", b"mem", os.strerror(errno.EIO))


@needs_proc
def test_a_file_whose_size_is_a_lie_is_not_recorded() -> None:
    # What the kernel writes as it is read states a size of 0.
    (left,) = survey(batch(Path("/proc"), b"version")).left
    assert (left.reason, left.path) == ("changing", b"version")


def test_what_went_away_since_the_walk_is_changing(folder: Path) -> None:
    put(folder, "file")
    (folder / "now-a-link").symlink_to("file")
    os.mkfifo(folder / "now-a-pipe")
    (folder / "now-a-folder").mkdir()
    answer = survey(batch(folder, b"file", b"gone", b"now-a-folder", b"now-a-link", b"now-a-pipe", b"gone" + LINK_MARK))
    assert [(left.reason, left.path) for left in answer.left] == [
        ("changing", b"gone"),
        ("changing", b"now-a-folder"),
        ("changing", b"now-a-link"),
        ("changing", b"now-a-pipe"),
        ("changing", b"gone"),
    ]
    assert answer.parts[0].counts == (1, 0, 1)


def test_another_folder_in_its_place_ends_the_inventory(folder: Path) -> None:
    asked = batch(folder, b"file")
    put(folder, "file")
    folder.rename(folder.with_name("moved"))
    with pytest.raises(UnreachableError):
        survey(asked)
    folder.mkdir()
    put(folder, "file")
    with pytest.raises(UnreachableError):
        survey(asked)


CHUNK_BYTES, CHUNKS, GENERATIONS = 64 * 1024, 128, 4
WRITER = f"""
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY)
generation = 0
while True:
    generation = (generation + 1) % {GENERATIONS}
    for chunk in range({CHUNKS}):
        os.pwrite(file, bytes([generation]) * {CHUNK_BYTES}, chunk * {CHUNK_BYTES})
    time.sleep(0.05 * (generation == 0))
"""


def test_a_file_that_changes_while_it_is_read_is_never_recorded_wrong(folder: Path) -> None:
    """A process overwrites the file from start to end, again and again: only states that it was in may be recorded."""
    states = set()
    for generation in range(GENERATIONS):
        new, old = bytes([generation]) * CHUNK_BYTES, bytes([(generation - 1) % GENERATIONS]) * CHUNK_BYTES
        for chunks in range(CHUNKS + 1):
            states.add(xxhash.xxh3_128(new * chunks + old * (CHUNKS - chunks)).hexdigest())
    put(folder, "file", bytes(CHUNKS * CHUNK_BYTES))
    left = []
    with subprocess.Popen([sys.executable, "-c", WRITER, folder / "file"]) as writer:
        try:
            time.sleep(0.2)
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                answer = survey(batch(folder, b"file"))
                left += [left.reason for left in answer.left]
                assert all(json.loads(part.lines)["digest"] in states for part in answer.parts)
        finally:
            writer.kill()
    assert set(left) <= {"changing"}


def test_a_file_that_never_stands_still_is_told(folder: Path, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "log"
    path.write_bytes(b"begun")
    real = os.preadv

    def preadv(descriptor: int, buffers: Any, offset: int) -> int:
        with path.open("ab") as file:
            file.write(b"more")
        return real(descriptor, buffers, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "preadv", preadv)
        inventory = take(folder)
    assert paths(inventory) == []
    assert inventory.header.left_out.changing.names() == [b"log"]
    assert inventory.header.left_out.changing.bytes == path.stat().st_size
    assert list(inventory.untold()) == [b"log"]
    assert paths(take(folder)) == [b"log"]


def test_a_file_that_changes_once_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "file", b"old")
    real = os.preadv
    changed = []

    def preadv(descriptor: int, buffers: Any, offset: int) -> int:
        count = real(descriptor, buffers, offset)
        if not changed:
            time.sleep(0.02)
            put(folder, "file", b"new")
            changed.append(True)
        return count

    monkeypatch.setattr(os, "preadv", preadv)
    answer = survey(batch(folder, b"file"))
    assert answer.left == []
    assert xxhash.xxh3_128(b"new").hexdigest().encode() in answer.parts[0].lines


@pytest.mark.parametrize("data", [b"", b"longer than before"])
def test_a_file_that_shrinks_or_grows_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    put(folder, "file", b"old")
    real = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        put(folder, "file", data + os.urandom(len(data) and 1))
        return status

    monkeypatch.setattr(os, "fstat", fstat)
    answer = survey(batch(folder, b"file"))
    assert [left.reason for left in answer.left] == ["changing"]
    assert answer.parts == []


@pytest.mark.parametrize("coarse", [False, True])
def test_a_change_in_the_moment_before_is_waited_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, coarse: bool
) -> None:
    """A second change within one tick of the file system's clock leaves size and times as they were."""
    put(folder, "file", b"old")
    monkeypatch.setattr(survey_room, "_TICK_NS", 400_000_000)
    monkeypatch.setattr(survey_room, "_COARSE_TICK_NS", 700_000_000)
    if coarse:
        monkeypatch.setattr(survey_room, "_SECOND_NS", 1)  # so that every time looks like a whole second
    began = time.monotonic()
    answer = survey(batch(folder, b"file"))
    assert len(answer.parts) == 1
    assert time.monotonic() - began > (0.7 if coarse else 0.4)
    began = time.monotonic()
    assert len(survey(batch(folder, b"file")).parts) == 1
    assert time.monotonic() - began < 0.4


class Status:
    """What macOS or Windows says of a file, as far as it is asked."""

    def __init__(self, **fields: int) -> None:
        self.__dict__.update(fields)


def test_cloud_only_is_told_from_what_the_system_says() -> None:
    assert not is_cloud_only(Path("/").stat())
    assert not is_cloud_only(Status(st_flags=0x20))
    assert is_cloud_only(Status(st_flags=0x4000_0020))
    assert not is_cloud_only(Status(st_file_attributes=0x20))
    for attributes in (0x40_0000, 0x4_0000, 0x1000):
        assert is_cloud_only(Status(st_file_attributes=attributes | 0x20))


def test_cloud_only_files_are_never_opened(folder: Path, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "cloud/file", b"placeholder")
    put(folder, "cloud.jpg", b"placeholder")
    put(folder, "here.jpg")
    cloud = {(folder / "cloud").stat().st_ino, (folder / "cloud.jpg").stat().st_ino}
    real_open = os.open
    opened = []

    def recording_open(path: Any, *arguments: Any, **options: Any) -> int:
        opened.append(os.fsencode(path))
        return real_open(path, *arguments, **options)

    monkeypatch.setattr("verifier.inventory.cloud.IS_TOLD_HERE", True)
    monkeypatch.setattr("verifier.inventory.cloud.is_cloud_only", lambda status: status.st_ino in cloud)
    monkeypatch.setattr(os, "open", recording_open)
    inventory = take(folder)
    assert paths(inventory) == [b"here.jpg"]
    assert b"here.jpg" in opened
    assert not {b"cloud", b"cloud.jpg", b"file"} & set(opened)
    left = inventory.header.left_out.cloud_only
    assert (left.files, left.bytes, left.names()) == (2, 11, [b"cloud", b"cloud.jpg"])
    assert list(inventory.untold()) == []


def test_access_times_stay(folder: Path, take: Take) -> None:
    put(folder, "file")
    os.utime(folder / "file", ns=(5, 10))
    take(folder)
    assert (folder / "file").stat().st_atime_ns == 5


def test_without_digest_no_file_is_opened(
    folder: Path, tmp_path: Path, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "file", b"abc")
    (folder / "link").symlink_to("x")
    os.utime(folder / "file", ns=(1, 2))
    monkeypatch.setattr(os, "preadv", None)
    inventory = take(folder, digest=None)
    first, second = inventory.entries()
    assert first == Entry(path=b"file", size_bytes=3, mtime_ns=2)
    assert second.link == b"x"
    inventory.write(tmp_path / "m.jsonl")
    with open_manifest(tmp_path / "m.jsonl") as manifest:
        assert manifest.header.digest is None
        assert list(manifest.entries()) == [first, second]


def test_a_folder_that_cannot_be_listed_makes_no_manifest(
    folder: Path, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "a/secret/file")
    put(folder, "b/file")
    real = os.scandir
    secret = (folder / "a" / "secret").stat().st_ino

    def scandir(place: Any) -> Any:
        if os.fstat(place).st_ino == secret:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SourceError, match="can't list a/secret: Permission denied; no manifest was made"):
        take(folder)


def test_what_is_no_folder(folder: Path, take: Take) -> None:
    put(folder, "file")
    for place in (folder / "none", folder / "file"):
        with pytest.raises(UnreachableError, match="expected a folder"):
            take(place)


def test_the_root_may_be_a_link(folder: Path, tmp_path: Path, take: Take) -> None:
    put(folder, "file")
    link = tmp_path / "link"
    link.symlink_to(folder)
    inventory = take(link)
    assert paths(inventory) == [b"file"]
    assert inventory.header.origin.address == str(folder.resolve())


def test_output_inside_is_left_out_by_a_pattern(folder: Path, tmp_path: Path, take: Take) -> None:
    assert exclude_output(folder, tmp_path / "m.jsonl") is None
    assert exclude_output(folder, tmp_path / "data2" / "m.jsonl") is None
    target = folder / "sub" / "!m [1]* #.jsonl "
    put(folder, "sub/!m [1]* #.jsonl ")
    put(folder, "sub/!m 1x #.jsonl ")
    put(folder, "deep/sub/!m [1]* #.jsonl ")
    pattern = exclude_output(folder, target)
    assert pattern is not None
    assert paths(take(folder, exclude=[pattern])) == [b"deep/sub/!m [1]* #.jsonl ", b"sub/!m 1x #.jsonl "]


def test_nothing_is_left_behind(folder: Path, tmp_path: Path, take: Take) -> None:
    put(folder, "file")
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    inventory = take(folder, draft_folder=drafts)
    inventory.close()
    inventory.close()
    assert list(drafts.iterdir()) == []
    with pytest.raises(UnreachableError):
        take(folder / "none", draft_folder=drafts)
    assert list(drafts.iterdir()) == []
