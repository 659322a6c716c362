"""Where nothing, or not enough, was compared: INCONCLUSIVE, whatever else is well."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest
from drilled import THEN, Drilled, Place, change, flip, noise, put

NEWER = THEN + 86_400


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"photos/{number:02d}.bin": noise(600, number) for number in range(10)})
    place.fill({f"papers/{number:02d}.bin": noise(700, number + 50) for number in range(10)})
    place.back_up()
    return place


def _assert_inconclusive(drilled: Drilled, *, says: str) -> None:
    assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE"), drilled.reasons
    assert says in drilled.reasons


@pytest.mark.parametrize("options", [("--full",), (), ("--sample", "5")])
def test_a_manifest_of_zero_entries(place: Place, options: tuple[str, ...]) -> None:
    (place.root / "nothing").mkdir()
    place.know(folder=place.root / "nothing")

    _assert_inconclusive(place.prove(*options), says="nothing was proven")
    shutil.rmtree(place.copy)
    place.copy.mkdir()
    _assert_inconclusive(place.prove(*options), says="nothing was proven")


@pytest.mark.parametrize("options", [("--full",), ()])
def test_a_manifest_of_links_only(tmp_path: Path, options: tuple[str, ...]) -> None:
    place = Place(tmp_path)
    (place.live / "one").symlink_to("two")
    (place.live / "three").symlink_to("/etc")
    place.back_up()
    place.know()

    _assert_inconclusive(place.prove(*options), says="nothing was proven")


@pytest.mark.parametrize("options", [("--full",), ()])
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
def test_only_what_does_not_exist(place: Place, options: tuple[str, ...], *, against: bool) -> None:
    place.know()

    drilled = place.prove(*options, "--only", "nowhere/", against=against)

    _assert_inconclusive(drilled, says="nothing was proven")
    assert "UNREACHABLE" not in drilled.reasons


@pytest.mark.parametrize("options", [("--full",), ()])
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
def test_only_what_the_copy_lacks(place: Place, options: tuple[str, ...], *, against: bool) -> None:
    place.know()
    shutil.rmtree(place.copy / "papers")

    drilled = place.prove(*options, "--only", "papers/", against=against)

    assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"MISSING": 10})


@pytest.mark.parametrize("options", [("--full",), ()])
def test_only_asks_how_much_of_that_alone_has_changed(place: Place, options: tuple[str, ...]) -> None:
    place.know()
    for number in range(4):
        change(place.copy, f"papers/{number:02d}.bin", lambda data: data * 2, seconds=NEWER)

    assert place.prove(*options).result == "PASSED"
    _assert_inconclusive(place.prove(*options, "--only", "papers/"), says="make a new manifest")


def test_only_asks_the_whole_copy_what_is_its_newest_file(place: Place) -> None:
    put(place.live, "papers/lost.bin", b"lost", seconds=THEN + 500)
    change(place.copy, "photos/00.bin", lambda data: data, seconds=THEN + 1_000)

    drilled = place.prove("--full", "--only", "papers/", against=True)

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISSING": 1})


def test_a_drill_of_a_part_says_so(place: Place) -> None:
    place.know()
    put(place.live, "papers/00.bin", (place.live / "papers/00.bin").read_bytes(), seconds=time.time())
    put(place.copy, "papers/00.bin", (place.live / "papers/00.bin").read_bytes(), seconds=time.time())

    newer = place.prove("--full", "--newer", "2h", against=True)
    only = place.prove("--full", "--only", "papers/")

    assert (newer.result, newer.copy.proven.files) == ("PASSED", 1)
    assert (only.result, only.copy.proven.files) == ("PASSED", 10)
    for drilled, says in ((newer, "changed in the last 2:00:00"), (only, "papers/")):
        assert drilled.folder is not None
        for report in ("report.md", "report.html"):
            assert says in (drilled.folder / report).read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [("--full",), ()])
def test_everything_newer_and_different(place: Place, options: tuple[str, ...]) -> None:
    place.know()
    for file in [path for path in place.copy.rglob("*") if path.is_file()]:
        put(file.parent, file.name, file.read_bytes() + b"!", seconds=NEWER)

    _assert_inconclusive(place.prove(*options), says="not one file was restored")


@pytest.mark.parametrize("options", [("--full",), ()])
def test_everything_edited_since(place: Place, options: tuple[str, ...]) -> None:
    for file in [path for path in place.live.rglob("*") if path.is_file()]:
        put(file.parent, file.name, file.read_bytes() + b"!", seconds=NEWER)

    _assert_inconclusive(place.prove(*options, against=True), says="were changed since")


def test_a_copy_that_holds_another_dataset(place: Place) -> None:
    place.know()
    shutil.rmtree(place.copy)
    put(place.copy, "other.bin", b"other")

    drilled = place.prove("--full")

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISSING": 20, "UNEXPECTED": 1})


def test_a_sample_of_nothing_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.know()

    with pytest.raises(SystemExit) as left:
        place.prove("--sample", "0")

    assert left.value.code == 2
    assert "from 1 on" in capfd.readouterr().err


@pytest.mark.parametrize("line", ["files = 0", "confidence = 0.0", "tolerable = 1.5", "confidence = 1.0"])
def test_a_scenario_that_samples_nothing_is_refused(place: Place, line: str) -> None:
    place.know()
    scenario = 'name = "nothing"\nmanifest = "manifest.jsonl"\n[[copy]]\nname = "disk"\nat = "copy"\n[sample]\n'

    drilled = place.drill(scenario + line)

    assert (drilled.code, drilled.proof) == (2, None)


def test_a_sample_says_how_much_it_was(place: Place) -> None:
    place.know()
    seed = bytes(32)
    paths = [os.fsencode(file.relative_to(place.copy)) for file in place.copy.rglob("*") if file.is_file()]
    in_order = sorted(paths, key=lambda path: hashlib.sha256(seed + path).digest())
    change(place.copy, in_order[4], lambda data: flip(data, 1))

    four, five = (place.prove("--sample", count, "--seed", seed.hex()) for count in ("4", "5"))

    assert four.result == "PASSED"
    assert four.copy.planned.files == 4
    assert four.copy.assurance is not None
    assert (four.copy.assurance.population, four.copy.assurance.drawn) == (20, 4)
    # With 4 of 20 drawn and none bad, 9 may be: C(11, 4) / C(20, 4) is 0.068, C(10, 4) / C(20, 4) is 0.043.
    assert four.copy.assurance.at_most_bad_files == 9
    assert "4 of 4 planned files" in four.reasons
    assert "of 20 comparable ones" in four.reasons
    assert (five.result, five.counts) == ("FAILED", {"MISMATCH": 1})


@pytest.mark.parametrize("files", range(6))
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_drill_has_an_outcome_for_each_file(tmp_path: Path, files: int, workers: str) -> None:
    place = Place(tmp_path)
    place.fill({f"{number}.bin": b"%d" % number for number in range(files)})
    (place.live / "link").symlink_to("0.bin")
    place.back_up()
    place.know()
    put(place.copy, "new", b"new", seconds=THEN + 10**9)

    drilled = place.prove("--full", "--workers", workers)

    assert drilled.copy.population.files == drilled.copy.planned.files == drilled.copy.proven.files == files
    assert drilled.result == ("INCONCLUSIVE" if not files else "PASSED" if files == 5 else "WARNED")
