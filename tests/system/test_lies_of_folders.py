"""How a folder could lie: not mounted, empty, the live data itself, its own manifest. None of it is ever PASSED."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from drilled import Place, noise, put, run_without_rights
from mounted import MustRun, mounted

from verifier.sources.places import mounts

FILES = 12


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"photos/{number:02d}.bin": noise(600, number) for number in range(FILES)})
    place.back_up()
    place.know()
    return place


def _scenario(pin: str = "") -> str:
    return f'name = "pinned"\nmanifest = "manifest.jsonl"\n[[copy]]\nname = "disk"\nat = "copy"\n{pin}\n'


# --- not there, not mounted, empty


@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
@pytest.mark.parametrize("left", ["nothing", "folders"])
def test_an_empty_copy_is_unreachable(place: Place, left: str, options: tuple[str, ...], *, against: bool) -> None:
    shutil.rmtree(place.copy)
    (place.copy / "photos" if left == "folders" else place.copy).mkdir(parents=True)

    drilled = place.prove(*options, against=against)

    assert (drilled.code, drilled.result, drilled.counts) == (3, "INCONCLUSIVE", {})
    assert "UNREACHABLE" in drilled.reasons
    assert "empty" in drilled.reasons


@pytest.mark.parametrize("what", ["nothing", "a file", "a link that leads nowhere"])
def test_a_copy_that_is_no_folder_is_unreachable(place: Place, what: str) -> None:
    shutil.rmtree(place.copy)
    if what == "a file":
        place.copy.write_bytes(b"file")
    elif what != "nothing":
        place.copy.symlink_to("nowhere")

    drilled = place.prove("--full")

    assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE")
    assert "UNREACHABLE" in drilled.reasons


@pytest.mark.parametrize(
    ("pin", "says"),
    [
        ('mount = "copy"', "mounted"),
        ('mount = "nowhere"', "mounted"),
        ('marker = "photos/marker"', "marker"),
        ('filesystem = "0000-0000"', "file system"),
    ],
)
def test_a_copy_that_is_not_the_pinned_one_is_unreachable(place: Place, pin: str, says: str) -> None:
    drilled = place.drill(_scenario(pin), "--full")

    assert (drilled.code, drilled.result, drilled.counts) == (3, "INCONCLUSIVE", {})
    assert "UNREACHABLE" in drilled.reasons
    assert says in drilled.reasons


def test_a_copy_with_its_marker_passes(place: Place) -> None:
    assert place.drill(_scenario('marker = "photos/03.bin"'), "--full").code == 0


def test_a_mount_point_that_is_mounted_passes(place: Place, must_run: MustRun) -> None:
    full = place.root / "full"
    place.copy.rename(full)
    place.copy.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=8M", "verifier-test", place.copy):
        shutil.copytree(full, place.copy, dirs_exist_ok=True)

        assert place.drill(_scenario('mount = "copy"\nfilesystem = "verifier-test"'), "--full").code == 0
    assert place.drill(_scenario('mount = "copy"'), "--full").code == 3


def test_a_bind_mount_on_one_device_is_a_mount(place: Place, must_run: MustRun) -> None:
    full = place.root / "full"
    place.copy.rename(full)
    place.copy.mkdir()
    with mounted(must_run, "--bind", full, place.copy):
        assert place.drill(_scenario('mount = "copy"'), "--full").code == 0


@pytest.mark.parametrize("below", ["", "/photos"])
def test_an_fstab_mount_point_that_is_not_mounted_is_unreachable(
    place: Place, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    fstab = place.root / "fstab"
    fstab.write_text(f"//nas.lan/share#1 {place.copy} cifs defaults 0 0\n", encoding="utf-8")
    monkeypatch.setitem(mounts.missing_mount.__kwdefaults__, "fstab", fstab)
    place.know(folder=Path(f"{place.live}{below}"))

    drilled = place.prove("--full", address=Path(f"{place.copy}{below}"))

    assert (drilled.code, drilled.result, drilled.counts) == (3, "INCONCLUSIVE", {})
    assert "mounted" in drilled.reasons


def test_an_unreadable_folder_in_the_copy_is_inconclusive(place: Place) -> None:
    put(place.copy, "private/one.bin", b"x")
    (place.copy / "private").chmod(0)
    try:
        done = run_without_rights(*_arguments(place), cwd=place.root)
    finally:
        (place.copy / "private").chmod(0o700)

    assert done.returncode == 3, done.stderr
    assert "ACCESSDENIED" in done.stderr.replace("_", "")
    assert "Traceback" not in done.stderr


def test_an_unreadable_file_in_the_copy_is_inconclusive(place: Place) -> None:
    (place.copy / "photos/05.bin").chmod(0)

    done = run_without_rights(*_arguments(place), cwd=place.root)

    assert done.returncode == 3, done.stderr
    assert "1 file ACCESS_DENIED" in done.stderr


def test_an_unreadable_copy_is_inconclusive(place: Place) -> None:
    place.copy.chmod(0)
    try:
        done = run_without_rights(*_arguments(place), cwd=place.root)
    finally:
        place.copy.chmod(0o700)

    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


def _arguments(place: Place) -> list[str | Path]:
    where = ["--reports", place.reports, "--state", place.state, "--scratch", place.scratch]
    return ["prove", place.copy, "--manifest", place.manifest, "--full", "--workers", "1", *where]


# --- the live data itself


def _hard_links(place: Place) -> None:
    shutil.rmtree(place.copy)
    shutil.copytree(place.live, place.copy, copy_function=os.link)


def _link_to_live(place: Place) -> None:
    shutil.rmtree(place.copy)
    place.copy.symlink_to(place.live)


@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize("lie", [_hard_links, _link_to_live])
def test_live_data_under_another_name_is_refused(
    place: Place, lie: Callable[[Place], None], options: tuple[str, ...]
) -> None:
    lie(place)

    against = place.prove(*options, against=True)

    assert (against.code, against.proof) == (2, None)


def test_hard_links_to_where_the_manifest_was_made_are_refused(place: Place) -> None:
    _hard_links(place)

    drilled = place.prove("--full")

    assert (drilled.code, drilled.proof) == (2, None)


def test_hard_links_behind_true_copies_are_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill({f"{number:03d}.bin": b"%d" % number for number in range(400)})
    place.back_up()
    place.know()
    for number in range(200, 400):
        (place.copy / f"{number:03d}.bin").unlink()
        os.link(place.live / f"{number:03d}.bin", place.copy / f"{number:03d}.bin")

    assert place.prove("--full").code == 2
    assert place.prove("--full", against=True).code == 2


def test_hard_links_within_the_copy_are_none_of_it(place: Place) -> None:
    put(place.live, "twin.bin", b"twin")
    os.link(place.live / "twin.bin", place.live / "other twin.bin")
    put(place.copy, "twin.bin", b"twin")
    os.link(place.copy / "twin.bin", place.copy / "other twin.bin")
    place.know()

    assert place.prove("--full").code == 0


def test_the_same_folder_is_refused(place: Place) -> None:
    for address in (place.live, place.live / ".", place.live / "photos" / ".."):
        assert place.run("prove", address, "--against", place.live, "--full").code == 2


def test_a_bind_mount_of_the_live_data_is_refused(place: Place, must_run: MustRun) -> None:
    shutil.rmtree(place.copy)
    place.copy.mkdir()
    with mounted(must_run, "--bind", place.live, place.copy):
        assert place.prove("--full").code == 2
        assert place.prove("--full", against=True).code == 2


def test_a_live_copy_of_the_scenario_is_not_taken_for_a_backup(place: Place) -> None:
    elsewhere = place.root / "elsewhere"
    shutil.copytree(place.live, elsewhere)
    place.know(folder=elsewhere)
    _hard_links(place)
    live = '[[copy]]\nname = "live"\nat = "live"\nlive = true\n'

    assert place.drill(_scenario() + live, "--full").code == 2


# --- its own manifest, exclusions, caches


@pytest.mark.parametrize("options", [("--full",), ()], ids=["full", "sample"])
@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_manifest_made_from_the_copy_warns(place: Place, options: tuple[str, ...], *, through_a_link: bool) -> None:
    place.know(folder=place.copy)
    shutil.rmtree(place.live)
    address = place.copy
    if through_a_link:
        address = place.root / "another name"
        address.symlink_to(place.copy)

    drilled = place.prove(*options, address=address)

    assert (drilled.code, drilled.result) == (0, "WARNED")
    assert "compared with itself" in drilled.reasons
    assert place.prove(*options, "--strict", address=address).code == 4


def test_exclusions_and_what_was_left_out_stand_in_the_proof(place: Place) -> None:
    put(place.live, "cache/big.bin", b"x" * 5_000)
    put(place.live, "photos/@eaDir/thumb", b"x" * 70)
    os.mkfifo(place.live / "pipe")
    put(place.copy, "cache/big.bin", b"other" * 9)
    place.know("--exclude", "cache/")

    drilled = place.prove("--full")

    assert (drilled.code, drilled.result) == (0, "PASSED")
    assert drilled.proof is not None
    assert "cache/" in drilled.proof.manifest.exclude
    assert drilled.proof.manifest.left_out.excluded.files >= 1
    assert drilled.proof.manifest.left_out.special.files == 1
    assert any("left out" in note for note in drilled.copy.notes)
    assert drilled.folder is not None
    for report in ("report.md", "report.html"):
        assert "cache/" in (drilled.folder / report).read_text(encoding="utf-8")


def test_an_unreadable_file_is_left_out_of_the_manifest_in_plain_sight(place: Place) -> None:
    put(place.live, "secret.bin", b"secret" * 20)
    (place.live / "secret.bin").chmod(0)
    made = run_without_rights("manifest", "create", place.live, "-o", place.manifest, "--workers", "1", cwd=place.root)
    assert made.returncode == 0, made.stderr

    drilled = place.prove("--full")

    assert drilled.proof is not None
    assert drilled.proof.manifest.left_out.unreadable.files == 1
    assert drilled.folder is not None
    assert "unreadable" in (drilled.folder / "report.md").read_text(encoding="utf-8")


def test_the_proof_says_where_the_bytes_came_from(place: Place, must_run: MustRun) -> None:
    assert place.prove("--full").copy.read_from in {"device", "cache possible"}
    full = place.root / "full"
    place.copy.rename(full)
    place.copy.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=8M", "verifier-test", place.copy):
        shutil.copytree(full, place.copy, dirs_exist_ok=True)
        drilled = place.prove("--full")

    assert (drilled.result, drilled.copy.read_from) == ("PASSED", "cache possible")


def test_a_prefix_is_no_folder(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill({"photos/a.bin": b"a", "photos2/a.bin": b"a2", "photos2/b.bin": b"b2"})
    place.back_up()
    place.know()
    shutil.rmtree(place.copy / "photos2")

    drilled = place.prove("--full", "--only", "photos/")
    assert (drilled.result, drilled.copy.proven.files) == ("PASSED", 1)

    shutil.rmtree(place.copy / "photos")
    put(place.copy, "photos2/a.bin", b"a")

    drilled = place.prove("--full", "--only", "photos/")
    assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"MISSING": 1})
