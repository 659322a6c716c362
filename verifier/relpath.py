"""Raw path bytes, checked and shown: relative, separated by `/`, never climbing out.

Paths are bytes throughout, as file systems and archives hold them; text appears only where a person or JSON reads it.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from verifier.errors import UnsafePathError

# Line and paragraph separators break a line as a newline does; format characters (Cf) hold the bidi overrides, which
# reverse what a reader sees; unassigned and private ones print as anything; spaces of other widths (Zs) look like the
# plain one. Surrogates can't come from valid UTF-8.
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Zs"})
# Letters and marks by category, but nothing is seen of them: joiner, fillers of Hangul, the empty Braille cell.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
_PLAIN: Final = re.compile(r"[ -\[\]-~]*\Z")
_LONGEST_PATH_BYTES: Final = 32_768


def check(path: bytes) -> None:
    """Refuse a path that is empty, absolute, climbs out, names nothing twice, or can't be a file name.

    Raises:
        UnsafePathError: says which of these it is.
    """
    if not path:
        raise UnsafePathError("expected a path, got an empty one")
    if len(path) > _LONGEST_PATH_BYTES:
        raise UnsafePathError(f"expected a path of at most {_LONGEST_PATH_BYTES} bytes, got {len(path)}")
    if b"\0" in path:
        raise UnsafePathError(f"expected a path without NUL, got {show(path)}")
    if path[0] == 0x2F:
        raise UnsafePathError(
            f"expected a relative path, got {show(path)}", hint="name the folder it starts at as root"
        )
    # The four tests below are those of `path.split(b"/")` for "", "." and "..", several times as fast.
    wrapped = b"/" + path + b"/"
    if b"//" in wrapped or b"/./" in wrapped or b"/../" in wrapped:
        raise UnsafePathError(f"expected a path of plain names, got {show(path)}")


def check_all(paths: Sequence[bytes]) -> None:
    """Do as `check` does for each of many paths, several times as fast.

    Raises:
        UnsafePathError: says which it is, and of the first that is wrong.
    """
    # Joined by NUL, which no path may hold, each path stands between slashes: one search finds all.
    joined = b"/" + b"/\0/".join(paths) + b"/"
    suspicious = b"//" in joined or b"/./" in joined or b"/../" in joined or joined.count(b"\0") != len(paths) - 1
    if suspicious or max(map(len, paths)) > _LONGEST_PATH_BYTES:
        for path in paths:
            check(path)


def show(name: bytes | str) -> str:
    r"""Write a name from outside so that it can do no harm and is not mistaken for another.

    Control, bidi and other invisible characters, spaces other than the plain one, line separators, backslashes and
    bytes that are not UTF-8 are escaped as in Python (`\n`, `\x1b`, `\u202e`, `\\`); the result is one printable line
    and tells names apart. Every output of the program uses this, and nothing else, for names.
    """
    text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
    if _PLAIN.match(text):
        return text
    return "".join(_shown_character(character) for character in text)


def _shown_character(character: str) -> str:
    code = ord(character)
    if character == "\\":
        return "\\\\"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as surrogateescape carries it
        return f"\\x{code - 0xDC00:02x}"
    if character == " " or (unicodedata.category(character) not in _HIDDEN_CATEGORIES and character not in _BLANK):
        return character
    if 0x80 <= code <= 0xFF:  # Python's `\x85` stands for the byte already, which is another name
        return f"\\u{code:04x}"
    return character.encode("unicode_escape").decode("ascii")


def as_text(name: str) -> str:
    """Return a name that the system gave as text as JSON can hold it: unchanged where it is UTF-8, shown where not."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return show(name)
    return name


def to_json(path: bytes) -> dict[str, str]:
    """Return `{"path": text}`, or `{"path_b64": …}` where the path is not UTF-8: the one form used in every file."""
    try:
        return {"path": path.decode("utf-8")}
    except UnicodeDecodeError:
        return {"path_b64": base64.b64encode(path).decode("ascii")}


def from_json(path: str | None, path_b64: str | None) -> bytes:
    """Return the raw path of either JSON form, checked.

    Raises:
        UnsafePathError: neither or both are given, the base64 is none, or the path fails `check`.
    """
    if (path is None) == (path_b64 is None):
        raise UnsafePathError("expected one of path and path_b64, got " + ("none" if path is None else "both"))
    if path is not None:
        try:
            raw = path.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UnsafePathError(f"expected a path of Unicode text, got {show(path)}") from error
    else:
        try:
            raw = base64.b64decode(path_b64 or "", validate=True)
        except ValueError as error:
            raise UnsafePathError("expected base64 in path_b64") from error
    check(raw)
    return raw
