"""A file of the live data → its digest, as long as it still is what was listed (`prove --against`)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from verifier import digest, progress, relpath
from verifier.entry import Entry
from verifier.errors import AccessDeniedError, ChangedDuringError, UnreadableError
from verifier.sources.places.walk import Directories

_CHUNK_BYTES: Final = 1024 * 1024
# O_NONBLOCK: a pipe that was swapped in for the file would otherwise hold the worker for ever.
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class LiveFolder:
    """The live data, read by descriptor and never through a link below its root."""

    def __init__(self, root: Path) -> None:
        self._directories = Directories(os.fsencode(root))
        self._buffer = memoryview(bytearray(_CHUNK_BYTES))

    def hash_range(self, entry: Entry, start: int, end: int, algorithm: str) -> str:
        """Return the digest of a live file's bytes from `start` to before `end`.

        Raises:
            ChangedDuringError: the file is not the one that was listed any more, or is gone.
            AccessDeniedError, UnreadableError: it can't be read.
        """
        directory, _, name = entry.path.rpartition(b"/")
        shown = relpath.show(entry.path)
        try:
            descriptor = os.open(name, _FLAGS, dir_fd=self._directories.descriptor(directory))
        except PermissionError as error:
            raise AccessDeniedError(f"can't open {shown} in the live data: {error.strerror}") from error
        except OSError as error:
            raise ChangedDuringError(f"can't open {shown} in the live data any more: {error.strerror}") from error
        try:
            before = os.fstat(descriptor)
            # What is no file now is told so below; a pipe could not even be read from a position.
            value = self._hash(descriptor, start, end, algorithm) if stat.S_ISREG(before.st_mode) else ""
            after = os.fstat(descriptor)
        except OSError as error:
            raise UnreadableError(f"can't read {shown} in the live data: {error.strerror}") from error
        finally:
            os.close(descriptor)
        expected = (entry.size_bytes, entry.mtime_ns)
        seen = {(status.st_size, status.st_mtime_ns) for status in (before, after)}
        if seen != {expected} or not stat.S_ISREG(after.st_mode):
            raise ChangedDuringError(f"{shown} was changed in the live data during the drill")
        return value

    def _hash(self, descriptor: int, start: int, end: int, algorithm: str) -> str:
        hasher = digest.new_hasher(algorithm)
        position = start
        while position < end:
            asked = min(_CHUNK_BYTES, end - position)
            count = os.preadv(descriptor, [self._buffer[:asked]], position)
            if not count:
                break
            hasher.update(self._buffer[:count])
            position += count
            progress.meter().beat()
        return hasher.hexdigest()

    def close(self) -> None:
        """Close every descriptor; doing so twice is fine."""
        self._directories.close()
