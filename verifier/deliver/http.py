"""A URL that is a secret, and a short body → an answer, by HTTP or HTTPS, once, without following anything.

No message holds the URL, its host or what the server said: whoever has a heartbeat's URL can keep it quiet.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from verifier import __version__
from verifier.deliver.tls import context, said_of
from verifier.errors import DeliveryError, RefusedError

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
ANSWER_SECONDS: Final = 20.0
WHOLE_SECONDS: Final = 60.0
_URL: Final = re.compile(r"https?://[!-~]{1,2000}\Z")
_HOST: Final = re.compile(r"[0-9A-Za-z._-]{1,253}\Z|[0-9A-Fa-f:.]{2,45}\Z")
_GOOD: Final = range(200, 300)
_MOVED: Final = range(300, 400)
_REFUSED_FOR_GOOD: Final = range(400, 500)
_ASK_AGAIN: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to post to. Shows nothing of itself."""

    parts: SplitResult

    def __repr__(self) -> str:
        """Return no part of the URL."""
        return "Endpoint(…)"


def endpoint(url: str) -> Endpoint:
    """Return where a URL leads.

    Raises:
        RefusedError: it is no URL of http or https, or holds a user's name or password.
    """
    expected = "expected a URL of http or https, without a user and a password in it"
    if not _URL.match(url):
        raise RefusedError(f"{expected}, got something else (not shown)")
    try:
        parts = urlsplit(url)
        good = _HOST.match(parts.hostname or "") and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # its words hold what was given
        good = None
    if not good:
        raise RefusedError(f"{expected}, got something else (not shown)")
    return Endpoint(parts=parts)


def post(to: Endpoint, body: bytes, *, kind: str, below: str = "") -> int:
    """Post a body, and return the status of the answer, which is from 200 to 299.

    Args:
        to: where to.
        body: a few kilobytes.
        kind: its media type.
        below: is added to the URL's path, as `/fail`.

    Raises:
        RefusedError: the server refused it (4xx), or wanted to send us elsewhere, which is not followed.
        DeliveryError: the server was not reached, or failed.
    """
    parts = to.parts
    path = (parts.path.rstrip("/") if below else parts.path or "/") + below + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": kind, "User-Agent": f"restore-verifier/{__version__}", "Connection": "close"}
    connection = _connection(parts)
    timer = threading.Timer(WHOLE_SECONDS, _end, [connection])
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryError(f"expected an answer to what was posted, got: {said_of(error)}") from None
    finally:
        timer.cancel()
        connection.close()
    if status in _GOOD:
        return status
    if status in _MOVED:
        raise RefusedError(f"expected an answer to what was posted, got: sent elsewhere ({status}), not followed")
    kind_of_error = RefusedError if status in _REFUSED_FOR_GOOD and status not in _ASK_AGAIN else DeliveryError
    raise kind_of_error(f"expected what was posted to be taken, got: status {status}")


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=ANSWER_SECONDS, context=context())
    return http.client.HTTPConnection(host, parts.port, timeout=ANSWER_SECONDS)


def _end(connection: http.client.HTTPConnection) -> None:
    """Break a connection that takes too long as a whole."""
    with contextlib.suppress(OSError, AttributeError):
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
