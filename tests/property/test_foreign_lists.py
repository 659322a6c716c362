"""Whatever stands in a list, it is read as its program means it or refused in words; what we export is read back."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from verifier import relpath
from verifier.entry import Entry
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest import open_manifest
from verifier.manifest.export import FORMATS, lines
from verifier.manifest.foreign.row import Row
from verifier.spool import Workspace

NAMES = ("SHA256SUMS", "x.md5", "x.csv", ".chkbit", "x.xxh128", "list", "manifest-md5.txt")
SNIPPETS = st.sampled_from(
    [
        b"%%%% HASHDEEP-1.0\n",
        b"%%%% size,md5,filename\n",
        b'"Algorithm","Hash","Path"\n',
        b'{"type":"chkbit","version":6,"data":{',
        b'{"v":2,"idx":{',
        b'"":',
        b'},"idx_hash":"',
        b"}}",
        b"\\",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"0" * 32,
        b"a" * 64,
        b"  ",
        b" *",
        b"../x",
        b"/x",
        b"./",
        b"\0",
        b"\r\n",
        b"\n",
        b"SHA256 (",
        b") = ",
        b"MD5,",
        b'"',
        b",",
        b"3,",
    ]
)


@given(st.lists(st.one_of(SNIPPETS, st.binary(max_size=8)), max_size=20), st.sampled_from(NAMES))
@example([b'{"v":2,"idx":{', b'"a":', b"1" * 5_000, b'},"idx_hash":""}'], ".chkbit")
@example([b'"Algorithm","Hash","Path"\n"', b"\n" * 10], "x.csv")
def test_no_bytes_bring_the_reader_down(parts: list[bytes], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(b"".join(parts))
        try:
            with open_manifest(path) as manifest:
                paths = [entry.path for entry in manifest.entries()]
        except ManifestError as error:
            assert error.message.isprintable()  # noqa: PT017 - either outcome is right
        else:
            assert paths == sorted(set(paths))
            assert all(entry for entry in paths)
            for one in paths:
                relpath.check(one)


def _is_path(path: bytes) -> bool:
    try:
        relpath.check(path)
    except UnsafePathError:
        return False
    return True


PATHS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=12),
        st.text(st.sampled_from("\\\n\r-*# ()=./aß\u202e;"), min_size=1, max_size=12).map(str.encode),
    ).filter(_is_path),
    min_size=1,
    max_size=8,
    unique=True,
)


@example([b"a\r"], "sha256")
@example([b"-", b" a", b"*a"], "xxh3_64")
@given(PATHS, st.sampled_from(["xxh3_128", "xxh3_64", "sha256", "blake3"]))
def test_what_is_exported_is_read_back(paths: list[bytes], digest: str) -> None:
    form = next(form for form, able in FORMATS.items() if digest in able)
    # A drive letter is a root in every list, for no other system has such names.
    assume(not any(path[1:2] == b":" for path in paths))
    value = hashlib.sha256().hexdigest()[: {"xxh3_128": 32, "xxh3_64": 16}.get(digest, 64)]
    entries = [Entry(path=path, size_bytes=1, digest=value) for path in sorted(paths)]
    try:
        data = b"".join(lines(entries, form=form, digest=digest))
    except ManifestError:
        assert form == "b3sum"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        path.write_bytes(data)
        with open_manifest(path, digest=digest) as manifest:
            assert [(one.path, one.digest) for one in manifest.entries()] == [(one.path, value) for one in entries]


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c/d"]), st.sampled_from("01")), min_size=1, max_size=10))
def test_a_path_with_two_values_is_never_one_entry(rows: list[tuple[bytes, str]]) -> None:
    stated: dict[bytes, set[str]] = {}
    for path, value in rows:
        stated.setdefault(path, set()).add(value)
    data = b"".join(value.encode() * 64 + b"  " + path + b"\n" for path, value in rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "SHA256SUMS"
        file.write_bytes(data)
        if any(len(values) > 1 for values in stated.values()):
            with pytest.raises(ManifestError, match="expected each path once"), open_manifest(file):
                pass
        else:
            with open_manifest(file) as manifest:
                assert [entry.path for entry in manifest.entries()] == sorted(stated)


def test_rows_that_were_on_disk_keep_what_they_say(tmp_path: Path) -> None:
    rows = [Row(b"%d" % (number * 7 % 50), number, "0" * 32) for number in range(50)]
    workspace = Workspace(tmp_path / "tables")
    ordered = list(workspace.sort_on_disk(rows, key=lambda row: row.path, record_type=Row, run_records=7))
    assert ordered == sorted(rows, key=lambda row: row.path)
    workspace.close()
