"""The reference, and what was proven of it when → how much was ever proven, and how much not for too long.

A promise that every file is proven every so often can't be broken before so long has passed: since the copy was first
drilled, and since the file was last written.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET

from verifier import relpath
from verifier.drill.content import content_mark
from verifier.drill.moment import moment_of, time_text
from verifier.drill.reference import Reference
from verifier.entry import Entry
from verifier.ledger import Ledger, ProvenMark
from verifier.outcome import Finding, FindingKind
from verifier.proof import Count, CoverageFacts
from verifier.verdict import Amount

NAMED: Final = 5
"""So many of the files that were not proven for too long are named: the longest ago, and of these the largest."""

_DAY_SECONDS: Final = 86_400
_Row = tuple[bytes, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Every file is proven at least every so many seconds; `first_drilled` is when the copy was, None: only now."""

    seconds: int
    first_drilled: datetime | None


@dataclass(slots=True, kw_only=True)
class Covered:
    """How much of a reference was proven over time, and what of it `promise` says is overdue."""

    promise: Promise | None
    proven: Amount = field(default_factory=Amount)
    of: Amount = field(default_factory=Amount)
    overdue: Amount = field(default_factory=Amount)
    oldest_seconds: int | None = None
    _worst: list[tuple[int, int, bytes]] = field(default_factory=list)

    def add(self, entry: Entry, last_seconds: int | None, now_seconds: int) -> None:
        """Take in a file, and when it was last proven."""
        self.of.add(entry.size_bytes)
        if last_seconds is not None:
            self.proven.add(entry.size_bytes)
            self.oldest_seconds = min(
                last_seconds, last_seconds if self.oldest_seconds is None else self.oldest_seconds
            )
        if self.promise is not None and _is_overdue(entry, last_seconds, self.promise, now_seconds):
            self.overdue.add(entry.size_bytes)
            # The heap's least is the one to go, so what was proven latest is the least.
            heapq.heappush(self._worst, (-(last_seconds or 0), entry.size_bytes, entry.path))
            if len(self._worst) > NAMED:
                heapq.heappop(self._worst)

    def finding(self) -> Finding | None:
        """Return that files are overdue; None where none is."""
        if self.promise is None or not self.overdue.files:
            return None
        named = [_last_proven(entry) for entry in sorted(self._worst, reverse=True)]
        return Finding(
            path=b"",
            kind=FindingKind.OVERDUE,
            size_bytes=self.overdue.size_bytes,
            expected=f"every file proven within {_span(self.promise.seconds)}",
            actual=f"{self.overdue.files} of {self.of.files} not",
            detail="; ".join(named),
        )

    def facts(self) -> CoverageFacts:
        """Return what the proof states."""
        oldest = None if self.oldest_seconds is None else time_text(datetime.fromtimestamp(self.oldest_seconds, UTC))
        promised = self.promise is not None
        return CoverageFacts(
            proven=_count(self.proven),
            of=_count(self.of),
            oldest_proven_at=oldest,
            overdue=_count(self.overdue) if promised else UNSET,
            objective_seconds=UNSET if self.promise is None else self.promise.seconds,
        )


def coverage(
    reference: Reference,
    before: Iterable[ProvenMark],
    now_proven: Iterable[tuple[bytes, int]],
    *,
    now: datetime,
    promise: Promise | None = None,
) -> Covered:
    """Return how much of the reference was ever proven from a copy with its present content: a merge of streams.

    `before` are the ledger's rows and `now_proven` those of this drill, finished at `now`; both in the order of paths.
    """
    covered, now_seconds = Covered(promise=promise), int(now.timestamp())
    earlier = ((row.path, row.mark, row.proven_at_seconds) for row in before)
    present = ((path, mark, now_seconds) for path, mark in now_proven)
    rows = _Following(heapq.merge(earlier, present, key=operator.itemgetter(0)))
    for entry in reference.entries():
        if entry.link is not None:
            continue
        mark = content_mark(entry)
        times = [proven_at for _, proven_mark, proven_at in rows.at(entry.path) if proven_mark == mark]
        covered.add(entry, max(times, default=None), now_seconds)
    return covered


def first_drilled(book: Ledger, scenario: str, copy: str) -> datetime | None:
    """Return when the first drill of a copy was finished; None where there was none."""
    times = (one.finished_at for one in book.past_results(scenario) if one.copy == copy)
    return min((datetime.fromisoformat(time) for time in times), default=None)


def _is_overdue(entry: Entry, last_seconds: int | None, promise: Promise, now_seconds: int) -> bool:
    since = now_seconds - promise.seconds
    if last_seconds is not None:
        return last_seconds < since
    if promise.first_drilled is None or promise.first_drilled.timestamp() >= since:
        return False
    written_seconds = None if entry.mtime_ns is None else entry.mtime_ns // 1_000_000_000
    return written_seconds is None or not since <= written_seconds <= now_seconds


def _last_proven(worst: tuple[int, int, bytes]) -> str:
    seconds, _, path = worst
    when = "never proven" if not seconds else f"last proven {time_text(moment_of(-seconds * 1_000_000_000))}"
    return f"{relpath.show(path)} ({when})"


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, _DAY_SECONDS)
    return f"{days} days" if not rest else f"{seconds} seconds"


def _count(amount: Amount) -> Count:
    return Count(files=amount.files, bytes=amount.size_bytes)


class _Following:
    """Rows in the order of paths, asked for by paths in the same order."""

    def __init__(self, rows: Iterator[_Row]) -> None:
        self._rows = rows
        self._row = next(rows, None)

    def at(self, path: bytes) -> list[_Row]:
        """Return the rows of a path; those of paths before it are passed over."""
        found = []
        while self._row is not None and self._row[0] <= path:
            if self._row[0] == path:
                found.append(self._row)
            self._row = next(self._rows, None)
        return found
