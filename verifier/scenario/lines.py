"""TOML text → the line of each key, which the standard library's parser does not tell.

The text is scanned once, in time and memory that grow with its size alone, whatever it is. Of text that is no TOML it
says something, but never fails.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Final

Place = tuple[str | int, ...]
"""Where a value stands: the names of its tables and its key; in lists its index, counted from 0."""

# Nothing in a scenario stands deeper, and a key of a million dots must not cost a million prefixes.
_DEEPEST: Final = 12

_TOKEN: Final = re.compile(
    r'''(?P<newline>\n)
    |(?P<blank>[ \t\r]+|\#[^\n]*)
    |(?P<text>"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"{3,5}|\'\'\'[^']*(?:'(?!'')[^']*)*'{3,5}
      |"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*'
      # Text without an end is taken at once: looking for its end again from each quote in it would take for ever.
      |"""[\s\S]*|\'\'\'[\s\S]*|["'][^\n]*)
    |(?P<mark>[\[\]{}=,.])
    |(?P<bare>[^\s\#"',=.\[\]{}]+|.)''',
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True, kw_only=True)
class _Opened:
    """A list or an inline table that was opened and not yet closed; `index` is None in an inline table."""

    place: Place
    index: int | None = None


class Lines:
    """The line of each key in a TOML text, counted from 1."""

    def __init__(self, text: str) -> None:
        self.most_dots = 0
        """The dots in the longest key: the parser's time grows with their square."""
        self._lines: dict[Place, int] = {}
        self._line = 1
        self._table: Place = ()  # the table that keys now stand in
        self._tables: dict[Place, int] = {}  # lists of tables, each with the index of its last
        self._dots = 0
        self._key: list[str] = []  # the names of a key or header that is being read
        self._value: Place | None = None  # where the value stands that is being read
        self._opened: list[_Opened] = []
        self._scan(text)

    def _scan(self, text: str) -> None:
        header = ""
        for match in _TOKEN.finditer(text):
            kind, lexeme = match.lastgroup, match[0]
            if kind == "newline":
                self._line += 1
                if not self._opened:
                    header = ""
                    self._key.clear()
                    self._dots = 0
                    self._value = None
            elif kind == "blank":
                continue
            elif self._opened or self._value is not None or lexeme not in ("[", "]"):
                self._take(lexeme, is_mark=kind == "mark")
                self._line += lexeme.count("\n")
            elif lexeme == "[":
                header += lexeme
            else:
                self._end_header(repeated=header == "[[")
                header = ""

    def of(self, place: Place) -> int:
        """Return the line of a key; where it was not found, that of the nearest table around it; at last, 1."""
        for length in range(len(place), 0, -1):
            line = self._lines.get(place[:length])
            if line is not None:
                return line
        return 1

    def _end_header(self, *, repeated: bool) -> None:
        """Enter the table that a header names; a repeated one is the next of its list."""
        if not self._key:
            return
        place = self._inside((), self._key)
        self._record_above(0, place)
        if repeated:
            self._lines.setdefault(place, self._line)
            self._tables[place] = self._tables.get(place, -1) + 1
        self._table = self._last(place)
        self._lines[self._table] = self._line
        self._key.clear()

    def _record_above(self, above: int, place: Place) -> None:
        """Let the tables that a header or a key of dots opens by the way stand at its line."""
        for length in range(above + 1, len(place)):
            self._lines.setdefault(place[:length], self._line)

    def _take(self, lexeme: str, *, is_mark: bool) -> None:
        if self._value is None:
            self._take_in_key(lexeme, is_mark=is_mark)
        elif self._opened and self._opened[-1].index is not None:
            self._take_in_list(lexeme, self._opened[-1], self._opened[-1].index, is_mark=is_mark)
        else:
            self._take_in_value(lexeme, is_mark=is_mark)

    def _take_in_key(self, lexeme: str, *, is_mark: bool) -> None:
        if not is_mark:
            self._key.append(_unquoted(lexeme))
        elif lexeme == ".":
            self._dots += 1
            self.most_dots = max(self.most_dots, self._dots)
        elif lexeme == "=" and self._key:
            base = self._opened[-1].place if self._opened else self._table
            place = self._inside(base, self._key)
            self._record_above(len(base), place)
            self._lines[place] = self._line
            self._key.clear()
            self._dots = 0
            self._value = place
        elif lexeme == "}":
            self._close()

    def _take_in_list(self, lexeme: str, opened: _Opened, index: int, *, is_mark: bool) -> None:
        if is_mark and lexeme == "]":
            self._close()
        elif is_mark and lexeme == ",":
            opened.index = index + 1
        else:
            place = (*opened.place, index)[:_DEEPEST]
            self._lines.setdefault(place, self._line)
            if is_mark:
                self._open(lexeme, place)

    def _take_in_value(self, lexeme: str, *, is_mark: bool) -> None:
        if not is_mark:
            return
        if lexeme == "," and self._opened:
            self._value = None
        elif lexeme == "}" and self._opened:
            self._close()
        elif self._value is not None:
            self._open(lexeme, self._value)

    def _open(self, lexeme: str, place: Place) -> None:
        if lexeme == "[":
            self._opened.append(_Opened(place=place, index=0))
            self._value = place
        elif lexeme == "{":
            self._opened.append(_Opened(place=place))
            self._value = None

    def _close(self) -> None:
        if self._opened:
            self._value = self._opened.pop().place
        self._key.clear()

    def _inside(self, base: Place, names: list[str]) -> Place:
        place = base
        for name in names[: max(0, _DEEPEST - len(base))]:
            place = (*self._last(place), name)
        return place

    def _last(self, place: Place) -> Place:
        """Return the place of the last table of a list of tables; any other place as it is."""
        return (*place, self._tables[place]) if place in self._tables else place


def _unquoted(lexeme: str) -> str:
    if lexeme[0] not in "\"'":
        return lexeme
    if lexeme[0] == '"' and "\\" in lexeme:
        try:
            return str(tomllib.loads(f"key = {lexeme}")["key"])
        except ValueError:
            return lexeme
    return lexeme[1:-1]
