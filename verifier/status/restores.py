"""What each drill of a copy said of a full restore → how long one takes now, and how that changes."""

from __future__ import annotations

import msgspec

from verifier.ledger import PastResult
from verifier.trend import PastRestore, trend


class RestoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How long a full restore takes by the last drill that could tell, at the copy's present address.

    `restore_share` is how that changed in 30 days over all drills (0.1: a tenth more), `pace_share` how the time for
    the same data did; `is_slower` says that the latter rose, and not by chance. None where nothing tells.
    """

    full_seconds: float | None = None
    restore_share: float | None = None
    pace_share: float | None = None
    is_slower: bool = False


class Restores:
    """How long full restores of one copy took, at the address where it was last drilled."""

    def __init__(self) -> None:
        self._address: str | None = None
        self._past: list[PastRestore] = []

    def add(self, result: PastResult) -> None:
        """Take in one more drill; at another address everything begins anew."""
        if result.seen is not None and result.seen.address != self._address:
            self._address, self._past = result.seen.address, []
        if result.full_restore is not None:
            self._past.append(result.full_restore)

    def told(self) -> RestoreStatus:
        """Return what all drills say."""
        if not self._past:
            return RestoreStatus()
        changed, full_seconds = trend(self._past), self._past[-1].restore_seconds
        if changed is None:
            return RestoreStatus(full_seconds=full_seconds)
        return RestoreStatus(
            full_seconds=full_seconds,
            restore_share=changed.restore_share,
            pace_share=changed.pace_share,
            is_slower=changed.is_slower,
        )
