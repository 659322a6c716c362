"""What the manifest says of a file, what a copy says of it, and the two together.

These are msgspec structs rather than dataclasses because millions of them pass through a drill: they are as frozen
and slotted, cost a fifth to make, and go to disk (`spool`) and to workers without a detour. Their order of fields is
the order on disk.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

PIECE_BYTES: Final = 256 * 1024 * 1024
"""Files larger than this are worked in pieces of this size: the unit of progress, cancellation and checkpoint."""

Kind = Literal["file", "link", "other", "unsafe"]
"""`other` is a pipe, socket, device or anything else that holds no bytes; `unsafe` a name that would leave the root."""

Why = Literal["sample", "coverage", "always", "damaged", "largest", "newest", "full", "moved", "control"]
"""Why an entry is restored. `moved` and `control` are ours, beside those that outcomes name (DESIGN section 6)."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True):
    """One line of a manifest: a regular file, or a symbolic link with its target.

    `digest` is None only in a reference that is read at the time of the drill (`prove --against`); `mtime_ns` is None
    where the manifest states no time; `pieces` are digests of each `PIECE_BYTES` of a larger file. Where the manifest
    states no size, `size_known` is False and `size_bytes` 0, until the listing's size takes its place.
    """

    path: bytes
    size_bytes: int = 0
    mtime_ns: int | None = None
    digest: str | None = None
    link: bytes | None = None
    pieces: tuple[str, ...] = ()
    hashed_at: str | None = None
    size_known: bool = True


class Listed(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True):
    """One line of a listing: the name as the copy has it, and what is needed to fetch it.

    `mtime_ns` is the time of the source's file where the copy keeps it, never an upload time; `locator` is whatever
    fetches exactly this version (a B2 file id).
    """

    name: bytes
    size_bytes: int = 0
    mtime_ns: int | None = None
    kind: Kind = "file"
    link: bytes | None = None
    locator: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True, omit_defaults=True):
    """An entry with its listed: what is restored and held against what.

    `piece` numbers a piece of a file that is proven piece by piece; None means the whole file. `unchanging` says that
    here a newer file is damage, too; `newer` is the finding kind of a file that was changed since. `found_as` tells how
    names were joined, where not by equal bytes; `control` how the drill's test of itself spoils the item. `deleted` is
    said of a missing entry that may have been moved, and that is gone from the live data, too.
    """

    entry: Entry
    listed: Listed
    why: Why = "sample"
    piece: int | None = None
    unchanging: bool = False
    newer: str | None = None
    found_as: str | None = None
    control: str | None = None
    deleted: bool = False


def sized_as(entry: Entry, listed: Listed) -> Entry:
    """Return the entry with the listing's size where the manifest states none."""
    if entry.size_known or listed.kind != "file":
        return entry
    return msgspec.structs.replace(entry, size_bytes=listed.size_bytes)


def piece_count(size_bytes: int) -> int:
    """Return into how many pieces a file of this size is divided; 1 up to and including `PIECE_BYTES`."""
    return max(1, -(-size_bytes // PIECE_BYTES))
