"""A manifest and its folder → the manifest brought up to date, and all that changed; nothing is written here.

The walk of an inventory goes on in step with the old manifest's lines: each batch of names takes along what the
manifest says of them, and a worker decides which of the files are read (see `revision`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import UnreachableError, UsageError
from verifier.inventory.batch import BATCH_NAMES, LINK_MARK, Batch, Change, Known, Rule, Run, Surveyed
from verifier.inventory.inventory import Inventory, default_workers, open_folder
from verifier.inventory.known import KnownLines, path_of
from verifier.inventory.remembered import Remembered
from verifier.inventory.revision import revise
from verifier.inventory.share import Ages
from verifier.inventory.store import Store
from verifier.inventory.taking import Progress, Taking
from verifier.manifest import lines
from verifier.manifest.difference import Difference, DifferenceKind, with_moves
from verifier.manifest.encoding import Counts
from verifier.manifest.header import write_time
from verifier.manifest.native import NativeManifest, Totals
from verifier.sources.places.mounts import missing_mount
from verifier.spool import Table

SHARE: Final = Fraction(1, 30)
"""The part of all bytes that an update reads again though nothing shows that they changed."""

_KNOWN_LINES: Final = 5 * BATCH_NAMES


class Update:
    """A manifest's folder, looked at again.

    `inventory` is what the new manifest will hold, `old` what the old one does; `read_again` counts what was read and
    found as it was; `remembered` says whether change times and inodes were known.
    """

    def __init__(self, inventory: Inventory, taking: _Updating, old: Totals) -> None:
        self.inventory = inventory
        self.old = old
        self.remembered = taking.remembers
        self.read_again = taking.read_again
        self.read_anyway = taking.read_anyway
        self._taking = taking

    def differences(self) -> Iterator[Difference]:
        """Yield what differs, each kind in the order of paths (see `with_moves`)."""
        store = self._taking.store
        in_order = store.workspace.sort_on_disk(
            self._taking.differences, key=lambda difference: difference.path, record_type=Difference
        )
        return with_moves(in_order, store.workspace)


@contextlib.contextmanager
def update_inventory(
    manifest: NativeManifest,
    folder: Path,
    *,
    created: datetime,
    machine: str,
    exclude: tuple[str, ...] | None = None,
    share: Fraction = SHARE,
    accept: bool = False,
    state: Path | None = None,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Iterator[Update]:
    """Give a manifest brought up to date, for as long as the block lasts.

    Args:
        manifest: the old one; it is read whole first, and must be of our own format with digests.
        folder: where its data is.
        created: the time, taken before this is called.
        machine: this machine's name, for the header.
        exclude: the patterns of what is left out; those of the old manifest where they are not given.
        share: the part of all bytes that is read again though nothing shows that it changed, the longest ago first.
        accept: whether what changed under an unchanged time gets its new digest.
        state: the folder with what is remembered of the old manifest's files; None for nothing.
        workers: how many processes read; the processors' number if it is not given.
        on_progress: as `take_inventory` has it.

    Raises:
        ManifestError: the old manifest is not whole, or a line of it is wrong.
        UnreachableError: the folder isn't there, isn't mounted, or holds nothing where the manifest has files.
        SourceError, EngineError: as `take_inventory`.
    """
    header = manifest.header
    if header.digest is None or not header.created:
        raise UsageError("expected a manifest with digests and a date, got one without")
    with contextlib.ExitStack() as stack:
        _check_mounted(folder)
        directories = stack.enter_context(open_folder(folder))
        known, rule, old = _known(manifest, write_time(created), share, state, stack)
        taking = _Updating(
            root=os.path.abspath(os.fsencode(folder)),  # noqa: PTH100 - `resolve` would follow a link elsewhere later
            directories=directories,
            exclude=header.exclude if exclude is None else exclude,
            algorithm=header.digest,
            open_store=lambda: stack.enter_context(Store(None)),
        )
        taking.follow(known, rule._replace(accept=accept), old)
        taking.take(default_workers() if workers is None else workers, on_progress)
        new = taking.header(folder, dataset=header.dataset, created=created, machine=machine, previous=old.identity)
        yield Update(Inventory(new, taking.store, taking.tally, stack.close), taking, old)


def _known(
    manifest: NativeManifest, now: str, share: Fraction, state: Path | None, stack: contextlib.ExitStack
) -> tuple[KnownLines, Rule, Totals]:
    """Read the old manifest whole; return its lines as a stream, which files are due, and what it holds."""
    header = manifest.header
    ages = Ages(algorithm=header.digest or "", created=header.created, now=now)
    for block in manifest.line_blocks(at_end=ages.hold_against):
        ages.add(block)
    old = ages.stated
    remembered = Remembered.open(state, old.identity, old.files + old.links) if state else None
    if remembered:
        stack.enter_context(remembered)
    date, ticket = ages.due(share, remembered.read_anyway if remembered else 0)
    rule = Rule(header.created, now, date, ticket, accept=False)
    return KnownLines(manifest.line_blocks(), remembered), rule, old


def _check_mounted(folder: Path) -> None:
    point = missing_mount(folder)
    if point is not None:
        shown = relpath.show(os.fsencode(folder))
        raise UnreachableError(
            f"expected {shown} to be mounted, got an empty place: nothing is mounted at {relpath.show(point)}",
            hint=f"mount it: mount {relpath.show(point)}",
        )


class _Updating(Taking):
    """The work in progress: an inventory's, in step with the old manifest."""

    work: Callable[[Batch], Surveyed] = staticmethod(revise)
    preload = "verifier.inventory.revision"

    def follow(self, known: KnownLines, rule: Rule, old: Totals) -> None:
        """Say what the old manifest holds; before anything is read."""
        self._known = known
        self._rule = rule
        self._old = old
        self._number = 0
        self.read_again = Counts()
        self.read_anyway = 0

    @property
    def remembers(self) -> bool:
        """Whether change times and inodes of the old manifest's files are known."""
        return self._known.has_marks

    @property
    def differences(self) -> Table[Difference]:
        """Everything that differs, in no order."""
        return self.store.differences

    def _walked_batches(self) -> Iterator[Batch]:
        """Yield the folder's names in batches, each with what the old manifest says of them and before them."""
        for batch in super()._walked_batches():
            if batch.known is None:
                yield from self._with_known(batch)
            else:
                yield batch  # the rest of one
        if not self._walked and self._old.files + self._old.links:
            raise UnreachableError(
                f"expected {self._old.files:,} files, got an empty folder; no manifest was made",
                hint="is it mounted? a dataset that is meant to be empty gets a new manifest by create",
            )
        is_last = False
        while not is_last:
            raw, marks, is_last = self._known.take(None, _KNOWN_LINES)
            if raw:
                yield self._numbered(self._batch(0, 0, []), Known(raw, marks, self._rule))

    def _with_known(self, batch: Batch) -> Iterator[Batch]:
        """Yield a batch with its old lines; in several, where many more of these lie between its names."""
        runs = batch.runs
        last = runs[-1].folder + runs[-1].names[-1].rstrip(LINK_MARK)
        while True:
            raw, marks, is_last = self._known.take(last, _KNOWN_LINES)
            known = Known(raw, marks, self._rule)
            if is_last:
                yield self._numbered(batch._replace(runs=runs), known)
                return
            upto, runs = _divided(runs, path_of(raw[-1]))
            yield self._numbered(batch._replace(runs=upto), known)

    def _numbered(self, batch: Batch, known: Known) -> Batch:
        self._number += 1
        return batch._replace(number=self._number, known=known)

    def _take_in(self, surveyed: Surveyed) -> None:
        super()._take_in(surveyed)
        self.read_again += surveyed.read_again
        for change in surveyed.changes:
            difference = self._difference(change)
            self.differences.append(difference)
            keeps_old = difference.kind is DifferenceKind.SILENT and not self._rule.accept
            if (keeps_old or difference.kind is DifferenceKind.UNTOLD) and difference.old:
                self.read_anyway += difference.old.size_bytes + 1

    def _difference(self, change: Change) -> Difference:
        old, new = (
            lines.decode(line.encode() + b"\n", algorithm=self._algorithm, after=b"")[0] if line else None
            for line in (change.old, change.new)
        )
        return Difference(kind=DifferenceKind(change.kind), old=old, new=new, detail=change.detail)


def _divided(runs: list[Run], last: bytes) -> tuple[list[Run], list[Run]]:
    """Return the names up to and including this path, and those behind it."""
    upto: list[Run] = []
    behind: list[Run] = []
    for run in runs:
        early = [name for name in run.names if run.folder + name.rstrip(LINK_MARK) <= last]
        if early:
            upto.append(Run(run.folder, early))
        if len(early) < len(run.names):
            behind.append(Run(run.folder, run.names[len(early) :]))
    return upto, behind
