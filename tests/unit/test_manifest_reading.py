"""A manifest that is not whole, or holds what can't be, is an error that names the line; never a smaller dataset."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from verifier.entry import PIECE_BYTES, Entry
from verifier.errors import ManifestError
from verifier.manifest import Header, LeftOut, Origin, Totals, open_manifest, write_manifest
from verifier.manifest.header import Left, Name, parse_time
from verifier.manifest.lines import LONGEST_LINE_BYTES

DIGEST = "99aa06d3014798d86001c324468d497f"  # of no bytes
HEADER: dict[str, Any] = {
    "manifest": "verifier/1",
    "dataset": "photos",
    "created": "2026-11-22T18:30:00Z",
    "origin": {"address": "/data/photos", "machine": "desk"},
    "digest": "xxh3_128",
    "exclude": [],
    "left_out": {},
    "previous": None,
}


def entry(path: str, **fields: object) -> dict[str, object]:
    return {"path": path, "size": 0, "mtime": "1700000000000000000", "digest": DIGEST} | fields


def manifest_bytes(*lines: object, header: object = HEADER, end: dict[str, object] | None = None) -> bytes:
    """Return a manifest of these lines with an end line that is right, but for what `end` says."""
    written = [header if isinstance(header, bytes) else json.dumps(header).encode()]
    written += [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    body = b"".join(line + b"\n" for line in written)
    entries = [line for line in lines if isinstance(line, dict)]
    closing = {
        "end": True,
        "files": sum("size" in line and "link" not in line for line in entries),
        "links": sum("link" in line for line in entries),
        "bytes": sum(int(line["size"]) for line in entries if isinstance(line.get("size"), int)),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + json.dumps(closing | (end or {})).encode() + b"\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], list[Entry]]:
    def read_all(data: bytes) -> list[Entry]:
        path = tmp_path / "m.jsonl"
        path.write_bytes(data)
        with open_manifest(path) as manifest:
            return list(manifest.entries())

    return read_all


def test_whole_manifest_is_read(tmp_path: Path) -> None:
    lines = [
        entry("a/1", size=7),
        {"path": "a/l", "mtime": "-5", "link": "../x"},
        {"path": "a/m", "link_b64": "/w=="},
        {"path_b64": "Yf8=", "size": 3, "digest": DIGEST},
    ]
    path = tmp_path / "m.jsonl"
    data = manifest_bytes(*lines, end={"links": 2})
    path.write_bytes(data)
    with open_manifest(path) as manifest:
        assert manifest.header.dataset == "photos"
        assert manifest.header.created_ns == 1_795_372_200_000_000_000
        found = list(manifest.entries())
        identity = hashlib.sha256(data[: data.rindex(b'{"end"')]).hexdigest()
        assert manifest.identity == identity
        assert manifest.check() == Totals(files=2, links=2, bytes=10, identity=identity)
        assert list(manifest.entries()) == found
    assert found == [
        Entry(path=b"a/1", size_bytes=7, mtime_ns=1_700_000_000_000_000_000, digest=DIGEST),
        Entry(path=b"a/l", mtime_ns=-5, link=b"../x"),
        Entry(path=b"a/m", link=b"\xff"),
        Entry(path=b"a\xff", size_bytes=3, digest=DIGEST),
    ]


GOOD = [entry("a", size=1), entry("b"), entry("c")]
BAD_LINES: list[tuple[str, object, str]] = [
    ("broken", b'{"path":"bb","size":', "expected an entry as JSON"),
    ("no JSON", b"hello", "expected an entry as JSON"),
    ("blank", b"", "expected an entry as JSON"),
    ("no UTF-8", b'{"path":"b\xff","size":0}', "expected UTF-8"),
    ("unknown key", entry("bb", colour="red"), "unknown field `colour`"),
    ("two in one line", b'{"path":"bb","link":"x"} {"path":"bc","link":"x"}', "expected an entry as JSON"),
    ("twice", entry("b"), "expected each path once, got b twice"),
    ("out of order", entry("aa"), "expected paths in the order of their bytes, got aa after b"),
    ("short checksum", entry("bb", digest=DIGEST[:-1]), "expected a digest of xxh3_128"),
    ("long checksum", entry("bb", digest=DIGEST + "0"), "expected a digest of xxh3_128"),
    ("no hex", entry("bb", digest="g" * 32), "expected a digest of xxh3_128"),
    ("upper case", entry("bb", digest=DIGEST.upper()), "expected a digest of xxh3_128"),
    ("no checksum", {"path": "bb", "size": 0}, "expected a digest of xxh3_128"),
    ("climbs out", entry("bb/../../etc"), "expected a path of plain names"),
    ("absolute", entry("/bb"), "expected a relative path"),
    ("NUL", entry("b\0b"), "expected a path without NUL"),
    ("long path", entry("b" * 40_000), "expected a path of at most"),
    ("surrogate", b'{"path":"b\\ud800","size":0}', "expected an entry as JSON"),
    ("no path", {"size": 0, "digest": DIGEST}, "expected one of path and path_b64, got none"),
    ("both paths", entry("bb", path_b64="YmI="), "expected one of path and path_b64, got both"),
    ("no base64", {"path_b64": "!", "size": 0, "digest": DIGEST}, "expected base64 in path_b64"),
    ("negative size", entry("bb", size=-1), "expected a size from 0"),
    ("absurd size", entry("bb", size=2**63), "expected a size from 0"),
    ("size as text", entry("bb", size="1"), "expected an entry as JSON"),
    ("size true", entry("bb", size=True), "expected an entry as JSON"),
    ("no size", {"path": "bb", "digest": DIGEST}, "expected a size or a link, got neither"),
    ("mtime number", entry("bb", mtime=5), "expected an entry as JSON"),
    ("mtime float", entry("bb", mtime="1.5"), "expected mtime as an integer"),
    ("mtime underscore", entry("bb", mtime="1_0"), "expected mtime as an integer"),
    ("mtime space", entry("bb", mtime=" 1"), "expected mtime as an integer"),
    ("mtime newline", entry("bb", mtime="1\n"), "expected mtime as an integer"),
    ("mtime empty", entry("bb", mtime=""), "expected mtime as an integer"),
    ("mtime huge", entry("bb", mtime="9" * 5000), "expected mtime as an integer"),
    ("mtime beyond 64 bits", entry("bb", mtime=str(2**63)), "expected mtime within 64 bits"),
    ("link with digest", entry("bb", link="x"), "expected a link without"),
    ("link with size", {"path": "bb", "size": 1, "link": "x"}, "expected a link without"),
    ("two links", {"path": "bb", "link": "x", "link_b64": "eA=="}, "expected one of link and link_b64"),
    ("pieces of a small file", entry("bb", size=5, pieces=[DIGEST]), "expected 0 pieces"),
    ("piece missing", entry("bb", size=PIECE_BYTES + 1, pieces=[DIGEST]), "expected 2 pieces"),
    ("piece no digest", entry("bb", size=PIECE_BYTES + 1, pieces=[DIGEST, "x"]), "expected a digest of xxh3_128"),
    ("end line in the middle", {"end": True, "files": 2, "links": 0, "bytes": 1, "sha256": "0" * 64}, "nothing after"),
    ("deep nesting", b"[" * 100_000, "expected an entry as JSON"),
]


@pytest.mark.parametrize(("line", "message"), [pytest.param(*row[1:], id=row[0]) for row in BAD_LINES])
def test_bad_line_is_named(read: Callable[[bytes], list[Entry]], line: object, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(manifest_bytes(GOOD[0], GOOD[1], line, GOOD[2], end={"files": 4}))
    assert "m.jsonl:4: " in caught.value.message
    assert message in caught.value.message
    assert caught.value.exit_code == 2


def test_checksums_that_are_right_only_together_are_refused(read: Callable[[bytes], list[Entry]]) -> None:
    with pytest.raises(ManifestError, match=":2: expected a digest"):
        read(manifest_bytes(entry("a", digest=DIGEST + "0"), entry("b", digest=DIGEST[1:])))


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({"files": 2}, "expected files 2 as the end line states, got 3"),
        ({"links": 1}, "expected links 1"),
        ({"bytes": 2}, "expected bytes 2 as the end line states, got 1"),
        ({"sha256": "0" * 64}, "expected lines of SHA-256 0000"),
        ({"end": False}, "expected an end line"),
        ({"more": 1}, "expected an end line"),
    ],
)
def test_end_line_that_differs(read: Callable[[bytes], list[Entry]], end: dict[str, object], message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(manifest_bytes(*GOOD, end=end))
    assert f"m.jsonl:5: {message}" in caught.value.message


def test_one_changed_byte_is_noticed(read: Callable[[bytes], list[Entry]]) -> None:
    data = manifest_bytes(*GOOD)
    with pytest.raises(ManifestError, match="SHA-256"):
        read(data.replace(b"1700000000000000000", b"1700000000000000001", 1))


def test_cut_off_anywhere_is_an_error(read: Callable[[bytes], list[Entry]]) -> None:
    data = manifest_bytes(*GOOD)
    assert len(read(data)) == 3
    for length in range(len(data)):
        with pytest.raises(ManifestError):
            read(data[:length])


def test_anything_after_the_end_line_is_an_error(read: Callable[[bytes], list[Entry]]) -> None:
    data = manifest_bytes(*GOOD)
    for more in (b"\n", b"x", b"{}\n", json.dumps(entry("d")).encode() + b"\n", data):
        with pytest.raises(ManifestError):
            read(data + more)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"manifest": "verifier/2"}, "expected a manifest of version verifier/1, got verifier/2"),
        ({"manifest": 1}, "got no version"),
        ({"digest": "crc32"}, "expected a digest of xxh3_128"),
        ({"digest": "md5"}, "expected a digest of xxh3_128"),
        ({"created": "yesterday"}, "expected a time like"),
        ({"created": "2026-11-22T18:30:00+01:00"}, "expected a time like"),
        ({"created": "2026-13-22T18:30:00Z"}, "expected a time like"),
        ({"origin": None}, "origin"),
        ({"previous": "abc"}, "expected the SHA-256"),
        ({"unknown": 1}, "unknown field `unknown`"),
        ({"left_out": {"excluded": {"files": -1, "bytes": 0}}}, "negative"),
    ],
)
def test_bad_header(read: Callable[[bytes], list[Entry]], change: dict[str, object], message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(manifest_bytes(*GOOD, header=HEADER | change))
    assert "m.jsonl:1: " in caught.value.message
    assert message in caught.value.message


def test_newer_version_says_so(read: Callable[[bytes], list[Entry]]) -> None:
    with pytest.raises(ManifestError) as caught:
        read(manifest_bytes(*GOOD, header=HEADER | {"manifest": "verifier/2"}))
    assert caught.value.hint == "a newer version of this program made it"


@pytest.mark.parametrize("data", [b"", b"\n", b"hello\n", b"\0" * 100, b'{"path":"a"}\n', b"[" * 70_000])
def test_what_is_no_manifest(read: Callable[[bytes], list[Entry]], data: bytes) -> None:
    with pytest.raises(ManifestError, match=":1: expected the header of a manifest"):
        read(data)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ManifestError), open_manifest(path):
            pass


def test_line_over_a_mebibyte_is_refused(read: Callable[[bytes], list[Entry]]) -> None:
    long = json.dumps(entry("b", hashed="x" * (LONGEST_LINE_BYTES + 200_000))).encode()
    with pytest.raises(ManifestError, match=":3: expected a line of at most"):
        read(manifest_bytes(GOOD[0], long))
    with pytest.raises(ManifestError, match=":3: expected a line of at most"):
        read(manifest_bytes(GOOD[0])[:-1].rsplit(b"\n", 1)[0] + b"\n" + b"x" * (3 * LONGEST_LINE_BYTES))


def test_without_digest_entries_have_none(read: Callable[[bytes], list[Entry]]) -> None:
    header = HEADER | {"digest": None}
    assert read(manifest_bytes({"path": "a", "size": 1}, header=header))[0].digest is None
    with pytest.raises(ManifestError, match="expected no digest"):
        read(manifest_bytes(entry("a"), header=header))


@pytest.mark.parametrize("extension", ["zst", "gz"])
def test_packed(tmp_path: Path, extension: str) -> None:
    data = manifest_bytes(*[entry(f"{number:06d}") for number in range(5_000)])
    pack: Callable[[bytes], bytes] = zstandard.compress if extension == "zst" else gzip.compress
    packed = pack(data)
    path = tmp_path / f"m.jsonl.{extension}"
    middle = len(data) // 2
    for whole in (packed, pack(data[:middle]) + pack(data[middle:])):
        path.write_bytes(whole)
        with open_manifest(path) as manifest:
            assert manifest.check().files == 5_000
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 0x10
    for damaged in (packed[: len(packed) // 2], bytes(broken), data, packed + b"garbage", b""):
        path.write_bytes(damaged)
        with pytest.raises(ManifestError), open_manifest(path) as manifest:
            manifest.check()


@pytest.mark.parametrize("extension", ["zst", "gz"])
def test_what_unpacks_to_gigabytes_is_refused_early(tmp_path: Path, extension: str) -> None:
    zeros = b"\0" * (64 * 1024 * 1024)
    path = tmp_path / f"bomb.jsonl.{extension}"
    first = json.dumps(HEADER).encode() + b"\n"
    path.write_bytes(zstandard.compress(first + zeros) if extension == "zst" else gzip.compress(first + zeros, 1))
    with pytest.raises(ManifestError, match=":2: expected a line of at most"), open_manifest(path) as manifest:
        manifest.check()


def test_header_survives(tmp_path: Path) -> None:
    left = Left(files=2, bytes=7, paths=(Name(path="a\nb"), Name(path_b64="/w==")))
    header = Header(
        dataset="übung\n",
        created="2026-11-22T18:30:00.123456Z",
        origin=Origin(address="/x", machine="m"),
        digest="sha256",
        exclude=("*.tmp",),
        left_out=LeftOut(unreadable=left),
        previous="0" * 64,
    )
    totals = write_manifest(tmp_path / "m.jsonl", header, [])
    assert totals.files == 0
    with open_manifest(tmp_path / "m.jsonl") as manifest:
        assert manifest.header == header
        assert manifest.header.left_out.unreadable.names() == [b"a\nb", b"\xff"]
        assert manifest.header.created_ns == parse_time("2026-11-22T18:30:00Z") + 123_456_000


def test_changed_in_place_meanwhile_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(manifest_bytes(*GOOD))
    with open_manifest(path) as manifest:
        manifest.check()
        path.write_bytes(manifest_bytes(*GOOD[:2]))
        with pytest.raises(ManifestError, match="changed meanwhile"):
            list(manifest.entries())
