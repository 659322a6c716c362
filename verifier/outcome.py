"""What became of one planned entry: a `Match`, a `Finding` or an `Unrestored`; there is no fourth.

A finding is a discrepancy that was observed. What could not be told is `Unrestored`, with a reason from a closed list;
it is never a finding and never a match.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class FindingKind(StrEnum):
    """Every discrepancy that can be observed, in the order in which a reader should meet them."""

    MISMATCH = "MISMATCH"
    MISSING = "MISSING"
    TRUNCATED = "TRUNCATED"
    GROWN = "GROWN"
    UNREADABLE = "UNREADABLE"
    UNSAFE_PATH = "UNSAFE_PATH"
    PROBE_FAILED = "PROBE_FAILED"
    STALE = "STALE"
    SLOW = "SLOW"
    DELETED_AT_SOURCE = "DELETED_AT_SOURCE"
    MOVED = "MOVED"
    UNEXPECTED = "UNEXPECTED"
    OVERDUE = "OVERDUE"
    CHANGED = "CHANGED"
    EDITED = "EDITED"
    NEW = "NEW"
    NOT_YET = "NOT_YET"


class Reason(StrEnum):
    """Why a planned entry could not be told."""

    UNREACHABLE = "UNREACHABLE"
    ACCESS_DENIED = "ACCESS_DENIED"
    INTERRUPTED = "INTERRUPTED"
    NO_SPACE = "NO_SPACE"
    CANCELLED = "CANCELLED"
    TOOL_FAILED = "TOOL_FAILED"
    CHANGED_DURING = "CHANGED_DURING"
    OVER_BUDGET = "OVER_BUDGET"


WARNING_KINDS: Final = frozenset(
    {FindingKind.DELETED_AT_SOURCE, FindingKind.MOVED, FindingKind.UNEXPECTED, FindingKind.OVERDUE}
)
COUNTED_KINDS: Final = frozenset({FindingKind.CHANGED, FindingKind.EDITED, FindingKind.NEW, FindingKind.NOT_YET})
"""Differences that a living dataset makes by itself: counted, not held against the copy up to `changed_share`."""
FAILING_KINDS: Final = frozenset(FindingKind) - WARNING_KINDS - COUNTED_KINDS


class Match(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True, tag="match"):
    """Restored, read back, and every byte equal.

    `attempts` counts the tries that it took.
    """

    path: bytes
    size_bytes: int
    attempts: int = 1


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True, tag="finding"):
    """One observed discrepancy: what was expected, what came.

    `size_bytes` is what the manifest states (of an unexpected file, what the copy states): the bytes at stake.
    `encrypted` says that the bytes look it; `unchanging` that a kind that is only counted elsewhere is damage here.
    """

    path: bytes
    kind: FindingKind
    size_bytes: int = 0
    expected: str = ""
    actual: str = ""
    detail: str = ""
    attempts: int = 1
    encrypted: bool = False
    unchanging: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether this is a difference that a living dataset makes by itself, and not held against the copy."""
        return self.kind in COUNTED_KINDS and not self.unchanging


class Unrestored(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True, tag="unrestored"
):
    """A planned entry that could not be told, and why."""

    path: bytes
    reason: Reason
    size_bytes: int = 0
    detail: str = ""
    attempts: int = 1


Outcome = Match | Finding | Unrestored


def outcome_name(outcome: Outcome) -> str:
    """Return the word that stands for an outcome in `outcomes.jsonl.zst`: `match`, the kind, or the reason."""
    if isinstance(outcome, Match):
        return "match"
    return outcome.kind.value if isinstance(outcome, Finding) else outcome.reason.value
