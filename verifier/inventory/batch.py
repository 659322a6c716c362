"""What a worker is asked about a folder's files, and what it answers.

A batch is a run of names in the order of the manifest. Each name has a place in it, so that answers that come in any
order are put together again; what is too large for a batch is handed back with its place.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from verifier.manifest.encoding import Counts

BATCH_NAMES: Final = 1_000
BATCH_BYTES: Final = 256 * 1024 * 1024
LARGE_BYTES: Final = 32 * 1024 * 1024
"""From this size on a file is a batch of its own."""

LINK_MARK: Final = b"\0"
"""Stands behind the name of a symbolic link: no name holds it, and it changes nothing in the order of names."""


class Run(NamedTuple):
    """Names in one folder, in order; `folder` is empty for the root and ends in `/` otherwise."""

    folder: bytes
    names: list[bytes]


class Batch(NamedTuple):
    """Names to be looked at. `number` is the batch's own, `first` the place of its first name.

    `root_id` is the device and inode that the root must still have. With `algorithm` None files are not opened. Only
    with `piece_bytes` a large file is read, and gets a digest of each piece of that size where it is larger.
    """

    root: bytes
    root_id: tuple[int, int]
    algorithm: str | None
    number: int
    first: int
    runs: list[Run]
    piece_bytes: int | None = None


class Part(NamedTuple):
    """Lines of the manifest for names that follow one another, at the place of the first."""

    place: int
    lines: bytes
    counts: Counts


class Large(NamedTuple):
    """A file that was left for a batch of its own, with where it belongs."""

    number: int
    place: int
    folder: bytes
    name: bytes
    size_bytes: int


class Left(NamedTuple):
    """A file that can't be in the manifest. `reason` is a field of the header's `left_out`."""

    reason: str
    path: bytes
    size_bytes: int
    detail: str


class Surveyed(NamedTuple):
    """A worker's answer. `rest` is what was beyond the bytes of one batch."""

    number: int
    parts: list[Part]
    large: list[Large]
    left: list[Left]
    rest: Batch | None
