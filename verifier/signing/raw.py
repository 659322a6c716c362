"""A signature as SSH writes it on the wire → as everybody else does: 64 bytes of Ed25519, ECDSA in DER (RFC 5656)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from verifier.signing.envelope import take_string


def raw_signature(signature: bytes) -> bytes | None:
    """Return the signature without SSH's framing; None for a kind of key whose signatures are SSH's alone, or RSA's.

    Raises:
        SignatureError: it was cut off.
    """
    kind, offset = take_string(signature, 0)
    content, _ = take_string(signature, offset)
    if kind == b"ssh-ed25519":
        return content
    if kind.startswith(b"ecdsa-sha2-nistp"):
        first, end = take_string(content, 0)
        second, _ = take_string(content, end)
        return encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))
    return None
