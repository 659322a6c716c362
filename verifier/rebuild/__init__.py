"""Bundles in REPORTS → the ledger as it was: the chain of every scenario, and what was proven when from which copy."""

from verifier.rebuild.rebuild import Rebuilt, rebuild

__all__ = ["Rebuilt", "rebuild"]
