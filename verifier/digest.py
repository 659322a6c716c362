"""Bytes → checksum or digest, by name.

A *checksum* (`xxh3_128`, `xxh3_64`) shows accident and is as fast as memory; a *digest* (`sha256`, `blake3`) also
shows malice. Values are the canonical big-endian hex that `xxhsum`, `sha256sum` and `b3sum` print. What other programs'
lists hold can be computed as well, and is never written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import xxhash

from verifier.errors import ManifestError


class Hasher(Protocol):
    """What every algorithm offers: bytes in, hex out."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the value of all bytes so far, in lower-case hex."""
        ...


def _new_blake3() -> Hasher:
    import blake3  # noqa: PLC0415 - most drills use a checksum, and `verifier --help` uses neither

    hasher: Hasher = blake3.blake3()
    return hasher


_NEW: Final[dict[str, Callable[[], Hasher]]] = {
    "xxh3_128": xxhash.xxh3_128,
    "xxh3_64": xxhash.xxh3_64,
    "sha256": hashlib.sha256,
    "blake3": _new_blake3,
    # Read from foreign lists, never written: md5 and sha1 are broken against malice, xxh32 and xxh64 are short, and all
    # are slower than what is offered above.
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha224": hashlib.sha224,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
    "blake2b": hashlib.blake2b,
    "xxh32": xxhash.xxh32,
    "xxh64": xxhash.xxh64,
}
HEX_LENGTH: Final = {
    "xxh3_128": 32,
    "xxh3_64": 16,
    "sha256": 64,
    "blake3": 64,
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha384": 96,
    "sha512": 128,
    "blake2b": 128,
    "xxh32": 8,
    "xxh64": 16,
}
"""Every algorithm that is known, with the number of hex digits of its values."""

_HEX: Final = {name: re.compile(rf"[0-9a-f]{{{length}}}\Z") for name, length in HEX_LENGTH.items()}
_ALL_HEX: Final = re.compile(r"[0-9a-f]*\Z")

WRITTEN: Final = ("xxh3_128", "xxh3_64", "sha256", "blake3")
"""The algorithms that a manifest of ours may be made with; the first is the default."""

CRYPTOGRAPHIC: Final = frozenset({"sha256", "blake3", "sha224", "sha384", "sha512", "blake2b"})
"""Those that show malice, too. md5 and sha1 no longer do."""


def new_hasher(algorithm: str) -> Hasher:
    """Return an empty hasher.

    Raises:
        ManifestError: the algorithm is none that we know.
    """
    try:
        return _NEW[algorithm]()
    except KeyError:
        known = ", ".join(_NEW)
        raise ManifestError(f"expected one of {known}, got algorithm {algorithm!r}") from None


def one_shot(algorithm: str) -> Callable[[bytes | bytearray | memoryview], str]:
    """Return the fastest way from one buffer to its hex: for small files the state costs more than the bytes."""
    if algorithm == "xxh3_128":
        return xxhash.xxh3_128_hexdigest
    if algorithm == "xxh3_64":
        return xxhash.xxh3_64_hexdigest

    def digest(data: bytes | bytearray | memoryview) -> str:
        hasher = new_hasher(algorithm)
        hasher.update(data)
        return hasher.hexdigest()

    return digest


def is_digest(algorithm: str, value: str) -> bool:
    """Tell whether `value` is the lower-case hex, of the right length, that `algorithm` would give."""
    pattern = _HEX.get(algorithm)
    return pattern is not None and pattern.match(value) is not None


def are_digests(algorithm: str, values: Sequence[str]) -> bool:
    """Tell whether `is_digest` holds for each of many values, several times as fast."""
    length = HEX_LENGTH.get(algorithm)
    return all(len(value) == length for value in values) and _ALL_HEX.match("".join(values)) is not None
