"""A folder on this machine, or mounted on it, as a place: an external disk, a NAS share, a restored tree.

Reading is made to come from where the bytes lie: on a local disk a file's cached pages are dropped first (and the next
files are asked for meanwhile, which gives most of the speed back), and a page that stays cached all the same is told.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from verifier import progress, relpath
from verifier.entry import Kind, Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    SourceError,
    UnreachableError,
    UnreadableError,
)
from verifier.sources.interface import Failed, Landed, Place, Request, Sink, SourceFacts
from verifier.sources.places import mounts
from verifier.sources.places.walk import Directories, walk

_CHUNK_BYTES: Final = 1024 * 1024
_LOOKED_AT: Final = 10_000
_READ_AHEAD_FILES: Final = 32
_READ_AHEAD_BYTES: Final = 4 * 1024 * 1024
# O_NONBLOCK: a pipe that was swapped in for the file would otherwise hold the worker for ever.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_AWAY: Final = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ENODEV, errno.ENXIO}
)


class _Opened(NamedTuple):
    """A file that is open, and whether its bytes may come from this machine's memory."""

    descriptor: int
    cached: bool


class Folder(Place):
    """A folder, read by descriptor and never through a link below its root.

    Args:
        root: the folder.
        options: `mount`, `marker`, `filesystem` pin it (see `scenario.Copy`).
        below: the folder in it that is meant; no link leads there.

    Raises:
        AbsentError: it is there, and `below` is not in it.
        SourceError: it isn't there, isn't a folder, refuses us, or isn't the one that was pinned.
    """

    ordered = True

    def __init__(self, root: Path, options: Mapping[str, object], below: bytes = b"") -> None:
        self._path = root / os.fsdecode(below)
        self._mount = mounts.mount_of(self._path)
        try:
            Directories(os.fsencode(root)).close()
        except OSError as error:
            raise _root_error(error, root) from error
        _check_pins(root, options, self._mount)
        missing = mounts.missing_mount(self._path) if below and "mount" not in options else None
        if missing is not None:
            raise _not_mounted(missing)
        try:
            self._directories = Directories(os.fsencode(root), below)
        except OSError as error:
            raise _below_error(error, root, below) from error
        self._buffer = memoryview(bytearray(_CHUNK_BYTES))
        self._written_back = False

    def list(self) -> Iterator[Listed]:
        """Yield everything under the folder, in the order of raw path bytes.

        Raises:
            SourceError: a directory could not be listed.
        """
        try:
            for found in walk(self._directories):
                status = found.status
                kind = _kind(status.st_mode)
                link = os.readlink(found.name, dir_fd=found.parent) if kind == "link" else None
                yield Listed(
                    name=found.path,
                    size_bytes=status.st_size if kind == "file" else 0,
                    mtime_ns=status.st_mtime_ns,
                    kind=kind,
                    link=link,
                )
        except OSError as error:
            raise source_error(error, _filename(error), "list") from error

    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Copy each file into the sink by read and write, the next few opened ahead so that the disk is kept busy."""
        if self._mount.is_local_disk and not self._written_back:
            mounts.write_back(self._directories.root)
            self._written_back = True
        waiting = iter(requests)
        opened: deque[tuple[Request, _Opened | SourceError]] = deque()
        try:
            for request in waiting:
                opened.append((request, self._open(request)))
                if len(opened) < _READ_AHEAD_FILES:
                    continue
                yield self._copy(*opened.popleft(), sink)
            while opened:
                yield self._copy(*opened.popleft(), sink)
        finally:
            for _, file in opened:
                if isinstance(file, _Opened):
                    os.close(file.descriptor)

    def _open(self, request: Request) -> _Opened | SourceError:
        directory, _, name = request.listed.name.rpartition(b"/")
        try:
            descriptor = os.open(name, _FILE_FLAGS, dir_fd=self._directories.descriptor(directory))
        except OSError as error:
            return source_error(error, request.listed.name, "open")
        if not self._mount.is_local_disk:
            return _Opened(descriptor, cached=not self._mount.is_network)
        dropped = mounts.drop_cached_pages(descriptor, request.offset, request.length_bytes or 0)
        if dropped:
            ahead = min(_READ_AHEAD_BYTES, request.length_bytes or _READ_AHEAD_BYTES)
            mounts.read_ahead(descriptor, request.offset, ahead)
        return _Opened(descriptor, cached=not dropped)

    def _copy(self, request: Request, opened: _Opened | SourceError, sink: Sink) -> Landed | Failed:
        if isinstance(opened, SourceError):
            return Failed(number=request.number, error=opened)
        descriptor, cached = opened
        if cached and self._mount.is_local_disk:
            # A page that another processor was just putting in order stays at the first try; by now it is done.
            cached = not mounts.drop_cached_pages(descriptor, request.offset, request.length_bytes or 0)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                shown = relpath.show(request.listed.name)
                return Failed(number=request.number, error=AbsentError(f"expected a regular file, got none at {shown}"))
            self._move(request, descriptor, sink)
            after = os.fstat(descriptor)
        except OSError as error:
            return Failed(number=request.number, error=source_error(error, request.listed.name, "read"))
        finally:
            os.close(descriptor)
        listed = request.listed
        moved_on = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
        changed = moved_on or (after.st_size, after.st_mtime_ns) != (listed.size_bytes, listed.mtime_ns)
        return Landed(number=request.number, mtime_ns=after.st_mtime_ns, changed=changed, cached=cached)

    def _move(self, request: Request, descriptor: int, sink: Sink) -> None:
        """Copy the asked-for range; where it ends at the listed size, ask for one byte beyond it."""
        position = request.offset
        whole = request.length_bytes is None
        end = request.listed.size_bytes if whole else request.offset + (request.length_bytes or 0)
        limit = end + 1 if request.to_end else end
        meter = progress.meter()
        sink.create(request.number)
        while position < limit:
            asked = min(_CHUNK_BYTES, limit - position)
            count = os.preadv(descriptor, [self._buffer[:asked]], position)
            if not count:
                break
            sink.write(request.number, position - request.offset, self._buffer[:count])
            position += count
            meter.moved(count)
            if position == end and count < asked:
                break  # a regular file's read is short at its end only: it is not longer

    def read_at(self, listed: Listed, offset: int, length_bytes: int) -> bytes:
        """Return up to `length_bytes` from `offset`; fewer only at the file's end.

        Raises:
            SourceError: the file could not be read.
        """
        directory, _, name = listed.name.rpartition(b"/")
        try:
            descriptor = os.open(name, _FILE_FLAGS, dir_fd=self._directories.descriptor(directory))
            try:
                return _read_exactly(descriptor, offset, length_bytes)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise source_error(error, listed.name, "read") from error

    def first_names(self, most: int) -> tuple[bytes, ...]:
        """Return the first of the names right under the folder, in their order; of a huge one some of the first."""
        try:
            with os.scandir(self._directories.root) as entries:
                names = sorted(os.fsencode(entry.name) for entry in itertools.islice(entries, _LOOKED_AT))
                return tuple(names[:most])
        except OSError as error:
            raise source_error(error, os.fsencode(self._path), "list") from error

    def facts(self) -> SourceFacts:
        """Say which disk or export the folder lies on, and from where its bytes are read."""
        return SourceFacts(address=str(self._path), read_from=self._mount.read_from, device=self._mount.device)

    def folds_case(self, listed: Listed) -> bool:
        """Tell whether the file system finds the same file under its name in another case, too."""
        swapped = os.fsencode(os.fsdecode(listed.name).swapcase())
        if swapped == listed.name:
            return False
        try:
            here = os.lstat(listed.name, dir_fd=self._directories.root)
            there = os.lstat(swapped, dir_fd=self._directories.root)
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def close(self) -> None:
        """Close every descriptor; doing so twice is fine."""
        self._directories.close()


def _read_exactly(descriptor: int, offset: int, length_bytes: int) -> bytes:
    parts = []
    while length_bytes > 0 and (part := os.pread(descriptor, length_bytes, offset)):
        parts.append(part)
        offset += len(part)
        length_bytes -= len(part)
    return b"".join(parts)


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "other"


def _filename(error: OSError) -> bytes:
    name = error.filename
    if isinstance(name, bytes):
        return name
    return os.fsencode(name) if isinstance(name, str) else b"?"


def source_error(error: OSError, name: bytes, doing: str) -> SourceError:
    """Return which of our errors an OSError is, which is its cause: absent, refused, unreadable, or the place gone."""
    ours = _sorted_out(error, name, doing)
    ours.__cause__ = error
    return ours


def _sorted_out(error: OSError, name: bytes, doing: str) -> SourceError:
    shown = relpath.show(name)
    said = os.strerror(error.errno) if error.errno else str(error)
    message = f"can't {doing} {shown}: {said}"
    if error.errno in _GONE:
        return AbsentError(message)
    if error.errno in (errno.EACCES, errno.EPERM):
        return AccessDeniedError(message, hint="give the account that runs the drill the right to read it")
    if error.errno in _AWAY:
        return UnreachableError(message)
    if error.errno == errno.EIO:
        return UnreadableError(message, hint="the disk reports a read error: look at its health now")
    return SourceError(message)


def _root_error(error: OSError, root: Path) -> SourceError:
    shown = relpath.show(os.fsencode(root))
    if error.errno == errno.ENOTDIR:
        return UnreachableError(f"expected a folder, got something else at {shown}")
    if error.errno in _GONE:
        return UnreachableError(f"expected a folder at {shown}, got nothing", hint="is the disk or share mounted?")
    return source_error(error, os.fsencode(root), "open")


def _below_error(error: OSError, root: Path, below: bytes) -> SourceError:
    shown, inside = relpath.show(os.fsencode(root)), relpath.show(below)
    if error.errno == errno.ENOENT:
        return AbsentError(f"expected {inside} in {shown}, got nothing")
    if error.errno in _GONE:
        return UnreachableError(
            f"expected the folder {inside} in {shown}, got something else, or a link on the way",
            hint="a link is followed only in the address itself",
        )
    return source_error(error, os.fsencode(root) + b"/" + below, "open")


def _check_pins(root: Path, options: Mapping[str, object], mount: mounts.Mount) -> None:
    shown = relpath.show(os.fsencode(root))
    mount_point = options.get("mount")
    missing = mounts.missing_mount(root) if mount_point is None else _unmounted(str(mount_point))
    if missing is not None:
        raise _not_mounted(missing)
    marker = options.get("marker")
    if marker is not None and not os.path.lexists(root / str(marker)):
        raise UnreachableError(f"expected the marker file {relpath.show(str(marker))} in {shown}, got none")
    wanted = options.get("filesystem")
    if wanted is not None and wanted not in mount.identities:
        had = ", ".join(relpath.show(identity) for identity in mount.identities) or "none that is known"
        raise UnreachableError(f"expected file system {relpath.show(str(wanted))} at {shown}, got {had}")


def _not_mounted(mount_point: str) -> UnreachableError:
    return UnreachableError(
        f"expected a mounted file system at {relpath.show(mount_point)}, got its empty mount point",
        hint="mount it, then drill again",
    )


def _unmounted(mount_point: str) -> str | None:
    return None if mounts.is_mounted(mount_point) else mount_point
