"""What a scenario's tables are made of: sections of keys, each key with its kind of value and the field it goes to.

From these, and from nothing else, the checker, the JSON Schema and the reference are made. A kind's reader turns one
TOML value into what the scenario holds, or raises a sentence that says what was expected and what came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from verifier import relpath
from verifier.errors import ScenarioError

_LONGEST_SHOWN: Final = 60
_LARGEST_SHOWN: Final = 2**53
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What relative paths (`folder`) and `~` (`home`; None: that of whoever runs the program) start at."""

    folder: Path
    home: Path | None = None

    def resolve(self, text: str) -> Path:
        """Return a path as written in a scenario, made absolute; links stay as they are.

        `..` at its beginning goes up from the folder wherever that means the same to the system, so that a report
        names `/data/nas` and not `/data/scenarios/../nas`.

        Raises:
            ScenarioError: it is empty, holds control characters, or names another user's home.
        """
        if not text or _CONTROL.search(text):
            # Not repeated: what has several lines here is likely a private key, pasted in place of its path.
            raise ScenarioError(f"expected a path, got {'text with control characters' if text else 'an empty text'}")
        first, _, rest = text.partition("/")
        if not first.startswith("~"):
            return _beside(self.folder, text)
        if first != "~":
            raise ScenarioError(f"expected a path that starts with ~/ or none, got {shown(text)}")
        try:
            return (self.home or Path.home()) / rest
        except RuntimeError as error:
            raise ScenarioError("expected a home folder for ~, got an account without one") from error


def _beside(folder: Path, text: str) -> Path:
    # What lies above a link is elsewhere than its name says, and so is what lies above `..`.
    while text.startswith("../") and folder.name not in ("", "..") and not folder.is_symlink():
        folder, text = folder.parent, text[len("../") :].lstrip("/")
    return folder / text


Reader = Callable[[object, Base], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One kind of value. `read` turns it into what the scenario holds, or raises `ScenarioError` with a sentence."""

    expected: str
    schema: Mapping[str, object]
    read: Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list of one kind of value, each only once; read as a tuple."""

    item: Scalar
    expected: str
    at_least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesOf:
    """Tables of one section, each under a name of somebody's choice, as `[place.nas]`."""

    each: Section
    names: Scalar
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row: the kind of its value, the field it goes to (`options.x`: an option of a copy's place), its meaning.

    What goes nowhere (`goes_to` empty) is checked, and was worked into other keys before. A `required` key may be left
    out where `unless` is stated.
    """

    kind: Scalar | ListOf | TablesOf | Section
    goes_to: str
    means: str
    required: bool = False
    unless: str | None = None


Rule = Callable[[Mapping[str, Any]], Iterator[tuple[tuple[str | int, ...], str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of keys, or with `repeated` a list of such tables.

    `makes` is called with the fields; None: they are the parent's. `rules` see the fields that could be read and yield
    the place (below this section) and the sentence of each problem. An `open` section takes any key.
    """

    keys: Mapping[str, Key]
    makes: Callable[..., object] | None = None
    repeated: bool = False
    open: bool = False
    rules: tuple[Rule, ...] = ()


def shown(value: object) -> str:
    """Write a value for a message: harmless, on one line, and short; of lists and tables only that they are such."""
    if isinstance(value, str):
        return '"' + relpath.show(value[:_LONGEST_SHOWN]) + ('…"' if len(value) > _LONGEST_SHOWN else '"')
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # Python refuses to write an integer of thousands of digits, which hexadecimal TOML may state.
        return "a number beyond 2⁵³" if isinstance(value, int) and abs(value) > _LARGEST_SHOWN else str(value)
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date or time"
