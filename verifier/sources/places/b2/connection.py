"""One kept connection to B2's downloads: made, and encrypted, without anybody waiting for it.

It is told when its socket is ready, and never blocks; what it reads is handed on in the buffer it was read to.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import selectors
import socket
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from verifier.errors import UnreachableError

_UNDER_WAY: Final = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, errno.EINTR})
_PROXY_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where downloads come from. `encryption` is None for plain HTTP, which is spoken on loopback alone."""

    host: str
    port: int
    encryption: ssl.SSLContext | None
    proxy: str | None

    @property
    def host_header(self) -> str:
        """What HTTP calls it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(url: str, verify: bool | str, proxies: dict[str, str]) -> Endpoint:  # noqa: FBT001 - requests' own pair
    """Return where an address leads.

    Raises:
        UnreachableError: it is none.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in ("https", "http") or not parts.hostname or not port:
        raise UnreachableError("expected an address of B2's downloads, got something else")
    encrypted = parts.scheme == "https"
    return Endpoint(
        host=parts.hostname,
        port=port,
        encryption=_trust(verify) if encrypted else None,
        # Plain HTTP goes to this machine; no proxy has anything to do with that.
        proxy=proxies.get("https") or proxies.get("all") if encrypted else None,
    )


def _trust(verify: bool | str) -> ssl.SSLContext:  # noqa: FBT001 - as above
    """Trust whom b2sdk trusts."""
    if verify is True:
        import certifi  # noqa: PLC0415 - it comes with b2sdk

        return ssl.create_default_context(cafile=certifi.where())
    try:
        return ssl.create_default_context(cafile=str(verify))
    except IsADirectoryError:
        return ssl.create_default_context(capath=str(verify))


def resolve(where: Endpoint) -> list[tuple[int, tuple[object, ...]]]:
    """Return family and address of each machine that a name stands for.

    Raises:
        UnreachableError: nobody knows the name.
    """
    try:
        found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(f"can't reach B2: no address is known for {where.host}") from error
    return [(int(family), address) for family, _, _, _, address in found]


class Connection:
    """A socket on its way: connecting, encrypting, then open. `wants` is what to watch it for.

    Raises:
        OSError: it can't even be begun.
    """

    def __init__(self, where: Endpoint, address: tuple[int, tuple[object, ...]]) -> None:
        self.wants = selectors.EVENT_WRITE
        self.is_open = False
        self.served = 0
        self._unsent = b""
        self._where = where
        self._encrypting = False
        self._socket = _tunnel(where) if where.proxy else _begin(address)

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._socket.fileno()

    def go_on(self) -> bool:
        """Connect, encrypt and send as far as it goes; return whether all is sent.

        Raises:
            OSError: it failed.
        """
        if not self.is_open and not self._open():
            return False
        while self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self.wants = selectors.EVENT_WRITE
                return False
            except ssl.SSLWantReadError:
                self.wants = selectors.EVENT_READ
                return False
        self.wants = selectors.EVENT_READ
        return True

    def _open(self) -> bool:
        if not self._encrypting:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, "connection failed")
            self._encrypt()
        if isinstance(self._socket, ssl.SSLSocket):
            try:
                self._socket.do_handshake()
            except ssl.SSLWantReadError:
                self.wants = selectors.EVENT_READ
                return False
            except ssl.SSLWantWriteError:
                self.wants = selectors.EVENT_WRITE
                return False
        self.is_open = True
        return True

    def _encrypt(self) -> None:
        """Begin encryption; the descriptor stays the same."""
        self._encrypting = True
        if self._where.encryption is not None:
            self._socket = self._where.encryption.wrap_socket(
                self._socket,
                server_hostname=self._where.host,
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
            )

    def send(self, request: bytes) -> bool:
        """Send a request, as far as it goes at once; return whether all is sent."""
        self._unsent = request
        return self.go_on() if self.is_open else False

    def read_into(self, buffer: memoryview) -> int | None:
        """Read what is there; None where nothing is there yet, 0 at the end.

        Raises:
            OSError: the connection broke.
        """
        try:
            return self._socket.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    @property
    def has_more(self) -> bool:
        """Whether bytes were decrypted already, of which the socket will not tell again."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def close(self) -> None:
        """Close it, without a word to the other side."""
        with contextlib.suppress(OSError):
            self._socket.close()


def _begin(address: tuple[int, tuple[object, ...]]) -> socket.socket:
    family, target = address
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    code = made.connect_ex(target)
    if code not in _UNDER_WAY:
        made.close()
        raise OSError(code, "connection failed")
    return made


def _tunnel(where: Endpoint) -> socket.socket:
    """Have the proxy that the environment names connect us; we wait for that."""
    proxy = urlsplit(where.proxy or "")
    through = http.client.HTTPConnection(proxy.hostname or "", proxy.port or 8080, timeout=_PROXY_SECONDS)
    headers = {}
    if proxy.username is not None:
        import base64  # noqa: PLC0415 - for a proxy with a password alone

        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    through.set_tunnel(where.host, where.port, headers)
    try:
        through.connect()
    except http.client.HTTPException as error:
        through.close()
        raise OSError("the proxy refused") from error
    made: socket.socket = through.sock
    made.setblocking(False)
    return made
