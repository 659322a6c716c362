"""Bad input to a drill: a clear error, exit code 2 or 3, no proof of anything, and nothing lost."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
import zstandard
from drilled import Place, noise, run_without_rights

from verifier.sources.interface import Failed, Landed, Request, Sink
from verifier.sources.places.folder import Folder

Lines = list[dict[str, object]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"album/{number:02d}.bin": noise(900, number) for number in range(5)})
    place.back_up()
    place.know()
    return place


def _assert_refused(place: Place, capfd: pytest.CaptureFixture[str], *options: str | Path, code: int, says: str) -> str:
    """Hold a drill to its promise: an error in words, no bundle, and no trace in the chain."""
    capfd.readouterr()
    drilled = place.prove("--full", *options)
    said = capfd.readouterr()

    assert (drilled.code, drilled.proof) == (code, None), said.err
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("verifier: ")
    assert said.err.count("\n") <= 2
    assert "Traceback" not in said.err
    return said.err


# --- manifests


def _lines(place: Place) -> Lines:
    return [json.loads(line) for line in place.manifest.read_bytes().splitlines()]


def _write(place: Place, lines: Lines, *, sums: bool = True) -> None:
    """Write the lines; with `sums` the end line states what stands before it, so that only the planted mistake does."""
    *before, end = lines
    text = "".join(json.dumps(line) + "\n" for line in before).encode()
    if sums:
        files = [line for line in before[1:] if "link" not in line]
        sizes = [line.get("size", 0) for line in files]
        size_bytes = sum(size for size in sizes if isinstance(size, int))
        end = {**end, "files": len(files), "bytes": size_bytes, "sha256": hashlib.sha256(text).hexdigest()}
    place.manifest.write_bytes(text + json.dumps(end).encode() + b"\n")


def _line(number: int, **changed: object) -> Callable[[Lines], Lines]:
    """Return how to change some fields of a line; None takes a field away."""

    def edit(lines: Lines) -> Lines:
        line = {**lines[number], **changed}
        lines[number] = {key: value for key, value in line.items() if value is not None}
        return lines

    return edit


def _twice(lines: Lines) -> Lines:
    return [*lines[:3], lines[2], *lines[3:]]


def _swapped(lines: Lines) -> Lines:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


WRONG_LINES: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an entry twice": (_twice, "once"),
    "out of order": (_swapped, "order"),
    "a short checksum": (_line(2, digest="abcd"), "lower-case hex"),
    "a checksum in capitals": (_line(2, digest="ABCDEF" + "0" * 26), "lower-case hex"),
    "a checksum of another algorithm": (_line(2, digest="0" * 64), "lower-case hex"),
    "no checksum": (_line(2, digest=None), "lower-case hex"),
    "a path that climbs out": (_line(2, path="../album/01.bin"), "plain names"),
    "a path that climbs within": (_line(2, path="album/../../01.bin"), "plain names"),
    "an absolute path": (_line(1, path="/etc/passwd"), "relative"),
    "an empty path": (_line(1, path=""), "path"),
    "a path with NUL": (_line(2, path="album/01\0.bin"), "NUL"),
    "a path with a dot": (_line(2, path="album/./01.bin"), "plain names"),
    "two paths": (_line(2, path_b64=base64.b64encode(b"x").decode()), "both"),
    "no path": (_line(2, path=None), "none"),
    "a path that is no text": (_line(2, path=7), "JSON"),
    "a negative size": (_line(2, size=-1), "size"),
    "a size beyond all": (_line(2, size=2**63), "size"),
    "no size": (_line(2, size=None), "size"),
    "a time that is none": (_line(2, mtime="yesterday"), "nanoseconds"),
    "a time as a number": (_line(2, mtime=17), "JSON"),
    "a link with a checksum": (_line(2, link="x"), "link"),
    "pieces of a small file": (_line(2, pieces=["0" * 32, "0" * 32]), "pieces"),
    "a field that nobody knows": (_line(2, sha1="0"), "JSON"),
    "an unknown version": (_line(0, manifest="verifier/2"), "version"),
    "another program's": (_line(0, manifest="restic"), "version"),
    "an unknown algorithm": (_line(0, digest="crc32"), "crc32"),
    "names alone": (_line(0, digest=None), "digest"),
    "no origin": (_line(0, origin=None), "header"),
    "a time in another form": (_line(0, created="22.11.2026"), "time like"),
}


@pytest.mark.parametrize("name", WRONG_LINES)
def test_a_manifest_with_a_wrong_line_is_refused(place: Place, capfd: pytest.CaptureFixture[str], name: str) -> None:
    edit, says = WRONG_LINES[name]
    _write(place, edit(_lines(place)))
    before = place.manifest.read_bytes()

    said = _assert_refused(place, capfd, code=2, says=says)

    assert "manifest.jsonl:" in said
    assert place.manifest.read_bytes() == before
    place.know()
    next_drill = place.prove("--full")
    assert next_drill.proof is not None
    assert (next_drill.result, next_drill.proof.drill.number, next_drill.proof.drill.abandoned) == ("PASSED", 1, ())


@pytest.mark.parametrize(
    ("field", "value"), [("files", 4), ("links", 1), ("bytes", 1), ("sha256", "0" * 64), ("end", False)]
)
def test_a_manifest_whose_end_is_wrong_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], field: str, value: object
) -> None:
    _write(place, _line(-1, **{field: value})(_lines(place)), sums=False)

    _assert_refused(place, capfd, code=2, says="end line")


def test_a_manifest_that_was_edited_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    _write(place, _line(2, digest="0" * 32)(_lines(place)), sums=False)

    _assert_refused(place, capfd, code=2, says="SHA-256")


def _packed(data: bytes) -> bytes:
    return zstandard.compress(data)


@pytest.mark.parametrize("pack", [bytes, _packed], ids=["plain", "zst"])
def test_a_manifest_cut_off_anywhere_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], pack: Callable[[bytes], bytes]
) -> None:
    whole = pack(place.manifest.read_bytes())
    if pack is _packed:
        place.manifest = place.manifest.with_name("manifest.jsonl.zst")
    ends = [number + 1 for number, byte in enumerate(whole) if byte == 0x0A][:-1] if pack is bytes else []
    for length in sorted({0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 2, len(whole) - 1, *ends}):
        place.manifest.write_bytes(whole[:length])

        _assert_refused(place, capfd, code=2, says="manifest.jsonl")


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"\0" * 5_000,
        b"{}\n",
        b'{"manifest": "verifier/1"}\n',
        b"[" * 100_000,
        b'{"manifest": "verifier/1", "dataset": "' + b"x" * 2_000_000 + b'"}\n',
        b"\x28\xb5\x2f\xfd garbage",
        b"<html>404</html>\n",
    ],
    ids=["text", "zeros", "object", "short header", "nesting", "a long line", "packed", "a page"],
)
def test_what_is_no_manifest_is_refused(place: Place, capfd: pytest.CaptureFixture[str], data: bytes) -> None:
    place.manifest.write_bytes(data)

    _assert_refused(place, capfd, code=2, says="manifest.jsonl")


@pytest.mark.parametrize("what", ["nothing", "a folder", "a pipe", "a link that leads nowhere"])
def test_a_manifest_that_is_no_file_is_refused(place: Place, capfd: pytest.CaptureFixture[str], what: str) -> None:
    place.manifest.unlink()
    if what == "a folder":
        place.manifest.mkdir()
    elif what == "a pipe":
        os.mkfifo(place.manifest)
    elif what != "nothing":
        place.manifest.symlink_to("nowhere")

    _assert_refused(place, capfd, code=2, says="manifest")


def test_a_manifest_line_that_shows_escapes_is_shown_harmlessly(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    _write(place, _line(2, path="/\x1b[31m\u202e\n")(_lines(place)))

    said = _assert_refused(place, capfd, code=2, says="\\x1b[31m\\u202e\\n")

    assert "\x1b" not in said


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


@pytest.mark.parametrize("address", ["", "sftp://host/x", "b2://bucket", "gopher://x/y", "a\0b"])
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

    _assert_refused(place, capfd, code=2, says=f"expected {what} apart from every copy")

    assert _tree(place.copy) == before


def test_scratch_with_somebody_elses_files_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    place.scratch.mkdir()
    (place.scratch / "thesis.txt").write_text("the only one")

    _assert_refused(place, capfd, code=3, says="thesis.txt")

    assert (place.scratch / "thesis.txt").read_text() == "the only one"


@contextlib.contextmanager
def _tmpfs(must_run: Callable[[str, str], NoReturn], point: Path, options: str) -> Iterator[None]:
    if sys.platform != "linux":
        pytest.skip("a disk of a known size is made with Linux's mount")
    if os.geteuid() != 0:
        must_run("mount", "only root may mount")
    point.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", point], capture_output=True, check=False)
    if done.returncode:
        must_run("mount", f"mount is refused here: {os.fsdecode(done.stderr).strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", point], check=True)


def test_a_scratch_disk_that_is_full_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], must_run: Callable[[str, str], NoReturn]
) -> None:
    with _tmpfs(must_run, place.scratch, "size=8M,mode=700"):
        _assert_refused(place, capfd, code=3, says="bytes free")


def test_a_scratch_disk_that_is_read_only_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], must_run: Callable[[str, str], NoReturn]
) -> None:
    with _tmpfs(must_run, place.scratch, "size=8M,mode=700,ro"):
        _assert_refused(place, capfd, code=3, says="scratch")


def test_a_scratch_disk_that_fills_up_meanwhile_is_inconclusive(
    place: Place, monkeypatch: pytest.MonkeyPatch, must_run: Callable[[str, str], NoReturn]
) -> None:
    real = Folder.fetch

    def fetch(self: Folder, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        free = os.statvfs(place.scratch)
        (place.scratch / "tables" / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - 1_000_000))
        return real(self, requests, sink)

    with _tmpfs(must_run, place.scratch, "size=140M,mode=700"):
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

    _assert_refused(place, capfd, code=3, says=os.fspath(place.state))

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

    _assert_refused(place, capfd, code=3, says="reports")


def test_a_reports_disk_without_room_is_refused(
    place: Place, capfd: pytest.CaptureFixture[str], must_run: Callable[[str, str], NoReturn]
) -> None:
    with _tmpfs(must_run, place.reports, "size=1M"):
        _assert_refused(place, capfd, code=3, says="reports")


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
