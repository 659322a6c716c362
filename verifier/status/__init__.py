"""Scenarios, the ledger and its bundles → what was proven when, what is due, what is overdue."""

from verifier.status.coverage import CopyCoverage
from verifier.status.prometheus import exposition
from verifier.status.standing import CopyStatus, ScenarioStatus, Unfinished, attention, read_status

__all__ = [
    "CopyCoverage",
    "CopyStatus",
    "ScenarioStatus",
    "Unfinished",
    "attention",
    "exposition",
    "read_status",
]
