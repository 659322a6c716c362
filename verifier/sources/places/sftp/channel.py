"""A channel of our own to a server's SFTP, where the system's `ssh` is not there or would have to ask a person."""

from __future__ import annotations

import base64
import contextlib
from typing import Final

import paramiko

from verifier import relpath
from verifier.errors import HostKeyError, UnreachableError
from verifier.sources.places.sftp.reaching import PLAIN_KINDS, NoSuchKindError, reach
from verifier.sources.places.sftp.settings import Settings
from verifier.sources.places.sftp.shortcuts import Blocks
from verifier.sources.places.sftp.signing_in import sign_in
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience, Transport
from verifier.sources.places.sftp.way import Way, way_to

_WINDOW_BYTES: Final = 16 * 1024 * 1024
_PACKET_BYTES: Final = 240 * 1024
_KEEP_ALIVE_SECONDS: Final = 15
_MOMENT_SECONDS: Final = 0.01


class ChannelTransport(Transport):
    """A channel, and the connections that it goes through, nearest first."""

    def __init__(self, channel: paramiko.Channel, connections: list[paramiko.Transport]) -> None:
        self.note = "read over SFTP by this program's own SSH connection"
        self._channel = channel
        self._connections = connections

    def send(self, data: bytes | bytearray) -> int:
        """Send what the server's window takes."""
        if not self._channel.send_ready():
            return 0
        try:
            return int(self._channel.send(bytes(data)))
        except (OSError, EOFError) as error:
            raise self._lost() from error

    def receive_into(self, room: memoryview, wait_seconds: float, *, wants_to_send: bool) -> int:
        """Take what has come, waiting where nothing has."""
        # A window that opens wakes nobody who waits for bytes, so with something left to send the wait is short.
        self._channel.settimeout(min(wait_seconds, _MOMENT_SECONDS) if wants_to_send else wait_seconds)
        try:
            data = self._channel.recv(len(room))
        except TimeoutError:
            return 0
        except (OSError, EOFError) as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        room[: len(data)] = data
        return len(data)

    def _lost(self) -> ConnectionLostError:
        said = self._connections[-1].get_exception()
        told = f" ({relpath.show(str(said)[:200])})" if said is not None else ""
        return ConnectionLostError(f"the connection to the server ended{told}")

    def close(self) -> None:
        """Close the channel and what it goes through."""
        _close_all(self._connections, self._channel)


def _close_all(connections: list[paramiko.Transport], channel: paramiko.Channel | None = None) -> None:
    if channel is not None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            channel.close()
    for connection in reversed(connections):
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            connection.close()
            connection.join(1.0)


def open_channel(settings: Settings, patience: Patience, *, gcm_first: bool) -> ChannelTransport:
    """Return a channel to a server's SFTP, signed in.

    Raises:
        SourceError: the server can't be reached, isn't the one it should be, or refuses us.
    """
    connections: list[paramiko.Transport] = []
    way = way_to(settings.address)
    try:
        if settings.host_key is None:
            connection = reach(way, settings, patience, connections, gcm_first=gcm_first)
        else:
            connection = _reach_pinned(way, settings, patience, connections, gcm_first=gcm_first)
        sign_in(connection, way, settings)
        connection.set_keepalive(_KEEP_ALIVE_SECONDS)
        try:
            channel = connection.open_session(window_size=_WINDOW_BYTES, max_packet_size=_PACKET_BYTES)
            channel.in_buffer = Blocks()
            channel.invoke_subsystem("sftp")
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(
                f"expected SFTP, got a server that offers none to this account: {way.shown}", hint="turn SFTP on there"
            ) from error
    except BaseException:
        _close_all(connections)
        raise
    return ChannelTransport(channel, connections)


def pinned_key(settings: Settings, patience: Patience) -> tuple[str, str]:
    """Return the kind and the base64 of the server's key that has the pinned fingerprint.

    Raises:
        HostKeyError: it shows none that has.
        SourceError: the server can't be reached.
    """
    connections: list[paramiko.Transport] = []
    try:
        connection = _reach_pinned(way_to(settings.address), settings, patience, connections, gcm_first=True)
        key = connection.get_remote_server_key()
    finally:
        _close_all(connections)
    return key.get_name(), base64.b64encode(key.asbytes()).decode()


def _reach_pinned(
    way: Way, settings: Settings, patience: Patience, connections: list[paramiko.Transport], *, gcm_first: bool
) -> paramiko.Transport:
    """Connect for each kind of key that the server may have, until one shows the pinned fingerprint."""
    refused: UnreachableError | None = None
    for kind in PLAIN_KINDS:
        try:
            return reach(way, settings, patience, connections, gcm_first=gcm_first, key_kinds=(kind,))
        except HostKeyError as error:
            refused = error
        except NoSuchKindError as error:
            refused = refused or error
        _close_all(connections)
        connections.clear()
    raise refused or AssertionError
