"""A message, its signature and whom to trust → who signed it, and whether that stands.

A key that is not listed is "not trusted", never "good": anybody can make a key and sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import paramiko

from verifier.errors import SignatureError
from verifier.signing.allowed import AllowedSigner, AllowedSigners
from verifier.signing.envelope import Envelope, block_to_sign, hash_of, opened, take_string
from verifier.signing.keys import fingerprint_of, key_kind


class Standing(StrEnum):
    """What a signature is worth. Only `GOOD` is green."""

    GOOD = "good"
    NOT_TRUSTED = "not trusted"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What was found: `principals` is who the allowed signers say holds the key, `detail` says why it is not good."""

    standing: Standing
    fingerprint: str = ""
    principals: str = ""
    detail: str = ""


def verify(
    message: bytes, signature: bytes, *, namespace: str, allowed: AllowedSigners | None, at: datetime
) -> Signature:
    """Tell what an armored signature of a message is worth.

    Args:
        message: the bytes that were signed.
        signature: what the `.sig` file holds.
        namespace: what it must have been signed for.
        allowed: whose keys are trusted; None trusts nobody.
        at: when the key must have been trusted: the time of signing, which is the signer's own claim.
    """
    try:
        envelope = opened(signature)
        _check(message, envelope, namespace)
    except SignatureError as error:
        return Signature(standing=Standing.BAD, detail=error.message)
    fingerprint = fingerprint_of(envelope.public_key)
    lines = [] if allowed is None else allowed.of_key(envelope.public_key)
    for line in lines:
        if line.allows(namespace, at):
            return Signature(standing=Standing.GOOD, fingerprint=fingerprint, principals=line.principals)
    return Signature(standing=Standing.NOT_TRUSTED, fingerprint=fingerprint, detail=_why_not(allowed, lines, namespace))


def _why_not(allowed: AllowedSigners | None, lines: Iterable[AllowedSigner], namespace: str) -> str:
    if allowed is None:
        return "nobody was said to be trusted"
    if not lines:
        return "the key is not among the allowed signers"
    return f"the key is listed, and not for {namespace} at that time"


def _check(message: bytes, envelope: Envelope, namespace: str) -> None:
    """Refuse a signature that is not of this message, for this purpose.

    Raises:
        SignatureError: says why.
    """
    if envelope.namespace != namespace:
        raise SignatureError(f"expected a signature for {namespace}, got one for another purpose")
    kind, begin = take_string(envelope.signature, 0)
    _, end = take_string(envelope.signature, begin)  # paramiko would read on where a length goes beyond the end
    if end != len(envelope.signature):
        raise SignatureError("expected nothing behind a signature, got more bytes")
    if kind == b"ssh-rsa":
        raise SignatureError("expected RSA by SHA-2, got RSA by SHA-1")
    message_hash = hash_of(message, envelope.hash_name)
    block = block_to_sign(message_hash, namespace=namespace, hash_name=envelope.hash_name)
    try:
        holds = _key(envelope.public_key).verify_ssh_sig(block, paramiko.Message(envelope.signature))
    except (paramiko.SSHException, ValueError, IndexError) as error:
        raise SignatureError("expected a signature of these bytes, got one that can't be read") from error
    if not holds:
        raise SignatureError("expected a signature of these bytes, got one of others")


def _key(public_key: bytes) -> paramiko.PKey:
    kind = key_kind(public_key)
    try:
        return paramiko.PKey.from_type_string(kind, public_key)
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, IndexError) as error:
        raise SignatureError(
            "expected a key of Ed25519, ECDSA or RSA, got another one", hint="ssh-keygen -Y verify may know it"
        ) from error
