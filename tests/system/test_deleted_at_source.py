"""A file that the copy lacks and that is gone from the live data as well is told as deleted, and nothing less is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from drilled import THEN, Drilled, Place, noise, put

FILES = {f"{year}/{number}.bin": noise(2_000, f"{year}-{number}") for year in (2014, 2015) for number in range(10)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill(FILES)
    place.know()
    place.back_up()
    return place


def drill(place: Place, *, live: str = "live = true", top: str = "") -> Drilled:
    return place.drill(
        f'name = "photos"\nmanifest = "manifest.jsonl"\n{top}\n[sample]\nconfidence = 0.99\n'
        f'[[copy]]\nname = "desktop"\nat = "{place.live}"\n{live}\n'
        f'[[copy]]\nname = "nas"\nat = "{place.copy}"\n',
        "--full",
    )


def delete(*folders: Path, names: list[str]) -> None:
    for folder in folders:
        for name in names:
            (folder / name).unlink()


def test_a_file_deleted_on_both_sides_is_listed_and_warned_of(place: Place) -> None:
    delete(place.live, place.copy, names=["2014/3.bin"])
    drilled = drill(place)
    assert (drilled.result, drilled.counts) == ("WARNED", {"DELETED_AT_SOURCE": 1})
    assert [(one.kind, one.path) for one in drilled.copy.findings] == [("DELETED_AT_SOURCE", "2014/3.bin")]
    assert drilled.folder is not None
    assert b"DELETED_AT_SOURCE" in (drilled.folder / "findings.jsonl").read_bytes()


def test_a_file_that_the_live_data_still_has_is_missing(place: Place) -> None:
    delete(place.copy, names=["2014/3.bin"])
    assert drill(place).counts == {"MISSING": 1}


def test_more_than_a_fifth_is_no_housekeeping(place: Place) -> None:
    delete(place.live, place.copy, names=[f"2014/{number}.bin" for number in range(4)])
    assert drill(place).result == "WARNED"
    delete(place.live, place.copy, names=["2015/0.bin"])
    drilled = drill(place)
    assert (drilled.result, drilled.counts) == ("FAILED", {"DELETED_AT_SOURCE": 5})
    assert drilled.reasons.count("DELETED_AT_SOURCE") == 1


def test_where_nothing_may_change_a_deletion_is_a_loss(place: Place) -> None:
    delete(place.live, place.copy, names=["2014/3.bin", "2015/3.bin"])
    drilled = drill(place, top='unchanging = ["2014/**"]')
    assert (drilled.result, drilled.counts) == ("FAILED", {"MISSING": 1, "DELETED_AT_SOURCE": 1})


@pytest.mark.parametrize("how", ["empty", "gone", "another", "not pinned", "no folder"])
def test_live_data_that_is_not_there_proves_nothing(place: Place, how: str) -> None:
    delete(place.live, place.copy, names=["2014/3.bin"])
    live = "live = true"
    if how == "not pinned":
        live += '\nmarker = "a-marker"'
    elif how == "no folder":
        live = 'live = true\nkey_id = { env = "A" }\nkey = { env = "B" }'
    else:
        shutil.rmtree(place.live)
    if how in ("empty", "another"):
        place.live.mkdir()
    if how == "another":
        put(place.live, "lost+found/something", b"else")
    # Nobody is asked where the live copy is no folder: what lies elsewhere can't tell.
    drilled = drill_with_b2(place, live) if how == "no folder" else drill(place, live=live)
    assert (drilled.result, drilled.counts) == ("FAILED", {"MISSING": 1})


def drill_with_b2(place: Place, live: str) -> Drilled:
    return place.drill(
        f'name = "photos"\nmanifest = "manifest.jsonl"\n[[copy]]\nname = "cloud"\nat = "b2://a-bucket/photos"\n{live}\n'
        f'[[copy]]\nname = "nas"\nat = "{place.copy}"\n',
        "--full",
    )


def test_a_folder_that_is_reached_through_a_link_proves_nothing(place: Place) -> None:
    delete(place.copy, names=["2014/3.bin"])
    shutil.rmtree(place.live / "2014")
    (place.live / "2014").symlink_to("/mnt/away/2014")
    assert drill(place).counts == {"MISSING": 1}


def test_a_candidate_for_having_been_moved_is_deleted_if_its_bytes_are_others(place: Place) -> None:
    delete(place.live, place.copy, names=["2014/3.bin"])
    put(place.copy, "elsewhere/3.bin", noise(2_000, "other"), seconds=THEN)
    assert drill(place).counts == {"DELETED_AT_SOURCE": 1, "UNEXPECTED": 1}


def test_a_name_that_the_live_data_composes_otherwise_is_there(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill({"e\u0301t\u00e9.txt": b"a", "other.txt": b"b"})
    place.know()
    place.back_up()
    delete(place.live, place.copy, names=["e\u0301t\u00e9.txt"])
    put(place.live, "\u00e9t\u00e9.txt", b"a")
    assert drill(place).counts == {"MISSING": 1}
