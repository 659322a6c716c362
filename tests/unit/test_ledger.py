"""The chain can't fork, a drill begun is never lost, checkpoints and proven files come back as they went."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verifier.errors import LedgerError
from verifier.ledger import BeginDrill, CopyResult, Head, Ledger, PastResult, PlannedCopy, ProvenRow

AT = "2026-11-22T18:30:00Z"
SHA = {number: f"{number:064x}" for number in range(10)}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "state") as opened:
        yield opened


def drill(drill_id: str, *, scenario: str = "photos", **changes: Any) -> BeginDrill:
    values: dict[str, Any] = {
        "scenario": scenario,
        "id": drill_id,
        "started_at": AT,
        "seed": drill_id.encode().rjust(32, b"s"),
        "planned": {"nas": PlannedCopy(files=312, fingerprint="plan of the nas")},
        "options": "sample",
    }
    return BeginDrill(**{**values, **changes})


def result(copy: str = "nas", verdict: Any = "PASSED") -> CopyResult:
    return CopyResult(
        copy=copy, verdict=verdict, planned_files=312, planned_bytes=1_000, proven_files=311, proven_bytes=900
    )


def finish(ledger: Ledger, drill_id: str, number: int, previous: str | None, **changes: Any) -> None:
    values: dict[str, Any] = {"finished_at": AT, "verdict": "PASSED", "copies": [result()]}
    ledger.finish(drill_id, number=number, previous=previous, **{"proof_sha256": SHA[number], **values, **changes})


def raw(tmp_path: Path) -> sqlite3.Connection:
    return sqlite3.connect(tmp_path / "state" / "ledger.sqlite", isolation_level=None)


def test_a_drill_begun_is_unfinished_with_all_that_resuming_it_needs(ledger: Ledger) -> None:
    begun = drill(
        "a",
        seed_source="given",
        planned={"nas": PlannedCopy(files=1, fingerprint="é\n"), "b2": PlannedCopy(files=0, fingerprint="")},
    )
    ledger.begin(begun)
    (unfinished,) = ledger.unfinished("photos")
    for field in ("scenario", "id", "started_at", "seed", "seed_source", "planned", "options"):
        assert getattr(unfinished, field) == getattr(begun, field)
    assert ledger.unfinished("another") == []
    assert ledger.chain_head("photos") is None


def test_unfinished_drills_come_in_the_order_of_beginning_whatever_the_clock_said(ledger: Ledger) -> None:
    for drill_id, year in (("z", 2030), ("a", 2020), ("m", 2025)):
        ledger.begin(drill(drill_id, started_at=f"{year}-01-01T00:00:00Z"))
    assert [one.id for one in ledger.unfinished("photos")] == ["z", "a", "m"]


def test_a_drill_is_begun_once(ledger: Ledger) -> None:
    ledger.begin(drill("a"))
    with pytest.raises(LedgerError, match=r"drill\.id"):
        ledger.begin(drill("a", scenario="another"))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": b"short"},
        {"seed": b"s" * 33},
        {"started_at": "yesterday"},
        {"started_at": "2026-11-22T18:30:00"},
        {"started_at": AT + "\n"},
        {"seed_source": "guessed"},
        {"planned": {"nas": PlannedCopy(files=-1, fingerprint="")}},
    ],
)
def test_what_could_not_be_read_back_is_not_written(ledger: Ledger, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="BeginDrill"):
        ledger.begin(drill("a", **changes))
    assert ledger.unfinished("photos") == []


@pytest.mark.parametrize("changes", [{"verdict": "FINE"}, {"proof_sha256": "A" * 64}, {"finished_at": "now"}])
def test_a_link_that_could_not_be_read_back_is_not_written(ledger: Ledger, changes: dict[str, Any]) -> None:
    ledger.begin(drill("a"))
    with pytest.raises(ValueError, match="Link"):
        finish(ledger, "a", 1, None, **changes)
    assert ledger.chain_head("photos") is None


@pytest.mark.parametrize("verdict", ["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"])
def test_a_finished_drill_is_the_head_whatever_its_verdict(ledger: Ledger, verdict: str) -> None:
    ledger.begin(drill("a"))
    finish(ledger, "a", 1, None, verdict=verdict)
    assert ledger.chain_head("photos") == Head(number=1, proof_sha256=SHA[1])
    assert ledger.unfinished("photos") == []
    assert [past.verdict for past in ledger.past_drills("photos")] == [verdict]


def test_each_scenario_has_a_chain_of_its_own(ledger: Ledger) -> None:
    for scenario in ("photos", "documents"):
        ledger.begin(drill(scenario, scenario=scenario))
    finish(ledger, "photos", 1, None)
    assert ledger.chain_head("documents") is None
    finish(ledger, "documents", 1, None)
    assert ledger.scenarios() == ["documents", "photos"]


@pytest.mark.parametrize(
    ("number", "previous"), [(1, None), (1, SHA[1]), (2, None), (2, SHA[2]), (3, SHA[1]), (3, SHA[2])]
)
def test_only_the_next_link_after_the_head_is_taken(ledger: Ledger, number: int, previous: str | None) -> None:
    ledger.begin(drill("a"))
    finish(ledger, "a", 1, None)
    ledger.begin(drill("b"))
    ledger.save_batch("b", "nas", 0, b"f", b"o")
    with pytest.raises(LedgerError, match=r"expected number 2 after 0{63}1 .*got number"):
        finish(ledger, "b", number, previous)
    assert ledger.chain_head("photos") == Head(number=1, proof_sha256=SHA[1])
    assert [one.id for one in ledger.unfinished("photos")] == ["b"]
    assert ledger.saved_batch("b", "nas", 0) == (b"f", b"o")
    assert list(ledger.past_results("photos")) == [
        PastResult(
            copy="nas",
            verdict="PASSED",
            planned_files=312,
            planned_bytes=1_000,
            proven_files=311,
            proven_bytes=900,
            number=1,
            finished_at=AT,
        )
    ]


def test_the_database_itself_refuses_two_drills_of_one_number(ledger: Ledger, tmp_path: Path) -> None:
    for drill_id in ("a", "b"):
        ledger.begin(drill(drill_id))
    finish(ledger, "a", 1, None)
    connection = raw(tmp_path)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE drill SET number = 1 WHERE id = 'b'")
    connection.close()


def test_a_drill_is_finished_once_and_only_if_it_was_begun(ledger: Ledger) -> None:
    ledger.begin(drill("a"))
    finish(ledger, "a", 1, None)
    with pytest.raises(LedgerError, match="which is number 1 of its chain"):
        finish(ledger, "a", 2, SHA[1])
    with pytest.raises(LedgerError, match="expected a drill that was begun, got b"):
        finish(ledger, "b", 2, SHA[1])


def test_abandoned_drills_are_named_once_and_never_again(ledger: Ledger) -> None:
    for drill_id in ("a", "b", "c"):
        ledger.begin(drill(drill_id))
        ledger.save_batch(drill_id, "nas", 0, b"f", b"o")
    finish(ledger, "c", 1, None, abandoned=["a"])
    assert [one.id for one in ledger.unfinished("photos")] == ["b"]
    assert ledger.saved_batch("a", "nas", 0) is None
    assert ledger.saved_batch("c", "nas", 0) is None
    assert ledger.saved_batch("b", "nas", 0) == (b"f", b"o")
    with pytest.raises(LedgerError, match="a later proof names as abandoned"):
        finish(ledger, "a", 2, SHA[1])
    ledger.begin(drill("d"))
    with pytest.raises(LedgerError, match="a later proof names as abandoned"):
        finish(ledger, "d", 2, SHA[1], abandoned=["b", "a"])
    assert [one.id for one in ledger.unfinished("photos")] == ["b", "d"]


def test_a_drill_abandons_neither_itself_nor_one_of_another_scenario(ledger: Ledger) -> None:
    ledger.begin(drill("a"))
    ledger.begin(drill("b", scenario="documents"))
    with pytest.raises(LedgerError, match="drills of one scenario"):
        finish(ledger, "a", 1, None, abandoned=["b"])
    with pytest.raises(LedgerError, match="expected an unfinished drill"):
        finish(ledger, "a", 1, None, abandoned=["a"])
    assert ledger.chain_head("photos") is None


def test_batches_come_back_by_number_and_in_order_and_the_last_written_counts(ledger: Ledger) -> None:
    ledger.begin(drill("a"))
    for batch in (300, 2, 10, 0):
        ledger.save_batch("a", "nas", batch, b"f%d" % batch, b"o%d" % batch)
    ledger.save_batch("a", "b2", 1, b"", b"")
    ledger.save_batch("a", "nas", 2, b"new", b"\0new")
    assert list(ledger.saved_batches("a", "nas")) == [(0, b"o0"), (2, b"\0new"), (10, b"o10"), (300, b"o300")]
    assert ledger.saved_batch("a", "nas", 2) == (b"new", b"\0new")
    assert ledger.saved_batch("a", "b2", 1) == (b"", b"")
    assert ledger.saved_batch("a", "nas", 1) is None
    assert ledger.saved_batch("b", "nas", 2) is None
    assert list(ledger.saved_batches("a", "desktop")) == []


def test_a_batch_is_saved_only_for_an_unfinished_drill(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="expected an unfinished drill, got a"):
        ledger.save_batch("a", "nas", 0, b"", b"")
    ledger.begin(drill("a"))
    finish(ledger, "a", 1, None)
    with pytest.raises(LedgerError, match="expected an unfinished drill, got a"):
        ledger.save_batch("a", "nas", 0, b"", b"")


def test_batches_may_be_saved_while_others_are_read(ledger: Ledger) -> None:
    ledger.begin(drill("a"))
    for batch in range(5):
        ledger.save_batch("a", "nas", batch, b"", b"old")
    read = []
    for batch, outcomes in ledger.saved_batches("a", "nas"):
        read.append((batch, outcomes))
        ledger.save_batch("a", "nas", batch + 5, b"", b"new")
        ledger.save_batch("a", "nas", 4, b"", b"new")
    assert read == [(batch, b"old") for batch in range(5)]


def test_proven_files_come_in_the_order_of_raw_bytes_with_the_latest_mark(ledger: Ledger) -> None:
    paths = [b"b", b"a/b", b"a", b"\xff", b"a\n", "ä".encode(), b"A", b"a\0b"]
    ledger.record_proven("photos", "nas", ((path, 1) for path in paths), proven_at=AT, drill_number=1)
    ledger.record_proven(
        "photos", "nas", [(b"a", -(2**63)), (b"new", 2**63 - 1)], proven_at="2026-11-23T01:00:00+01:00", drill_number=2
    )
    rows = {row.path: row for row in ledger.proven("photos", "nas")}
    assert list(rows) == sorted([*paths, b"new"])
    assert rows[b"b"] == ProvenRow(path=b"b", mark=1, proven_at=AT, drill_number=1)
    assert rows[b"a"] == ProvenRow(path=b"a", mark=-(2**63), proven_at="2026-11-23T00:00:00Z", drill_number=2)
    assert rows[b"new"].mark == 2**63 - 1


def test_a_file_stays_damaged_until_it_is_proven(ledger: Ledger) -> None:
    def drill(number: int, proven: list[bytes], damaged: list[bytes], copy: str = "nas") -> None:
        rows = [(path, 1) for path in proven]
        ledger.record_proven("photos", copy, rows, proven_at=AT, drill_number=number, damaged=damaged)

    assert list(ledger.damaged("photos", "nas")) == []
    drill(1, [b"a", b"good"], [b"c", b"b\xff", b"a\0"])
    assert list(ledger.damaged("photos", "nas")) == [b"a\0", b"b\xff", b"c"]
    drill(2, [b"a\0", b"good"], [b"c"])
    assert list(ledger.damaged("photos", "nas")) == [b"b\xff", b"c"], "one that no drill came to is not forgotten"
    drill(3, [b"b\xff", b"c"], [], copy="b2")
    assert list(ledger.damaged("photos", "nas")) == [b"b\xff", b"c"], "another copy says nothing of this one"
    drill(3, [b"b\xff", b"c"], [b"good"])
    assert list(ledger.damaged("photos", "nas")) == [b"good"], "what was good before is not taken for proven now"


def test_one_file_is_asked_for_by_its_path(ledger: Ledger) -> None:
    assert ledger.last_proven("photos", "nas", b"a") is None
    ledger.record_proven("photos", "nas", [(b"a", 1)], proven_at=AT, drill_number=1)
    assert ledger.last_proven("photos", "nas", b"a") == AT
    assert ledger.last_proven("photos", "nas", b"A") is None
    assert ledger.last_proven("photos", "b2", b"a") is None


def test_what_was_proven_belongs_to_one_scenario_and_one_copy(ledger: Ledger) -> None:
    ledger.record_proven("photos", "nas", [(b"a", 1)], proven_at=AT, drill_number=1)
    ledger.record_proven("documents", "nas", [(b"a", 2)], proven_at=AT, drill_number=1)
    ledger.record_proven("photos", "b2", [(b"a", 3)], proven_at=AT, drill_number=1)
    assert [row.mark for row in ledger.proven("photos", "nas")] == [1]
    assert [row.mark for row in ledger.proven("documents", "nas")] == [2]
    assert list(ledger.proven("nas", "photos")) == []


def test_a_stream_that_breaks_proves_nothing(ledger: Ledger) -> None:
    ledger.record_proven("photos", "nas", [(b"a", 1)], proven_at=AT, drill_number=1)

    def breaking() -> Iterator[tuple[bytes, int]]:
        yield b"a", 2
        yield b"b", 2
        raise RuntimeError("the disk under the outcomes broke")

    with pytest.raises(RuntimeError):
        ledger.record_proven("photos", "nas", breaking(), proven_at=AT, drill_number=2)
    assert [(row.path, row.mark) for row in ledger.proven("photos", "nas")] == [(b"a", 1)]
    ledger.begin(drill("usable still"))


def test_proven_files_may_be_made_from_the_saved_batches(ledger: Ledger) -> None:
    ledger.begin(drill("a"))
    for batch in range(3):
        ledger.save_batch("a", "nas", batch, b"", b"path%d" % batch)
    saved = ledger.saved_batches("a", "nas")
    first = next(saved)
    rows = ((outcomes, number) for number, outcomes in (first, *saved))
    ledger.record_proven("photos", "nas", rows, proven_at=AT, drill_number=1)
    assert [row.path for row in ledger.proven("photos", "nas")] == [b"path0", b"path1", b"path2"]


@pytest.mark.parametrize("time", ["2026-11-22T18:30:00", "1969-01-01T00:00:00Z", "soon"])
def test_a_time_that_is_none_is_refused(ledger: Ledger, time: str) -> None:
    with pytest.raises(ValueError, match=r"expected a time|Invalid isoformat"):
        ledger.record_proven("photos", "nas", [(b"a", 1)], proven_at=time, drill_number=1)


def test_everything_is_there_when_opened_again(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.begin(drill("a"))
        finish(ledger, "a", 1, None)
        ledger.begin(drill("b"))
        ledger.save_batch("b", "nas", 7, b"f", b"o")
        ledger.record_proven("photos", "nas", [(b"a", 1)], proven_at=AT, drill_number=1)
    ledger.close()
    with Ledger.open(tmp_path) as ledger:
        assert ledger.chain_head("photos") == Head(number=1, proof_sha256=SHA[1])
        assert ledger.unfinished("photos")[0].seed == drill("b").seed
        assert list(ledger.saved_batches("b", "nas")) == [(7, b"o")]
        assert len(list(ledger.proven("photos", "nas"))) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE drill SET seed = 'text of thirty-two characters...'",
        "UPDATE drill SET seed = x'00'",
        "UPDATE drill SET planned = '[1, 2'",
        'UPDATE drill SET planned = \'{"nas": {"files": 1}}\'',
        "UPDATE drill SET planned = x'ff'",
        "UPDATE drill SET options = CAST(x'ff' AS TEXT)",
        "UPDATE drill SET started_at = 'when ' || char(27) || '[31m'",
        "UPDATE drill SET number = 'one', proof_sha256 = 'x' WHERE id = 'a'",
        "UPDATE drill SET number = 0, proof_sha256 = 'x' WHERE id = 'a'",
        "UPDATE drill SET number = 1.5, finished_at = 7, verdict = 'GOOD' WHERE id = 'a'",
        "UPDATE drill SET sequence = -9223372036854775808, number = 'x' WHERE id = 'a'",
        "UPDATE batch SET outcomes = 7, fingerprint = NULL || 'x'",
        "UPDATE batch SET batch = 'first', outcomes = 'text', fingerprint = 'text'",
        "UPDATE proven SET path = 'text'",
        "UPDATE proven SET mark = 'text'",
        "UPDATE proven SET mark = 1e30",
        "UPDATE proven SET proven_at = 9223372036854775807",
        "UPDATE proven SET proven_at = -1",
        "UPDATE result SET planned_files = -1",
        "UPDATE result SET verdict = 'FINE'",
        "DROP TABLE proven",
        "DROP TABLE batch",
        "ALTER TABLE drill RENAME COLUMN seed TO sed",
    ],
)
def test_rows_of_wrong_types_are_a_damaged_ledger_and_no_traceback(tmp_path: Path, damage: str) -> None:
    state = tmp_path / "state"
    with Ledger.open(state) as ledger:
        ledger.begin(drill("a"))
        ledger.save_batch("a", "nas", 0, b"f", b"o")
        ledger.begin(drill("z"))
        finish(ledger, "z", 1, None)
        ledger.record_proven("photos", "nas", [(b"a", 1)], proven_at=AT, drill_number=1)
        read_all(ledger)
    connection = raw(tmp_path)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    # `NOT NULL` is taken away where the damage needs it: a hostile file has any schema that it likes.
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
    connection.close()
    connection = raw(tmp_path)
    connection.execute(damage)
    connection.close()
    with pytest.raises(LedgerError, match="expected") as caught, Ledger.open(state) as ledger:
        read_all(ledger)
    assert caught.value.message.isprintable()


def read_all(ledger: Ledger) -> None:
    for scenario in ledger.scenarios():
        ledger.chain_head(scenario)
        ledger.unfinished(scenario)
        list(ledger.past_drills(scenario))
        list(ledger.past_results(scenario))
    ledger.saved_batch("a", "nas", 0)
    list(ledger.saved_batches("a", "nas"))
    list(ledger.proven("photos", "nas"))
