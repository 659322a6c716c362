"""Joining a listing and a manifest, against a plain dictionary that does the same slowly."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.entry import Entry, Listed
from verifier.errors import ManifestError, SourceError
from verifier.reconcile import Pair, join, reconcile, rejoin
from verifier.spelling import CASE, FORM, SPELLINGS, Meeting
from verifier.spool import Workspace

# Few characters, of which many meet: composed and decomposed, cases, rclone's look-alikes and its quote, bytes that
# are no UTF-8.
_PARTS = [
    b"a", b"A", b"b", "é".encode(), b"e\xcc\x81", "É".encode(), "\u00c5".encode(), "\u212b".encode(), b"A\xcc\x8a",
    b"\n", "\u240a".encode(), "\u201b".encode(), b"*", "\uff0a".encode(), b" ", b".", b"\xff", b"\xc3",
    b":", b"_", "\uf021".encode(), "\uf022".encode(), "\uf02a".encode(), "\uf03a".encode(), "\uf028".encode(),
    "\uf020".encode(), "÷".encode(), b"_NAS_Jan-03-0901-2013_CaseConflict", b"_TailCharacterConflict", b"/b",
]  # fmt: skip
names = st.lists(st.sampled_from(_PARTS), min_size=1, max_size=3).map(b"".join)
trees = st.sets(names, max_size=14)


@contextlib.contextmanager
def _workspace() -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Workspace(Path(folder))) as workspace:
        yield workspace


def _size(name: bytes) -> int:
    """Return a size that names which differ in one character often share, and often don't."""
    return len(name) % 2


def _entries(paths: set[bytes]) -> list[Entry]:
    return [Entry(path=path, size_bytes=_size(path)) for path in sorted(paths)]


def _listing(paths: set[bytes]) -> list[Listed]:
    return [Listed(name=path, size_bytes=_size(path)) for path in sorted(paths)]


def _meetings() -> Iterator[Meeting]:
    """Yield every try, worth while or not."""
    yield FORM
    for spelling in SPELLINGS:
        yield Meeting(spelling.how, spelling.plain, spelling.key, spelling.lossy)
        yield Meeting(spelling.how, spelling.key, spelling.plain, spelling.lossy)


def _names(pairs: list[Pair]) -> set[tuple[bytes | None, bytes | None, str | None]]:
    return {(pair.entry and pair.entry.path, pair.listed and pair.listed.name, pair.remark) for pair in pairs}


def _oracle(
    entries: set[bytes], listing: set[bytes], *, folds: bool
) -> set[tuple[bytes | None, bytes | None, str | None]]:
    found: set[tuple[bytes | None, bytes | None, str | None]] = {(path, path, None) for path in entries & listing}
    lefts, rights = entries - listing, listing - entries
    for how, left_key, right_key, lossy in [*_meetings(), CASE] if folds else _meetings():
        left_keys, right_keys = Counter(map(left_key, lefts)), Counter(map(right_key, rights))
        by_key = {right_key(right): right for right in rights}
        met = {
            (left, by_key[left_key(left)], how)
            for left in lefts
            if left_keys[left_key(left)] == right_keys[left_key(left)] == 1
            and (not lossy or _size(left) == _size(by_key[left_key(left)]))
        }
        found |= met
        lefts -= {left for left, _, _ in met}
        rights -= {right for _, right, _ in met}
    return found | {(left, None, None) for left in lefts} | {(None, right, None) for right in rights}


@given(trees, trees, st.booleans())
def test_it_is_what_a_dictionary_says(entries: set[bytes], listing: set[bytes], folds: bool) -> None:  # noqa: FBT001
    with _workspace() as workspace:
        pairs = list(
            reconcile(
                _entries(entries), _listing(listing), ordered=True, folds_case=lambda _: folds, workspace=workspace
            )
        )

    assert len(pairs) == len(_names(pairs))
    assert _names(pairs) == _oracle(entries, listing, folds=folds)


@given(trees, st.sampled_from(["NFC", "NFD"]))
def test_no_entry_and_no_listed_is_lost_or_told_twice(entries: set[bytes], form: str) -> None:
    listing = {
        unicodedata.normalize(form, name.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        for name in entries
    }
    with _workspace() as workspace:
        pairs = list(
            reconcile(
                _entries(entries), _listing(listing), ordered=True, folds_case=lambda _: False, workspace=workspace
            )
        )

    assert Counter(pair.entry.path for pair in pairs if pair.entry) == Counter(entries)
    assert Counter(pair.listed.name for pair in pairs if pair.listed) == Counter(listing)


@given(trees, trees, st.randoms())
def test_a_listing_in_any_order_gives_the_same(entries: set[bytes], listing: set[bytes], order: object) -> None:
    shuffled = _listing(listing)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    with _workspace() as workspace:

        def joined(listed: list[Listed], *, ordered: bool) -> list[Pair]:
            return list(
                reconcile(_entries(entries), listed, ordered=ordered, folds_case=lambda _: False, workspace=workspace)
            )

        assert joined(shuffled, ordered=False) == joined(_listing(listing), ordered=True)


@given(trees, trees)
def test_the_exact_join_comes_in_the_order_of_paths(entries: set[bytes], listing: set[bytes]) -> None:
    pairs = list(join(_entries(entries), _listing(listing)))

    paths = [pair.entry.path if pair.entry else pair.listed.name for pair in pairs if pair.entry or pair.listed]
    assert paths == sorted(entries | listing)
    assert all((pair.entry is None or pair.listed is None) or pair.entry.path == pair.listed.name for pair in pairs)


@given(st.lists(names, min_size=2, max_size=6), st.lists(names, max_size=6))
def test_an_order_that_is_none_is_refused(given: list[bytes], others: list[bytes]) -> None:
    ascending = all(one < two for one, two in itertools.pairwise(given))
    entries = [Entry(path=path) for path in given]
    listing = [Listed(name=path) for path in given]
    if ascending:
        assert len(list(join(entries, []))) == len(list(join([], listing))) == len(given)
        return
    with pytest.raises(ManifestError, match="behind"):
        list(join(entries, _listing(set(others))))
    with pytest.raises(SourceError, match="goes on behind"):
        list(join(_entries(set(others)), listing))


keyed = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99)), max_size=20)


@given(keyed, keyed)
def test_a_guess_is_never_a_match(lefts: list[tuple[int, int]], rights: list[tuple[int, int]]) -> None:
    entries = [Entry(path=b"%d" % number, size_bytes=key, mtime_ns=stamp) for number, (key, stamp) in enumerate(lefts)]
    listing = [
        Listed(name=b"%d" % number, size_bytes=key, mtime_ns=stamp) for number, (key, stamp) in enumerate(rights)
    ]
    with _workspace() as workspace:
        pairs = list(rejoin(entries, listing, workspace, lambda entry: entry.size_bytes, lambda one: one.size_bytes))

    by_left, by_right = Counter(key for key, _ in lefts), Counter(key for key, _ in rights)
    for pair in pairs:
        if pair.entry and pair.listed:
            assert pair.entry.size_bytes == pair.listed.size_bytes
            assert by_left[pair.entry.size_bytes] == by_right[pair.entry.size_bytes] == 1
        elif pair.entry:
            assert (by_left[pair.entry.size_bytes], by_right[pair.entry.size_bytes]) != (1, 1)
    assert sorted(pair.entry.path for pair in pairs if pair.entry) == sorted(entry.path for entry in entries)
    assert sorted(pair.listed.name for pair in pairs if pair.listed) == sorted(one.name for one in listing)
    # Of equal keys the order of arrival is kept.
    for key in by_left:
        told = [pair.entry.path for pair in pairs if pair.entry and pair.entry.size_bytes == key]
        assert told == [entry.path for entry in entries if entry.size_bytes == key]
