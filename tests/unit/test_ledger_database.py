"""Opening a ledger: private, durable, migrated, and clear about what is wrong with the file."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.errors import LedgerError
from verifier.ledger import BeginDrill, Ledger, database, default_state, schema

NOBODY = 65534


def begin(ledger: Ledger, drill_id: str = "a") -> None:
    ledger.begin(
        BeginDrill(
            scenario="photos", id=drill_id, started_at="2026-11-22T18:30:00Z", seed=b"s" * 32, planned={}, options=""
        )
    )


def filled(state: Path, files: int = 2_000) -> Path:
    with Ledger.open(state) as ledger:
        begin(ledger)
        rows = ((b"photos/%06d.jpg" % number, number) for number in range(files))
        ledger.record_proven("photos", "nas", rows, proven_at="2026-11-22T18:30:00Z", drill_number=1)
    return state / "ledger.sqlite"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_are_for_this_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "above" / "state"
    before = os.umask(0)
    try:
        with Ledger.open(state) as ledger:
            begin(ledger)
            assert mode(state.parent) == mode(state) == 0o700
            assert {path.name: mode(path) for path in state.iterdir()} == {
                "ledger.sqlite": 0o600,
                "ledger.sqlite-wal": 0o600,
                "ledger.sqlite-shm": 0o600,
            }
    finally:
        os.umask(before)


def test_the_default_is_the_state_folder_of_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_state().name == "restore-verifier"
    assert default_state().is_relative_to(tmp_path)


def test_what_begins_a_drill_is_synced_and_what_saves_a_batch_is_not(tmp_path: Path) -> None:
    statements: list[str] = []
    with Ledger.open(tmp_path) as ledger:
        ledger._database._connection.set_trace_callback(statements.append)
        begin(ledger)
        begun = list(statements)
        statements.clear()
        ledger.save_batch("a", "nas", 0, b"", b"")
        saved = list(statements)
    assert begun[:2] == ["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"]
    assert begun[-1] == "COMMIT"
    assert saved[:2] == ["PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"]


def test_the_seed_is_in_the_file_when_begin_returns(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        begin(ledger)
        assert b"s" * 32 in (tmp_path / "ledger.sqlite-wal").read_bytes()


def test_a_database_as_opened_writes_ahead_and_holds_its_references(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        assert ledger._database._pragma("foreign_keys") == 1
        assert ledger._database._pragma("trusted_schema") == 0
        assert ledger._database._pragma("user_version") == len(schema.MIGRATIONS)


def test_a_newer_version_is_left_alone_and_both_versions_are_named(tmp_path: Path) -> None:
    path = filled(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(
        LedgerError, match=rf"expected a ledger of version {len(schema.MIGRATIONS)} or older, got version 7"
    ) as caught:
        Ledger.open(tmp_path)
    assert "newer verifier" in str(caught.value.hint)
    assert path.read_bytes() == before


def test_an_older_version_is_migrated_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    steps = (*schema.MIGRATIONS, ("CREATE TABLE new (a)", "INSERT INTO new VALUES (1)"), ("ALTER TABLE new ADD b",))
    monkeypatch.setattr(database, "MIGRATIONS", steps)
    for _ in range(2):
        with Ledger.open(tmp_path) as ledger:
            assert ledger._database._pragma("user_version") == len(steps)
            assert ledger._database._connection.execute("SELECT a, b FROM new").fetchall() == [(1, None)]
            assert [one.id for one in ledger.unfinished("photos")] == ["a"]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(database, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE new (a)", "CREATE TABLE name (a)")))
        with pytest.raises(LedgerError, match="table name already exists"):
            Ledger.open(tmp_path)
    with Ledger.open(tmp_path) as ledger:
        assert ledger._database._pragma("user_version") == len(schema.MIGRATIONS)
        begin(ledger, "b")


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(LedgerError, match="expected a ledger, got another program's database"):
        Ledger.open(tmp_path)
    connection = sqlite3.connect(path)
    assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    connection.close()


@pytest.mark.parametrize("content", [b"\0" * 4096, b"garbage " * 1_000, b"SQLite format 3\0" + b"\xff" * 8_000])
def test_garbage_is_told_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(content)
    with pytest.raises(LedgerError, match="expected a whole ledger") as caught:
        Ledger.open(tmp_path)
    assert caught.value.hint == "move it away, with its -wal and -shm beside it: history is lost, never a backup"
    assert (tmp_path / "ledger.sqlite").read_bytes() == content


@pytest.mark.parametrize("keep", [100, 4_096, 5_000, 0.5, 0.99])
def test_a_ledger_cut_off_is_found_at_opening(tmp_path: Path, keep: float) -> None:
    path = filled(tmp_path)
    size = path.stat().st_size
    os.truncate(path, int(keep * size if keep < 1 else keep))
    with pytest.raises(LedgerError, match="expected a whole ledger"):
        Ledger.open(tmp_path)


def test_damage_inside_is_found_at_opening(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * 4_096)
        file.write(b"\xa5" * 4_096)
    with pytest.raises(LedgerError, match="expected a whole ledger"):
        Ledger.open(tmp_path)


def test_of_a_large_ledger_the_chain_is_checked_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    connection = sqlite3.connect(path)
    roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
    connection.close()
    monkeypatch.setattr(database, "_CHECKED_WHOLE_BYTES", 0)
    whole = path.read_bytes()

    def damaged(table: str) -> bytes:
        start = (roots[table] - 1) * 4_096
        return whole[:start] + b"\xa5" * 4_096 + whole[start + 4_096 :]

    path.write_bytes(damaged("drill"))
    with pytest.raises(LedgerError, match="expected a whole ledger"):
        Ledger.open(tmp_path)
    path.write_bytes(damaged("proven"))
    with Ledger.open(tmp_path) as ledger, pytest.raises(LedgerError, match="expected a whole ledger"):
        list(ledger.proven("photos", "nas"))


def test_a_state_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "taken" / "ledger.sqlite").mkdir(parents=True)
    for state in ("file", "file/below", "link", "taken"):
        with pytest.raises(LedgerError, match="can be written"):
            Ledger.open(tmp_path / state)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of an ordinary user, as whom the test runs: to root nothing is read-only."""
    folder = Path(tempfile.mkdtemp(prefix="verifier-ledger-", dir="/tmp"))
    was_root = os.geteuid() == 0
    if was_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_a_state_that_can_not_be_written_is_told(unprivileged: Path) -> None:
    state = unprivileged / "state"
    path = filled(state)
    path.chmod(0o400)
    with pytest.raises(LedgerError, match="expected a ledger that can be written"):
        Ledger.open(state)
    path.chmod(0o600)
    state.chmod(0o500)
    try:
        with pytest.raises(LedgerError, match="expected"):
            Ledger.open(state)
        with pytest.raises(LedgerError, match="expected a folder for the state"):
            Ledger.open(state / "below")
    finally:
        state.chmod(0o700)


def test_a_ledger_that_was_refused_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"garbage" * 1_000)
    before = sorted(Path("/dev/fd").iterdir())
    with pytest.raises(LedgerError) as held:  # its traceback keeps alive whatever was not closed
        Ledger.open(tmp_path)
    assert sorted(Path("/dev/fd").iterdir()) == before
    del held


def test_a_disk_that_is_full_is_told_and_leaves_the_ledger_whole(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Ledger.open(tmp_path) as ledger:
        begin(ledger)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            with pytest.raises(LedgerError, match=r"expected the ledger .* to take this"):
                ledger.save_batch("a", "nas", 0, b"", b"o" * 1_000_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert ledger.saved_batch("a", "nas", 0) is None
        begin(ledger, "b")
    with Ledger.open(tmp_path) as ledger:
        assert [one.id for one in ledger.unfinished("photos")] == ["a", "b"]


def test_a_name_from_outside_is_shown_harmlessly(tmp_path: Path) -> None:
    state = tmp_path / "\x1b[31m\u202egnp"
    state.mkdir()
    (state / "ledger.sqlite").write_bytes(b"garbage" * 1_000)
    with pytest.raises(LedgerError) as caught:
        Ledger.open(state)
    assert caught.value.message.isprintable()
