"""A folder → an inventory: every entry in order, what was left out, ready to be written as a manifest.

The walk hands names to workers in batches of a thousand; what is large comes back and is read after the walk, the
largest first, so that no worker is left with it alone at the end. Lines are gathered on disk with their places, so
that neither the order of answers nor the size of the dataset costs memory.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from verifier import relpath
from verifier.errors import UnreachableError
from verifier.inventory.store import Store
from verifier.inventory.taking import Progress, Taking
from verifier.inventory.tally import Tally
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

    def remember(self, state: Path, totals: Totals, *, read_anyway: int = 0) -> None:
        """Keep in the state folder what the manifest has no place for, so that an update sees more (see `remembered`).

        Args:
            state: the state folder; it is made if it isn't there.
            totals: what was written.
            read_anyway: the weight of the files whose old digest was kept (see `Update`).

        Raises:
            LedgerError: the state folder can't be made, or written to.
        """
        from verifier.inventory.remembered import remember  # noqa: PLC0415 - loads what reading needs nothing of

        entries, marks = totals.files + totals.links, self._store.marks.blocks()
        remember(state, totals.identity, entries=entries, marks=marks, read_anyway=read_anyway)

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
        directories = stack.enter_context(open_folder(folder))
        taking = Taking(
            root=os.path.abspath(os.fsencode(folder)),  # noqa: PTH100 - `resolve` would follow a link elsewhere later
            directories=directories,
            exclude=exclude,
            algorithm=digest,
            open_store=lambda: stack.enter_context(Store(draft_folder)),
        )
        taking.take(default_workers() if workers is None else workers, on_progress)
        header = taking.header(folder, dataset=dataset, created=created, machine=machine, previous=previous)
        return Inventory(header, taking.store, taking.tally, stack.pop_all().close)
    raise AssertionError  # nothing in the stack holds an exception back


def exclude_output(folder: Path, target: Path) -> str | None:
    """Return a pattern that leaves out a manifest that is written into the folder itself; None if it lies elsewhere."""
    root, place = os.path.realpath(os.fsencode(folder)), os.path.realpath(os.fsencode(target))
    inside = os.path.join(root, b"")  # noqa: PTH118 - a path is for names that are text
    if not place.startswith(inside):
        return None
    return "/" + _SPECIAL.sub(r"\\\1", os.fsdecode(place.removeprefix(inside)))


def open_folder(folder: Path) -> Directories:
    """Return the folder, open.

    Raises:
        UnreachableError: it isn't there.
    """
    try:
        return Directories(os.fsencode(folder))
    except OSError as error:
        shown = relpath.show(os.fsencode(folder))
        raise UnreachableError(f"expected a folder at {shown}, got none: {error.strerror}") from error


def default_workers() -> int:
    """Return how many processes read where nobody says."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, _MOST_WORKERS)
