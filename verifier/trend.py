"""What earlier drills say of a full restore → how it changes over time: pure."""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FEWEST: Final = 4
_SHORTEST_SECONDS: Final = 7 * 86_400
_PAST_DRILLS: Final = 200
_NORMAL_975: Final = 1.96
_MONTH_SECONDS: Final = 30 * 86_400
_STEEPEST: Final = math.log(100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRestore:
    """What an earlier drill says: when (seconds since 1970), how long a full restore, and of how much."""

    at_seconds: float
    restore_seconds: float
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How restores changed over drills, per 30 days, as shares: 0.1 is a tenth more.

    `restore_share` is of the time that a full restore takes, `pace_share` of the time that the same data would take:
    what is left when the data's growth is taken out. `is_slower` says that the latter rose, and not by chance.
    """

    drills: int
    restore_share: float
    pace_share: float
    is_slower: bool


def trend(drills: Sequence[PastRestore]) -> Trend | None:
    """Return how restores changed, in any order of drills; None of fewer than four or of a few days, which show none.

    Slopes are medians over all pairs (Theil and Sen), so that one odd drill moves nothing; whether they rise is judged
    by Mann's and Kendall's count of pairs, at 95 %.
    """
    points = sorted(((one.at_seconds, one) for one in drills if one.restore_seconds > 0), key=operator.itemgetter(0))[
        -_PAST_DRILLS:
    ]
    if len(points) < _FEWEST or points[-1][0] - points[0][0] < _SHORTEST_SECONDS:
        return None
    times = [math.log(one.restore_seconds) for _, one in points]
    # The geometric mean of files and bytes is a measure of work that doesn't ask which of the two costs more.
    work = [(math.log(one.files or 1) + math.log(one.size_bytes or 1)) / 2 for _, one in points]
    paces = [seconds - amount for seconds, amount in zip(times, work, strict=True)]
    moments = [at for at, _ in points]
    count = len(points)
    rises = sum((later > earlier) - (later < earlier) for earlier, later in itertools.combinations(paces, 2))
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return Trend(
        drills=count,
        restore_share=_share(moments, times),
        pace_share=_share(moments, paces),
        is_slower=rises - 1 > _NORMAL_975 * deviation,
    )


def in_words(restore_share: float | None, pace_share: float | None, *, is_slower: bool) -> str:
    """Return how a full restore's time changes, to stand behind it; empty where nobody can tell."""
    if restore_share is None or pace_share is None:
        return ""
    more = "more" if restore_share > 0 else "less"
    change = f"{abs(restore_share):.0%} {more} each 30 days" if round(abs(restore_share), 2) else "as long as ever"
    slower = f"; for the same data {pace_share:.0%} more each 30 days, and not by chance" if is_slower else ""
    return f", {change}{slower}"


def _share(moments: Sequence[float], logs: Sequence[float]) -> float:
    pairs = itertools.combinations(zip(moments, logs, strict=True), 2)
    slopes = [(later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in pairs if later[0] > earlier[0]]
    return math.expm1(min(_STEEPEST, statistics.median(slopes) * _MONTH_SECONDS))
