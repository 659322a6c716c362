"""The fields of an SSH signature ↔ the armored envelope that `ssh-keygen -Y` reads and writes.

Source: OpenSSH's PROTOCOL.sshsig. What is signed is not the message itself but a block that holds its hash, the
namespace, so that a signature for one purpose is none for another, and the name of the hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from dataclasses import dataclass
from typing import Final

from verifier.errors import SignatureError

HASH: Final = "sha512"
HASHES: Final = ("sha512", "sha256")
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
_END: Final = b"-----END SSH SIGNATURE-----"
_ARMORED: Final = re.compile(
    re.escape(_BEGIN) + rb"\r?\n([A-Za-z0-9+/=\r\n]{1,65536})" + re.escape(_END) + rb"\r?\n?\Z"
)
_LINE_LENGTH: Final = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an SSH signature holds. `public_key` and `signature` are blobs as SSH writes them on the wire."""

    public_key: bytes
    namespace: str
    hash_name: str
    signature: bytes


def string(value: bytes) -> bytes:
    """Return a string as SSH writes it: four bytes of length, then its bytes (RFC 4251, section 5)."""
    return struct.pack(">I", len(value)) + value


def take_string(data: bytes, offset: int) -> tuple[bytes, int]:
    """Return the string that begins at `offset`, and where it ends.

    Raises:
        SignatureError: there is none.
    """
    if len(data) - offset < 4:  # noqa: PLR2004 - the bytes of a length
        raise SignatureError("expected a whole SSH signature, got one that was cut off")
    (length,) = struct.unpack_from(">I", data, offset)
    end = offset + 4 + length
    if end > len(data):
        raise SignatureError("expected a whole SSH signature, got one that was cut off")
    return data[offset + 4 : end], end


def block_to_sign(message_hash: bytes, *, namespace: str, hash_name: str = HASH) -> bytes:
    """Return the bytes that the key signs in place of a message."""
    parts = (namespace.encode(), b"", hash_name.encode(), message_hash)
    return _MAGIC + b"".join(map(string, parts))


def hash_of(message: bytes, hash_name: str = HASH) -> bytes:
    """Return the hash of a message that goes into the signed block."""
    return hashlib.new(hash_name, message).digest()


def armored(envelope: Envelope) -> bytes:
    """Return the text that a `.sig` file holds."""
    fields = (envelope.public_key, envelope.namespace.encode(), b"", envelope.hash_name.encode(), envelope.signature)
    blob = _MAGIC + struct.pack(">I", _VERSION) + b"".join(map(string, fields))
    text = base64.b64encode(blob)
    lines = [text[start : start + _LINE_LENGTH] for start in range(0, len(text), _LINE_LENGTH)]
    return b"\n".join((_BEGIN, *lines, _END)) + b"\n"


def opened(text: bytes) -> Envelope:
    """Return what an armored signature holds.

    Raises:
        SignatureError: it is none, or of a version or hash that is not known.
    """
    match = _ARMORED.match(text)
    if match is None:
        raise SignatureError("expected an SSH signature, got something else")
    try:
        blob = base64.b64decode(b"".join(match[1].split()), validate=True)
    except ValueError as error:
        raise SignatureError("expected an SSH signature in base64, got something else") from error
    begin = len(_MAGIC) + 4
    if not blob.startswith(_MAGIC) or len(blob) < begin:
        raise SignatureError("expected an SSH signature, got something else")
    (version,) = struct.unpack_from(">I", blob, len(_MAGIC))
    if version != _VERSION:
        raise SignatureError(f"expected an SSH signature of version {_VERSION}, got {version}")
    fields = []
    for _ in range(5):  # public key, namespace, reserved, hash, signature
        field, begin = take_string(blob, begin)
        fields.append(field)
    if begin != len(blob):
        raise SignatureError("expected nothing behind an SSH signature, got more bytes")
    hash_name = fields[3].decode("ascii", "replace")
    if hash_name not in HASHES:
        raise SignatureError("expected an SSH signature over SHA-512 or SHA-256, got another hash")
    return Envelope(
        public_key=fields[0],
        namespace=fields[1].decode("utf-8", "replace"),
        hash_name=hash_name,
        signature=fields[4],
    )
