"""What looks like damage and is none: spellings of names, rounded times, a copy without times, newer files beside."""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from drilled import THEN, Place, change, flip, noise, put
from reached import Way

IN_A_FOLDER = pytest.mark.parametrize("way", ["folder"], indirect=True)
ON_EACH_WAY = pytest.mark.parametrize("way", ["folder", "sftp by ssh", "b2"], indirect=True)
NAMES = ["Köln/Straße.txt", "Ünïted/ÀÉÎ.txt", "한국/사진.jpg", "a.txt", "ﬁne/Å.txt"]


def _restamp(folder: Path, stamp: Callable[[int], int]) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            time_ns = stamp(path.stat().st_mtime_ns)
            os.utime(path, ns=(time_ns, time_ns))


def _soon() -> float:
    """Return a time that is after now though SFTP tells whole seconds."""
    return time.time() + 2


@pytest.fixture
def place(tmp_path: Path, way: Way) -> Place:
    place = Place(tmp_path, way)
    place.fill({f"{number:02d}.bin": noise(500 + number, number) for number in range(40)})
    _restamp(place.live, lambda time_ns: time_ns + 1_234_567_891)
    place.back_up()
    place.know()
    return place


@ON_EACH_WAY
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize(("live_form", "copy_form"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_another_normal_form_meet(
    tmp_path: Path, way: Way, live_form: str, copy_form: str, options: tuple[str, ...], *, against: bool
) -> None:
    place = Place(tmp_path, way)
    place.fill({unicodedata.normalize(live_form, name): name.encode() * 9 for name in NAMES})
    for name in NAMES:
        put(place.copy, unicodedata.normalize(copy_form, name), name.encode() * 9)
    place.know()

    drilled = place.prove(*options, against=against)

    assert (drilled.code, drilled.result, drilled.counts) == (0, "PASSED", {})
    assert drilled.copy.proven.files == len(NAMES)
    assert drilled.copy.found_as == {"Unicode normal form": len(NAMES) - 1}


@ON_EACH_WAY
def test_damage_under_another_normal_form_is_found(tmp_path: Path, way: Way) -> None:
    place = Place(tmp_path, way)
    place.fill({name: name.encode() * 9 for name in NAMES})
    for name in NAMES:
        put(place.copy, unicodedata.normalize("NFD", name), name.encode() * 9)
    place.know()
    change(place.copy, unicodedata.normalize("NFD", NAMES[0]), lambda data: flip(data, 3))

    drilled = place.prove("--full")

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISMATCH": 1})


@ON_EACH_WAY
@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize("step_ns", [1_000_000_000, 2_000_000_000])
@pytest.mark.parametrize("up", [False, True], ids=["down", "up"])
def test_rounded_times_are_no_finding(place: Place, step_ns: int, options: tuple[str, ...], *, up: bool) -> None:
    _restamp(place.copy, lambda time_ns: (time_ns // step_ns + up) * step_ns)

    drilled = place.prove(*options)

    assert (drilled.code, drilled.counts) == (0, {})
    assert drilled.copy.keeps_times


@ON_EACH_WAY
def test_damage_under_a_rounded_time_is_no_change(place: Place) -> None:
    change(place.copy, "03.bin", lambda data: flip(data, 3))
    _restamp(place.copy, lambda time_ns: (time_ns // 2_000_000_000 + 1) * 2_000_000_000)

    assert place.prove("--full").counts == {"MISMATCH": 1}


@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize("files", [1, 2, 5, 10, 40])
def test_a_copy_without_times_is_judged_by_its_bytes(tmp_path: Path, files: int, options: tuple[str, ...]) -> None:
    place = Place(tmp_path)
    place.fill({f"{number:02d}.bin": noise(700, number) for number in range(files)})
    place.back_up()
    _restamp(place.copy, lambda time_ns: time_ns + 10**17 + time_ns % 7)
    place.know()

    drilled = place.prove(*options)

    assert (drilled.code, drilled.result, drilled.counts) == (0, "PASSED", {}), drilled.reasons


@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
@pytest.mark.parametrize("files", [5, 10, 19, 20, 40, 100])
@pytest.mark.parametrize("edit", ["flip", "cut", "empty"])
def test_damage_in_a_copy_without_times_is_not_told_as_a_change(
    tmp_path: Path, files: int, edit: str, options: tuple[str, ...]
) -> None:
    place = Place(tmp_path)
    place.fill({f"{number:03d}.bin": noise(700, number) for number in range(files)})
    place.back_up()
    edits = {"flip": lambda data: flip(data, 50), "cut": lambda data: data[:-1], "empty": lambda data: data[:0]}
    for number in range(files // 5):
        change(place.copy, f"{number:03d}.bin", edits[edit])
    _restamp(place.copy, lambda time_ns: time_ns + 10**17)
    place.know()

    drilled = place.prove(*options)

    assert (drilled.code, drilled.result) == (1, "FAILED"), drilled.reasons


@ON_EACH_WAY
@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize(("new", "result"), [(8, "PASSED"), (9, "WARNED")])
def test_newer_files_beside_the_old_ones_are_counted(
    place: Place, new: int, result: str, options: tuple[str, ...]
) -> None:
    for number in range(new):
        put(place.copy, f"new {number}.bin", noise(300, number), seconds=_soon())

    drilled = place.prove(*options)

    assert (drilled.code, drilled.result, drilled.counts) == (0, result, {"NEW": new})
    assert drilled.copy.findings == ()


@ON_EACH_WAY
def test_ten_thousand_newer_files_are_counted(tmp_path: Path, way: Way) -> None:
    place = Place(tmp_path, way)
    place.fill({f"old/{number:05d}": b"old %d" % number for number in range(300)})
    place.back_up()
    place.know()
    for number in range(10_000):
        put(place.copy, f"new/{number:05d}", b"", seconds=_soon())

    drilled = place.prove("--full")

    assert (drilled.code, drilled.result, drilled.counts) == (0, "WARNED", {"NEW": 10_000})
    assert drilled.copy.findings == ()
    assert drilled.copy.proven.files == 300


@ON_EACH_WAY
def test_an_old_file_that_nobody_knows_is_unexpected(place: Place) -> None:
    put(place.copy, "who knows.bin", b"old")

    drilled = place.prove("--full")

    assert (drilled.code, drilled.result, drilled.counts) == (0, "WARNED", {"UNEXPECTED": 1})


@IN_A_FOLDER
@pytest.mark.parametrize(("changed", "result"), [(8, "PASSED"), (9, "INCONCLUSIVE")])
def test_changed_files_are_counted_up_to_a_share(place: Place, changed: int, result: str) -> None:
    for number in range(changed):
        change(place.copy, f"{number:02d}.bin", lambda data: data + b"!", seconds=THEN + 9_999)

    full, sample = place.prove("--full"), place.prove("--sample", "1000")

    assert (full.result, full.counts) == (sample.result, sample.counts) == (result, {"CHANGED": changed})


@IN_A_FOLDER
def test_live_files_not_yet_in_the_copy_are_counted(place: Place) -> None:
    put(place.live, "fresh.bin", b"fresh", seconds=THEN + 9_999)

    drilled = place.prove("--full", against=True)

    assert (drilled.code, drilled.result, drilled.counts) == (0, "PASSED", {"NOT_YET": 1})
