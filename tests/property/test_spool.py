"""Tables give back what went in; sorting on disk equals sorting in memory, whatever the runs and their merging."""

from __future__ import annotations

import operator
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from verifier import spool
from verifier.entry import Entry, Item, Listed
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored
from verifier.spool import Table, Workspace

RECORDS = st.lists(st.tuples(st.binary(max_size=3), st.integers(-5, 5)), max_size=200)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = Workspace(tmp_path / "work")
    yield opened
    opened.close()


@given(records=RECORDS, run_records=st.integers(1, 250), width=st.integers(2, 8), block=st.integers(1, 7))
@example(records=[(b"a", number) for number in range(-5, 5)] * 13, run_records=1, width=2, block=1)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sorting_on_disk_equals_sorting_in_memory(
    monkeypatch: pytest.MonkeyPatch, records: list[tuple[bytes, int]], run_records: int, width: int, block: int
) -> None:
    monkeypatch.setattr(spool, "_MERGE_WIDTH", width)
    monkeypatch.setattr(spool, "_BLOCK_RECORDS", block)
    # By the first field alone, so that records of equal keys are told apart: they keep their order.
    key = operator.itemgetter(0)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "work")
        ordered = workspace.sort_on_disk(iter(records), key=key, record_type=tuple[bytes, int], run_records=run_records)
        assert list(ordered) == sorted(records, key=key)
        workspace.close()
        assert list((Path(folder) / "work").iterdir()) == []


@given(records=st.lists(st.integers(), max_size=30), block=st.integers(1, 10), pauses=st.sets(st.integers(0, 30)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_may_be_read_at_any_time_and_appended_to_again(
    monkeypatch: pytest.MonkeyPatch, records: list[int], block: int, pauses: set[int]
) -> None:
    monkeypatch.setattr(spool, "_BLOCK_RECORDS", block)
    values = [record % 2**63 for record in records]
    with tempfile.TemporaryDirectory() as folder:
        table: Table[int] = Table(Path(folder) / "table", int)
        for number, value in enumerate(values):
            if number in pauses:
                assert list(table) == values[:number]
            table.append(value)
            assert len(table) == number + 1
        assert list(table) == list(table) == values
        assert [value for part in table.blocks() for value in part] == values
        assert all(0 < len(part) <= block for part in table.blocks())
        table.close()


def test_records_come_back_as_the_types_that_they_were(workspace: Workspace) -> None:
    entry = Entry(path=b"\xff\n", size_bytes=2**62, mtime_ns=-1, digest="ab", pieces=("a", "b"), hashed_at="now")
    item = Item(entry=entry, listed=Listed(name=b"x", kind="link", link=b"\0"), why="largest", piece=3)
    assert list(workspace.table(Item).extend([item])) == [item]
    outcomes: list[Outcome] = [
        Match(path=b"a", size_bytes=1, attempts=2),
        Finding(path=b"b", kind=FindingKind.MISMATCH, expected="1", actual="2"),
        Unrestored(path=b"c", reason=Reason.UNREACHABLE, detail="gone"),
    ]
    assert list(workspace.table(Outcome).extend(outcomes)) == outcomes


def test_a_reader_sees_what_was_there_when_it_began(workspace: Workspace) -> None:
    table = workspace.table(int).extend(range(1_500))
    reader = iter(table)
    assert next(reader) == 0
    table.extend(range(5_000))
    assert list(reader) == list(range(1, 1_500))


def test_two_readers_do_not_disturb_each_other(workspace: Workspace) -> None:
    table = workspace.table(int).extend(range(3_000))
    assert all(one == other for one, other in zip(table, table, strict=True))


def test_a_table_is_a_new_file_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "table"
    table: Table[int] = Table(path, int)
    with pytest.raises(FileExistsError):
        Table(path, int)
    table.append(1)
    table.close()
    table.close()
    assert not path.exists()


def test_the_folder_is_private(tmp_path: Path) -> None:
    Workspace(tmp_path / "work").close()
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


def test_a_single_run_never_touches_the_disk(workspace: Workspace, tmp_path: Path) -> None:
    assert list(workspace.sort_on_disk([3, 1, 2], key=lambda value: value, record_type=int)) == [1, 2, 3]
    assert list(workspace.sort_on_disk([], key=lambda value: value, record_type=int)) == []
    assert list((tmp_path / "work").iterdir()) == []


def test_runs_that_were_merged_keep_neither_file_nor_descriptor(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "_MERGE_WIDTH", 4)
    most = 0

    def counted() -> Iterator[int]:
        nonlocal most
        for number in range(100):
            most = max(most, len(list((tmp_path / "work").iterdir())))
            yield -number

    ordered = list(workspace.sort_on_disk(counted(), key=lambda value: value, record_type=int, run_records=1))
    assert ordered == list(range(-99, 1))
    assert most <= 4


def test_an_input_that_breaks_is_told(workspace: Workspace) -> None:
    def breaking() -> Iterator[int]:
        yield from range(250)
        raise OSError("the listing broke")

    with pytest.raises(OSError, match="the listing broke"):
        workspace.sort_on_disk(breaking(), key=lambda value: value, record_type=int, run_records=100)


def test_memory_is_bounded_by_the_run_and_not_by_the_input(workspace: Workspace) -> None:
    records = (b"%09d" % (number * 7_919 % 200_003) for number in range(200_003))
    tracemalloc.start()
    try:
        ordered = workspace.sort_on_disk(records, key=lambda value: value, record_type=bytes, run_records=10_000)
        before = b""
        for record in ordered:
            assert record > before
            before = record
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 21 blocks and buffers are some 11 MB; the records together are 13 MB in a list of 2.
    assert peak < 13_000_000, peak
