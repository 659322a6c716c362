"""A folder of bundles → what holds and what doesn't. Needs nothing but the folder, and trusts nothing in it.

What anybody without the signing key changes in a signed bundle or its manifest is found, where it is said whom to
trust, and so is a drill that is missing inside a chain. That the newest drills, or all of a chain, were taken away, or
that the holder of the key wrote everything anew, shows only beside an anchor from outside.
"""

from verifier.audit.audit import Audit, ChainAudit, DrillAudit, audit_reports
from verifier.audit.check import Check, State

__all__ = ["Audit", "ChainAudit", "Check", "DrillAudit", "State", "audit_reports"]
