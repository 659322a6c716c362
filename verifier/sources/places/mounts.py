"""A path → the file system that it lies on: which device or export, whether it is mounted at all, what caches it.

Source: proc(5) `/proc/self/mountinfo`, sysfs(5), fstab(5), posix_fadvise(2), preadv2(2).
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NETWORK: Final = re.compile(r"(nfs4?|cifs|smb3|smbfs|afpfs|9p|ceph|glusterfs|webdav|davfs|fuse\..*|fuseblk-net)\Z")
_MEMORY: Final = frozenset({"tmpfs", "ramfs", "devtmpfs", "rootfs"})
_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_FSTAB: Final = Path("/etc/fstab")
_BLOCKS: Final = Path("/sys/dev/block")
_BY_UUID: Final = Path("/dev/disk/by-uuid")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """The file system under a path. `kind` and `mount_source` are empty where the system doesn't tell.

    `disk_number` is that of the whole disk, where the device is a part of one.
    """

    kind: str = ""
    mount_source: str = ""
    point: str = ""
    device_number: int = 0
    disk_number: int | None = None
    uuid: str | None = None

    @property
    def is_network(self) -> bool:
        """Whether another machine, or a program, answers for the bytes."""
        return _NETWORK.match(self.kind) is not None

    @property
    def is_local_disk(self) -> bool:
        """Whether dropping cached pages makes a read come from the disk."""
        return bool(self.kind) and not self.is_network and self.kind not in _MEMORY and hasattr(os, "posix_fadvise")

    @property
    def read_from(self) -> str:
        """What the proof says of where bytes come from."""
        if self.is_network:
            return "server"
        return "device" if self.is_local_disk else "cache possible"

    @property
    def device(self) -> str:
        """One name for one disk or export, so that two copies on it count once."""
        if self.is_network and self.mount_source:
            return f"{self.kind}:{self.mount_source}"
        number = self.device_number if self.disk_number is None else self.disk_number
        return f"disk:{os.major(number)}:{os.minor(number)}"

    @property
    def identities(self) -> tuple[str, ...]:
        """Every name by which a scenario may pin this file system."""
        return tuple(name for name in (self.uuid, self.mount_source) if name)


def mount_of(path: Path) -> Mount:
    """Return the file system that `path` lies on; mostly empty where it or the system's table can't be read."""
    try:
        device_number = path.stat().st_dev
    except OSError:
        return Mount()
    disk_number = whole_disk(device_number)
    best = Mount(device_number=device_number, disk_number=disk_number)
    resolved = os.fsdecode(os.path.realpath(os.fsencode(path)))
    for point, kind, source in _mounted():
        # The last line that covers the path is the one on top; the longest mount point is the nearest.
        if _covers(point, resolved) and len(point) >= len(best.point):
            best = Mount(
                kind=kind,
                mount_source=source,
                point=point,
                device_number=device_number,
                disk_number=disk_number,
                uuid=_uuid(source),
            )
    return best


def whole_disk(device_number: int, *, blocks: Path = _BLOCKS) -> int | None:
    """Return the number of the disk that a partition is on; None of what is no partition, or where nothing tells.

    Two partitions fail with the one disk that they are on. What lies on several disks (RAID, LVM) is told as itself.
    """
    here = blocks / f"{os.major(device_number)}:{os.minor(device_number)}"
    with contextlib.suppress(OSError, ValueError):
        if (here / "partition").exists():
            major, minor = (here.resolve().parent / "dev").read_text("ascii").split(":")
            return os.makedev(int(major), int(minor))
    return None


def missing_mount(path: Path, *, fstab: Path = _FSTAB) -> str | None:
    """Return the mount point at or above `path` that fstab names and that is not mounted now; None where all is well.

    A share that isn't mounted leaves its empty folder behind, with the device of its parent.
    """
    resolved = os.path.realpath(path)
    with contextlib.suppress(OSError):
        for line in fstab.read_text("utf-8", "surrogateescape").splitlines():
            # Only a line that begins with it is a comment: `sshfs#user@host:` and `//nas/share#1` are sources.
            fields = [] if line.lstrip().startswith("#") else line.split()
            point = _unescape(fields[1]) if len(fields) > 2 else ""  # noqa: PLR2004 - source, mount point, type
            if not point.startswith("/") or point == "/" or not _covers(point, resolved):
                continue
            if not is_mounted(point):
                return point
    return None


def is_mounted(point: str) -> bool:
    """Tell whether something is mounted at a path; also a folder of the very same disk (`mount --bind`)."""
    if os.path.ismount(point):
        return True
    resolved = os.path.realpath(point)
    return any(there == resolved for there, _, _ in _mounted())


def write_back(descriptor: int) -> None:
    """Have a file system write what it holds in memory to its disk, since only clean pages can be dropped.

    Where the system has no syncfs(2), nothing happens.
    """
    import ctypes  # noqa: PLC0415 - loaded when a local disk is read from

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).syncfs(descriptor)


def drop_cached_pages(descriptor: int, offset: int, length_bytes: int) -> bool:
    """Make the system forget what it holds of a file; return whether that was seen to work.

    Pages that were written a moment ago, or that somebody has mapped, stay. A length of 0 means to the file's end.
    """
    if not hasattr(os, "posix_fadvise"):
        return False
    try:
        os.posix_fadvise(descriptor, offset, length_bytes, os.POSIX_FADV_DONTNEED)
        # An empty file has no page; it reads as 0 bytes whatever the cache.
        return os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT) == 0
    except BlockingIOError:
        return True  # the byte would have to come from the disk
    except (OSError, AttributeError):
        return False


def read_ahead(descriptor: int, offset: int, length_bytes: int) -> None:
    """Ask the system to begin reading, so that the disk works while other files are worked."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, offset, length_bytes, os.POSIX_FADV_WILLNEED)


def _covers(point: str, path: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _mounted() -> list[tuple[str, str, str]]:
    """Return (mount point, kind, source) of each line of the system's table; empty where there is none."""
    try:
        text = _MOUNTINFO.read_text("utf-8", "surrogateescape")
    except OSError:
        return []
    rows = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, more = left.split(), right.split()
        if len(fields) > 4 and len(more) > 1:  # noqa: PLR2004 - proc(5): the fifth field is the mount point
            rows.append((_unescape(fields[4]), more[0], _unescape(more[1])))
    return rows


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), text)


def _uuid(source: str) -> str | None:
    try:
        for link in _BY_UUID.iterdir():
            if os.path.realpath(link) == os.path.realpath(source):
                return link.name
    except OSError:
        return None
    return None
