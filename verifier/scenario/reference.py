"""The table of keys → JSON Schemas for editors, and the reference for people.

Both are made from the rows that the checker works by, so that neither can say what the checker doesn't do.
"""

from __future__ import annotations

from typing import Any, Final

from verifier.scenario.section import Key, ListOf, Scalar, Section, TablesOf
from verifier.scenario.table import SCENARIO, SHARED

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario's file; what this version can't do yet is refused by it.

    It can't state what rules between keys say, so a file that it accepts may still have problems.
    """
    return {"$schema": _DIALECT, "title": "a scenario of the restore verifier", **_schema_of(SCENARIO)}


def shared_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `verifier.toml`, in the same way."""
    return {"$schema": _DIALECT, "title": "what scenarios of the restore verifier share", **_schema_of(SHARED)}


def _schema_of(kind: Scalar | ListOf | TablesOf | Section) -> dict[str, Any]:
    if isinstance(kind, Scalar):
        return dict(kind.schema)
    if isinstance(kind, ListOf):
        return {"type": "array", "items": dict(kind.item.schema), "minItems": kind.at_least}
    if isinstance(kind, TablesOf):
        each = _schema_of(kind.each)
        return {"type": "object", "propertyNames": dict(kind.names.schema), "additionalProperties": each}
    table: dict[str, Any] = {
        "type": "object",
        "properties": {name: _schema_of_key(key) for name, key in kind.keys.items()},
        "required": [name for name, key in kind.keys.items() if key.required and key.unless is None],
        "additionalProperties": kind.open,
    }
    either = [(name, key.unless) for name, key in kind.keys.items() if key.required and key.unless is not None]
    if either:
        table["allOf"] = [{"anyOf": [{"required": [one]} for one in pair]} for pair in either]
    return {"type": "array", "items": table, "minItems": 1} if kind.repeated else table


def _schema_of_key(key: Key) -> dict[str, Any]:
    return {"description": key.means, **_schema_of(key.kind)}


def markdown() -> str:
    """Return the reference: one table of keys for the top of the file and each section."""
    lines = _table_of("At the top of the file", SCENARIO)
    lines += _tables_below(SCENARIO, "")
    for name, key in SCENARIO.keys.items():
        if isinstance(key.kind, TablesOf):
            lines += [f"`[{name}.NAME]`: {key.means}", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _tables_below(section: Section, above: str) -> list[str]:
    """Return the tables of the sections in a section, and of those in them; `above` is what leads to it."""
    lines = []
    for name, key in section.keys.items():
        if isinstance(key.kind, Section) and not key.kind.open:
            place = f"{above}{name}"
            header = f"[[{place}]]" if key.kind.repeated else f"[{place}]"
            lines += _table_of(f"`{header}`: {key.means}", key.kind)
            lines += _tables_below(key.kind, f"{place}.")
    return lines


def _table_of(title: str, section: Section) -> list[str]:
    rows = [
        f"| `{name}`{_needed(key)} | {key.kind.expected} | {key.means} |"
        for name, key in section.keys.items()
        if not isinstance(key.kind, Section | TablesOf)
    ]
    return [f"{title}", "", "| key | value | means |", "|---|---|---|", *rows, ""] if rows else []


def _needed(key: Key) -> str:
    if not key.required:
        return ""
    return f" (needed, or `{key.unless}`)" if key.unless else " (needed)"
