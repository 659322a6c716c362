"""Copies of several ages, drilled against a folder of manifests: each against the newest that is older than it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import zstandard
from drilled import Drilled, Place, flip, noise, put
from generations import SECOND_NS, day, day_ns, known, write_generation

from verifier.cli.main import main
from verifier.manifest.generations import read_generations
from verifier.proof import CopyFacts

FIRST = {f"{number}.bin": noise(500, number) for number in range(10)}
SECOND = FIRST | {"new.bin": noise(700, "new")}
THIRD = SECOND | {"9.bin": noise(600, "edited")}
TIMES = {"new.bin": day_ns(15), "9.bin": day_ns(25)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Three generations, of the days 10, 20 and 30; the second has a file of day 15, the third an edit of day 25."""
    place = Place(tmp_path)
    place.manifest = tmp_path / "manifests"
    place.manifest.mkdir()
    add(place, 30, THIRD, previous=add(place, 20, SECOND, previous=add(place, 10, FIRST)))
    return place


def add(place: Place, number: int, files: dict[str, bytes], *, previous: str | None = None) -> str:
    """Add the generation of a day to the folder; return its identity."""
    times = {name: time for name, time in TIMES.items() if files.get(name) == THIRD[name]}
    entries = known(files, mtime_ns=day_ns(1), times=times)
    return write_generation(place.manifest / f"{number}.jsonl", day(number), entries, previous=previous)


def back_up(folder: Path, files: dict[str, bytes]) -> Path:
    """Make a copy of these files, all of day 1 but for the new and the edited one."""
    for name, data in files.items():
        seconds = TIMES[name] / SECOND_NS if data == THIRD[name] and name in TIMES else day(1).timestamp()
        put(folder, name, data, seconds=seconds)
    return folder


def newest_identity(place: Place) -> str:
    return read_generations(place.manifest)[-1].identity


def drill(place: Place, *copies: str) -> tuple[Drilled, dict[str, CopyFacts]]:
    text = 'name = "photos"\nmanifest = "manifests"\n'
    text += "".join(f'[[copy]]\nname = "{name}"\nat = "{place.root / name}"\n' for name in copies)
    drilled = place.drill(text, "--full")
    assert drilled.proof is not None
    return drilled, {copy.name: copy for copy in drilled.proof.copies}


def test_each_copy_is_held_against_the_newest_that_is_older_than_it(place: Place) -> None:
    back_up(place.root / "usb", SECOND)  # its newest file is of day 15
    back_up(place.root / "nas", THIRD)  # and its of day 25
    drilled, copies = drill(place, "usb", "nas")
    assert drilled.proof is not None
    assert drilled.folder is not None
    manifest, (other,) = drilled.proof.manifest, drilled.proof.manifests
    assert drilled.result == "PASSED"
    assert (manifest.created_at, manifest.files) == ("2026-01-21T00:00:00.000000Z", 11)
    assert (other.created_at, other.files) == ("2026-01-11T00:00:00.000000Z", 10)
    assert (copies["usb"].manifest, copies["usb"].manifest_created_at) == (other.identity, other.created_at)
    assert drilled.proof.manifest_of(copies["nas"]) is manifest
    assert copies["usb"].counts["NEW"].files == 1
    assert copies["nas"].counts["CHANGED"].files == 1
    assert (copies["usb"].coverage.of.files, copies["nas"].coverage.of.files) == (10, 11)
    facts = json.loads((drilled.folder / "proof.json").read_bytes())
    nas = next(copy for copy in facts["copies"] if copy["name"] == "nas")
    assert "manifest" not in nas
    assert "grown by 1 file and 800 bytes" in " ".join(copies["usb"].notes)
    for report in ("report.html", "report.md"):
        text = (drilled.folder / report).read_text("utf-8")
        assert other.identity in text
        assert manifest.identity in text
    assert {file.name for file in (place.reports / "manifests").iterdir()} == {
        f"{one.identity}.jsonl.zst" for one in (manifest, other)
    }
    with zstandard.open(place.reports / "manifests" / f"{other.identity}.jsonl.zst") as file:
        assert file.read() == (place.manifest / "10.jsonl").read_bytes()


def test_damage_is_seen_by_the_copy_s_own_generation_alone(place: Place) -> None:
    usb, nas = back_up(place.root / "usb", SECOND), back_up(place.root / "nas", THIRD)
    put(usb, "3.bin", flip(FIRST["3.bin"], 7), seconds=day(1).timestamp())
    (nas / "new.bin").unlink()
    drilled, copies = drill(place, "usb", "nas")
    assert [(one.kind, one.path) for one in copies["usb"].findings] == [("MISMATCH", "3.bin")]
    assert [(one.kind, one.path) for one in copies["nas"].findings] == [("MISSING", "new.bin")]
    assert all(copy.control == "detected" for copy in copies.values())
    assert drilled.result == "FAILED"


def test_one_generation_for_all_copies_is_stated_once(place: Place) -> None:
    for name in ("usb", "nas"):
        back_up(place.root / name, THIRD)
    drilled, _ = drill(place, "usb", "nas")
    assert drilled.folder is not None
    facts = json.loads((drilled.folder / "proof.json").read_bytes())
    assert "manifests" not in facts
    assert not any("manifest" in copy for copy in facts["copies"])


def test_a_copy_that_cannot_be_listed_takes_part_in_no_choice(place: Place) -> None:
    back_up(place.root / "usb", SECOND)
    drilled, copies = drill(place, "usb", "away")
    assert drilled.proof is not None
    assert drilled.proof.manifest.files == 10
    assert (drilled.result, copies["away"].verdict.result) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert copies["usb"].verdict.result == "PASSED"
    drilled, copies = drill(place, "away")
    assert drilled.proof is not None
    assert drilled.proof.manifest.created_at == "2026-01-31T00:00:00.000000Z"


def test_what_the_manifest_excludes_does_not_make_a_copy_younger(place: Place) -> None:
    back_up(place.root / "nas", SECOND)
    put(place.root / "nas", "@eaDir/thumbnail", b"x", seconds=day(40).timestamp())
    (place.manifest / "30.jsonl").unlink()
    entries = known(THIRD, mtime_ns=day_ns(1), times=TIMES)
    write_generation(
        place.manifest / "30.jsonl", day(30), entries, previous=newest_identity(place), exclude=("@eaDir/",)
    )
    drilled, _ = drill(place, "nas")
    assert drilled.proof is not None
    assert drilled.proof.manifest.created_at == "2026-01-11T00:00:00.000000Z"


def test_where_none_is_older_it_is_the_oldest_and_that_is_said(place: Place) -> None:
    back_up(place.root / "nas", FIRST)
    drilled, copies = drill(place, "nas")
    assert drilled.proof is not None
    assert drilled.result == "PASSED"
    assert drilled.proof.manifest.created_at == "2026-01-11T00:00:00.000000Z"
    assert any(note.startswith("no manifest is older than the copy's newest file") for note in copies["nas"].notes)
    assert any("the newest manifest" in note and "grown by 1 file" in note for note in copies["nas"].notes)


def test_where_none_is_older_and_much_came_since_it_is_warned_of(place: Place) -> None:
    back_up(place.root / "nas", FIRST)
    add(place, 40, THIRD | {f"more-{number}.bin": b"more" for number in range(3)}, previous=newest_identity(place))
    drilled, copies = drill(place, "nas")
    assert drilled.result == "WARNED"
    assert "that the copy holds what came since is not shown" in " ".join(copies["nas"].verdict.reasons)


def test_a_broken_chain_is_warned_of_until_it_is_accepted(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    back_up(place.root / "nas", THIRD)
    add(place, 20, SECOND | {"0.bin": noise(500, "swapped")})  # its content is another, and so is its identity
    drilled, copies = drill(place, "nas")
    reasons = " ".join(copies["nas"].verdict.reasons)
    assert reasons.count("follows no other in its folder") == 2
    assert "other bytes under an unchanged time" in reasons
    assert ": 1 file: 0.bin" in reasons
    assert drilled.result == "FAILED"  # the copy has the bytes that were there before

    assert main(["manifest", "accept", str(place.manifest)]) == 0
    assert "follows no other" in capfd.readouterr().err
    drilled, copies = drill(place, "nas")
    assert [one.path for one in copies["nas"].findings] == ["0.bin"]
    assert not any("other" in reason for reason in copies["nas"].verdict.reasons)
    assert any("was accepted as it is at" in note for note in copies["nas"].notes)


def test_one_that_shrank_is_warned_of_until_it_is_accepted(place: Place) -> None:
    back_up(place.root / "nas", THIRD)
    add(place, 40, {"0.bin": FIRST["0.bin"]}, previous=newest_identity(place))
    drilled, copies = drill(place, "nas")
    assert drilled.result == "WARNED"
    assert "has 1 of 11 files and 500 of 5,800 bytes of the one before it" in " ".join(copies["nas"].verdict.reasons)
    assert any("shrunk by 10 files" in note for note in copies["nas"].notes)
    assert main(["manifest", "accept", str(place.manifest)]) == 0
    assert drill(place, "nas")[0].result == "PASSED"


@pytest.mark.parametrize("spoil", ["header", "end", "inside", "accepted"])
def test_one_that_cannot_be_read_ends_the_drill_by_its_name(
    place: Place, spoil: str, capfd: pytest.CaptureFixture[str]
) -> None:
    back_up(place.root / "nas", THIRD)
    file = place.manifest / {"accepted": "ACCEPTED", "inside": "20.jsonl"}.get(spoil, "10.jsonl")
    data = file.read_bytes() if file.exists() else b"nothing"
    spoilt = {"header": data[1:], "end": data[:-20], "inside": data.replace(b'"size":500', b'"size":501', 1)}
    file.write_bytes(spoilt.get(spoil, data))
    capfd.readouterr()
    drilled = place.prove("--full", address=place.root / "nas")
    said = capfd.readouterr().err
    assert (drilled.code, drilled.proof) == (2, None)
    assert file.name in said
    assert "Traceback" not in said


def test_prove_takes_a_folder_and_its_chain_goes_on_as_generations_come(place: Place) -> None:
    nas = back_up(place.root / "nas", THIRD)
    first = place.prove("--full", address=nas)
    add(place, 40, THIRD, previous=newest_identity(place))
    os.utime(nas / "9.bin", (day(41).timestamp(),) * 2)
    second = place.prove("--sample", "1", address=nas)
    assert first.proof is not None
    assert second.proof is not None
    assert (first.proof.drill.number, second.proof.drill.number) == (1, 2)
    assert second.proof.manifest.identity != first.proof.manifest.identity
    # What the first drill has proven counts for the second's manifest where its content is the same.
    assert (second.copy.coverage.proven.files, second.copy.coverage.of.files) == (11, 11)


def test_plan_chooses_alike(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    back_up(place.root / "nas", THIRD)
    (place.root / "s.toml").write_text(
        f'name = "photos"\nmanifest = "manifests"\n[[copy]]\nname = "nas"\nat = "{place.root / "nas"}"\n'
    )
    assert main(["plan", str(place.root / "s.toml")]) == 0
    assert "10" in capfd.readouterr().out
