"""A TOML document and the table of keys → the scenario's fields, and every problem with its place.

Nothing stops at the first problem. A value is repeated in a message only where the key is known and holds no secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from verifier import relpath
from verifier.errors import ScenarioError
from verifier.scenario.lines import Place
from verifier.scenario.section import Base, Key, ListOf, Scalar, Section, TablesOf, shown

_LONGEST_KEY: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong at a place: a sentence, `expected …, got …`."""

    place: Place
    sentence: str

    def label(self) -> str:
        """Return the place as a person reads it: `copy[2].at` is the second copy's address."""
        text = ""
        for part in self.place:
            if isinstance(part, int):
                text += f"[{part + 1}]"
            else:
                text += ("." if text else "") + shown_key(part)
        return text


def shown_key(name: str) -> str:
    """Write a key for a message: harmless, and short."""
    return relpath.show(name[:_LONGEST_KEY]) + ("…" if len(name) > _LONGEST_KEY else "")


class _Wrong:
    """Stands for a value that could not be read; its problem is noted."""


_WRONG: Final = _Wrong()


class Checker:
    """Holds documents against a section; collects problems."""

    def __init__(self, whole: Section, base: Base) -> None:
        self.problems: list[Problem] = []
        self._whole = whole
        self._base = base

    def check(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that could be read, those of sections below as dictionaries of their own."""
        return self._section(document, self._whole, ())

    def _section(self, table: Mapping[str, Any], section: Section, place: Place) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        meant: set[str] = set()
        for name, value in table.items():
            key = section.keys.get(name)
            if key is not None:
                self._key(value, key, (*place, name), fields)
            elif not section.open:
                meant |= self._unknown(name, section, place)
        for name, key in section.keys.items():
            # A misspelt key is one mistake, not two.
            if key.required and not {name, key.unless} & (table.keys() | meant):
                self._add((*place, name), f"expected {_expected(key.kind, _dotted((*place, name)))}, got nothing")
        told = {problem.place for problem in self.problems}
        for rule in section.rules:
            for below, sentence in rule(fields):
                # A value that could not be read is no field; a rule that misses it would tell one mistake twice.
                if (*place, *below) not in told:
                    self._add((*place, *below), sentence)
        return fields

    def _key(self, value: object, key: Key, place: Place, fields: dict[str, Any]) -> None:
        read = self._value(value, key.kind, place)
        if read is not _WRONG and key.goes_to:
            if isinstance(read, dict) and isinstance(key.kind, Section) and key.kind.makes is None:
                fields.update(read)
                return
            group, _, option = key.goes_to.partition(".")
            if option:
                fields.setdefault(group, {})[option] = read
            else:
                fields[group] = read

    def _value(self, value: object, kind: Scalar | ListOf | TablesOf | Section, place: Place) -> object:
        if isinstance(kind, Section):
            expected = _expected(kind, _dotted(place))
            if kind.repeated:
                return self._sections(value, kind, place, expected)
            return self._one_section(value, kind, place, expected)
        if isinstance(kind, ListOf):
            return self._list(value, kind, place)
        if isinstance(kind, TablesOf):
            return self._tables(value, kind, place)
        try:
            return kind.read(value, self._base)
        except ScenarioError as error:
            return self._add(place, error.message)

    def _one_section(self, value: object, section: Section, place: Place, expected: str) -> object:
        if isinstance(value, dict):
            return self._section(value, section, place)
        return self._add(place, f"expected {expected}, got {shown(value)}")

    def _sections(self, value: object, section: Section, place: Place, expected: str) -> object:
        if not isinstance(value, list) or not value:
            got = "an empty list" if value == [] else shown(value)
            return self._add(place, f"expected {expected}, got {got}")
        # What is no table gives no fields, but keeps its number: rules tell places by it.
        each = [self._one_section(table, section, (*place, index), expected) for index, table in enumerate(value)]
        return [{} if fields is _WRONG else fields for fields in each]

    def _list(self, value: object, kind: ListOf, place: Place) -> object:
        if not isinstance(value, list) or len(value) < kind.at_least:
            return self._add(place, f"expected {kind.expected}, got {'an empty list' if value == [] else shown(value)}")
        items = [self._value(item, kind.item, (*place, index)) for index, item in enumerate(value)]
        return _WRONG if _WRONG in items else tuple(dict.fromkeys(items))

    def _tables(self, value: object, kind: TablesOf, place: Place) -> object:
        if not isinstance(value, dict):
            return self._add(place, f"expected {kind.expected}, got {shown(value)}")
        header = ".".join(str(part) for part in place)
        for name, table in value.items():
            below = (*place, name)
            if self._value(name, kind.names, below) is not _WRONG:
                self._one_section(table, kind.each, below, f"a table [{header}.{name}]")
        return value

    def _unknown(self, name: str, section: Section, place: Place) -> set[str]:
        """Note an unknown key; return the key of this section that was likely meant, if there is one."""
        near, far = self._meant(name, section)
        sentence = f"got {shown_key(name)}"
        if near or far:
            sentence = f"expected a key that is known here, {sentence}; did you mean {near or far}?"
        else:
            sentence = f"expected one of {', '.join(section.keys)}, {sentence}"
        self._add((*place, name), sentence)
        return {near} if near else set()

    def _meant(self, name: str, section: Section) -> tuple[str | None, str | None]:
        """Return the key of this section that was likely meant, or else the place elsewhere that has such a key."""
        if name in self._whole.keys:
            return None, f"{name} at the top, before any [section]"
        for other, key in self._whole.keys.items():
            if isinstance(key.kind, Section) and name in key.kind.keys:
                return None, f"{name} in {_header(other, key.kind)}"
        close = difflib.get_close_matches(name, section.keys, n=1)
        return (close[0] if close else None), None

    def _add(self, place: Place, sentence: str) -> _Wrong:
        self.problems.append(Problem(place=place, sentence=sentence))
        return _WRONG


def _header(name: str, section: Section) -> str:
    return f"[[{name}]]" if section.repeated else f"[{name}]"


def _dotted(place: Place) -> str:
    """Return a section's place as its header has it."""
    return ".".join(part for part in place if isinstance(part, str))


def _expected(kind: Scalar | ListOf | TablesOf | Section, name: str) -> str:
    if isinstance(kind, Section):
        return f"{'at least one' if kind.repeated else 'a table'} {_header(name, kind)}"
    return kind.expected


def make_fields(section: Section, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked fields with what the sections below make of theirs in place of dictionaries."""
    made = dict(fields)
    for key in section.keys.values():
        below = key.kind
        if isinstance(below, Section) and below.makes is not None and key.goes_to in made:
            value = made[key.goes_to]
            each = [below.makes(**make_fields(below, inner)) for inner in (value if below.repeated else [value])]
            made[key.goes_to] = tuple(each) if below.repeated else each[0]
    return made
