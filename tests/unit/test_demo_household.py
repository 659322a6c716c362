from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from verifier.demo.content import content
from verifier.demo.household import LINK, household, write_household
from verifier.demo.planted import PLANTED, plant
from verifier.encryption_signs import looks_encrypted
from verifier.outcome import FAILING_KINDS, FindingKind

MADE_NS = 1_760_000_000_000_000_000
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("household") / "home"
    write_household(folder)
    return folder


@pytest.fixture(scope="module")
def damaged(home: Path) -> Path:
    """A copy of the few files that are damaged, damaged."""
    copy = home.parent / "usb"
    for planted in PLANTED:
        path = copy / planted.path
        path.parent.mkdir(parents=True, exist_ok=True)
        (copy / (planted.moved_to or planted.path)).parent.mkdir(parents=True, exist_ok=True)
        if planted.in_household:
            path.write_bytes((home / planted.path).read_bytes())
            os.utime(path, ns=(0, (home / planted.path).stat().st_mtime_ns))
    plant(home, copy, manifest_made_ns=MADE_NS)
    return copy


def test_it_is_of_the_size_of_a_small_household() -> None:
    files = list(household())
    assert 550 <= len(files) <= 650
    assert 60e6 <= sum(file.size_bytes for file in files) <= 120e6
    assert max(file.size_bytes for file in files) <= 20 * 1024**2
    assert len({file.path for file in files}) == len(files)


def test_names_are_composed_and_of_several_scripts() -> None:
    text = "".join(file.path for file in household())
    assert unicodedata.normalize("NFC", text) == text
    for sign in ("ä", "京", "Приг", "Σ", "🎂", "'", '"', " "):
        assert sign in text


def test_the_household_is_the_same_on_every_machine() -> None:
    """Known answers, so that a change of the generator is seen, and one of a later Python's `random`, too."""
    stated = "\n".join(f"{file.path} {file.size_bytes} {file.mtime_ns}" for file in household())
    assert (
        hashlib.sha256(stated.encode()).hexdigest()
        == "d1cd62818912378b0440ec007f9df0b7434566b2a4d44b2e214236eb34f11b3c"
    )
    bytes_of_some = b"".join(content(name, 5_000) for name in ("a.jpg", "b.tif", "c.eml", "d"))
    assert (
        hashlib.sha256(bytes_of_some).hexdigest() == "105fd6b230d6cc5dd45a694b7d5093a5ff08c329890b9598c2c2d92c8f712404"
    )


def test_what_is_written_is_what_was_said(home: Path) -> None:
    for file in household():
        status = (home / file.path).stat()
        assert (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.mtime_ns), file.path
    assert (home / LINK[0]).readlink() == Path(LINK[1])
    assert (home / LINK[0]).is_dir()
    names = sum(len(files) for _, _, files in os.walk(home))
    assert names == len(list(household()))


def test_each_file_begins_as_its_type_does_and_none_looks_encrypted(home: Path) -> None:
    for file in household():
        with (home / file.path).open("rb") as opened:
            head = opened.read(65_536)
        assert not looks_encrypted(file.path.encode(), head), file.path


@pytest.mark.parametrize("size_bytes", [0, 1, 30, 1_001])
@pytest.mark.parametrize("name", ["a.jpg", "a.txt", "a.eml", "a.tif", "a"])
def test_content_is_as_long_as_asked(name: str, size_bytes: int) -> None:
    assert len(content(name, size_bytes)) == size_bytes


def test_each_damage_is_what_its_kind_says(home: Path, damaged: Path) -> None:
    for planted in PLANTED:
        good, bad = home / planted.path, damaged / planted.path
        assert good.exists() == planted.in_household
        if planted.kind in (FindingKind.MISSING, FindingKind.MOVED):
            assert not bad.exists()
        elif not planted.in_household:
            assert (bad.stat().st_mtime_ns > MADE_NS) == (planted.kind == FindingKind.NEW)
        else:
            before, after = good.read_bytes(), bad.read_bytes()
            assert before != after
            assert len(before) == len(after) or planted.kind != FindingKind.MISMATCH
            newer = bad.stat().st_mtime_ns - good.stat().st_mtime_ns > 2 * SECOND_NS
            assert newer == (planted.kind == FindingKind.CHANGED), planted.path


def test_a_damage_that_no_listing_shows_keeps_size_and_time(home: Path, damaged: Path) -> None:
    flipped = next(planted.path for planted in PLANTED if "one bit" in planted.what)
    before, after = (home / flipped).read_bytes(), (damaged / flipped).read_bytes()
    different = [one ^ other for one, other in zip(before, after, strict=True) if one != other]
    assert [one.bit_count() for one in different] == [1]
    assert (home / flipped).stat().st_mtime_ns == (damaged / flipped).stat().st_mtime_ns


def test_a_moved_file_keeps_its_bytes(home: Path, damaged: Path) -> None:
    (moved,) = [planted for planted in PLANTED if planted.moved_to]
    assert (damaged / str(moved.moved_to)).read_bytes() == (home / moved.path).read_bytes()


def test_the_swapped_ones_hold_each_others_bytes(home: Path, damaged: Path) -> None:
    one, other = [planted for planted in PLANTED if planted.bytes_of]
    assert (damaged / one.path).read_bytes() == (home / other.path).read_bytes()
    assert (damaged / other.path).read_bytes() == (home / one.path).read_bytes()


def test_the_table_has_every_damage_that_a_folder_can_have() -> None:
    kinds = {planted.kind for planted in PLANTED if planted.is_damage}
    assert kinds >= FAILING_KINDS - {
        FindingKind.UNREADABLE,
        FindingKind.UNSAFE_PATH,
        FindingKind.PROBE_FAILED,
        FindingKind.STALE,
        FindingKind.SLOW,
    }
    assert {planted.kind for planted in PLANTED if not planted.is_damage} == {FindingKind.CHANGED, FindingKind.NEW}
    assert len({planted.path for planted in PLANTED}) == len(PLANTED)
