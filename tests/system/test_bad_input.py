"""Bad input to a drill: a clear error, exit code 2 or 3, no proof of anything, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from drilled import Place, assert_refused, noise, run_without_rights
from mounted import MustRun, mounted

from verifier.sources.interface import Failed, Landed, Request, Sink
from verifier.sources.places.folder import Folder


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"album/{number:02d}.bin": noise(900, number) for number in range(5)})
    place.back_up()
    place.know()
    return place


# --- the live data, the copy, the command line


@pytest.mark.parametrize("what", ["nothing", "a file"])
def test_live_data_that_is_no_folder_is_refused(place: Place, capfd: pytest.CaptureFixture[str], what: str) -> None:
    shutil.rmtree(place.live)
    if what == "a file":
        place.live.write_bytes(b"x")

    drilled = place.prove(against=True)

    assert (drilled.code, drilled.proof) == (2, None)
    assert "expected a folder of live data" in capfd.readouterr().err


def test_empty_live_data_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(place.live)
    place.live.mkdir()

    drilled = place.prove(against=True)

    assert (drilled.code, drilled.proof) == (3, None)
    assert "expected files in the live data" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--newer", "3d"), "--against"),
        (("--seed", "00"), "32 bytes"),
        (("--seed", "zz" * 32), "32 bytes"),
        (("--only", "a[/"), ""),
    ],
)
def test_options_that_do_not_fit_are_refused(
    place: Place, capfd: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    drilled = place.prove(*options)

    assert drilled.code in {2, 3}
    assert says in capfd.readouterr().err
    assert drilled.proof is None or drilled.result == "INCONCLUSIVE"


@pytest.mark.parametrize("address", ["", "smb://host/x", "restic:/r", "gopher://x/y", "a\0b"])
def test_addresses_that_nobody_can_open_are_refused(place: Place, address: str) -> None:
    drilled = place.run("prove", address, "--manifest", place.manifest)

    assert (drilled.code, drilled.proof) == (2, None)


# --- scratch, state, reports


@pytest.mark.parametrize("where", ["copy", "copy/below", "live", "."])
def test_scratch_on_a_copy_or_around_it_is_refused(place: Place, capfd: pytest.CaptureFixture[str], where: str) -> None:
    before = _tree(place.root)
    place.scratch = place.root / where
    against = place.prove("--full", against=True)

    assert (against.code, against.proof) == (3, None)
    assert "scratch apart from every copy" in capfd.readouterr().err
    assert _tree(place.root) == before


def _tree(root: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.mark.parametrize("what", ["reports", "state"])
@pytest.mark.parametrize("where", ["copy", "copy/below", "link/below"])
def test_nothing_is_written_into_a_copy(place: Place, capfd: pytest.CaptureFixture[str], what: str, where: str) -> None:
    (place.root / "link").symlink_to(place.copy)
    before = _tree(place.copy)
    setattr(place, what, place.root / where)

    assert_refused(place, capfd, code=2, says=f"expected {what} apart from every copy")

    assert _tree(place.copy) == before


def test_scratch_with_somebody_elses_files_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.scratch.mkdir()
    (place.scratch / "thesis.txt").write_text("the only one")

    assert_refused(place, capfd, code=3, says="thesis.txt")

    assert (place.scratch / "thesis.txt").read_text() == "the only one"


def test_a_scratch_disk_that_is_full_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], must_run: MustRun
) -> None:
    place.scratch.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=8M,mode=700", "none", place.scratch):
        assert_refused(place, capfd, code=3, says="bytes free")


def test_a_scratch_disk_that_is_read_only_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], must_run: MustRun
) -> None:
    place.scratch.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=8M,mode=700,ro", "none", place.scratch):
        assert_refused(place, capfd, code=3, says="scratch")


def test_a_scratch_disk_that_fills_up_meanwhile_is_inconclusive(
    place: Place, monkeypatch: pytest.MonkeyPatch, must_run: MustRun
) -> None:
    real = Folder.fetch

    def fetch(self: Folder, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        free = os.statvfs(place.scratch)
        (place.scratch / "tables" / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - 1_000_000))
        return real(self, requests, sink)

    place.scratch.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=140M,mode=700", "none", place.scratch):
        monkeypatch.setattr(Folder, "fetch", fetch)
        drilled = place.prove("--full")

    assert (drilled.code, drilled.result, drilled.counts) == (3, "INCONCLUSIVE", {"NO_SPACE": 5})
    assert drilled.copy.proven.files == 0


def test_a_scratch_of_a_few_bytes_is_enough(place: Place) -> None:
    scenario = (
        'name = "small"\nmanifest = "manifest.jsonl"\n[[copy]]\nname = "disk"\nat = "copy"\n[scratch]\nbytes = "{}"'
    )

    assert place.drill(scenario.format("500B"), "--full").result == "PASSED"


@pytest.mark.parametrize(
    "what", ["newer", "garbage", "another program's", "a folder for a file", "a file for a folder"]
)
def test_a_state_that_is_none_of_ours_is_refused(place: Place, capfd: pytest.CaptureFixture[str], what: str) -> None:
    ledger = place.state / "ledger.sqlite"
    if what == "a file for a folder":
        place.state.write_bytes(b"x")
    else:
        assert place.prove("--full").code == 0
        shutil.rmtree(place.reports)
    if what == "newer":
        with contextlib.closing(sqlite3.connect(ledger)) as database:
            database.execute("PRAGMA user_version = 999")
    elif what == "garbage":
        ledger.write_bytes(b"garbage" * 1_000)
    elif what == "another program's":
        ledger.unlink()
        with contextlib.closing(sqlite3.connect(ledger)) as database:
            database.execute("CREATE TABLE songs (name TEXT)")
    elif what == "a folder for a file":
        for file in place.state.glob("ledger.sqlite*"):
            file.unlink()
        ledger.mkdir()
    before = _tree(place.state) if place.state.is_dir() else {}

    assert_refused(place, capfd, code=3, says=os.fspath(place.state))

    after = _tree(place.state) if place.state.is_dir() else {}
    # SQLite itself may set up, or clear away, the files beside the database.
    assert {name for name in before if "ledger.sqlite-" not in name} <= set(after)
    assert after.get(str(ledger)) == before.get(str(ledger))
    assert place.bundles() == []


@pytest.mark.parametrize("what", ["a file", "a file for the scenario's folder", "a link that leads nowhere"])
def test_reports_that_take_no_bundle_are_refused(place: Place, capfd: pytest.CaptureFixture[str], what: str) -> None:
    if what == "a file":
        place.reports.write_bytes(b"x")
    elif what == "a link that leads nowhere":
        place.reports.symlink_to("nowhere/at all")
    else:
        (name,) = [folder.parent.name for folder in [place.prove("--full").folder] if folder is not None]
        shutil.rmtree(place.reports)
        place.reports.mkdir()
        (place.reports / name).write_bytes(b"x")

    assert_refused(place, capfd, code=3, says="reports")


def test_a_reports_disk_without_room_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], must_run: MustRun
) -> None:
    place.reports.mkdir()
    with mounted(must_run, "-t", "tmpfs", "-o", "size=1M", "none", place.reports):
        assert_refused(place, capfd, code=3, says="reports")


def test_folders_without_rights_are_refused(place: Place) -> None:
    for name, option in (("reports", "--reports"), ("state", "--state"), ("scratch", "--scratch")):
        locked = place.root / name
        locked.mkdir(mode=0o500)
        places = {"--reports": place.reports, "--state": place.state, "--scratch": place.scratch, option: locked / "in"}
        arguments: list[str | Path] = [item for pair in places.items() for item in pair]

        done = run_without_rights(
            "prove", place.copy, "--manifest", place.manifest, "--full", "--workers", "1", *arguments, cwd=place.root
        )

        assert done.returncode == 3, done.stderr
        assert "Permission denied" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("verifier: ")
    assert place.bundles() == []


def test_an_unreadable_manifest_is_refused(place: Place) -> None:
    place.manifest.chmod(0)
    where = ("--reports", place.reports, "--state", place.state, "--scratch", place.scratch)

    done = run_without_rights("prove", place.copy, "--manifest", place.manifest, *where, cwd=place.root)

    assert done.returncode == 2, done.stderr
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr
