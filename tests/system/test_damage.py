"""Every kind of damage to a copy is found as what it is, in full and by sample, in a folder, over SFTP and in B2."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import DAMAGE, NAMES, NEWER, OTHER, SIZE, VICTIM, Damage, move, swap
from drilled import THEN, Drilled, Place, change, flip, noise, prose, put
from reached import WAYS, InB2, Way

FILES = len(NAMES) + 2
IN_A_FOLDER = pytest.mark.parametrize("way", ["folder"], indirect=True)
SAMPLE = ("--sample", "1000")


def _cases(*ways: str) -> pytest.MarkDecorator:
    """Return the rows of the table that there can be on each way."""
    cases = [(way, name) for name, damage in DAMAGE.items() for way in ways if "b2" not in way or not damage.of_links]
    return pytest.mark.parametrize(
        ("way", "name"), cases, ids=[f"{name}, {way}" for way, name in cases], indirect=["way"]
    )


@pytest.fixture
def place(tmp_path: Path, way: Way) -> Place:
    place = Place(tmp_path, way)
    place.fill({name: noise(SIZE, name) for name in NAMES})
    put(place.live, "empty", b"")
    put(place.live, "notes/a.txt", prose(900, 1))
    if way.holds_links:
        (place.live / "shortcut").symlink_to("album/00.bin")
        os.utime(place.live / "shortcut", (THEN, THEN), follow_symlinks=False)
    place.back_up()
    place.know()
    return place


def _assert_found(drilled: Drilled, kinds: dict[str, int], result: str, says: str = "") -> None:
    assert (drilled.result, drilled.counts) == (result, kinds), drilled.reasons
    assert drilled.code == {"PASSED": 0, "WARNED": 0, "FAILED": 1}[result]
    assert drilled.copy.control == "detected"
    details = " ".join(f"{one.detail} {one.actual}" for one in (*drilled.copy.findings, *drilled.copy.counted))
    assert says in details or not says


@_cases(*WAYS)
def test_each_damage_is_found_against_a_manifest(place: Place, name: str) -> None:
    _plant_and_find(place, DAMAGE[name], "--full")


@_cases("folder", "b2")
def test_a_sample_finds_each_damage_against_a_manifest(place: Place, name: str) -> None:
    _plant_and_find(place, DAMAGE[name], *SAMPLE)


def _plant_and_find(place: Place, damage: Damage, *options: str) -> None:
    damage.plant(place.copy)

    drilled = place.prove(*options)

    _assert_found(drilled, damage.kinds, damage.result, damage.says)
    assert drilled.code == damage.code


@_cases("folder")
def test_each_damage_is_found_against_live_data(place: Place, name: str) -> None:
    _plant_and_find_by_live_data(place, DAMAGE[name], "--full")


@_cases("folder", "sftp by ssh", "b2")
def test_a_sample_finds_each_damage_against_live_data(place: Place, name: str) -> None:
    _plant_and_find_by_live_data(place, DAMAGE[name], *SAMPLE)


def _plant_and_find_by_live_data(place: Place, damage: Damage, *options: str) -> None:
    damage.plant(place.copy)

    drilled = place.prove(*options, against=True)

    if damage.live is None:
        _assert_found(drilled, damage.kinds, damage.result, damage.says)
    else:
        _assert_found(drilled, *damage.live)


@_cases("b2 without times")
def test_an_upload_time_is_no_excuse(place: Place, name: str) -> None:
    damage = DAMAGE[name]
    damage.plant(place.copy)

    drilled = place.prove("--full")

    if damage.timeless is None:
        _assert_found(drilled, damage.kinds, damage.result, "" if "older" in damage.says else damage.says)
    else:
        _assert_found(drilled, damage.timeless, "FAILED")


@pytest.mark.parametrize("way", ["b2"], indirect=True)
@pytest.mark.parametrize("options", [("--full",), SAMPLE], ids=["full", "sample"])
def test_a_new_upload_without_a_time_is_judged_by_its_bytes(place: Place, options: tuple[str, ...]) -> None:
    assert isinstance(place.way, InB2)
    place.way.without_time |= {VICTIM, OTHER}
    change(place.copy, VICTIM, lambda data: flip(data, 9))
    change(place.copy, OTHER, lambda data: data, seconds=NEWER)

    drilled = place.prove(*options)

    _assert_found(drilled, {"MISMATCH": 1}, "FAILED")
    assert [one.path for one in drilled.copy.findings] == [VICTIM]


@pytest.mark.parametrize("way", [*WAYS, "b2 without times"], indirect=True)
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
@pytest.mark.parametrize("options", [("--full",), SAMPLE, ()], ids=["full", "sample", "default"])
def test_an_intact_copy_has_no_finding(place: Place, options: tuple[str, ...], *, against: bool) -> None:
    drilled = place.prove(*options, against=against)

    assert (drilled.code, drilled.result, drilled.counts) == (0, "PASSED", {})
    assert drilled.copy.findings == drilled.copy.counted == drilled.copy.unrestored == ()
    assert drilled.copy.population.files == FILES
    assert place.way.note in " ".join(drilled.copy.notes)
    if options:
        assert drilled.copy.proven.files == FILES


@IN_A_FOLDER
def test_a_moved_file_is_a_warning_that_strict_counts(place: Place) -> None:
    move(place.copy)

    assert place.prove("--full", "--strict").code == 4


def test_a_moved_file_that_was_damaged_on_its_way_is_missing(place: Place) -> None:
    move(place.copy)
    change(place.copy, "elsewhere/07.bin", lambda data: flip(data, 100))

    drilled = place.prove("--full")

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISSING": 1, "UNEXPECTED": 1})


@IN_A_FOLDER
def test_the_names_of_what_was_found_stand_in_the_bundle(place: Place) -> None:
    swap(place.copy)

    drilled = place.prove("--full")

    assert [one.path for one in drilled.copy.findings] == [VICTIM, OTHER]
    assert drilled.folder is not None
    for file in ("report.md", "report.html", "findings.jsonl"):
        text = (drilled.folder / file).read_text(encoding="utf-8")
        assert VICTIM in text, file
        assert OTHER in text, file


def _unchanging(place: Place) -> str:
    return f"""
name = "album"
manifest = "manifest.jsonl"
unchanging = ["album/**"]
[[copy]]
name = "disk"
at = "{place.way.address(place.copy)}"
{place.way.stated()}"""


@pytest.mark.parametrize("edit", [lambda data: data[::-1], lambda data: data + b"x"], ids=["same size", "longer"])
@pytest.mark.parametrize("options", [("--full",), SAMPLE], ids=["full", "sample"])
def test_a_newer_file_where_nothing_may_change_fails(
    place: Place, edit: Callable[[bytes], bytes], options: tuple[str, ...]
) -> None:
    change(place.copy, VICTIM, edit, seconds=NEWER)
    change(place.copy, "notes/a.txt", lambda data: data + b"more", seconds=NEWER)

    drilled = place.drill(_unchanging(place), *options)

    assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"CHANGED": 2})
    assert [one.path for one in drilled.copy.findings] == [VICTIM]
    assert [one.path for one in drilled.copy.counted] == ["notes/a.txt"]


def test_a_newer_file_with_its_old_bytes_passes_where_nothing_may_change(place: Place) -> None:
    change(place.copy, VICTIM, lambda data: data, seconds=NEWER)

    assert place.drill(_unchanging(place), "--full").result == "PASSED"


@IN_A_FOLDER
def test_two_workers_find_what_one_finds(place: Place) -> None:
    for name in ("bit in the middle", "truncated by one", "link elsewhere"):
        DAMAGE[name].plant(place.copy)
    move(place.copy)
    change(place.copy, OTHER, lambda data: flip(data, 5))

    one, two = place.prove("--full"), place.prove("--full", "--workers", "2")

    assert one.counts == two.counts
    assert one.copy.findings == two.copy.findings
    assert two.code == 1
