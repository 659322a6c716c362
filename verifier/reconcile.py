"""A copy's listing ⋈ the manifest → which entry is which listed, what is missing, what is there besides.

A merge of two ordered streams by raw path bytes: exact names first. What is left over on both sides goes to disk and is
joined, only where one meets one, by how other systems spell names (`spelling`), and by case where the copy folds it.
Where a spelling makes one name of several, the sizes must agree, too. Memory is bounded whatever the number of entries
or of differences.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from verifier import relpath
from verifier.entry import Entry, Listed
from verifier.errors import ManifestError, SourceError
from verifier.spelling import CASE, Key, Meeting, meetings
from verifier.spool import Table, Workspace


class Pair(NamedTuple):
    """An entry and its listed; one of them is None where the other has no partner.

    `remark` says how names were joined where their bytes differ, or why an entry found no partner though one was near.
    """

    entry: Entry | None
    listed: Listed | None
    remark: str | None = None


def join(entries: Iterable[Entry], listing: Iterable[Listed]) -> Iterator[Pair]:
    """Yield every entry and every listed once, those of equal path bytes together, in the order of paths.

    Both must come in strictly ascending order of raw path bytes.

    Raises:
        ManifestError: an entry is out of order or there twice.
        SourceError: a listed is out of order or there twice.
    """
    lefts, rights = iter(entries), iter(listing)
    left, right = next(lefts, None), next(rights, None)
    while left is not None and right is not None:
        path, name = left.path, right.name
        if path == name:
            yield Pair(left, right)
            left, right = _following(lefts, path), _following_listed(rights, name)
        elif path < name:
            yield Pair(left, None)
            left = _following(lefts, path)
        else:
            yield Pair(None, right)
            right = _following_listed(rights, name)
    while left is not None:
        yield Pair(left, None)
        left = _following(lefts, left.path)
    while right is not None:
        yield Pair(None, right)
        right = _following_listed(rights, right.name)


def _following(entries: Iterator[Entry], path: bytes) -> Entry | None:
    entry = next(entries, None)
    if entry is not None and entry.path <= path:
        raise ManifestError(f"expected an entry behind {relpath.show(path)}, got {relpath.show(entry.path)}")
    return entry


def _following_listed(listing: Iterator[Listed], name: bytes) -> Listed | None:
    listed = next(listing, None)
    if listed is not None and listed.name <= name:
        raise SourceError(
            f"expected a listing that goes on behind {relpath.show(name)}, got {relpath.show(listed.name)}"
        )
    return listed


def reconcile(
    entries: Iterable[Entry],
    listing: Iterable[Listed],
    *,
    ordered: bool,
    folds_case: Callable[[Listed], bool],
    workspace: Workspace,
) -> Iterator[Pair]:
    """Yield every entry and every listed once: those of equal names, then those joined by spelling, then the rest.

    A listing that is not `ordered` by raw path bytes is sorted on disk first. `folds_case` tells of a listed whether
    the copy finds it under its name in another case, too.
    """
    if not ordered:
        listing = workspace.sort_on_disk(listing, key=_name, record_type=Listed)
    missing: Table[Entry] = workspace.table(Entry)
    unexpected: Table[Listed] = workspace.table(Listed)
    for pair in join(entries, listing):
        entry, listed = pair.entry, pair.listed
        if entry is not None and listed is not None:
            yield pair
        elif entry is not None:
            missing.append(entry)
        elif listed is not None:
            unexpected.append(listed)
    yield from _by_spelling(missing, unexpected, folds_case=folds_case, workspace=workspace)


def _by_spelling(
    missing: Table[Entry], unexpected: Table[Listed], *, folds_case: Callable[[Listed], bool], workspace: Workspace
) -> Iterator[Pair]:
    tries: list[Meeting] = []
    if len(missing) and len(unexpected):
        tries += meetings((entry.path for entry in missing), (listed.name for listed in unexpected))
        if any(folds_case(listed) for listed in itertools.islice(unexpected, 100)):
            tries.append(CASE)
    for meeting in tries:
        if not len(missing) or not len(unexpected):
            break
        missing_still: Table[Entry] = workspace.table(Entry)
        unexpected_still: Table[Listed] = workspace.table(Listed)
        keys = (_of_entry(meeting.entry_key), _of_listed(meeting.listed_key))
        for pair in rejoin(missing, unexpected, workspace, *keys):
            entry, listed = pair.entry, pair.listed
            if entry is not None and listed is not None and (not meeting.lossy or _same_size(entry, listed)):
                yield pair._replace(remark=meeting.how)
                continue
            if entry is not None:
                missing_still.append(entry)
            if listed is not None:
                unexpected_still.append(listed)
        missing.close()
        unexpected.close()
        missing, unexpected = missing_still, unexpected_still
    yield from (Pair(entry, None) for entry in missing)
    yield from (Pair(None, listed) for listed in unexpected)


def _same_size(entry: Entry, listed: Listed) -> bool:
    """Tell whether both are files of one size, or links to one target: what a lossy spelling needs beside its key."""
    if entry.link is not None or listed.kind != "file":
        return listed.kind == "link" and entry.link == listed.link
    return entry.size_bytes == listed.size_bytes


def rejoin(
    entries: Iterable[Entry],
    listing: Iterable[Listed],
    workspace: Workspace,
    entry_key: Callable[[Entry], Any],
    listed_key: Callable[[Listed], Any],
) -> Iterator[Pair]:
    """Yield every entry and every listed once, together where exactly one of each has the same key.

    Two entries that would meet one file, or one that would meet two, stay alone: a guess is never a match.
    """
    lefts = itertools.groupby(workspace.sort_on_disk(entries, key=entry_key, record_type=Entry), entry_key)
    rights = itertools.groupby(workspace.sort_on_disk(listing, key=listed_key, record_type=Listed), listed_key)
    left, right = next(lefts, None), next(rights, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None  # noqa: S101 - for the type checker: one of both is there
            yield from (Pair(entry, None) for entry in left[1])
            left = next(lefts, None)
        elif left is None or right[0] < left[0]:
            yield from (Pair(None, listed) for listed in right[1])
            right = next(rights, None)
        else:
            yield from _met(left[1], right[1])
            left, right = next(lefts, None), next(rights, None)


def _met(entries: Iterator[Entry], listing: Iterator[Listed]) -> Iterator[Pair]:
    """Yield those of one key: together where there is one of each. A group may be as large as the dataset."""
    first_entries, first_listed = list(itertools.islice(entries, 2)), list(itertools.islice(listing, 2))
    if len(first_entries) == len(first_listed) == 1:
        yield Pair(first_entries[0], first_listed[0])
        return
    yield from (Pair(entry, None) for entry in itertools.chain(first_entries, entries))
    yield from (Pair(None, listed) for listed in itertools.chain(first_listed, listing))


def _of_entry(key: Key) -> Callable[[Entry], bytes]:
    return lambda entry: key(entry.path)


def _of_listed(key: Key) -> Callable[[Listed], bytes]:
    return lambda listed: key(listed.name)


def _name(listed: Listed) -> bytes:
    return listed.name
