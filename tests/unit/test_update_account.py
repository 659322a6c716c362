"""What needs somebody's word before a manifest is written: a mass change, or any where nothing may change."""

from __future__ import annotations

from pathlib import Path

import pytest
from kept import Kept, put

from verifier.entry import Entry
from verifier.errors import UnreachableError
from verifier.inventory import update as update_room
from verifier.inventory.account import Account
from verifier.manifest.difference import Difference, DifferenceKind
from verifier.manifest.native import Totals
from verifier.patterns import Patterns

OLD = Totals(files=8, links=2, bytes=100, identity="x")


def difference(kind: str, path: bytes = b"a", size_bytes: int = 1) -> Difference:
    entry = Entry(path=path, size_bytes=size_bytes, digest="d")
    old, new = (None if kind == "added" else entry), (None if kind in ("removed", "untold") else entry)
    return Difference(kind=DifferenceKind(kind), old=old, new=new)


def account(*found: Difference, unchanging: tuple[str, ...] = ()) -> Account:
    made = Account(OLD, Patterns(unchanging))
    for one in found:
        made.add(one)
    return made


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("removed", True), ("changed", True), ("silent", True), ("added", False), ("moved", False), ("untold", False)],
)
def test_more_than_a_fifth_of_what_was(kind: str, counts: bool) -> None:  # noqa: FBT001 - pytest gives it by name
    assert not account(*[difference(kind)] * 2).needs_a_word
    assert account(*[difference(kind)] * 3).needs_a_word == counts
    assert not account(difference(kind, size_bytes=20)).needs_a_word
    assert account(difference(kind, size_bytes=21)).needs_a_word == counts


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("removed", True), ("changed", True), ("moved", True), ("silent", False), ("added", False), ("untold", False)],
)
def test_where_nothing_may_change(kind: str, counts: bool) -> None:  # noqa: FBT001 - as above
    assert account(difference(kind, b"2015/a"), unchanging=("2015/**",)).needs_a_word == counts
    assert not account(difference(kind, b"2016/a"), unchanging=("2015/**",)).needs_a_word


def test_first_names_are_few_and_counts_whole() -> None:
    kind = account(*[difference("changed", b"%d" % number) for number in range(50)]).kinds[DifferenceKind.CHANGED]
    assert (kind.files, kind.size_bytes, len(kind.first)) == (50, 50, 20)


def test_a_share_that_is_not_mounted_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "data", "a", b"x")
    kept = Kept(folder=tmp_path / "data", manifest=tmp_path / "m.jsonl")
    kept.create()
    monkeypatch.setattr(update_room, "missing_mount", str)
    with pytest.raises(UnreachableError, match="nothing is mounted at"):
        kept.update()


def test_nothing_of_nothing_is_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    kept = Kept(folder=tmp_path / "data", manifest=tmp_path / "m.jsonl")
    kept.create()
    assert kept.update().kinds() == []
    put(tmp_path / "data", "a", b"x")
    assert kept.update().kinds() == [(b"a", "added")]
