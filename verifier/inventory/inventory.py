"""A folder → an inventory: every entry in order, what was left out, ready to be written as a manifest.

The walk hands names to workers in batches of a thousand; what is large comes back and is read after the walk, the
largest first, so that no worker is left with it alone at the end. Lines are gathered on disk with their places, so
that neither the order of answers nor the size of the dataset costs memory.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from verifier import relpath
from verifier.engine import Cancelled, Done, Engine, Lost
from verifier.errors import EngineError, UnreachableError
from verifier.inventory.batch import BATCH_NAMES, Batch, Left, Run, Surveyed
from verifier.inventory.store import Store
from verifier.inventory.survey import survey
from verifier.inventory.tally import Tally
from verifier.inventory.walk import Walk
from verifier.patterns import Patterns
from verifier.progress import METER_LENGTH, CancelledError, Meter, use_meter
from verifier.sources.places.walk import Directories

if TYPE_CHECKING:
    from verifier.entry import Entry
    from verifier.manifest.encoding import Counts
    from verifier.manifest.header import Header
    from verifier.manifest.native import Totals

NAS_FOLDERS: Final = ("@eaDir/", "\\#recycle/")
"""What is left out unless asked otherwise: a Synology's thumbnails and its recycle bin. `#` alone begins a comment."""

_SPECIAL: Final = re.compile(r"([\\*?\[\]!# ])")
_MOST_WORKERS: Final = 8

Progress = Callable[[int, int | None, int], None]
"""Told: files finished, files in all once that is known, bytes read."""


Cleanup = Callable[[], None]


class Inventory:
    """What a folder was found to hold. Close it, or use it as a context manager: its entries lie on disk.

    `tally` knows the first names of what was left out, and why.
    """

    def __init__(self, header: Header, store: Store, tally: Tally, cleanup: Cleanup) -> None:
        self.header = header
        self.tally = tally
        self._store = store
        self._cleanup = cleanup

    @property
    def counts(self) -> Counts:
        """How many files and links there are, and bytes of files."""
        return self._store.draft.counts

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in the order of raw path bytes."""
        return self._store.draft.entries(digest=self.header.digest)

    def untold(self) -> Iterator[bytes]:
        """Yield the paths of which nothing can be said, since they were unreadable or changing; in order."""
        return self._store.untold()

    def write(self, target: Path) -> Totals:
        """Write the manifest (see `write_manifest`)."""
        return self._store.draft.write(target, self.header)

    def close(self) -> None:
        """Let go of everything; doing so twice is fine."""
        self._cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def take_inventory(
    folder: Path,
    *,
    created: datetime,
    machine: str,
    digest: str | None = "xxh3_128",
    exclude: Sequence[str] = NAS_FOLDERS,
    dataset: str | None = None,
    previous: str | None = None,
    workers: int | None = None,
    draft_folder: Path | None = None,
    on_progress: Progress | None = None,
) -> Inventory:
    """Read everything in a folder.

    Args:
        folder: where the data is.
        created: the time, taken before this is called.
        machine: this machine's name, for the header.
        digest: the algorithm; None for names, sizes and times only, with no file opened.
        exclude: patterns as in a .gitignore.
        dataset: what the data is called; the folder's name if it is not given.
        previous: the identity of the manifest that this one shall follow.
        workers: how many processes read; the processors' number if it is not given.
        draft_folder: where lines are gathered, some 150 bytes for each file; the system's place if it is not given.
        on_progress: see `Progress`; called some ten times a second.

    Raises:
        SourceError: the folder isn't there, or a folder in it can't be listed.
        EngineError: workers could not be started, or one batch killed each that tried it.
    """
    with contextlib.ExitStack() as stack:
        directories = stack.enter_context(_open(folder))
        taking = _Taking(
            root=os.path.abspath(os.fsencode(folder)),  # noqa: PTH100 - `resolve` would follow a link elsewhere later
            directories=directories,
            exclude=exclude,
            algorithm=digest,
            open_store=lambda: stack.enter_context(Store(draft_folder)),
        )
        taking.take(_default_workers() if workers is None else workers, on_progress)
        header = taking.header(folder, dataset=dataset, created=created, machine=machine, previous=previous)
        return Inventory(header, taking.store, taking.tally, stack.pop_all().close)
    raise AssertionError  # nothing in the stack holds an exception back


class _Taking:
    """The work in progress."""

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
        with Engine(workers=workers, preload=("verifier.inventory.survey",)) as engine:

            def tell() -> None:
                if on_progress:
                    files = engine.files_finished + self._our_meter.files_finished
                    total = self._walked if self._walk_is_over else None
                    on_progress(files, total, engine.bytes_moved + self._our_meter.bytes_moved)

            batches = self._alone_if_small(self._walked_batches())
            if workers > 1:
                batches = self._helping(batches, engine, workers)
            while True:
                for answer in engine.map(survey, enumerate(batches), on_progress=tell):
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
            self._take_in(survey(batch))
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
            yield batch._replace(piece_bytes=self.store.piece_bytes)
        while self._rests:
            yield self._rests.popleft()

    def _batch(self, number: int, first: int, runs: list[Run]) -> Batch:
        return Batch(self._root, self._root_id, self._algorithm, number, first, runs)


def exclude_output(folder: Path, target: Path) -> str | None:
    """Return a pattern that leaves out a manifest that is written into the folder itself; None if it lies elsewhere."""
    root, place = os.path.realpath(os.fsencode(folder)), os.path.realpath(os.fsencode(target))
    inside = os.path.join(root, b"")  # noqa: PTH118 - a path is for names that are text
    if not place.startswith(inside):
        return None
    return "/" + _SPECIAL.sub(r"\\\1", os.fsdecode(place.removeprefix(inside)))


def _open(folder: Path) -> Directories:
    try:
        return Directories(os.fsencode(folder))
    except OSError as error:
        shown = relpath.show(os.fsencode(folder))
        raise UnreachableError(f"expected a folder at {shown}, got none: {error.strerror}") from error


def _default_workers() -> int:
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, _MOST_WORKERS)


def _text(name: str) -> str:
    """Return a name as JSON can hold it: as it is where it is UTF-8, escaped where it is not."""
    raw = os.fsencode(name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return relpath.show(raw)
