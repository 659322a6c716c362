"""A path → an exclusive lock on it that ends with its holder, however the holder ends; the file says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import BusyError, ScratchError

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TEXT_BYTES: Final = 4096


class Lock:
    """An exclusive `flock` on a file, held from here until `close`.

    Raises:
        BusyError: somebody else holds it.
        ScratchError: the file can't be made, or can't be locked where it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        try:
            while self._descriptor < 0:
                self._descriptor = self._take()
            self._sign()
        except OSError as error:
            self.close()
            raise ScratchError(f"can't lock {relpath.show(os.fsencode(path))}: {error.strerror}") from error

    def _take(self) -> int:
        """Return the locked file's descriptor; -1 where its holder removed it as we came: there is a new one then."""
        descriptor = os.open(self._path, _OPEN, 0o600)
        kept = False
        try:
            ours = os.fstat(descriptor)
            if not stat.S_ISREG(ours.st_mode):
                raise ScratchError(f"expected a file to lock, got another thing: {relpath.show(str(self._path))}")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = self._path.lstat()
            kept = (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
        except BlockingIOError:
            raise self._busy(descriptor) from None
        except FileNotFoundError:
            pass
        finally:
            if not kept:
                os.close(descriptor)
        return descriptor if kept else -1

    def _busy(self, descriptor: int) -> BusyError:
        try:
            told = json.loads(os.pread(descriptor, _TEXT_BYTES, 0))
            holder = (
                f"process {int(told['process'])} on {relpath.show(str(told['machine']))}"
                f" since {relpath.show(str(told['since']))}"
            )
        except (ValueError, KeyError, TypeError, RecursionError):  # not signed yet, or by somebody else
            holder = "another process"
        folder = relpath.show(os.fsencode(self._path.parent))
        return BusyError(f"{folder} is in use by {holder}", hint="wait for it, or name another folder for scratch")

    def _sign(self) -> None:
        told = {
            "process": os.getpid(),
            "machine": platform.node(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(told).encode() + b"\n", 0)

    @property
    def closed(self) -> bool:
        """Whether the lock was let go of."""
        return self._descriptor < 0

    def remove(self) -> None:
        """Remove the file while it is locked; who opened it meanwhile sees that and makes a new one."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the lock. Doing so twice is fine."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
