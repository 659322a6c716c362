"""The ledger → what a mail says beside one drill: when its scenario last PASSED, and the verdict before this one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from verifier.errors import LedgerError
from verifier.ledger import Ledger
from verifier.report import Told


def with_history(told: Told, *, state: Path) -> Told:
    """Return what became of a scenario, with what the ledger knows of its drills before; without, if it can't be read.

    A drill's own verdict counts as the last that PASSED if it did.
    """
    passed_at = told.finished_at if told.result == "PASSED" else None
    before = None
    try:
        if Ledger.exists(state):
            with Ledger.open(state) as ledger:
                for drill in ledger.past_drills(told.scenario):
                    if told.number is not None and drill.number >= told.number:
                        continue
                    before = drill if before is None or drill.number > before.number else before
                    if drill.verdict == "PASSED" and told.result != "PASSED":
                        passed_at = max(passed_at or "", drill.finished_at)
    except LedgerError:
        return told  # the drill has told of that itself
    return dataclasses.replace(
        told, last_passed_at=passed_at, verdict_before=None if before is None else before.verdict
    )
