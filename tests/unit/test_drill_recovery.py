from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drill_processes import Ended, Home, flip, many

from verifier.drill.recovery import recover
from verifier.ledger import BeginDrill, Head, Ledger


@pytest.fixture(scope="module")
def drills(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Ended, Ended]:
    """Give two drills of one scenario, with their bundles."""
    home = Home(tmp_path_factory.mktemp("home")).fill(many(20))
    flip(home.copy / "000/000003.jpg")
    first, second = (home.run_here(*home.prove, "--full") for _ in range(2))
    return home, first, second


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    """Give the ledger as it was when the drill had begun."""
    with Ledger.open(tmp_path / "state") as ledger:
        yield ledger


def begin(book: Ledger, ended: Ended, *, seed: bytes | None = None) -> str:
    drill, scenario = ended.proof.drill, ended.proof.scenario.name
    begun = BeginDrill(
        scenario=scenario,
        id=drill.id,
        started_at=drill.started_at,
        seed=seed or bytes.fromhex(drill.seed),
        planned={},
        options="",
    )
    book.begin(begun)
    return scenario


def head_of(ended: Ended) -> Head:
    data = (ended.bundle / "proof.json").read_bytes()
    return Head(number=ended.proof.drill.number, proof_sha256=hashlib.sha256(data).hexdigest())


def test_the_proofs_that_killed_drills_left_become_links(drills: tuple[Home, Ended, Ended], book: Ledger) -> None:
    home, first, second = drills
    scenario = begin(book, first)
    begin(book, second)
    recover(book, scenario, home.reports)
    assert book.unfinished(scenario) == []
    assert book.chain_head(scenario) == head_of(second)
    results = [(one.number, one.copy, one.verdict, one.proven_files) for one in book.past_results(scenario)]
    assert results == [(1, "copy", "FAILED", 19), (2, "copy", "FAILED", 19)]
    recover(book, scenario, home.reports)
    assert book.chain_head(scenario) == head_of(second)


def test_a_proof_of_another_seed_is_not_that_of_the_drill(drills: tuple[Home, Ended, Ended], book: Ledger) -> None:
    home, first, _ = drills
    scenario = begin(book, first, seed=bytes(32))
    recover(book, scenario, home.reports)
    assert book.chain_head(scenario) is None
    assert [one.id for one in book.unfinished(scenario)] == [first.proof.drill.id]


def test_a_proof_that_is_not_the_next_link_stays_out(drills: tuple[Home, Ended, Ended], book: Ledger) -> None:
    home, _, second = drills
    scenario = begin(book, second)
    recover(book, scenario, home.reports)
    assert book.chain_head(scenario) is None
    assert len(book.unfinished(scenario)) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data[:-100], id="cut off"),
        pytest.param(lambda data: data.replace(b"FAILED", b"PASSED").replace(b"{", b"{ ", 1), id="rewritten"),
        pytest.param(lambda _: b"\xff{}", id="no JSON"),
    ],
)
def test_what_is_no_proof_of_ours_stays_out(
    drills: tuple[Home, Ended, Ended], book: Ledger, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    _, first, _ = drills
    scenario = begin(book, first)
    bundle = tmp_path / "reports" / scenario / first.bundle.name
    bundle.mkdir(parents=True)
    (bundle / "proof.json").write_bytes(spoil((first.bundle / "proof.json").read_bytes()))
    recover(book, scenario, tmp_path / "reports")
    assert book.chain_head(scenario) is None
    assert len(book.unfinished(scenario)) == 1
