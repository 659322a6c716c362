"""A name as another system spells it → the key by which the two spellings meet.

A Mac may store names decomposed (NFD) where others compose them (NFC); some file systems fold case; what a system
forbids in names, programs write in its stead as look-alikes, as characters of the private-use area, or as `_`. Sources:
Unicode UAX #15; rclone's overview, "Restricted filenames"; mount.cifs(8), `mapposix` and `mapchars`; Cygwin's user
guide, "Forbidden characters in filenames"; vfs_catia(8); Synology's knowledge base, "file conflict on Synology Drive".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

Key = Callable[[bytes], bytes]

_QUOTE: Final = "\u201b"  # rclone writes it before a look-alike that was in the name from the start
_FORBIDDEN: Final = '"*:<>?\\|'
_LOOK_ALIKES: Final = (
    {chr(0x2400 + code): chr(code) for code in range(0x20)}
    | {"\u2421": "\x7f", "\u2420": " ", "\uff0e": "."}
    | {chr(ord(character) + 0xFEE0): character for character in _FORBIDDEN}
)
_SUBSTITUTED: Final = re.compile(f"{_QUOTE}?[{re.escape(''.join(_LOOK_ALIKES))}]")

_MAC: Final = dict(zip(map(chr, range(0xF020, 0xF02A)), '"*:<>?\\| .', strict=True)) | {
    chr(0xF000 + code): chr(code) for code in range(1, 0x20)
}
_SHIFTED: Final = {chr(0xF000 + code): chr(code) for code in range(1, 0x20)} | {
    chr(0xF000 + ord(character)): character for character in _FORBIDDEN + " ."
}
_CATIA: Final = dict(zip("¨¤÷«»¿ÿ¦", _FORBIDDEN, strict=True))

_REFUSED: Final = re.compile(r'["*:<>?\\|\x00-\x1f\x7f]')
_TAIL: Final = re.compile(r"[. ]+(?=/|\Z)")
_EACH_OF_TAIL: Final = re.compile(r"[. ](?=[. ]*(?:/|\Z))")
# `name_COMPUTER_Jan-03-0901-2013_CaseConflict_1.ext`; who and when may lack, and the same may stand there twice.
_CONFLICT: Final = re.compile(
    r"(?:(?:_[^_/]+_[^_/]*\d{4})?_(?:Case|TailCharacter|WhiteSpace|Unicode)Conflict(?:_\d+)?)+"
    r"(?P<extension>\.[^./]*)?(?=/|\Z)"
)


def composed(name: bytes) -> bytes:
    """Return the name in NFC; what is not UTF-8 is kept byte for byte."""
    if name.isascii():
        return name
    return _to_bytes(_to_text(name))


def _to_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _to_bytes(text: str) -> bytes:
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")


def unsubstituted(name: bytes) -> bytes:
    """Return the name, in NFC, with rclone's look-alikes as the characters that they stand for."""
    if name.isascii():
        return name
    return _to_bytes(_SUBSTITUTED.sub(_original, _to_text(name)))


def _original(match: re.Match[str]) -> str:
    found = match.group()
    return found[1] if found[0] == _QUOTE else _LOOK_ALIKES[found]


def _translated(table: dict[str, str]) -> Key:
    translation = str.maketrans(table)
    return lambda name: name if name.isascii() else _to_bytes(_to_text(name).translate(translation))


def underscored(name: bytes) -> bytes:
    """Return the name, in NFC, with `_` for each character that Windows forbids."""
    return _to_bytes(_REFUSED.sub("_", _to_text(name)))


def underscored_to_the_end(name: bytes) -> bytes:
    """Return the name as `underscored` does, with `_` for each dot and space at a name's end, too."""
    return _to_bytes(_EACH_OF_TAIL.sub("_", _REFUSED.sub("_", _to_text(name))))


def cut(name: bytes) -> bytes:
    """Return the name as `underscored` does, without the dots and spaces at a name's end."""
    return _to_bytes(_TAIL.sub("", _REFUSED.sub("_", _to_text(name))))


def without_conflict(name: bytes) -> bytes:
    """Return the name, in NFC, without what a NAS of Synology appends where names would clash, or end badly."""
    return _without_tail(_CONFLICT.sub(lambda match: match["extension"] or "", _to_text(name)))


def _tailless(name: bytes) -> bytes:
    return _without_tail(_to_text(name))


def _without_tail(text: str) -> bytes:
    return _to_bytes(_TAIL.sub("", text))


def folded(name: bytes) -> bytes:
    """Return the name, in NFC, without regard to case."""
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", text.casefold()).encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One way in which a system spells names: the key of a name that it spelt, and of one that it did not.

    `marks` is found in every name that `key` changes beyond its normal form. A `lossy` spelling makes one name of
    several, so that more than the names must agree.
    """

    how: str
    key: Key
    plain: Key = composed
    marks: re.Pattern[bytes]
    lossy: bool = False


def _any_of(characters: Iterable[str]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(character.encode()) for character in characters))


_MARKS_OF_REFUSED: Final = re.compile(rb'["*:<>?\\|\x00-\x1f\x7f]')
_MARKS_OF_TAIL: Final = re.compile(_MARKS_OF_REFUSED.pattern + rb"|[. ](?:/|\Z)")

SPELLINGS: Final = (
    Spelling(how="rclone's substitutions", key=unsubstituted, marks=_any_of(_LOOK_ALIKES)),
    Spelling(how="private-use characters as a Mac and Samba write", key=_translated(_MAC), marks=_any_of(_MAC)),
    Spelling(
        how="private-use characters as Windows' subsystems write", key=_translated(_SHIFTED), marks=_any_of(_SHIFTED)
    ),
    Spelling(how="Samba's catia substitutions", key=_translated(_CATIA), marks=_any_of(_CATIA), lossy=True),
    Spelling(how="_ for what Windows forbids", key=underscored, marks=_MARKS_OF_REFUSED, lossy=True),
    Spelling(
        how="_ for what Windows forbids at a name's end", key=underscored_to_the_end, marks=_MARKS_OF_TAIL, lossy=True
    ),
    Spelling(how="dots and spaces cut from a name's end", key=cut, marks=_MARKS_OF_TAIL, lossy=True),
    Spelling(
        how="Synology's renames",
        key=without_conflict,
        plain=_tailless,
        marks=re.compile(rb"Conflict|[. ](?:/|\Z)"),
        lossy=True,
    ),
)
"""How names may differ between any two systems, the most certain first; either side may be the one that was spelt."""


class Meeting(NamedTuple):
    """One try at joining names: the key of an entry's, the key of a listed's, and what it is called."""

    how: str
    entry_key: Key
    listed_key: Key
    lossy: bool = False


FORM: Final = Meeting("Unicode normal form", composed, composed)
CASE: Final = Meeting("case", folded, folded)
"""Only where the copy is seen to fold case."""


def meetings(paths: Iterable[bytes], names: Iterable[bytes]) -> Iterator[Meeting]:
    """Yield the tries that are worth while for entries of these paths and listed of these names, in their order."""
    spelt_paths, spelt_names = _spelt(paths), _spelt(names)
    yield FORM
    for spelling in SPELLINGS:
        how, lossy = spelling.how, spelling.lossy
        if spelling in spelt_names:
            yield Meeting(how, spelling.plain, spelling.key, lossy)
        if spelling in spelt_paths:
            yield Meeting(how, spelling.key, spelling.plain, lossy)


def _spelt(names: Iterable[bytes]) -> list[Spelling]:
    """Return the spellings of which a mark is in one of the names at least."""
    unseen, seen = list(SPELLINGS), []
    for name in names:
        found = [spelling for spelling in unseen if spelling.marks.search(name)]
        seen += found
        unseen = [spelling for spelling in unseen if spelling not in found] if found else unseen
        if not unseen:
            break
    return seen
