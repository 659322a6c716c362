"""A heartbeat in live data, carried by its copy, tells the copy's age: end to end, fresh, stale, lying and broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from drilled import Drilled, Place, put

from verifier import heartbeat
from verifier.heartbeat import Heartbeat

NAME = heartbeat.NAME.decode()
NOW = datetime.now(UTC)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give live data whose files are all new, so that a copy of them looks fresh however old it is."""
    place = Place(tmp_path)
    for number in range(8):
        put(place.live, f"photo {number}", bytes([number]) * 100, seconds=NOW.timestamp() - 60)
    return place


def beat(folder: Path, age: timedelta) -> None:
    put(folder, NAME, heartbeat.to_bytes(Heartbeat(written_at=NOW - age, machine="desktop")), seconds=NOW.timestamp())


def drill(place: Place, objectives: str = 'rpo = "24h"', *, more: str = "") -> Drilled:
    copy = f'[[copy]]\nname = "nas"\nat = "{place.copy}"\n{more}'
    scenario = f'name = "photos"\nmanifest = "{place.manifest}"\n[objectives]\n{objectives}\n[sample]\nfull = true\n'
    return place.drill(scenario + copy)


def test_the_command_writes_it_whole(tmp_path: Path, verifier: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    live = tmp_path / "live"
    live.mkdir()
    for _ in range(2):  # the second time over the first
        ran = verifier("heartbeat", live)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        assert [path.name for path in live.iterdir()] == [NAME]
        content = (live / NAME).read_bytes()
        assert content.count(b"\n") == 1
        assert abs(heartbeat.from_bytes(content).written_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert set(json.loads(content)) == {"heartbeat", "machine", "time"}


def test_the_command_refuses_what_is_no_folder(
    tmp_path: Path, verifier: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    ran = verifier("heartbeat", tmp_path / "no\nwhere")
    assert ran.returncode == 2
    assert "expected a folder of live data, got none at" in ran.stderr
    assert "no\\nwhere" in ran.stderr
    (tmp_path / NAME).mkdir()
    ran = verifier("heartbeat", tmp_path)
    assert ran.returncode == 2
    assert "can't write a heartbeat" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_link_in_its_place_is_replaced_and_not_followed(
    tmp_path: Path, verifier: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    live = tmp_path / "live"
    live.mkdir()
    (live / NAME).symlink_to(precious)
    assert verifier("heartbeat", live).returncode == 0
    assert precious.read_text() == "kept"
    assert not (live / NAME).is_symlink()


@pytest.mark.parametrize("in_the_manifest", [False, True])
def test_a_fresh_copy_is_fine_and_its_heartbeat_is_nobodys_finding(place: Place, *, in_the_manifest: bool) -> None:
    if in_the_manifest:
        beat(place.live, timedelta(days=40))
    place.know()
    place.back_up()
    beat(place.copy, timedelta(hours=3))
    drilled = drill(place)
    assert (drilled.result, drilled.counts) == ("PASSED", {})
    assert (drilled.copy.snapshot_is, drilled.copy.snapshot) == (
        "heartbeat",
        (NOW - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    assert drilled.copy.population.files == drilled.copy.proven.files == drilled.copy.listed.files == 8
    assert drilled.copy.coverage.of.files == drilled.copy.coverage.proven.files == 8


@pytest.mark.parametrize("in_the_manifest", [False, True])
def test_a_stale_copy_is_told_though_all_its_files_are_new(place: Place, *, in_the_manifest: bool) -> None:
    if in_the_manifest:
        beat(place.live, timedelta(hours=1))
    place.know()
    place.back_up()
    beat(place.copy, timedelta(days=3))
    drilled = drill(place)
    assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"STALE": 1})
    (finding,) = drilled.copy.findings
    assert finding.detail == "the age of the heartbeat in the copy"
    assert (finding.expected, finding.actual[:7]) == ("at most 1 day, 0:00:00", "3 days,")


def test_without_one_the_newest_modification_time_is_what_it_is_called(place: Place) -> None:
    beat(place.live, timedelta(hours=1))
    place.know()
    (place.live / NAME).unlink()
    place.back_up()
    drilled = drill(place)
    assert (drilled.result, drilled.counts) == ("PASSED", {})  # one that a copy lacks is not missing either
    assert drilled.copy.snapshot_is == "newest modification time"


def test_one_in_the_future_is_told_and_not_trusted(place: Place) -> None:
    place.know()
    place.back_up()
    beat(place.copy, -timedelta(days=365))
    drilled = drill(place)
    assert (drilled.result, drilled.copy.snapshot_is) == ("WARNED", "newest modification time")
    assert "in the future, so it was not relied on" in drilled.reasons
    for path in place.copy.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    drilled = drill(place)
    assert drilled.result == "FAILED"
    assert "STALE" in drilled.counts


@pytest.mark.parametrize(
    ("content", "told"), [(b"{}", "got something else"), (b"x" * 9_000, "expected at most 4,096 bytes, got 9,000")]
)
def test_a_broken_one_is_told_and_the_age_comes_from_elsewhere(place: Place, content: bytes, told: str) -> None:
    place.know()
    place.back_up()
    put(place.copy, NAME, content)
    drilled = drill(place)
    assert (drilled.result, drilled.copy.snapshot_is) == ("PASSED", "newest modification time")
    assert any(told in note for note in drilled.copy.notes)


def test_a_newest_file_in_the_future_tells_no_age(place: Place) -> None:
    place.know()
    place.back_up()
    put(place.copy, "photo 0", bytes(100), seconds=NOW.timestamp() + 10 * 86_400)
    drilled = drill(place)
    assert drilled.result == "WARNED"
    assert "how old the copy is can't be told: its newest modification time is in the future" in drilled.reasons
    assert drill(place, "").result == "PASSED"


def test_only_the_one_at_the_root_is_a_heartbeat(place: Place) -> None:
    place.know()
    place.back_up()
    put(place.copy, f"deeper/{NAME}", b"anything")
    drilled = drill(place)
    assert drilled.counts == {"UNEXPECTED": 1}


def test_a_copy_that_holds_nothing_else_is_empty(place: Place) -> None:
    place.know()
    place.back_up()
    for path in place.copy.iterdir():
        path.unlink()
    beat(place.copy, timedelta())
    drilled = drill(place)
    assert drilled.result == "INCONCLUSIVE"
    assert "got an empty folder" in drilled.reasons


def test_live_data_beats_too(place: Place) -> None:
    """A live file that was there at the copy's heartbeat and isn't in the copy is missing, whatever is newest in it."""
    place.back_up()
    for path in place.copy.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
        os.utime(place.live / path.name, (1_600_000_000, 1_600_000_000))
    beat(place.live, timedelta())
    put(place.live, "lost", b"lost", seconds=NOW.timestamp() - 10 * 86_400)
    assert place.prove("--full", against=True).counts == {"NOT_YET": 1}
    beat(place.copy, timedelta(days=5))
    assert place.prove("--full", against=True).counts == {"MISSING": 1}
    shutil.copy2(place.live / "lost", place.copy / "lost")
    assert place.prove("--full", against=True).result == "PASSED"
