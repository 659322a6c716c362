"""`verifier prove`: one copy now, against a manifest or the live data, with what little it is told."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
from drill_processes import Home, assert_whole, flip, many, put, read_outcomes, small_disk
from mounted import MustRun

FILES = 60


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("dataset")).fill(many(FILES))


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


@pytest.fixture
def own(tmp_path: Path) -> Home:
    """Give a home whose data the test may change."""
    return Home(tmp_path).fill({**many(FILES), "notes/today.txt": b"written today", "notes/old.txt": b"written once"})


def test_two_arguments_are_enough_and_all_else_has_a_place_of_its_own(home: Home, tmp_path: Path) -> None:
    places = {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state-of-all"),
        "XDG_CACHE_HOME": str(tmp_path / "cache-of-all"),
    }
    with home.start("prove", home.copy, "--against", home.live, places=False, cwd=tmp_path, env=places) as running:
        ended = running.end()
    assert ended.code == 0, ended.stderr
    (bundle,) = (tmp_path / "reports").glob("*/*/proof.json")
    assert_whole(bundle.parent)
    found = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert {"reports", "state-of-all"} == found, "scratch is empty"


def test_against_live_data_says_what_it_shows_and_no_more(own: Home) -> None:
    flip(own.copy / "000/000005.jpg")
    put(own.live / "notes/today.txt", b"written today, and again", seconds=1_700_000_000)
    put(own.live / "notes/new.txt", b"not backed up yet", seconds=1_700_000_000)
    (own.copy / "000/000006.jpg").unlink()
    ended = own.run("prove", own.copy, "--against", own.live, "--full", "--workers", "2")
    assert (ended.code, ended.result) == (1, "FAILED")
    kinds = {finding.path: finding.kind for finding in (*ended.copy.findings, *ended.copy.counted)}
    assert kinds == {
        "000/000005.jpg": "MISMATCH",
        "000/000006.jpg": "MISSING",
        "notes/today.txt": "EDITED",
        "notes/new.txt": "NOT_YET",
    }
    assert ended.proof.manifest.live
    assert f"{FILES - 1:,} restored files match the live data at {ended.proof.manifest.created_at}" in ended.stderr


def test_newer_proves_what_was_changed_lately_and_nothing_else(own: Home) -> None:
    now = time.time()
    for root in (own.live, own.copy):
        put(root / "notes/today.txt", b"written today", seconds=now - 3_000)
        put(root / "notes/lost.txt", b"written yesterday", seconds=now - 80_000)
    (own.copy / "notes/lost.txt").unlink()
    flip(own.copy / "000/000001.jpg")  # old, and not asked for
    hour = own.run_here("prove", own.copy, "--against", own.live, "--newer", "1h", "--full")
    assert (hour.code, hour.copy.population.files, hour.copy.proven.files) == (0, 1, 1)
    week = own.run_here("prove", own.copy, "--against", own.live, "--newer", "1w", "--full")
    assert [(one.kind, one.path) for one in week.copy.findings] == [("MISSING", "notes/lost.txt")]
    assert week.copy.proven.files == 1
    minute = own.run_here("prove", own.copy, "--against", own.live, "--newer", "1m")
    assert minute.code == 3
    assert "got none that are asked for" in minute.stderr
    assert minute.bundles == ()


def test_only_limits_what_is_listed_and_what_is_drawn(own: Home) -> None:
    flip(own.copy / "000/000001.jpg")
    put(own.copy / "beside.txt", b"nobody knows this", seconds=1_500_000_000)
    notes = own.run_here(*own.prove, "--full", "--only", "notes/", "--only", "*7.jpg")
    assert (notes.code, notes.result) == (0, "PASSED")
    assert notes.copy.population.files == notes.copy.proven.files == 2 + FILES // 10
    assert notes.proof.drill.only == ("notes/", "*7.jpg")
    assert own.run_here(*own.prove, "--full", "--only", "*1.jpg").code == 1


@pytest.mark.parametrize(("sample", "drawn"), [("1", 1), (str(FILES), FILES), ("100000", FILES)])
def test_a_sample_is_as_large_as_asked_for_and_no_larger_than_the_copy(home: Home, sample: str, drawn: int) -> None:
    ended = home.run_here(*home.prove, "--sample", sample)
    assert ended.code == 0
    assert ended.copy.planned.files == ended.copy.proven.files == len(read_outcomes(ended.bundle)) == drawn


@pytest.mark.parametrize("files", range(6))
def test_a_full_drill_proves_each_file_of_a_small_copy(tmp_path: Path, files: int) -> None:
    home = Home(tmp_path).fill(many(files) or {"folder/of/nothing/link": b""})
    ended = home.run_here(*home.prove, "--full")
    assert ended.copy.proven.files == ended.copy.population.files == max(files, 1)
    assert ended.result == "PASSED"
    assert ended.copy.control == "detected"


def test_a_disk_without_room_for_a_proof_is_told_before_anything_is_restored(home: Home, must_run: MustRun) -> None:
    with small_disk(must_run, home.reports, "1m"):
        ended = home.run_here(*home.prove, "--full")
        assert ended.code == 3
        assert ended.bundles == ()
        assert "free for the proof" in ended.stderr
        assert not [path for path in home.reports.rglob("*") if path.is_file()]
    assert home.begun_drills() == 0


def test_room_for_the_proof_is_kept_while_others_fill_the_disk(home: Home, must_run: MustRun) -> None:
    with small_disk(must_run, home.reports, "6m"):
        with home.start(*home.prove, "--full", "--workers", "1", read_seconds=0.003) as running:
            running.until_batches(1)
            with contextlib.suppress(OSError), (home.reports / "of somebody else").open("wb", buffering=0) as file:
                while True:
                    file.write(os.urandom(4096))
            ended = running.end()
        assert (ended.code, ended.result) == (0, "PASSED"), ended.stderr
        assert_whole(ended.bundle)
