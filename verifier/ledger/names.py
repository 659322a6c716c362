"""The name of a scenario or a copy → the small integer that stands for it in the other tables."""

from __future__ import annotations

import msgspec

from verifier.ledger.database import Database


class _Number(msgspec.Struct, frozen=True, array_like=True):
    id: int


def name_number(database: Database, name: str) -> int:
    """Return the number of a name, giving it one if it has none; inside a transaction."""
    found = database.row(_Number, "SELECT id FROM name WHERE name = ?", name)
    if found is None:
        database.execute("INSERT INTO name (name) VALUES (?)", name)
        return name_number(database, name)
    return found.id
