"""`root`, `map` and `prefix` as a scenario states them → how each copy names the dataset's files.

They may stand at the top, for all copies that are drilled, and in a copy, where they win: `prefix` for itself, and
`root` and `map` for each other, since either says what the copy's names mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from verifier.errors import ScenarioError, UnsafePathError
from verifier.scenario.section import Base, Key, ListOf, Scalar, shown
from verifier.sources.naming import Naming, folder_name, overlap

_SIDES: Final = 2


def _read_folder(value: object, _base: Base) -> object:
    if not isinstance(value, str):
        raise ScenarioError(f"expected a folder, got {shown(value)}")
    try:
        return folder_name(value)
    except UnsafePathError as error:
        raise ScenarioError(error.message) from error


def _read_root(value: object, base: Base) -> object:
    return _read_folder(str(base.resolve(value)) if isinstance(value, str) and value.startswith("~") else value, base)


def _read_pair(value: object, base: Base) -> object:
    if not isinstance(value, list) or len(value) != _SIDES:
        raise ScenarioError(f'expected a pair as ["C:/Users/Ana/", "ana/"], got {shown(value)}')
    return tuple(_read_folder(side, base) for side in value)


_FOLDER_SCHEMA: Final = {"type": "string"}
_FOLDER: Final = Scalar(expected="a folder", schema=_FOLDER_SCHEMA, read=_read_folder)
_ROOT: Final = Scalar(expected="a folder", schema=_FOLDER_SCHEMA, read=_read_root)
_PAIR: Final = Scalar(
    expected="a pair of folders",
    schema={"type": "array", "items": _FOLDER_SCHEMA, "minItems": _SIDES, "maxItems": _SIDES},
    read=_read_pair,
)

KEYS: Final = {
    "prefix": Key(
        kind=_FOLDER,
        goes_to="naming.prefix",
        means="the folder of the copy that is this dataset's, as one computer's on a NAS of several",
    ),
    "root": Key(
        kind=_ROOT,
        goes_to="naming.root",
        means="where the dataset lay, in copies that store whole paths; what lies beside it is left out",
    ),
    "map": Key(
        kind=ListOf(item=_PAIR, expected="a list of pairs of folders", at_least=1),
        goes_to="naming.map",
        means='in place of root: what the copy calls a folder, what the dataset does, as [["C:/Users/Ana/", "ana/"]]',
    ),
}
"""The keys of names, the same at the top and in a copy."""


def names_fit_together(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what is wrong with the keys of names at one place."""
    stated = values.get("naming", {})
    if values.get("live") and stated:
        yield (next(iter(stated)),), "expected nothing here for the live data, which the manifest names, got a folder"
    if "root" in stated and "map" in stated:
        yield ("map",), "expected one of root and map, got both"
    problem = overlap(stated.get("map", ()))
    if problem is not None:
        yield ("map", problem[0]), problem[1]


def hand_down(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scenario's checked fields, with each copy's `Naming` made of its keys and of those at the top."""
    above = fields.get("naming", {})
    copies = [{**copy, "naming": _naming(copy, {} if copy.get("live") else above)} for copy in fields["copies"]]
    return {**{key: value for key, value in fields.items() if key != "naming"}, "copies": copies}


def _naming(copy: Mapping[str, Any], above: Mapping[str, Any]) -> Naming:
    own = copy.get("naming", {})
    taken = {key: value for key, value in above.items() if key == "prefix" or not {"root", "map"} & own.keys()}
    return Naming(**{**taken, **own})
