"""An open folder → its store, full: names walked, handed to workers in batches, their answers gathered.

What is large comes back and is read after the walk, the largest first, so that no worker is left with it alone at the
end.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from verifier import relpath
from verifier.engine import Cancelled, Done, Engine, Lost
from verifier.errors import EngineError
from verifier.inventory.batch import BATCH_NAMES, Batch, Left, Run, Surveyed
from verifier.inventory.store import Store
from verifier.inventory.survey import survey
from verifier.inventory.tally import Tally
from verifier.inventory.walk import Walk
from verifier.patterns import Patterns
from verifier.progress import METER_LENGTH, CancelledError, Meter, use_meter
from verifier.sources.places.walk import Directories

if TYPE_CHECKING:
    from verifier.manifest.header import Header

Progress = Callable[[int, int | None, int], None]
"""Told: files finished, files in all once that is known, bytes read."""


class Taking:
    """The work in progress.

    Args:
        root: the folder's absolute path.
        directories: the folder, open.
        exclude: patterns of what is left out.
        algorithm: the digest's name; None where no file is opened.
        open_store: makes the place where everything is gathered.
    """

    work: Callable[[Batch], Surveyed] = staticmethod(survey)
    """What a worker does with a batch."""
    preload = "verifier.inventory.survey"

    def __init__(
        self,
        *,
        root: bytes,
        directories: Directories,
        exclude: Sequence[str],
        algorithm: str | None,
        open_store: Callable[[], Store],
    ) -> None:
        self._root = root
        status = os.fstat(directories.root)
        self._root_id = (status.st_dev, status.st_ino)
        self.tally = Tally()
        self._walk = Walk(directories, Patterns(exclude), self.tally)
        self._exclude = tuple(exclude)
        self._algorithm = algorithm
        self._open_store = open_store
        self._rests: deque[Batch] = deque()
        self._walked = 0
        self._our_meter = Meter([0] * METER_LENGTH)
        self._walk_is_over = False

    @cached_property
    def store(self) -> Store:
        """Where everything is gathered."""
        return self._open_store()

    def take(self, workers: int, on_progress: Progress | None) -> None:
        """Read everything."""
        with Engine(workers=workers, preload=(self.preload,)) as engine:

            def tell() -> None:
                if on_progress:
                    files = engine.files_finished + self._our_meter.files_finished
                    total = self._walked if self._walk_is_over else None
                    on_progress(files, total, engine.bytes_moved + self._our_meter.bytes_moved)

            batches = self._alone_if_small(self._walked_batches())
            if workers > 1:
                batches = self._helping(batches, engine, workers)
            while True:
                for answer in engine.map(self.work, enumerate(batches), on_progress=tell):
                    self._receive(answer)
                if not self._rests and not self.store.has_large:
                    break
                batches = self._left_batches()
            tell()

    def _alone_if_small(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield what needs workers: a single batch is done here before one could have started."""
        first, second = next(batches, None), next(batches, None)
        if first is not None and second is None:
            self._survey_here(first)
        else:
            yield from (batch for batch in (first, second) if batch is not None)
        yield from batches

    def _helping(self, batches: Iterator[Batch], engine: Engine, workers: int) -> Iterator[Batch]:
        """Yield batches for the workers; while these are starting, work on some here, where there is nothing to do.

        A worker takes a tenth of a second or more to start; thousands of small files are read in that time.
        """
        yield from itertools.islice(batches, workers)
        _ = self.store
        while not engine.files_finished and not engine.bytes_moved:
            batch = next(batches, None)
            if batch is None:
                return
            self._survey_here(batch)
        yield from batches

    def _survey_here(self, batch: Batch) -> None:
        before = use_meter(self._our_meter)
        try:
            self._take_in(self.work(batch))
        finally:
            use_meter(before)

    def header(
        self, folder: Path, *, dataset: str | None, created: datetime, machine: str, previous: str | None
    ) -> Header:
        """Return the header of what was found."""
        from verifier.manifest.header import Header, Origin, write_time  # noqa: PLC0415 - as in `Store`

        real = Path(os.path.realpath(folder))
        return Header(
            dataset=dataset if dataset is not None else _text(real.name or "root"),
            created=write_time(created),
            origin=Origin(address=_text(str(real)), machine=machine),
            digest=self._algorithm,
            exclude=self._exclude,
            left_out=self.tally.left_out(),
            previous=previous,
        )

    def _receive(self, answer: Done[Surveyed] | Lost | Cancelled) -> None:
        if isinstance(answer, Cancelled):
            raise CancelledError("cancelled; no manifest was made")
        if isinstance(answer, Lost):
            raise answer.error or EngineError(f"a worker could not finish its files: {answer.cause}")
        self._take_in(answer.answer)

    def _take_in(self, surveyed: Surveyed) -> None:
        for part in surveyed.parts:
            self.store.draft.put((surveyed.number, part.place), part.lines, part.counts)
            self.store.marks.put((surveyed.number, part.place), part.marks, part.counts)
        for large in surveyed.large:
            self.store.keep_large(large)
        for left in surveyed.left:
            self._leave_out(left)
        if surveyed.rest is not None:
            self._rests.append(surveyed.rest)

    def _leave_out(self, left: Left) -> None:
        self.tally.add(left.reason, left.path, left.size_bytes, left.detail)
        if left.reason != "cloud_only":
            self.store.leave_untold(left.path)

    def _walked_batches(self) -> Iterator[Batch]:
        """Yield the folder's names in batches, in order; between them, what was beyond the bytes of a former one."""
        runs: list[Run] = []
        names = number = 0
        for run in self._walk.runs():
            while self._rests:
                yield self._rests.popleft()
            runs.append(run)
            names += len(run.names)
            if names >= BATCH_NAMES:
                yield self._batch(number, 0, runs)
                self._walked += names
                runs, names, number = [], 0, number + 1
        self._walked += names
        self._walk_is_over = True
        if runs:
            yield self._batch(number, 0, runs)

    def _left_batches(self) -> Iterator[Batch]:
        """Yield what the walk left: the large files, each alone, the largest first, then what was beyond a batch."""
        for file in self.store.take_large():
            batch = self._batch(file.number, file.place, [Run(file.folder, [file.name])])
            yield batch._replace(piece_bytes=self.store.piece_bytes, known=file.known)
        while self._rests:
            yield self._rests.popleft()

    def _batch(self, number: int, first: int, runs: list[Run]) -> Batch:
        return Batch(self._root, self._root_id, self._algorithm, number, first, runs)


def _text(name: str) -> str:
    """Return a name as JSON can hold it: as it is where it is UTF-8, escaped where it is not."""
    raw = os.fsencode(name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return relpath.show(raw)
