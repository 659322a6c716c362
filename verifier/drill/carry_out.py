"""Drawn items → batches → workers → outcomes, each batch on disk as soon as it is done.

What is on disk is also what an interrupted drill is resumed from: the same seed gives the same batches, and one whose
items are the same as then is not done again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import xxhash
import zstandard

from verifier.drill.draw import Draw
from verifier.drill.watching import Interruption, Watcher
from verifier.engine import Done, Engine, Lost
from verifier.entry import PIECE_BYTES, Item
from verifier.errors import ScratchFullError
from verifier.ledger import Ledger
from verifier.outcome import Finding, Outcome, Reason, Unrestored
from verifier.plan import BatchSize, as_newer, batches
from verifier.projection import MOST_BATCHES, TimedBatch
from verifier.restore import Batch, BatchResult, Job, combine_pieces, restore_batch
from verifier.spool import Table

_encode: Final = msgspec.msgpack.Encoder().encode
_result_decoder: Final = msgspec.msgpack.Decoder(BatchResult)


@dataclass(kw_only=True)
class Work:
    """One copy's batches: what they are made of, where they are saved, and what became of those that gave no answer.

    `timed` are the first ones that were done now and to the end, `start_seconds` what passed before they began;
    `resumed` that some were done by an interrupted drill. `budget_seconds` is after how long no batch is begun any
    more, None: never; `out_of_time` that it came to this.
    """

    drill_id: str
    copy: str
    job: Job
    drawn: Draw
    ledger: Ledger
    budget_seconds: float | None = None
    out_of_time: bool = False
    lost: dict[int, Unrestored] = field(default_factory=dict)
    partial: dict[int, BatchResult] = field(default_factory=dict)
    bytes_moved: int = 0
    cached_files: int = 0
    workers: int = 1
    resumed: bool = False
    start_seconds: float = 0.0
    timed: list[TimedBatch] = field(default_factory=list)

    def batches(self) -> Iterator[tuple[int, tuple[Item, ...]]]:
        """Yield number and items of each batch: the same ones whenever they are asked for."""
        # What a budget may cut shares no batch with what it may not.
        return enumerate(itertools.chain(_cut(self.drawn.items), _cut(self.drawn.coverage)))

    def carry_out(self, engine: Engine, watcher: Watcher, interruption: Interruption) -> None:
        """Have every batch done that is not saved yet."""
        under_way: dict[int, tuple[Item, ...]] = {}
        done_before = self._done_before()
        self.workers, self.resumed = engine.workers, done_before[0] > 0

        def tasks() -> Iterator[tuple[int, Batch]]:
            for number, items in self.batches():
                if self._saved(number, items) is None:
                    if self._is_over(began_at):
                        return
                    under_way[number] = items
                    yield number, Batch(number=number, job=self.job, items=items)

        def tell() -> None:
            files = done_before[0] + engine.files_finished - begun_files
            moved = done_before[1] + engine.bytes_moved - begun_bytes
            watcher.progress(files, self.drawn.amount.files, moved, self.drawn.amount.size_bytes)

        begun_files, begun_bytes = engine.files_finished, engine.bytes_moved
        began_at = time.monotonic()
        if interruption.requested:
            return
        for answer in engine.map(restore_batch, tasks(), on_progress=tell):
            items = under_way.pop(answer.number)
            if isinstance(answer, Done):
                self._time(answer, items, began_at)
                self._keep(answer, items, watcher)
            elif isinstance(answer, Lost):
                self.lost[answer.number] = _lost(answer)
            tell()
        self.bytes_moved = engine.bytes_moved - begun_bytes

    def _is_over(self, began_at: float) -> bool:
        """Tell whether the budget's time has passed; what is under way then comes to its end."""
        if self.budget_seconds is not None and time.monotonic() - began_at >= self.budget_seconds:
            self.out_of_time = True
        return self.out_of_time

    def _time(self, answer: Done[BatchResult], items: Sequence[Item], began_at: float) -> None:
        """Note how long a batch took; one that was tried again, or not met, would say nothing of a full restore."""
        unmet = any(isinstance(outcome, Unrestored) for outcome in answer.answer.outcomes)
        if unmet or answer.attempts > 1 or len(self.timed) >= MOST_BATCHES:
            return
        timing, ended_at = answer.answer.timing, time.monotonic()
        if not self.timed:
            self.start_seconds = max(0.0, ended_at - timing.whole_seconds - began_at)
        self.timed.append(
            TimedBatch(
                files=sum(not item.piece for item in items),
                size_bytes=sum(_size_bytes(item) for item in items),
                ended_at=ended_at,
                timing=timing,
            )
        )

    def _done_before(self) -> tuple[int, int]:
        """Return files and bytes of the batches that an interrupted drill left behind."""
        if next(self.ledger.saved_batches(self.drill_id, self.copy), None) is None:
            return 0, 0
        saved = [items for number, items in self.batches() if self._saved(number, items) is not None]
        return sum(map(len, saved)), sum(item.listed.size_bytes for items in saved for item in items)

    def _keep(self, answer: Done[BatchResult], items: Sequence[Item], watcher: Watcher) -> None:
        """Check that each item has its outcome, and save them before anything else is done with them."""
        outcomes = answer.answer.outcomes
        if [outcome.path for outcome in outcomes] != [item.entry.path for item in items]:
            raise AssertionError("expected one outcome for each item of a batch, in its order")
        if answer.attempts > 1:
            outcomes = tuple(
                msgspec.structs.replace(outcome, attempts=max(outcome.attempts, answer.attempts))
                for outcome in outcomes
            )
        result = BatchResult(
            outcomes=tuple(as_newer(outcome, item) for outcome, item in zip(outcomes, items, strict=True)),
            cached_files=answer.answer.cached_files,
            timing=answer.answer.timing,
        )
        if not any(isinstance(one, Unrestored) and one.reason == Reason.CANCELLED for one in outcomes):
            packed = zstandard.compress(_encode(result), 1)
            self.ledger.save_batch(self.drill_id, self.copy, answer.number, _fingerprint(items), packed)
        else:
            self.partial[answer.number] = result
        for outcome in result.outcomes:
            if isinstance(outcome, Finding) and not outcome.is_counted:
                watcher.found(self.copy, outcome)

    def _saved(self, number: int, items: Sequence[Item]) -> BatchResult | None:
        saved = self.ledger.saved_batch(self.drill_id, self.copy, number)
        if saved is None or saved[0] != _fingerprint(items):
            return None
        return _result_decoder.decode(zstandard.decompress(saved[1]))

    def outcomes(self) -> Iterator[tuple[Item, Outcome]]:
        """Yield every drawn item with its one outcome, in the order of the draw; pieces as the file that they make."""
        pieces: list[Outcome] = []
        self.cached_files = 0
        for number, items in self.batches():
            result = self._saved(number, items) or self.partial.get(number)
            if result is None:
                missing = self.lost.get(number, _OUT_OF_TIME if self.out_of_time else _CANCELLED)
                outcomes: Sequence[Outcome] = [_instead(missing, item) for item in items]
            else:
                outcomes = result.outcomes
                self.cached_files += result.cached_files
            for item, outcome in zip(items, outcomes, strict=True):
                if item.piece is None:
                    yield item, self._undrawn_where_cut(item, outcome)
                    continue
                pieces.append(outcome)
                if item.piece == len(item.entry.pieces) - 1:
                    yield item, self._undrawn_where_cut(item, combine_pieces(pieces, item))
                    pieces = []

    def _undrawn_where_cut(self, item: Item, outcome: Outcome) -> Outcome:
        """Of coverage alone, what the time did not suffice for was not drawn, and nobody is blamed for it."""
        cut = isinstance(outcome, Unrestored) and outcome.reason == Reason.CANCELLED
        if not (self.out_of_time and cut and item.why == "coverage"):
            return outcome
        return Unrestored(path=outcome.path, reason=Reason.OVER_BUDGET, size_bytes=item.entry.size_bytes)


_CANCELLED: Final = Unrestored(path=b"", reason=Reason.CANCELLED, detail="the drill ended before its turn")
_OUT_OF_TIME: Final = Unrestored(path=b"", reason=Reason.CANCELLED, detail="the budget's time was over before its turn")


def _cut(items: Table[Item]) -> Iterator[tuple[Item, ...]]:
    size_bytes = sum(item.entry.size_bytes for item in items)
    return batches(items, BatchSize.of(len(items), size_bytes))


def _instead(missing: Unrestored, item: Item) -> Unrestored:
    return msgspec.structs.replace(missing, path=item.entry.path, size_bytes=item.entry.size_bytes)


def _lost(answer: Lost) -> Unrestored:
    reason = Reason.NO_SPACE if isinstance(answer.error, ScratchFullError) else Reason.INTERRUPTED
    return Unrestored(path=b"", reason=reason, detail=answer.cause, attempts=answer.attempts)


def _size_bytes(item: Item) -> int:
    size_bytes = item.listed.size_bytes
    return size_bytes if item.piece is None else min(PIECE_BYTES, size_bytes - item.piece * PIECE_BYTES)


def _fingerprint(items: Sequence[Item]) -> bytes:
    return xxhash.xxh3_128_digest(_encode(items))
