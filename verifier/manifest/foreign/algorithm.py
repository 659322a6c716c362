"""A tag, a file's name, what the user says → the algorithm of a list's values; never a guess.

Values of several algorithms look alike: 32 hex digits are md5 or xxh3_128, 64 are sha256 or blake3.
"""

from __future__ import annotations

import re
from typing import Final

from verifier import relpath
from verifier.digest import HEX_LENGTH
from verifier.errors import ManifestError

_TAGS: Final = {
    "md5": "md5",
    "sha1": "sha1",
    "sha224": "sha224",
    "sha256": "sha256",
    "sha2256": "sha256",
    "sha384": "sha384",
    "sha2384": "sha384",
    "sha512": "sha512",
    "sha2512": "sha512",
    "blake2b": "blake2b",
    "blake3": "blake3",
    "xxh32": "xxh32",
    "xxh64": "xxh64",
    "xxh3": "xxh3_64",
    "xxh128": "xxh3_128",
}
"""What stands before the parenthesis of a BSD line, in small letters without hyphens."""

_ALL_XXH: Final = frozenset({"xxh32", "xxh64", "xxh3_64", "xxh3_128"})
_NAMES: Final = {name: frozenset({algorithm}) for name, algorithm in _TAGS.items()} | {
    "b2": frozenset({"blake2b"}),
    "b3": frozenset({"blake3"}),
    "xxh3": frozenset({"xxh3_64", "xxh3_128"}),
    "xxh": _ALL_XXH,
    "xxhash": _ALL_XXH,
}
"""What a word of a list's file name says: `SHA256SUMS`, `photos.xxh128`, `md5sum.txt`."""

_WORDS: Final = re.compile(r"[a-z0-9]+")
_UNMISTAKABLE: Final = frozenset({"sha1", "sha224", "sha384"})


def of_tag(tag: str) -> str | None:
    """Return the algorithm that a BSD line's tag names, or None."""
    return _TAGS.get(tag.lower().replace("-", ""))


def decide(length: int, *, asked: str | None, file_name: str) -> str:
    """Return the algorithm whose values have `length` hex digits.

    Args:
        length: of the first value.
        asked: what the user says.
        file_name: of the list.

    Raises:
        ManifestError: no algorithm has such values, or it can't be told which has.
    """
    able = [algorithm for algorithm, digits in HEX_LENGTH.items() if digits == length]
    if asked is not None:
        if asked not in able:
            known = HEX_LENGTH.get(asked)
            if known is None:
                raise ManifestError(f"expected one of {', '.join(HEX_LENGTH)}, got {relpath.show(asked)}")
            raise ManifestError(f"expected {known} hex digits of {asked}, got {length}")
        return asked
    words = _WORDS.findall(file_name.lower())
    said = [_NAMES.get(re.sub(r"(?<=.)sums?\Z", "", word), frozenset[str]()) for word in words]
    named = frozenset[str]().union(*said).intersection(able)
    if len(named) == 1:
        return next(iter(named))
    if not able:
        raise ManifestError(f"expected a checksum of {', '.join(HEX_LENGTH)}, got {length} hex digits")
    if len(able) == 1 and able[0] in _UNMISTAKABLE:
        return able[0]
    raise ManifestError(
        f"expected to be told which algorithm has these {length} hex digits, got neither a tag nor a telling file name",
        hint=f"say it with --digest {'|'.join(able)}, or as digest beside manifest in the scenario",
    )
