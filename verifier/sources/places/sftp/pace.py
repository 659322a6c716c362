"""Bytes a second → when the next bytes may be asked for, for all workers of this account together.

Workers know nothing of each other, but for a small file: in it stands until when the line is taken. Whoever wants to
ask for a block writes down that it is taken for that block's time longer, and waits for its turn.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import struct
import tempfile
import time
from typing import Final, Protocol

from verifier.errors import SourceError

_MOMENT: Final = struct.Struct("<d")
_LEAST_BLOCK_BYTES: Final = 16 * 1024
_BLOCKS_PER_SECOND: Final = 20
_LONGEST_WAIT_SECONDS: Final = 3600.0


class Paced(Protocol):
    """Whatever asks for bytes only as long as it is allowed any."""

    allowance_bytes: float


class Pace:
    """The rate of one address, kept by every worker that opens it on this machine.

    Args:
        bytes_per_second: the rate.
        name: what the rate belongs to: all that share it share the rate.

    Raises:
        SourceError: the file that workers share can't be opened, or is not ours.
    """

    def __init__(self, bytes_per_second: int, name: str) -> None:
        self._rate = bytes_per_second
        self._block_bytes = max(_LEAST_BLOCK_BYTES, bytes_per_second // _BLOCKS_PER_SECOND)
        self._turn: float | None = None
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        path = os.path.join(tempfile.gettempdir(), f"verifier-pace-{os.geteuid()}-{digest}")  # noqa: PTH118 - one way of speaking
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SourceError(
                f"can't keep a rate: {error.strerror}", hint="is the folder for temporary files there?"
            ) from error
        status = os.fstat(self._descriptor)
        if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode):
            self.close()
            raise SourceError("can't keep a rate: somebody else's file is in the way among the temporary files")

    def grant(self, engine: Paced) -> float:
        """Allow the engine its next bytes when it is their turn; return the seconds until then."""
        if engine.allowance_bytes > 0:
            return _LONGEST_WAIT_SECONDS
        if self._turn is None:
            self._turn = self._take_turn()
        wait_seconds = self._turn - time.monotonic()
        if wait_seconds > 0:
            return wait_seconds
        self._turn = None
        engine.allowance_bytes += self._block_bytes
        return 0.0

    def _take_turn(self) -> float:
        """Return the moment (`time.monotonic`, which is one for all processes) from which a block may be asked for."""
        now = time.monotonic()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            stored = os.pread(self._descriptor, _MOMENT.size, 0)
            taken_until = _MOMENT.unpack(stored)[0] if len(stored) == _MOMENT.size else now
            # A moment far away is left over from before the machine was started anew.
            turn = max(now, taken_until) if taken_until < now + _LONGEST_WAIT_SECONDS else now
            os.pwrite(self._descriptor, _MOMENT.pack(turn + self._block_bytes / self._rate), 0)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return turn

    def close(self) -> None:
        """Let go of the shared file, which stays; doing so twice is fine."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)
