"""A batch of names → lines of the manifest: what a worker does.

A file is read once, into one buffer that the worker keeps, and its size and times are asked for before and after: what
changed meanwhile is read again, and left out where it never stands still. So is what changed a moment before, since a
second change in that moment would not show in its times. Nothing is opened that is not a regular file, and nothing
whose bytes are in a cloud only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from array import array
from collections.abc import Iterator
from typing import Final

from verifier import progress
from verifier.digest import new_hasher, one_shot
from verifier.errors import SourceError, UnreachableError
from verifier.inventory import cloud
from verifier.inventory.batch import (
    BATCH_BYTES,
    LARGE_BYTES,
    LINK_MARK,
    UNKNOWN_MARK,
    Batch,
    Large,
    Left,
    Part,
    Run,
    Surveyed,
    mark_of,
)
from verifier.manifest.encoding import Counts, file_line, link_line
from verifier.sources.places.walk import Directories

_BUFFER: Final = bytearray(1024 * 1024)
_VIEW: Final = memoryview(_BUFFER)
_BUFFERS: Final = [_BUFFER]
# O_NONBLOCK: a pipe that was swapped in for the file would otherwise hold the worker for ever.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NO_ACCESS_TIME: Final = getattr(os, "O_NOATIME", 0)
_FURTHER_READINGS: Final = 3
# How long a file system may give two changes the same time: Linux some 10 ms; those that keep whole seconds, up to 2 s.
_TICK_NS: Final = 20_000_000
_COARSE_TICK_NS: Final = 2_000_000_000
_SECOND_NS: Final = 1_000_000_000
_COUNT_EVERY_FILES: Final = 64
# The file is gone or something else took its place: it changed between the walk and the reading.
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
# Trouble that is not the file's own, so nothing can be said of the file.
_AWAY: Final = frozenset({errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT})
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class LeftOutError(Exception):
    """The file can't be in the manifest, for this reason."""

    def __init__(self, reason: str, detail: str, size_bytes: int = 0) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.size_bytes = size_bytes


class TooLargeError(Exception):
    """The file gets a batch of its own."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


def survey(batch: Batch) -> Surveyed:
    """Look at every name of a batch.

    Raises:
        SourceError: the folder as a whole went away.
        CancelledError: the parent asked to stop.
    """
    with opened(batch) as directories:
        return Survey(batch, directories).run()
    raise AssertionError  # what is opened holds no exception back


@contextlib.contextmanager
def opened(batch: Batch) -> Iterator[Directories]:
    """Give a batch's folder, open, as long as it is the one that the inventory began with.

    Raises:
        SourceError: it is another, or went away meanwhile.
    """
    try:
        with Directories(batch.root) as directories:
            status = os.fstat(directories.root)
            if (status.st_dev, status.st_ino) != batch.root_id:
                raise UnreachableError("expected the folder that the inventory began with, got another in its place")
            yield directories
    except OSError as error:
        raise UnreachableError(f"the folder went away: {error.strerror}") from error


Found = tuple[int, int | None, str | None, bytes | None]
"""Size in bytes, time in ns, digest, and the target where it is a link."""


class Survey:
    """The work on one batch."""

    def __init__(self, batch: Batch, directories: Directories) -> None:
        self._batch = batch
        self._directories = directories
        self._place = self._part_place = batch.first
        self._lines: list[str] = []
        self._marks = array("Q")
        self._mark = UNKNOWN_MARK
        self._found: Found = (0, None, None, None)
        self._links = self._file_bytes = 0
        self._parts: list[Part] = []
        self._large: list[Large] = []
        self._left: list[Left] = []
        self._bytes = self._uncounted_bytes = self._uncounted_files = 0
        self._flags = _FLAGS | _NO_ACCESS_TIME
        self._one_shot = one_shot(batch.algorithm) if batch.algorithm else None
        self._began_ns = time.time_ns()

    def run(self) -> Surveyed:
        """Return what was found of the batch, and as another batch what was not come to.

        Raises:
            OSError: the folder itself went away.
        """
        rest = None
        for index, run in enumerate(self._batch.runs):
            done = self._survey_run(run)
            if done < len(run.names):
                rest = self._rest([Run(run.folder, run.names[done:]), *self._batch.runs[index + 1 :]])
                break
        self._end_part()
        self._tell()
        return Surveyed(number=self._batch.number, parts=self._parts, large=self._large, left=self._left, rest=rest)

    def _rest(self, runs: list[Run]) -> Batch:
        return self._batch._replace(first=self._place, runs=runs)

    def _end_part(self) -> None:
        """Close the lines so far: what follows has its place behind a file that was left for later."""
        if self._lines:
            counts = Counts(len(self._lines) - self._links, self._links, self._file_bytes)
            self._parts.append(Part(self._part_place, "".join(self._lines).encode(), counts, self._marks.tobytes()))
            self._lines, self._links, self._file_bytes = [], 0, 0
            self._marks = array("Q")

    def _survey_run(self, run: Run) -> int:
        """Look at the names in one folder; return how many were dealt with before the batch was full."""
        try:
            parent = self._directories.descriptor(run.folder[:-1])
        except OSError as error:
            for name in run.names:
                self._leave_out(run.folder + name.rstrip(LINK_MARK), _trouble(error))
            self._place += len(run.names)
            return len(run.names)
        for index, name in enumerate(run.names):
            if self._bytes >= BATCH_BYTES:
                return index
            try:
                self._look_at(run.folder, name, parent)
            except TooLargeError as too_large:
                self._end_part()
                self._large.append(self._put_off(run.folder, name, too_large.size_bytes))
                self._part_place = self._place + 1
            except OSError as error:
                self._leave_out(run.folder + name.rstrip(LINK_MARK), _trouble(error))
            except LeftOutError as left:
                self._leave_out(run.folder + name, left)
            self._place += 1
        return len(run.names)

    def _look_at(self, folder: bytes, name: bytes, parent: int) -> None:
        """Make the line of one name."""
        if name.endswith(LINK_MARK):
            target = os.readlink(name[:-1], dir_fd=parent)
            status = os.stat(name[:-1], dir_fd=parent, follow_symlinks=False)
            self._found = (0, status.st_mtime_ns, None, target)
            self._lines.append(link_line(folder + name[:-1], status.st_mtime_ns, target))
            self._marks.extend(UNKNOWN_MARK)
            self._links += 1
            self._count(0)
        else:
            self._lines.append(self._file(folder + name, name, parent))
            self._marks.extend(self._mark)

    def _put_off(self, folder: bytes, name: bytes, size_bytes: int) -> Large:
        return Large(self._batch.number, self._place, folder, name, size_bytes)

    def _leave_out(self, path: bytes, left: LeftOutError) -> None:
        self._left.append(Left(left.reason, path, left.size_bytes, left.detail))
        self._count(0)

    def _file(self, path: bytes, name: bytes, parent: int) -> str:
        """Return the line of a regular file."""
        if cloud.IS_TOLD_HERE or self._one_shot is None:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if cloud.is_cloud_only(status):
                raise LeftOutError("cloud_only", "its bytes are not on this machine", status.st_size)
            if self._one_shot is None:
                _check_regular(status)
                self._count(0)
                self._file_bytes += status.st_size
                self._mark = mark_of(status)
                return file_line(path, status.st_size, status.st_mtime_ns, None)
        descriptor = self._open(name, parent)
        try:
            return self._read(path, descriptor) or self._read_again(path, descriptor)
        finally:
            os.close(descriptor)

    def _open(self, name: bytes, parent: int) -> int:
        """Open a file so that its access time stays, where it is ours; only an owner may ask for that."""
        try:
            return os.open(name, self._flags, dir_fd=parent)
        except PermissionError:
            if not self._flags & _NO_ACCESS_TIME:
                raise
            descriptor = os.open(name, _FLAGS, dir_fd=parent)
            self._flags = _FLAGS
            return descriptor

    def _read(self, path: bytes, descriptor: int) -> str | None:
        """Return the line of an open file; None if it changed while it was read."""
        before = os.fstat(descriptor)
        _check_regular(before)
        size_bytes = before.st_size
        if size_bytes > LARGE_BYTES and self._batch.piece_bytes is None:
            raise TooLargeError(size_bytes)
        first = os.preadv(descriptor, _BUFFERS, 0)
        pieces: tuple[str, ...] = ()
        if self._one_shot is not None and first == size_bytes < len(_BUFFER):
            digest = self._one_shot(_VIEW[:first])
            self._bytes += first
            self._count(first)
        else:
            digest, pieces, total = self._read_on(descriptor, first, size_bytes)
            if total != size_bytes:
                return None
        after = os.fstat(descriptor)
        if (
            before.st_mtime_ns != after.st_mtime_ns
            or before.st_ctime_ns != after.st_ctime_ns
            or size_bytes != after.st_size
            or (after.st_ctime_ns > self._began_ns - _COARSE_TICK_NS and self._may_hide_a_change(after))
        ):
            return None
        self._file_bytes += size_bytes
        self._mark = mark_of(after)
        self._found = (size_bytes, before.st_mtime_ns, digest, None)
        return file_line(path, size_bytes, before.st_mtime_ns, digest, pieces=pieces)

    def _read_on(self, descriptor: int, first: int, size_bytes: int) -> tuple[str, tuple[str, ...], int]:
        """Return the digest, those of the pieces, and the size of a file whose first bytes are in the buffer."""
        algorithm = self._batch.algorithm or ""
        whole, piece = new_hasher(algorithm), new_hasher(algorithm)
        piece_bytes = self._batch.piece_bytes or LARGE_BYTES  # a file that grew past it meanwhile is not recorded
        in_pieces = size_bytes > piece_bytes
        pieces: list[str] = []
        position, count_here = 0, first
        # One byte beyond the expected size is enough to know that the file has grown.
        while count_here and position <= size_bytes:
            whole.update(_VIEW[:count_here])
            if in_pieces:
                piece.update(_VIEW[:count_here])
            position += count_here
            self._bytes += count_here
            self._count(count_here, files=0)
            to_boundary = -position % piece_bytes
            if in_pieces and not to_boundary:
                pieces.append(piece.hexdigest())
                piece = new_hasher(algorithm)
            wanted = min(len(_BUFFER), to_boundary or len(_BUFFER))
            count_here = os.preadv(descriptor, [_VIEW[:wanted]], position)
        if in_pieces and position % piece_bytes:
            pieces.append(piece.hexdigest())
        self._count(0)
        return whole.hexdigest(), tuple(pieces), position

    def _may_hide_a_change(self, status: os.stat_result) -> bool:
        """Tell whether the file changed so shortly before it was read that another change would leave its times alone.

        A time in the future is another machine's clock and tells nothing.
        """
        changed_ns = status.st_ctime_ns
        return self._began_ns - _tick(status) < changed_ns < time.time_ns() + _tick(status)

    def _read_again(self, path: bytes, descriptor: int) -> str:
        for _ in range(_FURTHER_READINGS):
            time.sleep(1.5e-9 * _tick(os.fstat(descriptor)))
            self._began_ns = time.time_ns()
            line = self._read(path, descriptor)
            if line is not None:
                return line
        size_bytes = os.fstat(descriptor).st_size
        raise LeftOutError("changing", "it changed each time that it was read", size_bytes)

    def _count(self, size_bytes: int, *, files: int = 1) -> None:
        """Count what was read; the meter is told every now and then."""
        self._uncounted_bytes += size_bytes
        self._uncounted_files += files
        if self._uncounted_files >= _COUNT_EVERY_FILES or self._uncounted_bytes >= len(_BUFFER):
            self._tell()

    def _tell(self) -> None:
        meter = progress.meter()
        meter.finished(self._uncounted_files)
        moved, self._uncounted_bytes, self._uncounted_files = self._uncounted_bytes, 0, 0
        meter.moved(moved)


def _tick(status: os.stat_result) -> int:
    """Return how long, in ns, the file's system may give two changes the same time."""
    return _TICK_NS if status.st_ctime_ns % _SECOND_NS else _COARSE_TICK_NS


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise LeftOutError("changing", "something that is no file took its place")


def _trouble(error: OSError) -> LeftOutError:
    """Return why a file that failed like this is left out.

    Raises:
        SourceError: the trouble is not the file's own.
    """
    if error.errno in _AWAY:
        raise UnreachableError(f"the folder went away: {error.strerror}") from error
    if error.errno in _OURS:
        raise SourceError(f"the system refuses to open more: {error.strerror}") from error
    if error.errno in _GONE:
        return LeftOutError("changing", "it went away before it was read")
    return LeftOutError("unreadable", error.strerror or str(error))
