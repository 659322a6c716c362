"""A manifest is written byte for byte as promised, whole or not at all; what would be refused later is not written."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.entry import PIECE_BYTES, Entry
from verifier.errors import ManifestError
from verifier.manifest import Draft, Header, Origin, open_manifest, write_manifest
from verifier.manifest.encoding import Counts, file_line
from verifier.manifest.placing import WriteError

DIGEST = "99aa06d3014798d86001c324468d497f"
HEADER = Header(
    dataset="photos",
    created="2026-11-22T18:30:00Z",
    origin=Origin(address="/data/photos", machine="desk"),
    digest="xxh3_128",
    exclude=("@eaDir/",),
)
ENTRIES = [
    Entry(path=b'a\n"\\\x1b\x7f', size_bytes=0, mtime_ns=-1, digest=DIGEST),
    Entry(path=b"big", size_bytes=PIECE_BYTES + 1, mtime_ns=5, digest=DIGEST, pieces=(DIGEST, DIGEST)),
    Entry(path="grüße/📷.jpg".encode(), size_bytes=2, digest=DIGEST, hashed_at="2026-11-23T00:00:00Z"),
    Entry(path=b"link", mtime_ns=7, link=b"../\xff"),
    Entry(path=b"no\xffutf8", size_bytes=3, mtime_ns=8, digest=DIGEST),
]
BODY = (
    '{"manifest":"verifier/1","dataset":"photos","created":"2026-11-22T18:30:00Z",'
    '"origin":{"address":"/data/photos","machine":"desk"},"digest":"xxh3_128","exclude":["@eaDir/"],'
    '"left_out":{"excluded":{"files":0,"bytes":0},"unreadable":{"files":0,"bytes":0},'
    '"cloud_only":{"files":0,"bytes":0},"changing":{"files":0,"bytes":0},"special":{"files":0,"bytes":0}},'
    '"previous":null}\n'
    '{"path":"a\\n\\"\\\\\\u001b\x7f","size":0,"mtime":"-1","digest":"99aa06d3014798d86001c324468d497f"}\n'
    '{"path":"big","size":268435457,"mtime":"5","digest":"99aa06d3014798d86001c324468d497f",'
    '"pieces":["99aa06d3014798d86001c324468d497f","99aa06d3014798d86001c324468d497f"]}\n'
    '{"path":"grüße/📷.jpg","size":2,"digest":"99aa06d3014798d86001c324468d497f","hashed":"2026-11-23T00:00:00Z"}\n'
    '{"path":"link","size":0,"mtime":"7","link_b64":"Li4v/w=="}\n'
    '{"path_b64":"bm//dXRmOA==","size":3,"mtime":"8","digest":"99aa06d3014798d86001c324468d497f"}\n'
).encode()


def test_known_bytes(tmp_path: Path) -> None:
    target = tmp_path / "m.jsonl"
    totals = write_manifest(target, HEADER, ENTRIES)
    identity = hashlib.sha256(BODY).hexdigest()
    end = f'{{"end":true,"files":4,"links":1,"bytes":268435462,"sha256":"{identity}"}}\n'
    assert target.read_bytes() == BODY + end.encode()
    assert totals.identity == identity
    with open_manifest(target) as manifest:
        assert list(manifest.entries()) == ENTRIES


def test_stock_tools_read_what_is_packed(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.jsonl", HEADER, ENTRIES)
    plain = (tmp_path / "m.jsonl").read_bytes()
    for extension, tool in (("gz", "gzip"), ("zst", "zstd")):
        target = tmp_path / f"m.jsonl.{extension}"
        write_manifest(target, HEADER, ENTRIES)
        again = target.read_bytes()
        write_manifest(target, HEADER, ENTRIES)
        assert target.read_bytes() == again
        if tool == "gzip":
            assert subprocess.run([tool, "-dc", target], capture_output=True, check=True).stdout == plain
        with open_manifest(target) as manifest:
            assert list(manifest.entries()) == ENTRIES


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([ENTRIES[1], ENTRIES[0]], "order"),
        ([ENTRIES[0], ENTRIES[0]], "twice"),
        ([Entry(path=b"../x", digest=DIGEST)], "plain names"),
        ([Entry(path=b"x", digest=DIGEST[1:])], "expected a digest"),
        ([Entry(path=b"x", digest='"},{"')], "expected a digest"),
        ([Entry(path=b"x", digest=DIGEST, size_bytes=-1)], "expected a size"),
        ([*(Entry(path=b"%05d" % number, digest=DIGEST) for number in range(1000)), Entry(path=b"0")], "order|digest"),
    ],
)
def test_nothing_is_written_that_would_be_refused(tmp_path: Path, entries: list[Entry], message: str) -> None:
    target = tmp_path / "m.jsonl"
    target.write_bytes(b"old")
    with pytest.raises(ManifestError, match=message):
        write_manifest(target, HEADER, entries)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_old_file_is_unharmed_when_the_entries_break_off(tmp_path: Path) -> None:
    target = tmp_path / "m.jsonl.zst"
    target.write_bytes(b"old")

    def entries() -> Iterator[Entry]:
        yield ENTRIES[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manifest(target, HEADER, entries())
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_rights_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_manifest(tmp_path / "m.jsonl", HEADER, ENTRIES)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m.jsonl").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "m.jsonl"
    link.symlink_to("real/m.jsonl")
    write_manifest(link, HEADER, ENTRIES)
    assert link.is_symlink()
    assert (tmp_path / "real" / "m.jsonl").read_bytes().startswith(BODY)


def test_what_is_no_place_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path, tmp_path / "none" / "m.jsonl", tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(WriteError):
            write_manifest(target, HEADER, ENTRIES)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_long_names_have_room_for_what_is_beside_them(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 124 + ".jsonl")
    write_manifest(target, HEADER, ENTRIES)
    assert target.read_bytes().startswith(BODY)


def test_draft_puts_blocks_in_their_places(tmp_path: Path) -> None:
    def line(name: bytes) -> bytes:
        return file_line(name, 1, 2, DIGEST).encode()

    with Draft(tmp_path) as draft:
        draft.put((1, 0), line(b"c"), Counts(1, 0, 1))
        draft.put((0, 5), line(b"b"), Counts(1, 0, 1))
        draft.put((0, 0), line(b"a1") + line(b"a2"), Counts(2, 0, 2))
        assert list(tmp_path.iterdir()) == []
        assert [entry.path for entry in draft.entries(digest="xxh3_128")] == [b"a1", b"a2", b"b", b"c"]
        totals = draft.write(tmp_path / "m.jsonl", HEADER)
    with open_manifest(tmp_path / "m.jsonl") as manifest:
        assert manifest.check() == totals
        assert totals.files == totals.bytes == 4
