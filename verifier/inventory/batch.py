"""What a worker is asked about a folder's files, and what it answers.

A batch is a run of names in the order of the manifest. Each name has a place in it, so that answers that come in any
order are put together again; what is too large for a batch is handed back with its place.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from verifier.manifest.encoding import Counts

BATCH_NAMES: Final = 1_000
BATCH_BYTES: Final = 256 * 1024 * 1024
LARGE_BYTES: Final = 32 * 1024 * 1024
"""From this size on a file is a batch of its own."""

LINK_MARK: Final = b"\0"
"""Stands behind the name of a symbolic link: no name holds it, and it changes nothing in the order of names."""


Mark = tuple[int, int]
"""What tells that nobody wrote to a file, beside its size and time: its change time in ns, and its inode."""

UNKNOWN_MARK: Final[Mark] = (0, 0)
MARK_BYTES: Final = 16


def mark_of(status: os.stat_result) -> Mark:
    """Return the mark of a file with this status, as two unsigned integers of 64 bits."""
    return status.st_ctime_ns & 0xFFFF_FFFF_FFFF_FFFF, status.st_ino & 0xFFFF_FFFF_FFFF_FFFF


class Run(NamedTuple):
    """Names in one folder, in order; `folder` is empty for the root and ends in `/` otherwise."""

    folder: bytes
    names: list[bytes]


class Rule(NamedTuple):
    """Which files are read though nothing shows that they changed, and what becomes of those that were damaged.

    `created` and `now` are when the old manifest and the new one were made, in RFC 3339. Due is what was hashed before
    `date`, and of what was hashed then, what has a `ticket` up to this one (see `share`). With `accept` a file whose
    bytes changed under an unchanged time gets its new digest.
    """

    created: str
    now: str
    date: str
    ticket: int
    accept: bool


class Known(NamedTuple):
    """What an old manifest says of a batch's names and of all between them.

    `lines` are as they stand there, without newlines; `marks` their marks, empty where none are remembered.
    """

    lines: list[bytes]
    marks: bytes
    rule: Rule


class Batch(NamedTuple):
    """Names to be looked at. `number` is the batch's own, `first` the place of its first name.

    `root_id` is the device and inode that the root must still have. With `algorithm` None files are not opened. Only
    with `piece_bytes` a large file is read, and gets a digest of each piece of that size where it is larger. `known`
    is what an old manifest says, where one is brought up to date.
    """

    root: bytes
    root_id: tuple[int, int]
    algorithm: str | None
    number: int
    first: int
    runs: list[Run]
    piece_bytes: int | None = None
    known: Known | None = None


class Part(NamedTuple):
    """Lines of the manifest for names that follow one another, at the place of the first, and a mark for each."""

    place: int
    lines: bytes
    counts: Counts
    marks: bytes


class Large(NamedTuple):
    """A file that was left for a batch of its own, with where it belongs."""

    number: int
    place: int
    folder: bytes
    name: bytes
    size_bytes: int
    known: Known | None = None


class Left(NamedTuple):
    """A file that can't be in the manifest. `reason` is a field of the header's `left_out`."""

    reason: str
    path: bytes
    size_bytes: int
    detail: str


class Change(NamedTuple):
    """A path of which the old manifest and the folder differ: `kind` is a `DifferenceKind`, lines are empty for none.

    Of one that is unreadable now, `old` is all there is.
    """

    kind: str
    old: str
    new: str
    detail: str = ""


class Surveyed(NamedTuple):
    """A worker's answer. `rest` is what was beyond the bytes of one batch.

    Of an update, `changes` are in the order of paths, and `read_again` counts what was read and found as it was.
    """

    number: int
    parts: list[Part]
    large: list[Large]
    left: list[Left]
    rest: Batch | None
    changes: tuple[Change, ...] = ()
    read_again: Counts = Counts()
