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
    except (paramiko.SSHException, ValueError, IndexError, TypeError, struct.error):
        return False


def _read(blob: bytes) -> _Certificate:
    try:
        message = paramiko.Message(blob)
        kind = message.get_text().removesuffix(SUFFIX)
        message.get_binary()  # the nonce
        for _ in range(_KEY_FIELDS[kind]):
            message.get_binary()
        message.get_int64()  # the serial number
        use, _key_id, principals = message.get_int(), message.get_binary(), message.get_binary()
        valid_after, valid_before = message.get_int64(), message.get_int64()
        critical_options, _extensions, _reserved = message.get_binary(), message.get_binary(), message.get_binary()
        signer, signature = message.get_binary(), message.get_binary()
        names = paramiko.Message(principals)
        found = []
        while names.get_so_far() != principals:
            found.append(names.get_text())
    except (KeyError, ValueError, IndexError, struct.error, paramiko.SSHException) as error:
        raise HostKeyError("expected a host certificate, got bytes that are none") from error
    return _Certificate(
        kind=use,
        principals=tuple(found),
        valid_after=valid_after,
        valid_before=valid_before,
        critical_options=critical_options,
        signer=signer,
        signed=blob[: len(blob) - len(signature) - 4],
        signature=signature,
    )
