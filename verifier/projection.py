"""Timed batches of a drill → how long a full restore would take, with an interval. Pure.

A worker waits for a line's delay, a round for as many files as are asked for at once, and then takes its part of what
all workers share: the line, the disk, the processors. That is a closed network of queues, solved by mean value analysis
(Reiser and Lavenberg, "Mean-Value Analysis of Closed Multichain Queuing Networks", 1980): waits overlap, what is shared
adds up. Costs of a file and of a byte are fitted to the batches. What it can't know: whether the line will be as it
was.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

MOST_BATCHES: Final = 4_096
"""How many batches are worth keeping: the first ones of a drill, since neighbours tell what was done at once."""

_GROUPS: Final = 16
_T_975: Final = (3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)
_REPEATED: Final = math.log(1.1)  # two runs of the same restore differ by some 10 %, whatever a fit says
_ALONE: Final = math.log(2.0)  # one batch shows nothing of how batches differ
_FEW: Final = 4
_WIDEST: Final = math.log(100.0)
_HUBER: Final = 1.5
_ROUNDS: Final = 12
_COLLINEAR: Final = 1e-6


class Timing(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """How long a batch took, in seconds, as its worker saw it.

    `connect` until the copy was open, `first_byte` from the first request to the first bytes (`first_bytes` of them, in
    one go), `restore` from there to the last file's outcome, `verify` for reading back and comparing, `whole` all of
    it. `at_once` is how many files the source has under way at the same time.
    """

    connect_seconds: float = 0.0
    first_byte_seconds: float = 0.0
    restore_seconds: float = 0.0
    first_bytes: int = 0
    verify_seconds: float = 0.0
    whole_seconds: float = 0.0
    at_once: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedBatch:
    """A batch that was restored: what it held, and when it ended on the clock of whoever gave it out."""

    files: int
    size_bytes: int
    ended_at: float
    timing: Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What a full restore would take on: files, bytes, and into how many batches they would be cut."""

    files: int
    size_bytes: int
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """How long a full restore would take: the best guess, and between which two it lies 95 times in 100.

    `per_file_seconds` and `bytes_per_second` are the whole engine's; the latter is None where bytes cost nothing that
    could be measured.
    """

    seconds: float
    low_seconds: float
    high_seconds: float
    per_file_seconds: float
    bytes_per_second: float | None


class _Row(NamedTuple):
    """A batch for the fit: what it held, and its part of the time in which something was coming."""

    files: int
    size_bytes: int
    shared_seconds: float
    timing: Timing


class _Model(NamedTuple):
    """Seconds: of the engine for a file and for a byte; of a batch around its files; of a file on its way."""

    per_file: float
    per_byte: float
    around: float
    delay: float
    connect: float
    at_once: int


def project(
    batches: Sequence[TimedBatch], *, workers: int, whole: Whole, start_seconds: float = 0.0
) -> Projection | None:
    """Return how long restoring the whole would take with as many workers; None where nothing timed can tell.

    Args:
        batches: of one drill of one copy, contiguous in time.
        workers: how many there were and would be.
        whole: everything that a full restore brings.
        start_seconds: what passed before the first batch began, which a full restore waits for once, too.
    """
    rows = _rows(batches[:MOST_BATCHES])
    if not rows or (whole.size_bytes and not any(row.size_bytes for row in rows)):
        return None
    model = _fit(rows)
    seconds = _seconds(model, workers, whole) + start_seconds
    width = _log_width(rows, workers, whole, start_seconds)
    return Projection(
        seconds=seconds,
        low_seconds=seconds * math.exp(-width),
        high_seconds=seconds * math.exp(width),
        per_file_seconds=model.per_file,
        bytes_per_second=1 / model.per_byte if model.per_byte > 0 else None,
    )


def _seconds(model: _Model, workers: int, whole: Whole) -> float:
    batches = max(1, whole.batches)
    workers = max(1, min(workers, batches))
    # Files come in rounds of as many as are asked for at once; where one by one, delays are in what they cost.
    rounds = max(1, math.ceil(whole.files / batches / model.at_once)) if model.at_once > 1 else 1
    apart = model.around + model.delay * rounds
    shared = (whole.files * model.per_file + whole.size_bytes * model.per_byte) / batches
    cycle, queued = apart + shared, 0.0
    for busy in range(1, workers + 1):  # mean value analysis: who comes finds the queue that one fewer would leave
        served = shared * (1 + queued)
        cycle = apart + served
        queued = busy * served / cycle if cycle > 0 else 0.0
    return model.connect + batches / workers * cycle


def _rows(batches: Sequence[TimedBatch]) -> list[_Row]:
    """Share each moment among the batches that were restoring files in it, so that all shares add up to the time."""
    timed = [batch for batch in batches if batch.files or batch.size_bytes]
    begins = [(batch.ended_at - max(0.0, batch.timing.restore_seconds), number) for number, batch in enumerate(timed)]
    ends = [(batch.ended_at, number) for number, batch in enumerate(timed)]
    moments = sorted([(at, 1, number) for at, number in begins] + [(at, 0, number) for at, number in ends])
    shares = [0.0] * len(timed)
    active: set[int] = set()
    before = moments[0][0] if moments else 0.0
    for at, is_begin, number in moments:
        for one in active:
            shares[one] += (at - before) / len(active)
        before = at
        if is_begin:
            active.add(number)
        else:
            active.discard(number)
    return [
        _Row(
            files=batch.files,
            size_bytes=max(0, batch.size_bytes - batch.timing.first_bytes),
            shared_seconds=share,
            timing=batch.timing,
        )
        for batch, share in zip(timed, shares, strict=True)
    ]


def _fit(rows: Sequence[_Row]) -> _Model:
    per_file, per_byte = _costs(rows)
    timings = [row.timing for row in rows]
    connects = [timing.connect_seconds for timing in timings]
    around = [
        max(0.0, one.whole_seconds - one.connect_seconds - one.first_byte_seconds - one.restore_seconds)
        for one in timings
    ]
    return _Model(
        per_file=per_file,
        per_byte=per_byte,
        around=statistics.median(around),
        delay=_low(max(0.0, one.first_byte_seconds - one.first_bytes * per_byte) for one in timings),
        connect=max(connects),
        at_once=max(1, *(one.at_once for one in timings)),
    )


def _low(values: Iterable[float]) -> float:
    """Return the lower quartile: what waited for another worker's bytes waited longer than the line's delay."""
    ordered = sorted(values)
    place = (len(ordered) - 1) / 4
    below = ordered[int(place)]
    return below + (ordered[math.ceil(place)] - below) * (place - int(place))


def _costs(rows: Sequence[_Row]) -> tuple[float, float]:
    """Return seconds of a file and of a byte: least squares without negative costs, a few slow batches bounded."""
    weights = [1.0] * len(rows)
    costs = (0.0, 0.0)
    for _ in range(_ROUNDS):
        costs = _least_squares(rows, weights)
        expected = [row.files * costs[0] + row.size_bytes * costs[1] for row in rows]
        # What a batch takes varies with how much it is, so it is by ratio that one is told to be slow.
        ratios = [row.shared_seconds / one if one > 0 else 1.0 for row, one in zip(rows, expected, strict=True)]
        middle = statistics.median(ratios)
        spread = 1.4826 * statistics.median(abs(ratio - middle) for ratio in ratios)
        bound = max(_HUBER * spread, 1e-9)
        weights = [min(1.0, bound / max(abs(ratio - middle), 1e-12)) for ratio in ratios]
    return costs


def _least_squares(rows: Sequence[_Row], weights: Sequence[float]) -> tuple[float, float]:
    files_scale = math.fsum(row.files for row in rows) or 1.0
    bytes_scale = math.fsum(row.size_bytes for row in rows) or 1.0
    seconds_scale = math.fsum(row.shared_seconds for row in rows) or 1.0
    points = [
        # In shares of all, so that neither unit matters; each row counts by how much it is.
        (weight / max(row.files / files_scale + row.size_bytes / bytes_scale, 1e-12), row)
        for weight, row in zip(weights, rows, strict=True)
    ]
    xx = math.fsum(w * (row.files / files_scale) ** 2 for w, row in points)
    yy = math.fsum(w * (row.size_bytes / bytes_scale) ** 2 for w, row in points)
    xy = math.fsum(w * (row.files / files_scale) * (row.size_bytes / bytes_scale) for w, row in points)
    xt = math.fsum(w * (row.files / files_scale) * (row.shared_seconds / seconds_scale) for w, row in points)
    yt = math.fsum(w * (row.size_bytes / bytes_scale) * (row.shared_seconds / seconds_scale) for w, row in points)
    determinant = xx * yy - xy * xy
    if determinant <= _COLLINEAR * xx * yy:
        # Files and bytes can't be told apart: each is given half, which is right for data of the same mixture.
        both = xx + 2 * xy + yy
        share = (xt + yt) / both if both > 0 else 0.0
        found = (share, share) if xx > 0 and yy > 0 else (share if xx > 0 else 0.0, share if yy > 0 else 0.0)
    else:
        found = ((xt * yy - yt * xy) / determinant, (yt * xx - xt * xy) / determinant)
        if found[0] < 0:
            found = (0.0, yt / yy)
        elif found[1] < 0:
            found = (xt / xx, 0.0)
    return found[0] * seconds_scale / files_scale, found[1] * seconds_scale / bytes_scale


def _log_width(rows: Sequence[_Row], workers: int, whole: Whole, start_seconds: float) -> float:
    """Return half the interval's width in logarithms: a jackknife over groups of batches, beside what repeats show."""
    groups = min(_GROUPS, len(rows))
    if groups == 1:
        return _ALONE
    logs = []
    for group in range(groups):
        others = [row for number, row in enumerate(rows) if number % groups != group]
        seconds = _seconds(_fit(others), workers, whole) + start_seconds
        logs.append(math.log(max(seconds, 1e-9)))
    middle = math.fsum(logs) / groups
    error = math.sqrt((groups - 1) / groups * math.fsum((one - middle) ** 2 for one in logs))
    if groups < _FEW:  # too few to know how they scatter
        return min(_WIDEST, math.hypot(2 * error, _ALONE))
    return min(_WIDEST, math.hypot(_T_975[groups - _FEW] * error, _REPEATED))
