"""SQLite: what was proven when from which copy, the chain of all drills, checkpoints of an unfinished one."""

from verifier.ledger.asked import Asked
from verifier.ledger.facts import (
    Attempt,
    BeginDrill,
    CopyResult,
    Head,
    PastDrill,
    PastResult,
    PlannedCopy,
    ProvenRow,
    UnfinishedDrill,
)
from verifier.ledger.ledger import Ledger
from verifier.ledger.lock import claim_scenario, describe_holder
from verifier.ledger.state import default_state

__all__ = [
    "Asked",
    "Attempt",
    "BeginDrill",
    "CopyResult",
    "Head",
    "Ledger",
    "PastDrill",
    "PastResult",
    "PlannedCopy",
    "ProvenRow",
    "UnfinishedDrill",
    "claim_scenario",
    "default_state",
    "describe_holder",
]
