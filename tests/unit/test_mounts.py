"""The file system under a path: from the system's own tables, as they look on many machines."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from mounted import MustRun

from verifier.sources.places import mounts
from verifier.sources.places.mounts import (
    Mount,
    drop_cached_pages,
    is_mounted,
    missing_mount,
    mount_of,
    read_ahead,
    whole_disk,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells")


@pytest.mark.parametrize(
    ("kind", "network", "read_from"),
    [
        ("nfs", True, "server"), ("nfs4", True, "server"), ("cifs", True, "server"), ("smb3", True, "server"),
        ("9p", True, "server"), ("fuse.sshfs", True, "server"), ("fuse.rclone", True, "server"),
        ("tmpfs", False, "cache possible"), ("", False, "cache possible"), ("ramfs", False, "cache possible"),
    ],
)  # fmt: skip
def test_kinds_of_file_systems(kind: str, network: bool, read_from: str) -> None:  # noqa: FBT001 - a column
    mount = Mount(kind=kind, mount_source="somewhere")

    assert (mount.is_network, mount.read_from) == (network, read_from)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="cached pages can't be dropped here")
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "vfat", "exfat", "fuseblk", "zfs", "apfs"])
def test_local_disks_are_read_from_the_device(kind: str) -> None:
    assert Mount(kind=kind).read_from == "device"


def test_two_folders_of_one_export_are_one_device() -> None:
    one = Mount(kind="nfs4", mount_source="nas:/photos", device_number=1)
    two = Mount(kind="nfs4", mount_source="nas:/photos", device_number=2)
    other = Mount(kind="nfs4", mount_source="nas:/music", device_number=1)

    assert one.device == two.device != other.device
    assert Mount(kind="ext4", device_number=os.makedev(8, 1)).device == "disk:8:1"


def test_a_scenario_may_pin_by_source_or_id() -> None:
    assert Mount(uuid="aa-bb", mount_source="/dev/sdb1").identities == ("aa-bb", "/dev/sdb1")
    assert Mount().identities == ()


_TABLE = r"""
22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
40 22 0:30 / {root}/nas rw - cifs //nas/share\040one rw
41 40 0:31 / {root}/nas/inner rw - nfs4 nas:/inner rw
42 22 0:32 / {root}/with\040space rw - tmpfs none rw
43 22 0:33 / {root}/twice rw - ext4 /dev/old rw
44 43 0:34 / {root}/twice rw - xfs /dev/new rw
45 22 0:35 / {root}/na rw - ext4 /dev/na rw
garbage
""".lstrip()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("nas/inner/deep", "nas2", "with space", "twice", "na"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mountinfo").write_text(_TABLE.replace("{root}", os.path.realpath(tmp_path)), encoding="utf-8")
    monkeypatch.setattr(mounts, "_MOUNTINFO", tmp_path / "mountinfo")
    return tmp_path


@pytest.mark.parametrize(
    ("where", "kind", "source"),
    [
        ("nas", "cifs", "//nas/share one"),
        ("nas/inner", "nfs4", "nas:/inner"),
        ("nas/inner/deep", "nfs4", "nas:/inner"),
        ("nas2", "ext4", "/dev/nvme0n1p2"),
        ("with space", "tmpfs", "none"),
        ("twice", "xfs", "/dev/new"),
        ("na", "ext4", "/dev/na"),
    ],
)
def test_the_nearest_mount_that_lies_on_top(table: Path, where: str, kind: str, source: str) -> None:
    mount = mount_of(table / where)

    assert (mount.kind, mount.mount_source) == (kind, source)


def test_a_path_that_is_not_there_has_no_mount(table: Path) -> None:
    assert mount_of(table / "nowhere") == Mount()


def test_without_a_table_little_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_MOUNTINFO", tmp_path / "none")

    assert mount_of(tmp_path) == Mount(device_number=tmp_path.stat().st_dev)
    assert not is_mounted(str(tmp_path))


def test_what_the_table_names_is_mounted(table: Path) -> None:
    assert is_mounted(str(table / "nas"))
    assert is_mounted(str(table / "with space"))
    assert not is_mounted(str(table / "nas2"))
    assert is_mounted("/")
    (table / "link").symlink_to("nas")
    assert is_mounted(str(table / "link"))


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("//nas/share {root}/box cifs defaults 0 0", True),
        ("  //nas/share\t{root}/box\tcifs\tdefaults", True),
        ("sshfs#drill@nas: {root}/box fuse defaults 0 0", True),
        ("UUID=1 {root}/my\\040box ext4 noauto 0 0", False),
        ("UUID=1 {root} ext4 defaults 0 2", True),
        ("UUID=1 {root}/box/ ext4 defaults 0 2", True),
        ("# //nas/share {root}/box cifs defaults 0 0", False),
        ("   #//nas/share {root}/box cifs", False),
        ("UUID=1 {root}/bo ext4 defaults", False),
        ("UUID=1 {root}/box2 ext4 defaults", False),
        ("UUID=1 {root}/box/photos/2020 ext4 defaults", False),
        ("UUID=1 none swap sw 0 0", False),
        ("UUID=1 / ext4 defaults", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_mount_points_that_fstab_names(tmp_path: Path, line: str, missing: bool) -> None:  # noqa: FBT001 - a column
    root = Path(os.path.realpath(tmp_path))
    (root / "box/photos").mkdir(parents=True)
    fstab = root / "fstab"
    fstab.write_text("UUID=0 / ext4 defaults 0 1\n" + line.replace("{root}", str(root)) + "\n", encoding="utf-8")

    assert (missing_mount(root / "box/photos", fstab=fstab) is not None) is missing


def test_a_mount_point_with_a_space_and_without_an_fstab(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    (root / "my box").mkdir()
    (root / "fstab").write_bytes(f"UUID=1 {root}/my\\040box ext4 noauto 0 0\n# \xff\n".encode("latin-1"))

    assert missing_mount(root / "my box", fstab=root / "fstab") == f"{root}/my box"
    assert missing_mount(root / "my box", fstab=root / "nowhere") is None


def test_dropping_pages_says_whether_it_worked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "empty").touch()
    for name in ("file", "empty"):
        descriptor = os.open(tmp_path / name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            dropped = drop_cached_pages(descriptor, 0, 0)
            read_ahead(descriptor, 0, 4_096)
            assert isinstance(dropped, bool)
            assert os.read(descriptor, 5) == (b"xxxxx" if name == "file" else b"")
        finally:
            os.close(descriptor)


@linux
def test_bytes_in_memory_alone_are_told_as_such(must_run: MustRun) -> None:
    folder = Path("/dev/shm")  # noqa: S108 - a file system in memory
    if mount_of(folder).kind != "tmpfs":
        must_run("mount", "no file system in memory lies at /dev/shm")
    descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    try:
        os.write(descriptor, b"x" * 10_000)
        assert not drop_cached_pages(descriptor, 0, 0)
    finally:
        os.close(descriptor)


def test_two_partitions_are_one_disk(tmp_path: Path) -> None:
    disk = tmp_path / "devices/sda"
    for name, number in (("sda1", "8:1"), ("sda2", "8:2")):
        (disk / name).mkdir(parents=True)
        (disk / name / "partition").write_text(name[-1])
        (tmp_path / number).symlink_to(disk / name)
    (tmp_path / "8:0").symlink_to(disk)
    (disk / "dev").write_text("8:0\n")

    found = {whole_disk(os.makedev(8, minor), blocks=tmp_path) for minor in (1, 2)}

    assert found == {os.makedev(8, 0)}
    assert Mount(kind="ext4", device_number=os.makedev(8, 2), disk_number=os.makedev(8, 0)).device == "disk:8:0"
    assert whole_disk(os.makedev(8, 0), blocks=tmp_path) is None  # the disk itself
    assert whole_disk(os.makedev(9, 0), blocks=tmp_path) is None  # nothing is known of it
    (disk / "dev").write_text("no number")
    assert whole_disk(os.makedev(8, 1), blocks=tmp_path) is None
