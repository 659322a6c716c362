r"""Text from outside → text that HTML and Markdown show and never act upon.

Two steps. `line` makes any text one printable line; names went through `relpath.show` before, which it leaves as they
are. Then jinja2 escapes for HTML, or `markdown` for Markdown: CommonMark with the tables, bare links and formulas of
GitHub (https://spec.commonmark.org/0.31.2/#backslash-escapes, https://github.github.com/gfm/#autolinks-extension-).
"""

from __future__ import annotations

import base64
import re
from typing import Final

from verifier import relpath

_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL: Final = re.compile(
    r"[&<>]|[\\`*{}\[\]|~$^]"
    r"|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])"  # within a word it means nothing, and file names are full of them
    r"|(?<=\])\(|://|(?<=www)\."
)
# What would start a heading, a list, a rule or a table where it comes first.
_LEADING: Final = re.compile(r"(?P<sign>[-+:=#])|(?P<number>\d{1,9})[.)](?:\s|$)")


class Markdown(str):
    """Text that is Markdown already, so that it is not escaped again."""

    __slots__ = ()


def line(text: str) -> str:
    """Return `text` as one printable line: sentences from a proof, which hold names that were escaped already."""
    # `show` doubles backslashes, which tells names apart; in a sentence the names in it were shown before.
    return relpath.show(text).replace("\\\\", "\\")


def name(path: str | None, path_b64: str | None) -> str:
    """Return the name of a finding in either JSON form as a person may see it; empty where it concerns no file.

    Unlike `relpath.from_json` this shows unsafe paths too, because they are what is to be seen.
    """
    if path is not None:
        return relpath.show(path)
    if path_b64 is None:
        return ""
    try:
        return relpath.show(base64.b64decode(path_b64, validate=True))
    except ValueError:
        return f"{line(path_b64)} (expected base64)"


def markdown(text: str) -> Markdown:
    """Return one line as Markdown that shows exactly it, also as the cell of a table or the start of a list item."""
    escaped = _SPECIAL.sub(_escaped, line(text))
    leading = _LEADING.match(escaped)
    if leading is None:
        return Markdown(escaped)
    if leading["sign"]:
        return Markdown(f"\\{escaped}")
    return Markdown(f"{leading['number']}\\{escaped[leading.end('number') :]}")


def _escaped(match: re.Match[str]) -> str:
    return _HTML.get(match[0]) or f"\\{match[0]}"
