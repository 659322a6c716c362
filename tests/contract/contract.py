"""All rules of the contract of a place and a source, by name."""

from __future__ import annotations

from contract import bytes_rules, conduct_rules, listing_rules, trouble_rules
from contract.bench import RULES

__all__ = ["RULES", "bytes_rules", "conduct_rules", "listing_rules", "trouble_rules"]
