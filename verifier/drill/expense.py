"""What a drill would restore of a copy, and the drills before it → how long it takes, and what it costs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from verifier import prices, relpath
from verifier.drill.surveyed import Survey
from verifier.ledger import PastResult
from verifier.scenario.scenario import Copy
from verifier.sources.table import kind_of
from verifier.trend import PastRestore, trend
from verifier.verdict import Amount

_LAST_DRILLS: Final = 5
_LEAST_SPREAD: Final = 1.1  # two drills of the same size differ by some 10 %


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What a place that charges would put on the bill, in US dollars, and what of it is free.

    The free egress is what this copy's own bytes earn in a month; `egress_before_bytes` left of it in drills since the
    month began, and what else the account did nobody here knows.
    """

    class_b_calls: int
    class_c_calls: int
    egress_bytes: int
    free_egress_bytes: int
    egress_before_bytes: int
    charged_egress_bytes: int
    dollars: Decimal
    storage_dollars_per_month: Decimal
    prices_since: date
    prices_read_on: date


class Duration(msgspec.Struct, frozen=True, kw_only=True):
    """How long a drill would take, in seconds, as `drills` of the past did, and between which two times it should lie.

    `full_seconds` is how long a full restore takes, by the last drill that could tell; the shares are how that, and the
    time for the same data, changed in 30 days over all drills (0.1: a tenth more). None where nothing tells.
    """

    drills: int
    seconds: float
    low_seconds: float
    high_seconds: float
    full_seconds: float | None = None
    restore_share: float | None = None
    pace_share: float | None = None
    is_slower: bool = False


def past_drills(copy: Copy, results: Iterable[PastResult]) -> list[PastResult]:
    """Return those results that are of a copy at the place where it is now, from the first drill on."""
    address = relpath.as_text(copy.at)
    return [one for one in results if one.copy == copy.name and one.seen is not None and one.seen.address == address]


def past_restores(copy: Copy, results: Iterable[PastResult]) -> tuple[PastRestore, ...]:
    """Return how long full restores of a copy took, by each drill that could tell, from the first on."""
    found = (one.full_restore for one in past_drills(copy, results))
    return tuple(one for one in found if one is not None)


def duration(restored: Amount, past: Sequence[PastResult]) -> Duration | None:
    """Return how long restoring so much would take; None where no drill restored anything yet.

    Each of the last drills is scaled by the geometric mean of files and bytes, as nobody asks here which of the two
    costs more; what lies between both is the interval.
    """
    known = [one.seen for one in past if one.seen is not None]
    timed = [seen for seen in known if seen.restored_files and seen.seconds > 0][-_LAST_DRILLS:]
    if not timed or not restored.files:
        return None
    middles, bounds = [], []
    for seen in timed:
        files = restored.files / seen.restored_files
        size = restored.size_bytes / seen.restored_bytes if seen.restored_bytes and restored.size_bytes else files
        middles.append(seen.listing_seconds + seen.seconds * math.sqrt(files * size))
        bounds += [seen.listing_seconds + seen.seconds * scale for scale in (files, size)]
    seconds = statistics.median(middles)
    full = [one.full_restore for one in past if one.full_restore is not None]
    changed = trend(full)
    return Duration(
        drills=len(timed),
        seconds=seconds,
        low_seconds=min(*bounds, seconds / _LEAST_SPREAD),
        high_seconds=max(*bounds, seconds * _LEAST_SPREAD),
        full_seconds=full[-1].restore_seconds if full else None,
        restore_share=None if changed is None else changed.restore_share,
        pace_share=None if changed is None else changed.pace_share,
        is_slower=changed is not None and changed.is_slower,
    )


def money(survey: Survey, restored: Amount, past: Sequence[PastResult], *, workers: int, now: datetime) -> Money | None:
    """Return what a drill would cost; None where the place charges nothing."""
    if kind_of(survey.copy.at) != "b2":
        return None
    listed = prices.b2_prices(now.date())
    calls = prices.b2_calls(
        listed,
        versions=survey.facts.versions or survey.listed.files,
        download_calls=prices.downloads_at_most(restored.files, restored.size_bytes),
        workers=workers,
        controls=restored.files > 0,
        heartbeat=survey.heartbeat_listed is not None,
    )
    month = [one.seen for one in past if one.seen is not None and _month(one.finished_at) == _month(now.isoformat())]
    before = sum(seen.restored_bytes for seen in month)
    cost = prices.cost(
        listed,
        calls,
        egress_bytes=restored.size_bytes,
        stored_bytes=survey.listed.size_bytes,
        egress_before_bytes=before,
    )
    return Money(
        class_b_calls=calls.class_b,
        class_c_calls=calls.class_c,
        egress_bytes=cost.egress_bytes,
        free_egress_bytes=cost.free_egress_bytes,
        egress_before_bytes=before,
        charged_egress_bytes=cost.charged_egress_bytes,
        dollars=cost.dollars,
        storage_dollars_per_month=cost.storage_dollars_per_month,
        prices_since=cost.prices_since,
        prices_read_on=cost.prices_read_on,
    )


def _month(at: str) -> tuple[int, int]:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    return moment.year, moment.month
