"""Which of the proofs that lie there make the chain."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from verifier.rebuild.chain import FoundProof, choose_chain, gaps


def sha256(name: str) -> str:
    return name.removeprefix("-").ljust(64, "0")


def proofs(*names: str, day: int = 1) -> list[FoundProof]:
    """Return a chain of one proof for each name, each behind the one before; one called `-` has no bundle."""
    before: list[str | None] = [None, *map(sha256, names)]
    return [
        FoundProof(
            folder=Path(name),
            number=number,
            previous=before[number - 1],
            sha256=sha256(name),
            finished_at=f"2026-11-{day:02}T00:00:{number:02}Z",
        )
        for number, name in enumerate(names, start=1)
        if not name.startswith("-")
    ]


def chosen(found: list[FoundProof], known: Mapping[int, str] | None = None) -> str:
    shuffled = random.Random(1).sample(found, len(found))
    known = {number: sha256(name) for number, name in (known or {}).items()}
    return " ".join(proof.folder.name for proof in choose_chain(shuffled, known))


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        ([], {}, ""),
        (proofs("a", "b", "c"), {}, "a b c"),
        (proofs("a", "-b", "c", "-d", "-e", "f"), {}, "a c f"),
        (proofs("-a", "-b", "c"), {}, "c"),
        # Begun anew after the state was lost: the one that goes further, and of two as long the later.
        (proofs("a", "b", "c") + proofs("x", "y", day=2), {}, "a b c"),
        (proofs("a", "b", day=2) + proofs("x", "y"), {}, "a b"),
        (proofs("a", "b", "c", "d") + proofs("a", "b", "x", day=2), {}, "a b c d"),
        # One that stands where a missing one stood is not it.
        (proofs("a", "-b", "c") + proofs("x", "y", day=2), {}, "x c"),
        # What is known decides.
        (proofs("a", "b", "c") + proofs("x", "y", day=2), {1: "x", 2: "y"}, "x y"),
        (proofs("a", "b", "c"), {1: "x"}, ""),
        # Whether the second of them names this one the ledger alone can tell, which holds it against what it has.
        (proofs("a", "b", "c"), {2: "y"}, "a"),
        (proofs("a", "b", "c", "d"), {4: "d", 5: "e"}, "a b c d"),
        (proofs("a", "b", "c"), {4: "x"}, "a b c"),
        (proofs("-a", "-b", "c", "d"), {1: "a", 2: "b"}, "c d"),
        (proofs("a", "-b", "c", "d") + proofs("x", day=2), {1: "a", 2: "b"}, "a c d"),
        (proofs("-a", "-b", "c", "d"), {2: "y"}, ""),
    ],
)
def test_the_chain(found: list[FoundProof], known: dict[int, str], expected: str) -> None:
    assert chosen(found, known) == expected


def test_a_proof_that_names_a_later_one_ends_nowhere() -> None:
    first, second = proofs("a", "b")
    turned = FoundProof(folder=Path("t"), number=2, previous=second.sha256, sha256=sha256("t"), finished_at="2026")
    assert choose_chain([first, second, turned], {})[-1].folder.name == "b"
    assert [one.folder.name for one in choose_chain([second, turned], {})] == ["b"]


def test_gaps_are_told_whatever_their_length() -> None:
    found = proofs("-a", "b", "c", "-d", "-e", "f")
    assert gaps(found, {}) == [(1, 1), (4, 5)]
    assert gaps(found, {1: sha256("a"), 4: sha256("d"), 8: sha256("h")}) == [(5, 5), (7, 7)]
    far = FoundProof(folder=Path("far"), number=10**18, previous=sha256("e"), sha256=sha256("f"), finished_at="2026")
    assert gaps([far], {}) == [(1, 10**18 - 1)]
    assert gaps([], {}) == []
