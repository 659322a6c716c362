"""A third of all files encrypted, in each way that ransomware does it: never PASSED, never WARNED."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from damage import ENCRYPTION, LATER, only_the_start, with_a_suffix
from drilled import Place, noise, prose, put
from reached import Way

FILES = 60
ENCRYPTED = pytest.mark.parametrize("encrypt", ENCRYPTION)
ON_EACH_WAY = pytest.mark.parametrize("way", ["folder", "sftp by ssh", "b2", "b2 without times"], indirect=True)
IN_A_FOLDER = pytest.mark.parametrize("way", ["folder"], indirect=True)


def _photo(number: int) -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF" + noise(4_000, f"photo {number}")


@pytest.fixture(params=["notes", "photos"])
def place(request: pytest.FixtureRequest, tmp_path: Path, way: Way) -> Place:
    return _filled(tmp_path, request.param, way)


@pytest.fixture
def mixed(tmp_path: Path, way: Way) -> Place:
    return _filled(tmp_path, "mixed", way)


def _filled(tmp_path: Path, kind: str, way: Way) -> Place:
    place = Place(tmp_path, way)
    notes = {f"notes/{number:03d}.txt": prose(4_000 + number, number) for number in range(FILES)}
    photos = {f"photos/IMG_{number:04d}.JPG": _photo(number) for number in range(FILES)}
    chosen = {"notes": notes, "photos": photos, "mixed": {**notes, **photos}}[kind]
    place.fill(chosen)
    place.back_up()
    place.know()
    return place


@ON_EACH_WAY
@ENCRYPTED
@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
def test_a_third_encrypted_is_never_green(
    place: Place, encrypt: Callable[[Path], None], options: tuple[str, ...]
) -> None:
    for file in sorted(path for path in place.copy.rglob("*") if path.is_file())[::3]:
        encrypt(file)

    drilled = place.prove(*options)

    assert drilled.result in {"FAILED", "INCONCLUSIVE"}, drilled.reasons
    assert drilled.code in {1, 3}
    if encrypt is not only_the_start:
        assert (drilled.code, drilled.result) == (1, "FAILED"), drilled.reasons


@ON_EACH_WAY
@ENCRYPTED
def test_everything_encrypted_is_never_green(mixed: Place, encrypt: Callable[[Path], None]) -> None:
    for file in [path for path in mixed.copy.rglob("*") if path.is_file()]:
        encrypt(file)

    assert mixed.prove("--full").code in {1, 3}
    assert mixed.prove().code in {1, 3}


@IN_A_FOLDER
@ENCRYPTED
def test_live_data_that_was_encrypted_makes_no_copy_pass(mixed: Place, encrypt: Callable[[Path], None]) -> None:
    for file in sorted(path for path in mixed.live.rglob("*") if path.is_file())[::3]:
        encrypt(file)

    drilled = mixed.prove("--full", against=True)

    # Under new names the live files look like new ones, and the copy holds what it shall.
    assert drilled.result in {"FAILED", "INCONCLUSIVE"} or (encrypt, drilled.result) == (with_a_suffix, "WARNED")


@IN_A_FOLDER
def test_a_third_edited_by_hand_is_not_told_as_encrypted(place: Place) -> None:
    for file in sorted(path for path in place.copy.rglob("*") if path.is_file())[::3]:
        put(file.parent, file.name, file.read_bytes() + b" and more", seconds=LATER)

    drilled = place.prove("--full")

    assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE")
    assert "new manifest" in drilled.reasons


def test_names_of_encrypted_files_may_be_no_text(tmp_path: Path) -> None:
    place = Place(tmp_path)
    names = [b"\xff\xfe %d.txt" % number for number in range(30)]
    place.fill({name: prose(2_000, number) for number, name in enumerate(names)})
    place.back_up()
    place.know()
    for name in names[::2]:
        put(place.copy, name, noise(2_000, repr(name)), seconds=LATER)

    assert place.prove("--full").result == "FAILED"
