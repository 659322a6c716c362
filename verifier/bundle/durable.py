"""Bytes → a file that survives a power cut, whole: written, synced, and only then under its name."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

# Some network file systems can't sync a folder; they have no later moment at which it would be more durable.
_CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES})
_BUFFER_BYTES: Final = 1 << 18


STAGED: Final = re.compile(r"\..+\.[0-9a-f]{16}\.partial\Z")


class HashedFile:
    """A new file that is hashed as it is written. `sha256` is that of the bytes that were meant to land.

    Its flock tells others that the writer is alive.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb", buffering=_BUFFER_BYTES)
        try_lock(self._file.fileno())
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Add bytes."""
        self._sha256.update(data)
        return self._file.write(data)

    def sha256(self) -> str:
        """Return the SHA-256 of all bytes so far, in hex."""
        return self._sha256.hexdigest()

    def sync(self) -> None:
        """Put the bytes onto the medium."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file. Doing so twice is fine."""
        self._file.close()


def sync_folder(folder: Path) -> None:
    """Put the names in a folder onto the medium, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Put `chunks` under the name `path`, at once and durably; nothing is left beside it when that fails."""
    with staged_file(path, chunks) as staged:
        staged.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def staged_file(path: Path, chunks: Iterable[bytes]) -> Iterator[Path]:
    """Write `chunks` beside `path`, synced; yield that file, which is removed if it is still there afterwards."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with contextlib.closing(HashedFile(staged)) as file:
            for chunk in chunks:
                file.write(chunk)
            file.sync()
            yield staged  # still open, so that nobody takes it for a dead writer's
    finally:
        staged.unlink(missing_ok=True)


def remove_dead(folder: Path, pattern: re.Pattern[str]) -> None:
    """Remove what killed writers left directly in `folder`: only what has a name of ours and a lock that is free.

    Raises:
        OSError: the folder can't be listed. What can't be removed stays; it is hidden and does no harm.
    """
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if pattern.match(entry.name)]
    for entry in found:
        with contextlib.suppress(OSError):
            descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if not try_lock(descriptor):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    remove_flat(Path(entry.path))
                else:
                    Path(entry.path).unlink()
            finally:
                os.close(descriptor)


def remove_flat(folder: Path) -> None:
    """Remove a folder of plain files, if it is there. It never goes deeper: we make no folder in it.

    Raises:
        OSError: something in it can't be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        with os.scandir(folder) as entries:
            names = [entry.path for entry in entries if not entry.is_dir(follow_symlinks=False)]
        for name in names:
            Path(name).unlink(missing_ok=True)
        folder.rmdir()


def try_lock(descriptor: int) -> bool | None:
    """Try to hold the lock of an open file: True held, False held by another, None where there are no such locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in {errno.EAGAIN, errno.EACCES} else None
    return True
