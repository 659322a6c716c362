"""Two streams of entries in order → what differs between them, path by path; what was moved is found among the rest."""

from __future__ import annotations

import heapq
import itertools
import operator
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from verifier.entry import Entry
from verifier.spool import Workspace


class DifferenceKind(StrEnum):
    """How a path differs.

    `SILENT` is content that changed under an unchanged time: a program that edits a file changes its time, a failing
    disk does not. `UNTOLD` was not read, so nothing can be said of it. `MOVED` is the same content under another path.
    """

    REMOVED = "removed"
    ADDED = "added"
    MOVED = "moved"
    CHANGED = "changed"
    SILENT = "silent"
    UNTOLD = "untold"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One path that differs; `old` is None where it was added, `new` where it was removed."""

    kind: DifferenceKind
    old: Entry | None
    new: Entry | None
    detail: str = ""

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


class _Lone(NamedTuple):
    """An entry that is on one side alone, under what tells its content."""

    content: str
    is_new: bool
    entry: Entry


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
    if (before.link, before.digest) != (after.link, after.digest):
        return False
    if before.size_known and after.size_known and before.size_bytes != after.size_bytes:
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


def with_moves(found: Iterator[Difference], workspace: Workspace) -> Iterator[Difference]:
    """Yield differences, with one as `MOVED` where content went from one path to another; in the order of paths.

    Only one to one: content that was removed once and added once. Of two equal files nobody can say which became
    which, and an empty one has no content to know it by. `found` must be in the order of paths.
    """
    differing, lone = workspace.table(Difference), workspace.table(_Lone)
    for difference in found:
        entry = difference.old or difference.new
        is_lone = difference.kind in (DifferenceKind.REMOVED, DifferenceKind.ADDED)
        if is_lone and entry is not None and entry.digest is not None and entry.size_bytes:
            lone.append(_Lone(f"{entry.digest} {entry.size_bytes}", difference.old is None, entry))
        else:
            differing.append(difference)
    by_content = workspace.sort_on_disk(lone, key=operator.attrgetter("content"), record_type=_Lone)
    matched = workspace.table(Difference).extend(_matched(by_content))
    lone.close()
    yield from heapq.merge(differing, workspace.sort_on_disk(matched, key=_path, record_type=Difference), key=_path)


def _matched(by_content: Iterator[_Lone]) -> Iterator[Difference]:
    """Yield what was moved, removed and added, of entries in the order of their content."""
    for _content, group in itertools.groupby(by_content, key=operator.attrgetter("content")):
        alike = iter(group)  # all copies of one content may be more than memory holds
        some = list(itertools.islice(alike, 3))
        sides = [lone.is_new for lone in some]
        if sorted(sides) == [False, True]:
            old, new = some[sides.index(False)], some[sides.index(True)]
            yield Difference(kind=DifferenceKind.MOVED, old=old.entry, new=new.entry)
        else:
            yield from map(_alone, itertools.chain(some, alike))


def _alone(lone: _Lone) -> Difference:
    if lone.is_new:
        return Difference(kind=DifferenceKind.ADDED, old=None, new=lone.entry)
    return Difference(kind=DifferenceKind.REMOVED, old=lone.entry, new=None)


def _path(difference: Difference) -> bytes:
    return difference.path
