"""Two streams of entries in order → what differs between them, path by path."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from verifier.entry import Entry


class DifferenceKind(StrEnum):
    """How a path differs.

    `SILENT` is content that changed under an unchanged time: a program that edits a file changes its time, a failing
    disk does not. `UNTOLD` was not read, so nothing can be said of it.
    """

    REMOVED = "removed"
    ADDED = "added"
    CHANGED = "changed"
    SILENT = "silent"
    UNTOLD = "untold"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs; `old` is None where it was added, `new` where it was removed."""

    kind: DifferenceKind
    old: Entry | None
    new: Entry | None

    @property
    def path(self) -> bytes:
        """The path that differs."""
        entry = self.old or self.new
        if entry is None:
            raise AssertionError
        return entry.path

    @property
    def size_bytes(self) -> int:
        """The bytes that are concerned: those of the new entry, or of the old where that was removed."""
        entry = self.new or self.old
        return 0 if entry is None else entry.size_bytes


def differences(old: Iterator[Entry], new: Iterator[Entry]) -> Iterator[Difference]:
    """Yield what differs, in the order of raw path bytes. Both streams must be in that order.

    An entry whose time alone is another is the same; where neither has a digest, size and time decide.
    """
    before, after = next(old, None), next(new, None)
    while before is not None or after is not None:
        if after is None or (before is not None and before.path < after.path):
            yield Difference(kind=DifferenceKind.REMOVED, old=before, new=None)
            before = next(old, None)
        elif before is None or after.path < before.path:
            yield Difference(kind=DifferenceKind.ADDED, old=None, new=after)
            after = next(new, None)
        else:
            if not _same(before, after):
                silent = before.mtime_ns is not None and before.mtime_ns == after.mtime_ns and before.link is None
                kind = DifferenceKind.SILENT if silent and after.link is None else DifferenceKind.CHANGED
                yield Difference(kind=kind, old=before, new=after)
            before, after = next(old, None), next(new, None)


def _same(before: Entry, after: Entry) -> bool:
    if (before.link, before.size_bytes, before.digest) != (after.link, after.size_bytes, after.digest):
        return False
    return before.digest is not None or before.link is not None or before.mtime_ns == after.mtime_ns


def with_untold(found: Iterator[Difference], untold: Iterator[bytes]) -> Iterator[Difference]:
    """Yield differences, with those as `UNTOLD` that only seem to be removed; both streams are in the order of paths.

    `untold` are paths that are there and could not be read.
    """
    path = next(untold, None)
    for difference in found:
        while path is not None and path < difference.path:
            path = next(untold, None)
        if difference.kind is DifferenceKind.REMOVED and path == difference.path:
            yield Difference(kind=DifferenceKind.UNTOLD, old=difference.old, new=None)
        else:
            yield difference
