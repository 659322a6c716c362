"""Outcomes of a running drill's batches → rows on disk, there when the drill is resumed or its proof is made."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from verifier import relpath
from verifier.errors import LedgerError
from verifier.ledger.database import Database
from verifier.ledger.facts import SavedBatch
from verifier.ledger.names import name_number


class _Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    fingerprint: bytes
    outcomes: bytes


class Checkpoints:
    """The part of the ledger that knows how far an unfinished drill has come."""

    _database: Database

    def save_batch(self, drill_id: str, copy: str, batch: int, fingerprint: bytes, outcomes: bytes) -> None:
        """Write down the outcomes of one batch; a batch that was saved before is replaced.

        It survives the death of this process. A loss of power may take the last few, which costs doing them again:
        so batches don't wait for the disk.

        Args:
            drill_id: a drill that was begun and is unfinished.
            copy: the copy's name.
            batch: the batch's number in the plan.
            fingerprint: tells the batch's items from others; returned by `saved_batch`.
            outcomes: bytes of the caller's own making.

        Raises:
            LedgerError: the drill is not unfinished, or the disk refuses.
        """
        database = self._database
        with database.transaction(durable=False):
            saved = database.execute(
                "INSERT INTO batch (drill, copy, batch, fingerprint, outcomes)"
                " SELECT sequence, ?, ?, ?, ? FROM drill"
                " WHERE id = ? AND number IS NULL AND abandoned_by IS NULL"
                " ON CONFLICT (drill, copy, batch) DO UPDATE"
                " SET fingerprint = excluded.fingerprint, outcomes = excluded.outcomes",
                name_number(database, copy),
                batch,
                fingerprint,
                outcomes,
                drill_id,
            )
            if not saved:
                raise LedgerError(f"expected an unfinished drill, got {relpath.show(drill_id)}")

    def saved_batch(self, drill_id: str, copy: str, batch: int) -> tuple[bytes, bytes] | None:
        """Return fingerprint and outcomes of a batch, or None where it was not saved."""
        found = self._database.row(
            _Checkpoint,
            "SELECT fingerprint, outcomes FROM batch WHERE drill = (SELECT sequence FROM drill WHERE id = ?)"
            " AND copy = (SELECT id FROM name WHERE name = ?) AND batch = ?",
            drill_id,
            copy,
            batch,
        )
        return None if found is None else (found.fingerprint, found.outcomes)

    def saved_batches(self, drill_id: str, copy: str) -> Iterator[tuple[int, bytes]]:
        """Yield number and outcomes of each batch that is saved when the first is taken, in the order of numbers."""
        saved = self._database.rows(
            SavedBatch,
            "SELECT batch, outcomes FROM batch WHERE drill = (SELECT sequence FROM drill WHERE id = ?)"
            " AND copy = (SELECT id FROM name WHERE name = ?) ORDER BY batch",
            drill_id,
            copy,
            block_rows=1,  # one may be 100 KB and more
        )
        return ((row.batch, row.outcomes) for row in saved)
