"""SQLite: what was proven when from which copy, the chain of all drills, checkpoints of an unfinished one."""

from verifier.ledger.asked import Asked
from verifier.ledger.facts import (
    Attempt,
    BeginDrill,
    CopyResult,
    Head,
    Link,
    PastDrill,
    PastResult,
    PlannedCopy,
    ProvenMark,
    ProvenRow,
    Seen,
    SeenLock,
    UnfinishedDrill,
)
from verifier.ledger.ledger import Ledger
from verifier.ledger.lock import claim_scenario, describe_holder
from verifier.ledger.restoring import PastProof, ProvenBefore
from verifier.ledger.state import default_state

__all__ = [
    "Asked",
    "Attempt",
    "BeginDrill",
    "CopyResult",
    "Head",
    "Ledger",
    "Link",
    "PastDrill",
    "PastProof",
    "PastResult",
    "PlannedCopy",
    "ProvenBefore",
    "ProvenMark",
    "ProvenRow",
    "Seen",
    "SeenLock",
    "UnfinishedDrill",
    "claim_scenario",
    "default_state",
    "describe_holder",
]
