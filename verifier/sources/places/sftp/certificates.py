"""A server's certificate → whether it is one for this host, now, by the authority that it names.

Source: PROTOCOL.certkeys of OpenSSH.
"""

from __future__ import annotations

import fnmatch
import struct
import time
from dataclasses import dataclass
from typing import Final

import paramiko

from verifier import relpath
from verifier.errors import HostKeyError
from verifier.sources.places.sftp.protocol import ProtocolError, take_number, take_string

SUFFIX: Final = "-cert-v01@openssh.com"
_HOST: Final = 2
_KEY_FIELDS: Final = {
    "ssh-ed25519": 1,
    "ssh-rsa": 2,
    "ecdsa-sha2-nistp256": 2,
    "ecdsa-sha2-nistp384": 2,
    "ecdsa-sha2-nistp521": 2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Certificate:
    """What a certificate states. `signed` are the bytes that its signature is over."""

    kind: int
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: bytes
    signer: bytes
    signed: bytes
    signature: bytes


def signer_of(blob: bytes) -> bytes:
    """Return the key of the authority that a certificate names.

    Raises:
        HostKeyError: it is no certificate.
    """
    return _read(blob).signer


def check(blob: bytes, host: str) -> None:
    """Refuse a certificate that is not for this host, not for now, or not signed by the authority that it names.

    Raises:
        HostKeyError: says which.
    """
    certificate = _read(blob)
    now = int(time.time())
    if certificate.kind != _HOST:
        raise HostKeyError("expected a host's certificate, got a user's")
    if not certificate.valid_after <= now < certificate.valid_before:
        raise HostKeyError(f"expected a host certificate that is valid now, got one that is not: {relpath.show(host)}")
    if not any(fnmatch.fnmatchcase(host.lower(), name.lower()) for name in certificate.principals):
        raise HostKeyError(f"expected a host certificate for {relpath.show(host)}, got one for other names")
    if certificate.critical_options:
        raise HostKeyError("expected a host certificate without critical options, got one with some")
    if not _is_signed(certificate):
        raise HostKeyError("expected a host certificate with its authority's signature, got a wrong one")


def _is_signed(certificate: _Certificate) -> bool:
    try:
        kind = paramiko.Message(certificate.signer).get_text()
        authority = paramiko.PKey.from_type_string(kind, certificate.signer)
        return bool(authority.verify_ssh_sig(certificate.signed, paramiko.Message(certificate.signature)))
    except (paramiko.SSHException, paramiko.UnknownKeyType, ValueError, IndexError, TypeError, struct.error):
        return False


def _read(blob: bytes) -> _Certificate:
    try:
        return _taken(memoryview(blob))
    except (KeyError, ProtocolError, UnicodeDecodeError) as error:
        raise HostKeyError("expected a host certificate, got bytes that are none") from error


def _taken(blob: memoryview) -> _Certificate:
    strings: list[bytes] = []
    place = 0

    def take(count: int) -> None:
        nonlocal place
        for _ in range(count):
            string, place = take_string(blob, place)
            strings.append(string)

    take(2)  # the kind, a nonce
    take(_KEY_FIELDS[strings[0].decode("ascii").removesuffix(SUFFIX)])
    place += 8  # the serial number
    use = take_number(blob, place)
    place += 4
    take(2)
    principals = strings[-1]
    times = bytes(blob[place : place + 16])
    place += 16
    take(5)
    critical_options, _extensions, _reserved, signer, signature = strings[-5:]
    if place != len(blob):
        raise ProtocolError("expected the end of a certificate, got more")
    names = []
    at = 0
    while at < len(principals):
        name, at = take_string(memoryview(principals), at)
        names.append(name.decode("utf-8"))
    return _Certificate(
        kind=use,
        principals=tuple(names),
        valid_after=int.from_bytes(times[:8], "big"),
        valid_before=int.from_bytes(times[8:], "big"),
        critical_options=critical_options,
        signer=signer,
        signed=bytes(blob[: place - len(signature) - 4]),
        signature=signature,
    )
