"""A copy's own time and the drill's pace → how old the snapshot is, how long a full restore takes, and what is amiss.

The age comes from the copy's own snapshot time; else from the heartbeat that it carries; else from the newest
modification time, and is called that. A time in the future is told and never trusted.

Neither is ever silent about an objective. SLOW fails a copy only where even the fast end of the projection's interval
is too slow, so that noise alone does not; where the best guess is too slow and the fast end is not, the copy is WARNED.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from verifier.drill.carry_out import Work
from verifier.drill.moment import moment_of, time_text
from verifier.drill.surveyed import Survey
from verifier.heartbeat import AHEAD
from verifier.outcome import Finding, FindingKind
from verifier.plan import BatchSize
from verifier.projection import Whole, project
from verifier.scenario.scenario import Objectives
from verifier.verdict import Amount

SnapshotIs = Literal["the copy's own", "heartbeat", "newest modification time", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Which state a copy holds: its moment, as far as one can be told, and by what. `stated` is the copy's own word."""

    is_: SnapshotIs
    at: datetime | None = None
    stated: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTime:
    """How long a full restore takes; not `projected` where that is what the drill did."""

    seconds: float
    low_seconds: float
    high_seconds: float
    projected: bool
    per_file_seconds: float | None = None
    bytes_per_second: float | None = None


def snapshot_of(survey: Survey | None, *, now: datetime) -> Snapshot:
    """Return which state the copy holds, by the best that it says of itself."""
    if survey is None:
        return Snapshot(is_="unknown")
    stated = survey.facts.snapshot
    if stated is not None:
        return Snapshot(is_="the copy's own", at=_in_the_past(_parsed(stated), now), stated=stated)
    beat = None if survey.heartbeat is None else _in_the_past(survey.heartbeat.written_at, now)
    if beat is not None:
        return Snapshot(is_="heartbeat", at=beat)
    if survey.newest_mtime_ns is not None:
        return Snapshot(is_="newest modification time", at=moment_of(survey.newest_mtime_ns))
    return Snapshot(is_="unknown")


def restore_time(work: Work | None, *, full: bool, complete: bool, seconds: float, whole: Amount) -> RestoreTime | None:
    """Return how long a full restore takes: measured by one that was `full` and `complete`, else projected from pace.

    Args:
        work: the batches of this drill, timed.
        full: whether everything was to be restored.
        complete: whether all of it was, without a break.
        seconds: how long this drill's restore took.
        whole: what there is to restore.
    """
    if work is None or not work.timed or not whole.files:
        return None
    if full and complete and not work.resumed:
        return RestoreTime(seconds=seconds, low_seconds=seconds, high_seconds=seconds, projected=False)
    size = BatchSize.of(whole.files, whole.size_bytes)
    batches = max(-(-whole.files // size.files), -(-whole.size_bytes // size.size_bytes))
    found = project(
        work.timed,
        workers=work.workers,
        whole=Whole(files=whole.files, size_bytes=whole.size_bytes, batches=batches),
        start_seconds=work.start_seconds,
    )
    if found is None:
        return None
    return RestoreTime(
        seconds=found.seconds,
        low_seconds=found.low_seconds,
        high_seconds=found.high_seconds,
        projected=True,
        per_file_seconds=found.per_file_seconds,
        bytes_per_second=found.bytes_per_second,
    )


def missed(objectives: Objectives, snapshot: Snapshot, time: RestoreTime | None, *, now: datetime) -> Iterator[Finding]:
    """Yield what is held against the copy: STALE over the RPO, SLOW where a full restore is over the RTO for sure."""
    if objectives.rpo_seconds is not None and snapshot.at is not None:
        age_seconds = (now - snapshot.at).total_seconds()
        if age_seconds > objectives.rpo_seconds:
            what = {"the copy's own": "the snapshot's age", "heartbeat": "the age of the heartbeat in the copy"}
            detail = what.get(snapshot.is_, "the newest file's age")
            yield _finding(FindingKind.STALE, objectives.rpo_seconds, age_seconds, detail)
    if objectives.rto_seconds is not None and time is not None and time.low_seconds > objectives.rto_seconds:
        detail = "a full restore, projected" if time.projected else "a full restore, measured"
        yield _finding(FindingKind.SLOW, objectives.rto_seconds, time.seconds, detail)


def warnings(
    objectives: Objectives, survey: Survey | None, snapshot: Snapshot, time: RestoreTime | None, *, now: datetime
) -> Iterator[str]:
    """Yield what makes a good copy a WARNED one: objectives that may be missed, and times that can't be right."""
    if survey is None:
        return
    if survey.heartbeat is not None and _in_the_past(survey.heartbeat.written_at, now) is None:
        ahead = time_text(survey.heartbeat.written_at)
        yield f"the heartbeat in the copy is of {ahead}, which is in the future, so it was not relied on"
    if objectives.rpo_seconds is not None:
        if snapshot.at is None:
            yield "how old the copy is can't be told: it states no time that could be relied on"
        elif snapshot.at > now + AHEAD:
            yield f"how old the copy is can't be told: its {snapshot.is_} is in the future, {time_text(snapshot.at)}"
    rto_seconds = objectives.rto_seconds
    if rto_seconds is not None and time is None:
        yield "how long a full restore takes can't be told: too little was restored to tell"
    if rto_seconds is not None and time is not None and time.low_seconds <= rto_seconds < time.seconds:
        yield (
            f"a full restore is projected to take {_span(time.seconds)} ({_span(time.low_seconds)} to "
            f"{_span(time.high_seconds)}), more than the {_span(rto_seconds)} that are wanted, though not for sure"
        )


def notes(objectives: Objectives, survey: Survey | None, time: RestoreTime | None) -> Iterator[str]:
    """Yield what a reader should know and nobody is blamed for."""
    if survey is not None and survey.heartbeat_trouble is not None:
        yield f"the heartbeat in the copy was not relied on: {survey.heartbeat_trouble}"
    rto_seconds = objectives.rto_seconds
    if rto_seconds is not None and time is not None and time.seconds <= rto_seconds < time.high_seconds:
        yield (
            f"a full restore is projected to take {_span(time.seconds)}, within the {_span(rto_seconds)} that are "
            f"wanted, though it could be {_span(time.high_seconds)}"
        )


def _finding(kind: FindingKind, allowed_seconds: float, actual_seconds: float, detail: str) -> Finding:
    return Finding(
        path=b"",
        kind=kind,
        expected=f"at most {_span(allowed_seconds)}",
        actual=_span(actual_seconds),
        detail=detail,
    )


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(min(seconds, 1e10))))


def _parsed(text: str) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
        return None if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _in_the_past(at: datetime | None, now: datetime) -> datetime | None:
    return None if at is None or at > now + AHEAD else at
