"""One batch: source → scratch → compare → outcomes, one for each item, in the items' order.

`restore_batch` is a plain function of picklable values, so that any executor can run it anywhere. A worker keeps its
sources open from batch to batch. A file over `PIECE_BYTES` goes through scratch piece by piece.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from verifier import digest, progress
from verifier.compare import Reference, Restored, chunks, first_bytes, judge, read_back, stated_size
from verifier.entry import PIECE_BYTES, Item
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    ChangedDuringError,
    InterruptedTransferError,
    ScratchFullError,
    SourceError,
    UnreachableError,
    UnreadableError,
)
from verifier.live import LiveFolder
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored
from verifier.progress import CancelledError
from verifier.projection import Timing
from verifier.scratch import Slot
from verifier.sources.interface import Failed, Landed, Location, Request, Source
from verifier.sources.naming import Naming
from verifier.sources.table import open_source

_REASONS: Final[tuple[tuple[type[SourceError], Reason], ...]] = (
    (AccessDeniedError, Reason.ACCESS_DENIED),
    (UnreachableError, Reason.UNREACHABLE),
    (ChangedDuringError, Reason.CHANGED_DURING),
    (InterruptedTransferError, Reason.INTERRUPTED),
)
_open_sources: Final[dict[tuple[str, str, Naming], Source]] = {}
_open_live: Final[dict[Path, LiveFolder]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all batches of one copy share. `live` is where an entry without a digest is hashed (`prove --against`)."""

    location: Location
    batches: Path
    share_bytes: int
    algorithm: str
    keeps_times: bool
    live: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some 1,000 small files, or 256 MB: what a worker does in one go."""

    number: int
    job: Job
    items: tuple[Item, ...]


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome for each item, in the items' order. `cached_files` may have come from this machine's memory."""

    outcomes: tuple[Outcome, ...]
    cached_files: int = 0
    timing: Timing = Timing()


def restore_batch(batch: Batch) -> BatchResult:
    """Restore, read back and judge every item; a file is gone from scratch before the next one needs its room."""
    work = _BatchWork(batch)
    began_at = opened_at = time.monotonic()
    try:
        work.source = _source(batch.job.location)
        opened_at = time.monotonic()
        with Slot(batch.job.batches / f"{batch.number:08d}", batch.job.share_bytes) as slot:
            work.run(slot)
    except CancelledError:
        work.close_open_items(Reason.CANCELLED, "the drill was cancelled")
    except ScratchFullError as error:
        work.close_open_items(Reason.NO_SPACE, error.message)
    except SourceError as error:
        _forget(batch.job.location)
        work.close_open_items(_reason(error), error.message)
    timing = msgspec.structs.replace(
        work.timing, connect_seconds=opened_at - began_at, whole_seconds=time.monotonic() - began_at
    )
    return BatchResult(outcomes=tuple(work.outcomes()), cached_files=work.cached_files, timing=timing)


def open_ahead(location: Location) -> None:
    """Open the copy that this process will be given batches of; where it can't be, the first batch will say why."""
    with contextlib.suppress(SourceError):
        _source(location)


def close_sources() -> None:
    """Close what this process holds open; for a process that goes on after its last batch."""
    while _open_sources:
        _open_sources.popitem()[1].close()
    while _open_live:
        _open_live.popitem()[1].close()


def _source(location: Location) -> Source:
    source = _open_sources.get(_key(location))
    if source is None:
        source = _open_sources[_key(location)] = open_source(location)
    return source


def _key(location: Location) -> tuple[str, str, Naming]:
    """Return what tells a location from others: the same address with other credentials, or other names, is another."""
    return location.address, repr(sorted(location.options.items())), location.naming


def _live_folder(root: Path) -> LiveFolder:
    live = _open_live.get(root)
    if live is None:
        live = _open_live[root] = LiveFolder(root)
    return live


def _forget(location: Location) -> None:
    source = _open_sources.pop(_key(location), None)
    if source is not None:
        source.close()


def _reason(error: SourceError) -> Reason:
    return next((reason for kind, reason in _REASONS if isinstance(error, kind)), Reason.INTERRUPTED)


class _BatchWork:
    """The state of one batch: which items have their outcome."""

    def __init__(self, batch: Batch) -> None:
        self._job = batch.job
        self._items = batch.items
        self._outcomes: list[Outcome | None] = [None] * len(batch.items)
        self._verify_seconds = 0.0
        self._first_landed_at: float | None = None
        self.cached_files = 0
        self.timing = Timing()
        self.source: Source

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes in the items' order; every item has one."""
        for outcome in self._outcomes:
            if outcome is None:
                raise AssertionError("an item was left without an outcome")
            yield outcome

    def close_open_items(self, reason: Reason, detail: str) -> None:
        """Give every item that has none the outcome that it could not be told, and why."""
        for number, outcome in enumerate(self._outcomes):
            if outcome is None:
                self._close(number, _unrestored(self._items[number], reason, detail))

    def run(self, slot: Slot) -> None:
        """Work all items, and note how long it took."""
        began_at = time.monotonic()
        self._run(slot)
        ended_at = time.monotonic()
        first_at = slot.first_at or self._first_landed_at or ended_at  # an empty file has no first byte
        self.timing = Timing(
            first_byte_seconds=first_at - began_at,
            first_bytes=slot.first_bytes,
            restore_seconds=ended_at - first_at,
            verify_seconds=self._verify_seconds,
            at_once=self.source.at_once,
        )

    def _run(self, slot: Slot) -> None:
        """Work small files many at once within the slot's bound, larger ones piece by piece."""
        portion = max(1, min(PIECE_BYTES, self._job.share_bytes // 2))
        group: list[int] = []
        group_bytes = 0
        for number, item in enumerate(self._items):
            size_bytes = item.listed.size_bytes
            if item.piece is not None or size_bytes > portion:
                self._close(number, self._restore_by_portions(number, slot, portion))
                continue
            if group_bytes + size_bytes > portion:
                self._restore_whole(group, slot)
                group, group_bytes = [], 0
            group.append(number)
            group_bytes += size_bytes
        self._restore_whole(group, slot)

    def _close(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        progress.meter().finished(0 if self._items[number].piece else 1)

    def _restore_whole(self, numbers: Sequence[int], slot: Slot) -> None:
        requests = [Request(number=number, listed=self._items[number].listed) for number in numbers]
        for answer in self.source.restore(requests, slot):
            item = self._items[answer.number]
            if isinstance(answer, Failed):
                outcome = _failure(item, answer)
            else:
                self._spoil(item, slot, answer.number)
                landed_at = time.monotonic()
                self._first_landed_at = self._first_landed_at or landed_at
                outcome = self._judge_whole(item, answer, slot)
                self._verify_seconds += time.monotonic() - landed_at
            slot.free(answer.number)
            self._close(answer.number, outcome)

    def _judge_whole(self, item: Item, landed: Landed, slot: Slot) -> Outcome:
        self.cached_files += landed.cached
        descriptor = slot.open(landed.number)
        size_bytes, value = read_back(descriptor, self._job.algorithm)
        expected = self._expected(item)
        if not isinstance(expected, str):
            return expected
        reference = _reference(item, expected)
        restored = _restored(landed, size_bytes, value)
        if (size_bytes, value) != (reference.size_bytes, expected):
            head, only_zeros = first_bytes(descriptor)
            restored = replace(restored, head=head, only_zeros=only_zeros)
        return judge(reference, restored, keeps_times=self._job.keeps_times)

    def _restore_by_portions(self, number: int, slot: Slot, portion: int) -> Outcome:
        """Restore a large file, or one piece of it, no more than `portion` bytes in scratch at a time."""
        item = self._items[number]
        start, end = _range(item)
        hasher = digest.new_hasher(self._job.algorithm)
        size_bytes, head, landed = 0, b"", Landed(number=number)
        changed = False
        for offset in range(start, end, portion):
            length_bytes = min(portion, end - offset)
            last = offset + length_bytes == item.listed.size_bytes
            request = Request(number=number, listed=item.listed, offset=offset, length_bytes=length_bytes, to_end=last)
            (answer,) = self.source.restore([request], slot)
            if isinstance(answer, Failed):
                slot.free(number)
                return _failure(item, answer)
            self._spoil(item, slot, number)
            landed, changed = answer, changed or answer.changed
            landed_at = time.monotonic()
            self._first_landed_at = self._first_landed_at or landed_at
            descriptor = slot.open(number)
            head = head or os.pread(descriptor, 64 * 1024, 0)
            for chunk in chunks(descriptor):
                hasher.update(chunk)
                size_bytes += len(chunk)
            self._verify_seconds += time.monotonic() - landed_at
            slot.free(number)
        self.cached_files += landed.cached
        expected = self._expected(item)
        if not isinstance(expected, str):
            return expected
        restored = _restored(landed, size_bytes, hasher.hexdigest())
        restored = replace(restored, changed_during=changed, head=head if item.piece in (None, 0) else b"")
        return judge(_reference(item, expected), restored, keeps_times=self._job.keeps_times)

    def _spoil(self, item: Item, slot: Slot, number: int) -> None:
        """For the drill's test of itself: damage what landed in scratch, as a bad disk would."""
        if item.control != "flip":
            return
        first = os.pread(slot.open(number), 1, 0)
        slot.write(number, 0, bytes([first[0] ^ 1]) if first else b"\0")

    def _expected(self, item: Item) -> str | Finding | Unrestored:
        """Return the digest that the item must have: the manifest's, or that of the live file as it is now."""
        if item.piece is not None:
            return item.entry.pieces[item.piece]
        if item.entry.digest is not None:
            return item.entry.digest
        if self._job.live is None:
            raise AssertionError("an entry without a digest needs live data to be held against")
        try:
            live = _live_folder(self._job.live)
            return live.hash_range(item.entry, 0, item.entry.size_bytes, self._job.algorithm)
        except ChangedDuringError as error:
            return Finding(
                path=item.entry.path,
                kind=FindingKind.EDITED,
                size_bytes=item.entry.size_bytes,
                detail=error.message,
            )
        except SourceError as error:
            return _unrestored(item, _reason(error), error.message)


def _range(item: Item) -> tuple[int, int]:
    size_bytes = item.listed.size_bytes
    if item.piece is None:
        return 0, size_bytes
    start = item.piece * PIECE_BYTES
    return start, min(start + PIECE_BYTES, size_bytes)


def _reference(item: Item, expected: str) -> Reference:
    size_bytes = item.entry.size_bytes
    if item.piece is not None:
        start, end = _range(item)
        size_bytes = end - start
    return Reference(
        path=item.entry.path,
        size_bytes=size_bytes,
        digest=expected,
        mtime_ns=item.entry.mtime_ns,
        unchanging=item.unchanging,
        size_known=item.entry.size_known,
    )


def _restored(landed: Landed, size_bytes: int, value: str) -> Restored:
    return Restored(
        size_bytes=size_bytes,
        digest=value,
        mtime_ns=landed.mtime_ns,
        changed_during=landed.changed,
        attempts=landed.attempts,
    )


def _failure(item: Item, failed: Failed) -> Outcome:
    """Return what a file's own error means: it isn't there, it fails by itself, or it can't be told."""
    error = failed.error
    kinds = ((AbsentError, FindingKind.MISSING), (UnreadableError, FindingKind.UNREADABLE))
    for family, kind in kinds:
        if isinstance(error, family):
            return Finding(
                path=item.entry.path,
                kind=kind,
                size_bytes=item.entry.size_bytes,
                expected=stated_size(item.entry),
                actual=error.message,
                attempts=failed.attempts,
            )
    return _unrestored(item, _reason(error), error.message, failed.attempts)


def _unrestored(item: Item, reason: Reason, detail: str, attempts: int = 1) -> Unrestored:
    return Unrestored(
        path=item.entry.path, reason=reason, size_bytes=item.entry.size_bytes, detail=detail, attempts=attempts
    )


def combine_pieces(outcomes: Sequence[Outcome], item: Item) -> Outcome:
    """Return the outcome of a file from those of all its pieces: the worst of them, in the file's own size.

    A finding that is held against the copy comes first, then what could not be told, then a change.
    """
    attempts = max(outcome.attempts for outcome in outcomes)
    told = [(number, outcome) for number, outcome in enumerate(outcomes) if not isinstance(outcome, Match)]
    if not told:
        return Match(path=item.entry.path, size_bytes=item.entry.size_bytes, attempts=attempts)
    gravest = max(_gravity(outcome) for _, outcome in told)
    bad = [(number, outcome) for number, outcome in told if _gravity(outcome) == gravest]
    number, worst = bad[0]
    where = f"in {len(bad)} of {len(outcomes)} pieces, the first at byte {number * PIECE_BYTES}"
    detail = f"{worst.detail}; {where}" if worst.detail else where
    return msgspec.structs.replace(worst, size_bytes=item.entry.size_bytes, detail=detail, attempts=attempts)


def _gravity(outcome: Finding | Unrestored) -> int:
    if isinstance(outcome, Unrestored):
        return 2
    return 1 if outcome.is_counted else 3
