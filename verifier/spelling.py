"""A name as another system spells it → the key by which the two spellings meet.

A Mac may store names decomposed (NFD) where others compose them (NFC); some file systems fold case; rclone stores
characters that a place forbids as look-alikes. Source: Unicode UAX #15; rclone's overview, "Restricted filenames".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_QUOTE: Final = "\u201b"  # rclone writes it before a look-alike that was in the name from the start
_FORBIDDEN: Final = '"*:<>?\\|'
_LOOK_ALIKES: Final = (
    {chr(0x2400 + code): chr(code) for code in range(0x20)}
    | {"\u2421": "\x7f", "\u2420": " ", "\uff0e": "."}
    | {chr(ord(character) + 0xFEE0): character for character in _FORBIDDEN}
)
_SUBSTITUTED: Final = re.compile(f"{_QUOTE}?[{re.escape(''.join(_LOOK_ALIKES))}]")


def composed(name: bytes) -> bytes:
    """Return the name in NFC; what is not UTF-8 is kept byte for byte."""
    if name.isascii():
        return name
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")


def unsubstituted(name: bytes) -> bytes:
    """Return the name, in NFC, with rclone's look-alikes as the characters that they stand for."""
    if name.isascii():
        return name
    text = name.decode("utf-8", "surrogateescape")
    plain = _SUBSTITUTED.sub(_original, text)
    return unicodedata.normalize("NFC", plain).encode("utf-8", "surrogateescape")


def _original(match: re.Match[str]) -> str:
    found = match.group()
    return found[1] if found[0] == _QUOTE else _LOOK_ALIKES[found]


def folded(name: bytes) -> bytes:
    """Return the name, in NFC, without regard to case."""
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", text.casefold()).encode("utf-8", "surrogateescape")


Key = Callable[[bytes], bytes]

SPELLINGS: Final[tuple[tuple[str, Key, Key], ...]] = (
    ("Unicode normal form", composed, composed),
    # One side was written by rclone, the other not: a look-alike on the other side is meant as what it is.
    ("rclone's substitutions", composed, unsubstituted),
    ("rclone's substitutions", unsubstituted, composed),
)
"""How names may differ between any two systems, the most certain first: the key of an entry's name, of a listed's."""

CASE: Final[tuple[str, Key, Key]] = ("case", folded, folded)
"""Only where the copy is seen to fold case."""
