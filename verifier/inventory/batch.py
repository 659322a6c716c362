"""What a worker is asked about a folder's files, and what it answers.

A batch is a run of names in the order of the manifest. Each name has a place in it, so that answers that come in any
order are put together again; what is too large for a batch is handed back with its place.
"""

from __future__ import annotations

from typing import Final

import msgspec

from verifier.manifest.writer import Counts

BATCH_NAMES: Final = 1_000
BATCH_BYTES: Final = 256 * 1024 * 1024
LARGE_BYTES: Final = 32 * 1024 * 1024
"""From this size on a file is a batch of its own."""

LINK_MARK: Final = b"\0"
"""Stands behind the name of a symbolic link: no name holds it, and it changes nothing in the order of names."""


class Run(msgspec.Struct, frozen=True, gc=False):
    """Names in one folder, in order; `folder` is empty for the root and ends in `/` otherwise."""

    folder: bytes
    names: list[bytes]


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Names to be looked at. `number` is the batch's own, `first` the place of its first name.

    `root_id` is the device and inode that the root must still have. With `algorithm` None files are not opened. With
    `alone` even a large file is read.
    """

    root: bytes
    root_id: tuple[int, int]
    algorithm: str | None
    number: int
    first: int
    runs: list[Run]
    alone: bool = False


class Part(msgspec.Struct, frozen=True, gc=False):
    """Lines of the manifest for names that follow one another, at the place of the first."""

    place: int
    lines: bytes
    counts: Counts


class Large(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A file that was left for a batch of its own, with where it belongs."""

    number: int
    place: int
    folder: bytes
    name: bytes
    size_bytes: int


class Left(msgspec.Struct, frozen=True, gc=False):
    """A file that can't be in the manifest. `reason` is a field of the header's `left_out`."""

    reason: str
    path: bytes
    size_bytes: int
    detail: str


class Surveyed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A worker's answer. `rest` is what was beyond the bytes of one batch."""

    number: int
    parts: list[Part]
    large: list[Large]
    left: list[Left]
    rest: Batch | None
