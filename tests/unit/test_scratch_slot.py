from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.errors import ScratchError, ScratchFullError
from verifier.scratch import Slot
from verifier.scratch import slot as slot_module
from verifier.sources.interface import Sink

MIB = 1024 * 1024


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    with Slot(tmp_path / "slot", 100 * MIB) as slot:
        yield slot


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def content(slot: Slot, number: int) -> bytes:
    descriptor = slot.open(number)
    return os.pread(descriptor, os.fstat(descriptor).st_size + 1, 0)


def test_it_is_a_sink(slot: Slot) -> None:
    sink: Sink = slot
    sink.create(1)
    sink.write(1, 0, b"bytes")
    assert content(slot, 1) == b"bytes"


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4]])
def test_what_is_written_is_read_back(slot: Slot, data: bytes | bytearray | memoryview) -> None:
    slot.write(7, 2, data)  # without create
    assert content(slot, 7) == b"\0\0abc"
    slot.write(7, 0, b"12")
    assert content(slot, 7) == b"12abc"
    assert (slot.size_of(7), slot.used_bytes) == (5, 5)


def test_a_view_of_wider_items_is_counted_in_bytes(slot: Slot) -> None:
    slot.write(1, 0, memoryview(bytes(range(16))).cast("Q"))
    assert slot.size_of(1) == 16
    assert content(slot, 1) == bytes(range(16))


def test_files_are_private_opaque_and_opened_by_nobody_else(slot: Slot, tmp_path: Path) -> None:
    slot.write(123456, 0, b"secret")
    (file,) = (tmp_path / "slot").iterdir()
    assert file.name == "000001"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "slot").stat().st_mode) == 0o700
    assert not os.get_inheritable(slot.open(123456))


def test_a_file_in_the_way_is_never_written_to(slot: Slot, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"live")
    (tmp_path / "slot" / "000001").symlink_to(victim)
    with pytest.raises(ScratchError, match="File exists"):
        slot.create(1)
    assert victim.read_bytes() == b"live"


def test_a_file_is_used_again_and_holds_nothing_of_the_one_before(slot: Slot, tmp_path: Path) -> None:
    for number in range(100):
        slot.create(number)
        assert content(slot, number) == b""
        slot.write(number, 0, bytes([number]) * (1000 - number))
        assert content(slot, number) == bytes([number]) * (1000 - number)
        slot.free(number)
        assert slot.used_bytes == 0
    (file,) = (tmp_path / "slot").iterdir()
    assert file.stat().st_size == 0, "the bytes are given back as the file is freed"


def test_creating_again_empties(slot: Slot) -> None:
    slot.write(1, 0, b"a former try")
    slot.create(1)
    assert (content(slot, 1), slot.used_bytes) == (b"", 0)


def test_what_was_never_made_or_is_freed_is_not_there(slot: Slot) -> None:
    slot.create(1)
    slot.free(1)
    for call in (slot.open, slot.size_of):
        with pytest.raises(KeyError):
            call(1)
        with pytest.raises(KeyError):
            call(2)
    slot.free(1)
    slot.free(2)
    slot.write(3, 0, b"x")
    assert (content(slot, 3), slot.used_bytes) == (b"x", 1)


def test_the_bound_holds_over_all_files_and_is_given_back(tmp_path: Path) -> None:
    with Slot(tmp_path / "slot", 1000) as slot:
        slot.write(1, 0, bytes(600))
        with pytest.raises(ScratchFullError, match="at most 1000 bytes"):
            slot.write(2, 0, bytes(401))
        slot.write(2, 0, bytes(400))
        slot.write(2, 0, bytes(400))  # over what is there already
        with pytest.raises(ScratchFullError):
            slot.write(3, 0, b"1")
        slot.free(1)
        slot.write(3, 0, bytes(600))
        assert slot.used_bytes == 1000


def test_no_more_than_so_many_descriptors_and_no_byte_lost(slot: Slot) -> None:
    before = open_descriptors()
    for number in range(1000):
        slot.write(number, 0, str(number).encode())
    assert open_descriptors() - before <= 200
    handed_out = slot.open(0)
    for number in range(1000):
        slot.write(number, len(str(number)), b"!")
    assert os.pread(handed_out, 10, 0) == b"0!", "a descriptor that was handed out stays open"
    for number in range(1000):
        assert content(slot, number) == f"{number}!".encode()
        slot.free(number)
    assert open_descriptors() - before <= 200


def test_close_frees_everything_and_twice_is_fine(tmp_path: Path) -> None:
    before = open_descriptors()
    slot = Slot(tmp_path / "slot", MIB)
    for number in range(300):
        slot.write(number, 0, b"x")
    slot.free(5)
    slot.close()
    slot.close()
    assert list(tmp_path.iterdir()) == []
    assert open_descriptors() == before


def test_what_a_killed_attempt_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "slot" / "deep").mkdir(parents=True)
    (tmp_path / "slot" / "000001").write_bytes(b"left")
    with Slot(tmp_path / "slot", MIB) as slot:
        slot.write(1, 0, b"new")
        assert content(slot, 1) == b"new"
    assert not (tmp_path / "slot").exists()


def test_a_disk_that_fills_up_keeps_its_reserve(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    class Disk:
        f_frsize = 1
        f_bavail = 64 * MIB + 10

    monkeypatch.setattr(slot_module.os, "fstatvfs", lambda _: Disk)
    slot.write(1, 0, bytes(10))
    Disk.f_bavail = 64 * MIB
    with pytest.raises(ScratchFullError, match=f"expected {64 * MIB + 10} bytes free"):
        slot.write(1, 10, bytes(10))


def test_the_disk_is_asked_again_after_so_many_bytes(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = os.fstatvfs

    def asking(descriptor: int) -> os.statvfs_result:
        asked.append(descriptor)
        return real(descriptor)

    monkeypatch.setattr(slot_module.os, "fstatvfs", asking)
    for number in range(80):
        slot.write(number, 0, bytes(MIB))
    assert len(asked) == 2


def test_a_write_that_the_system_refuses_for_space_is_told_as_full(slot: Slot) -> None:
    slot.create(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # EFBIG: Python ignores SIGXFSZ
    try:
        with pytest.raises(ScratchFullError, match="no room is left"):
            slot.write(1, 0, bytes(2000))  # the first 1,000 are taken, the rest is refused
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, ScratchFullError), (errno.EDQUOT, ScratchFullError), (errno.EIO, ScratchError)],
)
def test_what_the_disk_says_is_told(
    slot: Slot, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[ScratchError]
) -> None:
    def failing(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    slot.create(1)
    monkeypatch.setattr(slot_module.os, "pwrite", failing)
    with pytest.raises(ScratchError, match=os.strerror(number)) as caught:
        slot.write(1, 0, b"x")
    assert type(caught.value) is kind


def test_a_write_in_parts_is_finished(slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(slot_module.os, "pwrite", lambda fd, data, at: real(fd, memoryview(data)[:3], at))
    slot.write(1, 1, b"0123456789")
    assert content(slot, 1) == b"\x000123456789"
