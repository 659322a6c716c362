"""A state folder → the ledger in it: the chain, checkpoints, what was proven when.

Losing it loses history, never a backup. Several processes may have it open; one drill of a scenario at a time is
`claim_scenario`'s business. A ledger belongs to the thread that opened it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from verifier import relpath
from verifier.errors import LedgerError
from verifier.ledger.checkpoints import Checkpoints
from verifier.ledger.database import Database
from verifier.ledger.restoring import Restoring
from verifier.ledger.state import LEDGER_NAME, make_private_folder


class Ledger(Restoring, Checkpoints):
    """The state of all scenarios. Made by `Ledger.open`; closing it twice is fine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, state: Path) -> Self:
        """Open the ledger in a state folder, making both where they are missing.

        Raises:
            LedgerError: the folder can't be written, or what lies there is damaged, of a newer version, or no ledger.
        """
        make_private_folder(state)
        return cls(Database(state / LEDGER_NAME))

    @staticmethod
    def exists(state: Path) -> bool:
        """Tell whether a ledger lies in a state folder, without making one.

        Raises:
            LedgerError: the folder can't be looked into.
        """
        path = state / LEDGER_NAME
        try:
            return path.exists()
        except OSError as error:
            raise LedgerError(
                f"expected a state folder that can be read, got {relpath.show(os.fsencode(state))}: {error.strerror}"
            ) from error

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
