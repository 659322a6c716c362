"""Copies and the places that they name → copies with all their keys, and where each key that a place gave stands.

`[place.nas]` states what copies of one place share: in the scenario, or in `verifier.toml` beside it. What stands
nearer wins, key by key: the copy's own, then the scenario's place, then the shared one.
"""

from __future__ import annotations

import difflib
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from verifier import relpath
from verifier.errors import ScenarioError, UnsafePathError
from verifier.scenario.checker import Problem
from verifier.scenario.kinds import ADDRESS, SLUG
from verifier.scenario.lines import Place
from verifier.scenario.section import Base, shown
from verifier.scenario.table import PLACE
from verifier.sources.table import kind_of

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_INSTEAD: Final = {"host_key": "known_hosts", "known_hosts": "host_key"}
"""Keys that stand in place of each other: a copy that states one of them has not the other from its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a key stands that a copy has from its place; `is_shared`: in `verifier.toml`."""

    is_shared: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A scenario's document in which each copy has the keys of its place; and what is wrong with their places.

    `uses_shared` says that a copy's place stands in `verifier.toml`, too, whichever of its keys won.
    """

    document: Mapping[str, Any]
    uses_shared: bool = False
    origins: Mapping[Place, Origin] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def complete(own: Mapping[str, Any], shared: Mapping[str, Any] | None, base: Base) -> Completed:
    """Return a scenario's document with the keys of places in its copies.

    Args:
        own: the scenario's document, of any shape.
        shared: that of `verifier.toml`; None where it could not be read, so that nothing is held against it.
        base: what relative paths start at.
    """
    copies = own.get("copy")
    if not isinstance(copies, list):
        return Completed(document=own)
    places = _Places(own, shared, base)
    tables = [places.completed(copy, index) if isinstance(copy, dict) else copy for index, copy in enumerate(copies)]
    named = {copy["place"] for copy in copies if isinstance(copy, dict) and isinstance(copy.get("place"), str)}
    return Completed(
        document={**own, "copy": tables},
        uses_shared=not named.isdisjoint(_tables(shared or {})),
        origins=places.origins,
        problems=tuple(places.problems),
    )


class _Places:
    """The places that a scenario knows, and what came of them so far."""

    def __init__(self, own: Mapping[str, Any], shared: Mapping[str, Any] | None, base: Base) -> None:
        self.origins: dict[Place, Origin] = {}
        self.problems: list[Problem] = []
        self._base = base
        self._all_known = shared is not None
        self._levels = [(False, _tables(own)), (True, _tables(shared or {}))]
        self._names = sorted({name for _, tables in self._levels for name in tables})

    def completed(self, copy: Mapping[str, Any], index: int) -> dict[str, Any]:
        """Return a copy with the keys of the place that it names; without its address where that can't be told."""
        name = copy.get("place")
        if name not in self._names:
            if isinstance(name, str):
                self._unknown(name, ("copy", index, "place"))
                return {key: value for key, value in copy.items() if key != "at"}
            return dict(copy)
        table = {key: value for key, value in copy.items() if key != "place"}
        for is_shared, tables in self._levels:
            for key, value in tables.get(name, {}).items():
                if key in PLACE.keys and key not in table and _INSTEAD.get(key) not in table:
                    table[key] = value
                    self.origins["copy", index, key] = Origin(is_shared=is_shared, place=("place", name, key))
        below, above = copy.get("at"), self._address(name)
        if isinstance(below, str) and above is not None:
            self._join(table, index, above, below)
        return table

    def _unknown(self, name: str, place: Place) -> None:
        try:
            SLUG.read(name, self._base)
        except ScenarioError:
            return  # which the checker tells
        if not self._all_known:
            return
        close = difflib.get_close_matches(name, self._names, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        known = f"one of {', '.join(map(relpath.show, self._names))}" if self._names and not close else "a known place"
        sentence = f"expected {known}, as [place.NAME] here or in verifier.toml, got {shown(name)}{hint}"
        self.problems.append(Problem(place=place, sentence=sentence))

    def _address(self, name: str) -> tuple[str, Origin] | None:
        """Return the address that a place states, and where."""
        for is_shared, tables in self._levels:
            at = tables.get(name, {}).get("at")
            if isinstance(at, str):
                return at, Origin(is_shared=is_shared, place=("place", name, "at"))
        return None

    def _join(self, table: dict[str, Any], index: int, above: tuple[str, Origin], below: str) -> None:
        """Put the copy's path below its place's address; one that would lead elsewhere is a problem."""
        address, origin = above
        place: Place = ("copy", index, "at")
        try:
            ADDRESS.read(address, self._base)
        except ScenarioError:
            # The place's mistake, told where it stands, and not a second time for what can't be joined to it.
            table["at"] = address
            self.origins[place] = origin
            return
        try:
            table["at"] = join(address, below)
        except ScenarioError as error:
            self.problems.append(Problem(place=place, sentence=error.message))
            table["at"] = address


def _tables(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    places = document.get("place")
    if not isinstance(places, dict):
        return {}
    return {name: table for name, table in places.items() if isinstance(table, dict)}


def join(address: str, below: str) -> str:
    """Return the address of what lies below another: a path of plain names, which never leads out of it.

    Raises:
        ScenarioError: the path is absolute, an address of its own, climbs out, or holds what no name may.
    """
    raw = below.rstrip("/").encode("utf-8", "surrogateescape")
    # Addresses of SFTP may write any byte as % and two digits, and so a slash or a dot, too.
    meant = urllib.parse.unquote_to_bytes(raw) if kind_of(address) == "sftp" else raw
    try:
        relpath.check(meant)
    except UnsafePathError as error:
        raise ScenarioError(f"expected a path below the place's address, got {shown(below)}") from error
    # `~` would be a home: the account's, or ours.
    if meant.startswith(b"~") or _CONTROL.search(meant):
        raise ScenarioError(f"expected a path below the place's address, got {shown(below)}")
    return f"{address.rstrip('/')}/{raw.decode('utf-8', 'surrogateescape')}"
