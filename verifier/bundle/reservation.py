"""Room in REPORTS → kept until the proof is written, so that a disk that fills up during a drill can't lose it."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from verifier.bundle.place import trouble

RESERVED_BYTES: Final = 2 * 1024 * 1024
_BLOCK_BYTES: Final = 64 * 1024


class Reservation:
    """Bytes on the disk that nobody else can have. It has no name, so a killed drill leaves nothing behind."""

    def __init__(self, file: IO[bytes], size_bytes: int) -> None:
        self._file = file
        self.size_bytes = size_bytes

    def release(self) -> None:
        """Give the room back, just before it is needed. Doing so twice is fine."""
        self._file.close()


@contextlib.contextmanager
def reserve(reports: Path, size_bytes: int = RESERVED_BYTES) -> Iterator[Reservation]:
    """Hold room in REPORTS for as long as the block lasts, or until `release`.

    Raises:
        BundleError: REPORTS can't be made or written, or has no such room.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=reports)  # noqa: SIM115 - closed below, or earlier by `release`
    except OSError as error:
        raise trouble("write in", reports, error) from error
    with file:
        try:
            _fill(file, size_bytes)
        except OSError as error:
            raise trouble(f"keep {size_bytes} bytes free for the proof in", reports, error) from error
        yield Reservation(file, size_bytes)


def _fill(file: IO[bytes], size_bytes: int) -> None:
    # Random bytes, because a file system that compresses would give a promise, or zeros, no room at all.
    # Past the file's buffer: what that could not write it would try again when it is closed, and fail once more.
    descriptor, left_bytes = file.fileno(), size_bytes
    while left_bytes:
        left_bytes -= os.write(descriptor, secrets.token_bytes(min(_BLOCK_BYTES, left_bytes)))
    os.fsync(descriptor)
