"""HTTP/1.1 on loopback: requests read, answers written, connections kept; a thread for each connection.

Of our own rather than `http.server`, which spends a third of a millisecond of one processor on a request's headers:
then it, and not the client that is measured, would be the limit.
"""

from __future__ import annotations

import email.utils
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_LONGEST_LINE_BYTES: Final = 65_536
_MOST_HEADERS: Final = 200
_DRIP_BYTES: Final = 1024
_REASONS: Final = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(slots=True)
class Request:
    """What a client asked: names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Answer:
    """What it is told. `headers` are whole lines; the length is stated from `body`.

    `cut_after_bytes` breaks the connection in the middle of the body, `drip_seconds` passes after each KiB of it.
    """

    status: int
    headers: bytes = b""
    body: bytes | memoryview = b""
    cut_after_bytes: int | None = None
    drip_seconds: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Answer]


class WireServer(socketserver.ThreadingTCPServer):
    """Answers requests with `handler`, on loopback alone."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, handler: Handler) -> None:
        self.handler = handler
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._dated: tuple[int, bytes] = (0, b"")
        super().__init__(("127.0.0.1", port), _Connection)

    def joined(self, connection: socket.socket) -> None:
        """Count a connection."""
        with self._changed:
            self._open.add(connection)

    def left(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def break_connections(self) -> None:
        """Close every connection under its client."""
        with self._changed:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # its client was quicker
            self._changed.wait_for(lambda: not self._open, timeout=2)

    def date(self) -> bytes:
        """Return the time as HTTP states it, made once a second."""
        now = int(time.time())
        if self._dated[0] != now:
            self._dated = (now, email.utils.formatdate(now, usegmt=True).encode())
        return self._dated[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away is its own business."""


class _Connection(socketserver.StreamRequestHandler):
    """One client, request after request."""

    server: WireServer
    disable_nagle_algorithm = True
    rbufsize = 64 * 1024

    def setup(self) -> None:
        super().setup()
        self.server.joined(self.connection)

    def finish(self) -> None:
        super().finish()
        self.server.left(self.connection)

    def handle(self) -> None:
        """Answer until the client goes, or is cut off."""
        while (request := self._read()) is not None:
            answer = self.server.handler(request)
            if not self._write(request, answer) or request.headers.get("connection", "").lower() == "close":
                return

    def _read(self) -> Request | None:
        first = self.rfile.readline(_LONGEST_LINE_BYTES)
        words = first.split()
        if len(words) != 3:  # noqa: PLR2004 - method, target, version
            return None
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(_LONGEST_LINE_BYTES)) not in (b"\r\n", b"\n"):
            name, colon, value = line.partition(b":")
            if not colon or len(headers) >= _MOST_HEADERS:
                return None
            headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        if len(body) != length:
            return None
        return Request(words[0].decode("latin-1"), words[1].decode("latin-1"), headers, body)

    def _write(self, request: Request, answer: Answer) -> bool:
        """Send an answer; return whether the connection can be kept."""
        body = memoryview(answer.body)
        head = b"HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %d\r\n%s%s\r\n" % (
            answer.status,
            _REASONS.get(answer.status, "Other").encode(),
            self.server.date(),
            len(body),
            answer.headers,
            b"".join(f"{name}: {value}\r\n".encode() for name, value in answer.extra.items()),
        )
        if request.method == "HEAD":
            self.connection.sendall(head)
            return True
        if answer.cut_after_bytes is not None:
            self.connection.sendall(head + bytes(body[: answer.cut_after_bytes]))
            return False
        if answer.drip_seconds:
            self.connection.sendall(head)
            for start in range(0, len(body), _DRIP_BYTES):
                self.connection.sendall(body[start : start + _DRIP_BYTES])
                time.sleep(answer.drip_seconds)
        elif len(body) <= _LONGEST_LINE_BYTES:
            self.connection.sendall(head + bytes(body))
        else:
            self.connection.sendall(head)
            self.connection.sendall(body)
        return True
