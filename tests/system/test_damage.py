"""Every kind of damage to a copy is found as what it is, in full and by sample, against a manifest and live data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from drilled import THEN, Drilled, Place, change, flip, noise, prose, put

NAMES = [f"album/{number:02d}.bin" for number in range(30)]
VICTIM, OTHER = "album/07.bin", "album/21.bin"
SIZE = 3_000


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({name: noise(SIZE, name) for name in NAMES})
    put(place.live, "empty", b"")
    put(place.live, "notes/a.txt", prose(900, 1))
    (place.live / "shortcut").symlink_to("album/00.bin")
    os.utime(place.live / "shortcut", (THEN, THEN), follow_symlinks=False)
    place.back_up()
    place.know()
    return place


class Damage(NamedTuple):
    plant: Callable[[Path], None]
    kinds: dict[str, int]
    result: str
    code: int
    says: str = ""
    live_kinds: dict[str, int] | None = None
    live_result: str | None = None


def _rewritten(edit: Callable[[bytes], bytes], *, seconds: float = THEN, name: str = VICTIM) -> Callable[[Path], None]:
    return lambda copy: change(copy, name, edit, seconds=seconds)


def _swap(copy: Path) -> None:
    one, two = (copy / VICTIM).read_bytes(), (copy / OTHER).read_bytes()
    put(copy, VICTIM, two)
    put(copy, OTHER, one)


def _move(copy: Path) -> None:
    (copy / "elsewhere").mkdir()
    (copy / VICTIM).rename(copy / "elsewhere/07.bin")


def _rename(copy: Path) -> None:
    (copy / VICTIM).rename(copy / "album/renamed.bin")


def _folder(copy: Path) -> None:
    (copy / VICTIM).unlink()
    (copy / VICTIM).mkdir()


def _folder_with_the_file(copy: Path) -> None:
    data = (copy / VICTIM).read_bytes()
    _folder(copy)
    put(copy, f"{VICTIM}/other.bin", data[::-1])


def _link_to_an_equal_file(copy: Path) -> None:
    (copy / VICTIM).rename(copy.parent / "outside.bin")
    (copy / VICTIM).symlink_to(copy.parent / "outside.bin")


def _pipe(copy: Path) -> None:
    (copy / VICTIM).unlink()
    os.mkfifo(copy / VICTIM)


def _link(target: str | None) -> Callable[[Path], None]:
    def plant(copy: Path) -> None:
        (copy / "shortcut").unlink()
        if target is not None:
            (copy / "shortcut").symlink_to(target)

    return plant


def _file_for_a_link(copy: Path) -> None:
    (copy / "shortcut").unlink()
    shutil.copy2(copy / "album/00.bin", copy / "shortcut")


OLDER, NEWER = THEN - 86_400, THEN + 86_400
FAILED, WARNED, PASSED = ("FAILED", 1), ("WARNED", 0), ("PASSED", 0)
DAMAGE = {
    "bit at the start": Damage(_rewritten(lambda data: flip(data, 0)), {"MISMATCH": 1}, *FAILED),
    "bit in the middle": Damage(_rewritten(lambda data: flip(data, SIZE // 2)), {"MISMATCH": 1}, *FAILED),
    "bit at the end": Damage(_rewritten(lambda data: flip(data, SIZE - 1)), {"MISMATCH": 1}, *FAILED),
    "truncated to nothing": Damage(_rewritten(lambda _: b""), {"TRUNCATED": 1}, *FAILED),
    "truncated by one": Damage(_rewritten(lambda data: data[:-1]), {"TRUNCATED": 1}, *FAILED),
    "one byte added": Damage(_rewritten(lambda data: data + b"\0"), {"GROWN": 1}, *FAILED),
    "byte in an empty file": Damage(_rewritten(lambda _: b"\0", name="empty"), {"GROWN": 1}, *FAILED),
    "zeros": Damage(_rewritten(lambda data: bytes(len(data))), {"MISMATCH": 1}, *FAILED, "nothing but zeros"),
    "two swapped": Damage(_swap, {"MISMATCH": 2}, *FAILED),
    "missing": Damage(lambda copy: (copy / VICTIM).unlink(), {"MISSING": 1}, *FAILED),
    "moved": Damage(_move, {"MOVED": 1}, *WARNED),
    "renamed": Damage(_rename, {"MOVED": 1}, *WARNED),
    "folder for a file": Damage(_folder, {"MISSING": 1}, *FAILED),
    "full folder for a file": Damage(_folder_with_the_file, {"MISSING": 1, "UNEXPECTED": 1}, *FAILED),
    "link for a file": Damage(_link_to_an_equal_file, {"MISSING": 1}, *FAILED, "symbolic link"),
    "pipe for a file": Damage(_pipe, {"MISSING": 1}, *FAILED, "no regular file"),
    "link elsewhere": Damage(_link("album/01.bin"), {"MISMATCH": 1}, *FAILED),
    "link gone": Damage(_link(None), {"MISSING": 1}, *FAILED),
    "file for a link": Damage(_file_for_a_link, {"MISSING": 1}, *FAILED),
    "older version": Damage(
        _rewritten(lambda data: data[::-1], seconds=OLDER),
        {"MISMATCH": 1},
        *FAILED,
        "older version",
        {"EDITED": 1},
        "PASSED",
    ),
    "older, shorter version": Damage(
        _rewritten(lambda data: data[:99], seconds=OLDER),
        {"TRUNCATED": 1},
        *FAILED,
        "older version",
        {"EDITED": 1},
        "PASSED",
    ),
    "newer version": Damage(_rewritten(lambda data: data[::-1], seconds=NEWER), {"CHANGED": 1}, *PASSED),
    "newer, longer version": Damage(_rewritten(lambda data: data * 2, seconds=NEWER), {"CHANGED": 1}, *PASSED),
    "newer by 3 s": Damage(_rewritten(lambda data: flip(data, 9), seconds=THEN + 3), {"CHANGED": 1}, *PASSED),
    "newer by 2 s": Damage(_rewritten(lambda data: flip(data, 9), seconds=THEN + 2), {"MISMATCH": 1}, *FAILED),
}


def _assert_found(drilled: Drilled, kinds: dict[str, int], result: str, damage: Damage) -> None:
    assert (drilled.result, drilled.counts) == (result, kinds), drilled.reasons
    assert drilled.code == {"PASSED": 0, "WARNED": 0, "FAILED": 1}[result]
    assert drilled.copy.control == "detected"
    details = " ".join(f"{one.detail} {one.actual}" for one in (*drilled.copy.findings, *drilled.copy.counted))
    assert damage.says in details or not damage.says


@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_found_against_a_manifest(place: Place, name: str, options: tuple[str, ...]) -> None:
    damage = DAMAGE[name]
    damage.plant(place.copy)

    drilled = place.prove(*options)

    _assert_found(drilled, damage.kinds, damage.result, damage)
    assert drilled.code == damage.code


@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_found_against_live_data(place: Place, name: str, options: tuple[str, ...]) -> None:
    damage = DAMAGE[name]
    damage.plant(place.copy)

    drilled = place.prove(*options, against=True)

    live = damage if damage.live_kinds is None else damage._replace(says="")
    _assert_found(drilled, damage.live_kinds or damage.kinds, damage.live_result or damage.result, live)


@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000"), ()], ids=["full", "sample", "default"])
def test_an_intact_copy_has_no_finding(place: Place, options: tuple[str, ...], *, against: bool) -> None:
    drilled = place.prove(*options, against=against)

    assert (drilled.code, drilled.result, drilled.counts) == (0, "PASSED", {})
    assert drilled.copy.findings == drilled.copy.counted == drilled.copy.unrestored == ()
    assert drilled.copy.population.files == len(NAMES) + 2
    if options:
        assert drilled.copy.proven.files == len(NAMES) + 2


def test_a_moved_file_is_a_warning_that_strict_counts(place: Place) -> None:
    _move(place.copy)

    assert place.prove("--full", "--strict").code == 4


def test_a_moved_file_that_was_damaged_on_its_way_is_missing(place: Place) -> None:
    _move(place.copy)
    change(place.copy, "elsewhere/07.bin", lambda data: flip(data, 100))

    drilled = place.prove("--full")

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISSING": 1, "UNEXPECTED": 1})


def test_the_names_of_what_was_found_stand_in_the_bundle(place: Place) -> None:
    _swap(place.copy)

    drilled = place.prove("--full")

    assert [one.path for one in drilled.copy.findings] == [VICTIM, OTHER]
    assert drilled.folder is not None
    for file in ("report.md", "report.html", "findings.jsonl"):
        text = (drilled.folder / file).read_text(encoding="utf-8")
        assert VICTIM in text, file
        assert OTHER in text, file


SCENARIO = """
name = "album"
manifest = "manifest.jsonl"
unchanging = ["album/**"]
[[copy]]
name = "disk"
at = "copy"
"""


@pytest.mark.parametrize("edit", [lambda data: data[::-1], lambda data: data + b"x"], ids=["same size", "longer"])
@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
def test_a_newer_file_where_nothing_may_change_fails(
    place: Place, edit: Callable[[bytes], bytes], options: tuple[str, ...]
) -> None:
    change(place.copy, VICTIM, edit, seconds=NEWER)
    change(place.copy, "notes/a.txt", lambda data: data + b"more", seconds=NEWER)

    drilled = place.drill(SCENARIO, *options)

    assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"CHANGED": 2})
    assert [one.path for one in drilled.copy.findings] == [VICTIM]
    assert [one.path for one in drilled.copy.counted] == ["notes/a.txt"]


def test_a_newer_file_with_its_old_bytes_passes_where_nothing_may_change(place: Place) -> None:
    change(place.copy, VICTIM, lambda data: data, seconds=NEWER)

    assert place.drill(SCENARIO, "--full").result == "PASSED"


def test_two_workers_find_what_one_finds(place: Place) -> None:
    for name in ("bit in the middle", "truncated by one", "link elsewhere"):
        DAMAGE[name].plant(place.copy)
    _move(place.copy)
    change(place.copy, OTHER, lambda data: flip(data, 5))

    one, two = place.prove("--full"), place.prove("--full", "--workers", "2")

    assert one.counts == two.counts
    assert one.copy.findings == two.copy.findings
    assert two.code == 1
