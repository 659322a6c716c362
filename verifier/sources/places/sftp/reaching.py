"""A way → a connection to the server at its end, whose key was checked before anything is told to it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import paramiko

from verifier import relpath
from verifier.errors import UnreachableError
from verifier.sources.places.sftp import certificates, hostkeys
from verifier.sources.places.sftp.hostkeys import KnownKey
from verifier.sources.places.sftp.settings import Settings
from verifier.sources.places.sftp.shortcuts import GulpingSocket
from verifier.sources.places.sftp.signing_in import sign_in
from verifier.sources.places.sftp.transport import Patience
from verifier.sources.places.sftp.way import Way, way_to

PLAIN_KINDS: Final = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""The kinds of host key that are trusted, best first."""

_MOST_JUMPS: Final = 8
_REKEY_BYTES: Final = 16 * 1024**3  # a quarter of what OpenSSH allows these ciphers; each time costs a pause
_GCM: Final = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_CTR: Final = ("aes128-ctr", "aes256-ctr", "aes192-ctr")
_MACS: Final = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")

# Without a handler of its own, what it logs would be printed among our own words.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class NoSuchKindError(UnreachableError):
    """The server has no key of the kinds that were asked for, or nothing else in common with us."""


def reach(
    way: Way,
    settings: Settings,
    patience: Patience,
    connections: list[paramiko.Transport],
    *,
    gcm_first: bool,
    key_kinds: tuple[str, ...] = (),
) -> paramiko.Transport:
    """Connect, through the hosts between; whatever is opened is added to `connections`, for the caller to close.

    Raises:
        HostKeyError: the server, or a host between, is not the one it should be.
        SourceError: one of them can't be reached, or a host between refuses us.
    """
    if len(way.jumps) > _MOST_JUMPS:
        raise UnreachableError(f"expected at most {_MOST_JUMPS} hosts between, got more on the way to {way.shown}")
    stream: socket.socket | paramiko.Channel | None = None
    between = replace(settings, host_key=None, password=None)
    for jump, after in zip(way.jumps, (*map(way_to, way.jumps[1:]), way), strict=False):
        here = way_to(jump)
        connection = _begin(here, stream or _connect(here, patience), between, patience, gcm_first=gcm_first)
        connections.append(connection)
        sign_in(connection, here, between)
        try:
            stream = connection.open_channel(
                "direct-tcpip", (after.host, after.port), ("127.0.0.1", 0), timeout=patience.connect_seconds
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(f"expected a way from {here.shown} to {after.shown}, got none") from error
    stream = stream or _connect(way, patience)
    connection = _begin(way, stream, settings, patience, gcm_first=gcm_first, key_kinds=key_kinds)
    connections.append(connection)
    return connection


def _connect(way: Way, patience: Patience) -> socket.socket:
    try:
        return socket.create_connection((way.host, way.port), timeout=patience.connect_seconds)
    except socket.gaierror as error:
        raise UnreachableError(f"expected a host, got no such name: {way.shown}") from error
    except ConnectionRefusedError as error:
        raise UnreachableError(
            f"expected an answer, got a refused connection: {way.shown}", hint="does SSH run there, on this port?"
        ) from error
    except TimeoutError as error:
        raise UnreachableError(f"expected an answer in time, got none: {way.shown}") from error
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or "no name that a host can have"
        raise UnreachableError(f"expected a way to the host, got none: {way.shown} ({said.lower()})") from error


def _begin(
    way: Way,
    stream: socket.socket | paramiko.Channel,
    settings: Settings,
    patience: Patience,
    *,
    gcm_first: bool,
    key_kinds: tuple[str, ...] = (),
) -> paramiko.Transport:
    known = [] if settings.host_key else hostkeys.known_keys(settings.known_hosts, way.key_name, way.key_port)
    connection: paramiko.Transport | None = None
    try:
        connection = paramiko.Transport(GulpingSocket(stream) if isinstance(stream, socket.socket) else stream)
        connection.packetizer.REKEY_BYTES = _REKEY_BYTES
        connection.banner_timeout = connection.handshake_timeout = connection.auth_timeout = patience.connect_seconds
        security = connection.get_security_options()
        security.ciphers = (*_GCM, *_CTR) if gcm_first else (*_CTR, *_GCM)
        security.digests = _MACS
        security.key_types = key_kinds or _kinds(known)
        connection.start_client(timeout=patience.connect_seconds)
        _check_begun(connection, way)
        _check_key(connection, known, settings.host_key, way)
    except BaseException as error:
        if connection is None:
            stream.close()
        else:
            connection.close()
        if isinstance(error, paramiko.IncompatiblePeer):
            raise NoSuchKindError(
                f"expected a server with algorithms that are still trusted, got none in common: {way.shown}"
            ) from error
        if isinstance(error, paramiko.SSHException | OSError | EOFError):
            said = relpath.show(str(error)[:200])
            raise UnreachableError(f"expected SSH, got another answer or none from {way.shown} ({said})") from error
        raise
    return connection


def _check_begun(connection: paramiko.Transport, way: Way) -> None:
    if not connection.initial_kex_done:  # it returns without a word when its time is over
        raise UnreachableError(f"expected an answer in time, got none: {way.shown}")


def _kinds(known: Sequence[KnownKey]) -> tuple[str, ...]:
    """Return the kinds of host key to ask for: certificates where an authority is known, then what is known."""
    has_plain = {"rsa-sha2-512" if key.kind == "ssh-rsa" else key.kind for key in known if key.marker == ""}
    plain = sorted(PLAIN_KINDS, key=lambda kind: kind.replace("rsa-sha2-256", "rsa-sha2-512") not in has_plain)
    if not hostkeys.authorities(known):
        return tuple(plain)
    return (*(f"{kind}{certificates.SUFFIX}" for kind in PLAIN_KINDS), *plain)


def _check_key(connection: paramiko.Transport, known: Sequence[KnownKey], pinned: str | None, way: Way) -> None:
    key = connection.get_remote_server_key()
    blob = key.asbytes()
    if pinned is not None:
        hostkeys.check_pinned(blob, pinned)
        return
    certificate = None if key.public_blob is None else bytes(key.public_blob.key_blob)
    if certificate is not None:
        signer = certificates.signer_of(certificate)
        if signer in hostkeys.authorities(known):
            hostkeys.check_not_revoked(known, signer, way.shown)
            hostkeys.check_not_revoked(known, blob, way.shown)
            certificates.check(certificate, way.key_name)
            return
    hostkeys.check_known(known, key.get_name(), blob, way.shown)
