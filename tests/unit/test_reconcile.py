"""Joining a listing and a manifest: the cases that have a story."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.entry import Entry, Listed
from verifier.errors import ManifestError, SourceError
from verifier.reconcile import join, reconcile
from verifier.spool import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with contextlib.closing(Workspace(tmp_path / "tables")) as workspace:
        yield workspace


def _joined(
    workspace: Workspace, entries: list[str], listing: list[str], *, folds: bool = False
) -> list[tuple[str | None, str | None, str | None]]:
    lefts = [Entry(path=path.encode()) for path in sorted(entries, key=str.encode)]
    rights = [Listed(name=name.encode()) for name in listing]
    pairs = reconcile(lefts, rights, ordered=False, folds_case=lambda _: folds, workspace=workspace)
    return [
        (pair.entry and pair.entry.path.decode(), pair.listed and pair.listed.name.decode(), pair.remark)
        for pair in pairs
    ]


def test_names_of_other_systems_meet(workspace: Workspace) -> None:
    assert _joined(workspace, ["Köln/é"], ["Ko\u0308ln/e\u0301"]) == [
        ("Köln/é", "Ko\u0308ln/e\u0301", "Unicode normal form")
    ]
    assert _joined(workspace, ["a\nb:c*"], ["a\u240ab\uff1ac\uff0a"]) == [
        ("a\nb:c*", "a\u240ab\uff1ac\uff0a", "rclone's substitutions")
    ]
    assert _joined(workspace, ["a\u240a"], ["a\u201b\u240a"]) == [
        ("a\u240a", "a\u201b\u240a", "rclone's substitutions")
    ]
    assert _joined(workspace, ["Readme"], ["README"], folds=True) == [("Readme", "README", "case")]


def test_case_alone_does_not_make_names_meet(workspace: Workspace) -> None:
    assert set(_joined(workspace, ["Readme"], ["README"])) == {("Readme", None, None), (None, "README", None)}


def test_the_exact_name_comes_first(workspace: Workspace) -> None:
    both = ["é", "e\u0301"]
    assert set(_joined(workspace, both, both)) == {(name, name, None) for name in both}
    assert set(_joined(workspace, both, ["é"])) == {("é", "é", None), ("e\u0301", None, None)}


def test_two_that_would_meet_one_stay_alone(workspace: Workspace) -> None:
    """Three spellings of one name: whichever is missing, nobody knows which of the others it is."""
    three = ["\u00c5", "\u212b", "A\u030a"]
    assert set(_joined(workspace, three[:2], three[2:])) == {
        (three[0], None, None), (three[1], None, None), (None, three[2], None),
    }  # fmt: skip
    assert set(_joined(workspace, three[:1], three[1:])) == {
        (three[0], None, None), (None, three[1], None), (None, three[2], None),
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [[b"a", b"a"], [b"b", b"a"], [b"a", b"b", b"b"], [b"a/b", b"a.b"]])
@pytest.mark.parametrize("others", [[], [b"a"], [b"z"], [b"a", b"b", b"z"]])
def test_twice_or_out_of_order_is_refused(wrong: list[bytes], others: list[bytes]) -> None:
    with pytest.raises(ManifestError, match="expected an entry behind"):
        list(join([Entry(path=path) for path in wrong], [Listed(name=name) for name in others]))
    with pytest.raises(SourceError, match="goes on behind"):
        list(join([Entry(path=path) for path in others], [Listed(name=name) for name in wrong]))


def test_an_unordered_listing_with_a_name_twice_is_refused(workspace: Workspace) -> None:
    with pytest.raises(SourceError, match="goes on behind"):
        _joined(workspace, ["a"], ["b", "a", "b"])
