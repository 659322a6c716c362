"""What the ledger takes in again of drills that another state had finished, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.errors import LedgerError
from verifier.ledger import BeginDrill, CopyResult, Head, Ledger, Link, PastProof, ProvenBefore

AT = "2026-11-22T18:30:00Z"


def sha256(number: int) -> str:
    return f"{number:064x}"


def begun(drill_id: str, scenario: str = "photos") -> BeginDrill:
    seed = drill_id.encode().ljust(32, b"\0")
    return BeginDrill(scenario=scenario, id=drill_id, started_at=AT, seed=seed, planned={}, options="")


def past(
    number: int, *, previous: int | None = None, sha: int | None = None, abandoned: tuple[str, ...] = ()
) -> PastProof:
    before = number - 1 if previous is None else previous
    return PastProof(
        begun=begun(f"drill{number}"),
        link=Link(
            number=number,
            previous=sha256(before) if before else None,
            proof_sha256=sha256(number if sha is None else sha),
            finished_at=f"2026-11-{number:02}T00:00:00Z",
            verdict="PASSED",
        ),
        copies=[
            CopyResult(copy="nas", verdict="PASSED", planned_files=1, planned_bytes=2, proven_files=1, proven_bytes=2)
        ],
        abandoned=[begun(name) for name in abandoned],
    )


def proven(*paths: bytes, damaged: tuple[bytes, ...] = ()) -> list[ProvenBefore]:
    return [ProvenBefore(copy="nas", rows=[(path, 7) for path in paths], damaged=damaged)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as ledger:
        yield ledger


def numbers(ledger: Ledger) -> dict[bytes, int]:
    return {row.path: row.drill_number for row in ledger.proven("photos", "nas")}


def test_drills_come_back_whole_and_once(ledger: Ledger) -> None:
    assert ledger.restore(past(1), proven(b"a", b"b", damaged=(b"c",)))
    assert ledger.restore(past(2, abandoned=("gone",)), proven(b"b", b"c", damaged=(b"a",)))
    for _ in range(2):
        assert ledger.known_links("photos") == {1: sha256(1), 2: sha256(2)}
        assert ledger.chain_head("photos") == Head(number=2, proof_sha256=sha256(2))
        assert ledger.unfinished("photos") == []
        assert [one.number for one in ledger.past_results("photos")] == [1, 2]
        assert numbers(ledger) == {b"a": 1, b"b": 2, b"c": 2}
        assert list(ledger.damaged("photos", "nas")) == [b"a"]
        assert not ledger.restore(past(1), proven(b"a", b"b", damaged=(b"c",)))
        assert not ledger.restore(past(2, abandoned=("gone",)), proven(b"b", b"c", damaged=(b"a",)))


def test_what_is_known_of_later_drills_stays(ledger: Ledger) -> None:
    ledger.restore(past(3), proven(b"a", b"b", damaged=(b"c", b"d")))
    assert ledger.restore(past(1), proven(b"a", b"c", b"e", damaged=(b"b",)))
    assert numbers(ledger) == {b"a": 3, b"b": 3, b"c": 1, b"e": 1}
    assert list(ledger.damaged("photos", "nas")) == [b"c", b"d"]
    assert ledger.chain_head("photos") == Head(number=3, proof_sha256=sha256(3))


def test_a_drill_that_died_before_the_ledger_knew_its_proof_is_finished(ledger: Ledger) -> None:
    ledger.begin(begun("drill1"))
    ledger.begin(begun("under way"))
    ledger.save_batch("drill1", "nas", 0, b"f", b"o")
    assert ledger.restore(past(1), [])
    assert [one.id for one in ledger.unfinished("photos")] == ["under way"]
    assert list(ledger.saved_batches("drill1", "nas")) == []


def test_one_that_is_named_as_abandoned_is_so_if_nothing_else_is_known_of_it(ledger: Ledger) -> None:
    ledger.begin(begun("gone"))
    ledger.restore(past(1), [])
    ledger.restore(past(2, abandoned=("gone", "drill1")), [])
    assert ledger.unfinished("photos") == []
    assert ledger.known_links("photos") == {1: sha256(1), 2: sha256(2)}


@pytest.mark.parametrize(
    ("contradicting", "says"),
    [
        (past(2, sha=9), "expected the proof"),
        (past(3, previous=9), "expected the proof"),
        (past(1, sha=9), "expected the proof"),
        (past(5, previous=0), "expected number 1, and no other"),
        (past(1, previous=4), "expected number 1, and no other"),
    ],
)
def test_what_contradicts_is_refused_and_nothing_of_it_written(
    ledger: Ledger, contradicting: PastProof, says: str
) -> None:
    ledger.restore(past(2), proven(b"a"))
    with pytest.raises(LedgerError, match=says):
        ledger.restore(contradicting, proven(b"a", b"b"))
    assert ledger.known_links("photos") == {2: sha256(2)}
    assert numbers(ledger) == {b"a": 2}


def test_another_drill_under_a_known_id_is_refused(ledger: Ledger) -> None:
    ledger.begin(begun("drill1", scenario="other"))
    with pytest.raises(LedgerError, match="expected the drill that the ledger knows as drill1, got another"):
        ledger.restore(past(1), [])
    assert ledger.known_links("photos") == {}


def test_a_stream_that_breaks_leaves_nothing(ledger: Ledger) -> None:
    def rows() -> Iterator[tuple[bytes, int]]:
        yield b"a", 1
        raise OSError("the bundle is gone")

    with pytest.raises(OSError, match="gone"):
        ledger.restore(past(1), [ProvenBefore(copy="nas", rows=rows(), damaged=())])
    assert ledger.known_links("photos") == {}
    assert numbers(ledger) == {}
