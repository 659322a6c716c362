"""A manifest that is none, is cut off, or has one wrong line: refused with its line, and no proof of anything."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from drilled import Place, assert_refused, noise

Lines = list[dict[str, object]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"album/{number:02d}.bin": noise(900, number) for number in range(5)})
    place.back_up()
    place.know()
    return place


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

    said = assert_refused(place, capfd, code=2, says=says)

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

    assert_refused(place, capfd, code=2, says="end line")


def test_a_manifest_that_was_edited_is_refused(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    _write(place, _line(2, digest="0" * 32)(_lines(place)), sums=False)

    assert_refused(place, capfd, code=2, says="SHA-256")


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

        assert_refused(place, capfd, code=2, says="manifest.jsonl")


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

    assert_refused(place, capfd, code=2, says="manifest.jsonl")


@pytest.mark.parametrize("what", ["nothing", "a folder", "a pipe", "a link that leads nowhere"])
def test_a_manifest_that_is_no_file_is_refused(place: Place, capfd: pytest.CaptureFixture[str], what: str) -> None:
    place.manifest.unlink()
    if what == "a folder":
        place.manifest.mkdir()
    elif what == "a pipe":
        os.mkfifo(place.manifest)
    elif what != "nothing":
        place.manifest.symlink_to("nowhere")

    assert_refused(place, capfd, code=2, says="manifest")


def test_a_manifest_line_that_shows_escapes_is_shown_harmlessly(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    _write(place, _line(2, path="/\x1b[31m\u202e\n")(_lines(place)))

    said = assert_refused(place, capfd, code=2, says="\\x1b[31m\\u202e\\n")

    assert "\x1b" not in said
