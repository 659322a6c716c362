"""hashdeep, PowerShell and chkbit, in files as they write them, and in such as they never would."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from verifier.entry import Entry
from verifier.errors import ManifestError
from verifier.manifest import open_manifest

MD5 = hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(b"abc").hexdigest()
HASHDEEP = b"%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /data\n## # hashdeep -l -r .\n## \n"
WINDOWS = HASHDEEP.replace(b"/data", b"D:\\data").replace(b"\n", b"\r\n")


def read(path: Path, data: bytes, **options: Any) -> list[Entry]:
    path.write_bytes(data)
    with open_manifest(path, **options) as manifest:
        return list(manifest.entries())


def test_hashdeep_gives_sizes_and_the_strongest_checksum(tmp_path: Path) -> None:
    rows = f"3,{MD5},{SHA256},./b, c.txt\n3,{MD5},{SHA256},./a\\b\n".encode()
    entries = read(tmp_path / "list", HASHDEEP + rows)
    assert entries == [
        Entry(path=b"a\\b", size_bytes=3, digest=SHA256),
        Entry(path=b"b, c.txt", size_bytes=3, digest=SHA256),
    ]
    assert [entry.digest for entry in read(tmp_path / "list", HASHDEEP + rows, digest="md5")] == [MD5, MD5]
    with open_manifest(tmp_path / "list") as manifest:
        assert manifest.states_sizes
        assert manifest.check().bytes == 6


def test_hashdeep_of_windows_has_other_slashes(tmp_path: Path) -> None:
    rows = f"3,{MD5},{SHA256},.\\a\\b.txt\r\n".encode()
    assert [entry.path for entry in read(tmp_path / "list", WINDOWS + rows)] == [b"a/b.txt"]
    with pytest.raises(ManifestError, match=":6: expected a relative path, got D:/data/a") as caught:
        read(tmp_path / "list", WINDOWS + f"3,{MD5},{SHA256},D:\\data\\a\r\n".encode())
    assert caught.value.hint == "name the folder it starts at with --root"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"x,{MD5},{SHA256},a", "expected a size, checksums and a name"),
        (f"-1,{MD5},{SHA256},a", "expected a size"),
        (f"3,{MD5},a", "expected a size"),
        (f"3,{MD5},{MD5},a", "expected a checksum of sha256"),
        (f"3,{MD5},{SHA256},", "expected a path, got an empty one"),
        (f"3,{MD5},{SHA256},../a", "expected a path of plain names"),
        ("line", "expected a size"),
    ],
)
def test_a_row_of_hashdeep_that_is_none_is_an_error(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(ManifestError, match=f"list:6: {message}"):
        read(tmp_path / "list", HASHDEEP + row.encode() + b"\n")


def test_columns_of_hashdeep_must_hold_what_we_know(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=":2: expected sha256, sha1, md5 among the columns, got size,"):
        read(tmp_path / "list", HASHDEEP.replace(b"md5,sha256", b"tiger,whirlpool"))
    with pytest.raises(ManifestError, match=":2: expected sha1 among the columns"):
        read(tmp_path / "list", HASHDEEP, digest="sha1")
    with pytest.raises(ManifestError, match=":2: expected the names of columns"):
        read(tmp_path / "list", b"%%%% HASHDEEP-1.0\nrubbish\n")


CSV = f'"Algorithm","Hash","Path"\r\n"SHA256","{SHA256.upper()}","C:\\Users\\Ana\\ü, ""x"".txt"\r\n'
TYPED = "#TYPE Microsoft.Powershell.Utility.FileHash\r\n" + CSV


def relative(path: bytes) -> bytes:
    return path.removeprefix(b"C:/Users/Ana/")


@pytest.mark.parametrize("text", [CSV, TYPED, CSV.replace("\r\n", "\n"), CSV.replace('","', '";"')])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_what_powershell_exports_is_read_in_each_encoding(tmp_path: Path, text: str, codec: str) -> None:
    data = ("\ufeff" + text if codec == "utf-16-be" else text).encode(codec)
    entries = read(tmp_path / "hashes.csv", data, relative=relative)
    assert entries == [Entry(path='ü, "x".txt'.encode(), digest=SHA256, size_known=False)]
    with pytest.raises(ManifestError, match="expected a relative path, got C:/Users/Ana/ü"):
        read(tmp_path / "hashes.csv", data)


def test_powershell_elsewhere_has_names_with_backslashes_and_newlines(tmp_path: Path) -> None:
    text = f'"Algorithm","Hash","Path"\n"MD5","{MD5}","/data/a\\b?\nc"\n'
    entries = read(tmp_path / "x.csv", text.encode(), relative=lambda path: path.removeprefix(b"/data/"))
    assert [entry.path for entry in entries] == [b"a\\b?\nc"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f'"SHA256","{SHA256}","C:\\M?ller.txt"', "expected a path of Windows, got one with"),
        (f'"SHA256","{MD5}","a"', "expected a hash of sha256"),
        (f'"MD5","{MD5}","a"', "expected sha256 as in the first row, got MD5"),
        ('"SHA256","","a"', "expected a hash of sha256"),
        (f'"SHA256","{SHA256}"', "expected 3 fields, got 2"),
        (f'"SHA256","{SHA256}","a"b', "expected CSV"),
        (f'"SHA256","{SHA256}",""', "expected a path, got an empty one"),
        (f'"SHA256","{SHA256}","..\\a"', "expected a path of plain names"),
    ],
)
def test_a_row_of_powershell_that_is_none_is_an_error(tmp_path: Path, row: str, message: str) -> None:
    first = f'"SHA256","{SHA256}","good"\r\n'
    with pytest.raises(ManifestError, match=f"x.csv:3: {message}"):
        read(tmp_path / "x.csv", ('"Algorithm","Hash","Path"\r\n' + first + row + "\r\n").encode())


def test_an_export_of_no_file_or_of_an_unknown_algorithm_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=":2: expected a row with a hash, got none"):
        read(tmp_path / "x.csv", b'"Algorithm","Hash","Path"\r\n')
    with pytest.raises(ManifestError, match=":2: expected an algorithm as SHA256, got RIPEMD160"):
        read(tmp_path / "x.csv", b'"Algorithm","Hash","Path"\r\n"RIPEMD160","00","a"\r\n')


def index(files: dict[str, Any], *, idx_hash: str | None = None) -> str:
    text = json.dumps(files, separators=(",", ":"))
    value = idx_hash or hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f'{{"v":2,"idx":{text},"idx_hash":"{value}"}}'


def facts(**changes: Any) -> dict[str, Any]:
    return {"mod": 1_700_000_000_123, "a": "md5", "h": MD5} | changes


def test_a_folders_index_of_chkbit_gives_times_and_sizes_where_it_has_them(tmp_path: Path) -> None:
    entries = read(tmp_path / ".chkbit", index({"b\udcff": facts(), "a\n": facts()}).encode())
    assert entries == [
        Entry(path=b"a\n", mtime_ns=1_700_000_000_123_000_000, digest=MD5, size_known=False),
        Entry(path=b"b\xff", mtime_ns=1_700_000_000_123_000_000, digest=MD5, size_known=False),
    ]
    (entry,) = read(tmp_path / ".chkbit", index({"a": facts(s=3)}).encode())
    assert (entry.size_bytes, entry.size_known) == (3, True)


def whole(folders: dict[str, str]) -> bytes:
    members = ",".join(f"{json.dumps(folder)}:{text}" for folder, text in folders.items())
    return f'{{"type":"chkbit","version":6,"data":{{{members}}}}}'.encode()


def test_the_index_of_a_tree_is_read_folder_by_folder(tmp_path: Path) -> None:
    tricky = 'a"{}[]\\, "idx_hash":'
    data = whole({"": index({"x": facts(), tricky: facts()}), "s/t}": index({f"f{n}": facts() for n in range(5_000)})})
    entries = read(tmp_path / ".chkbit-db", data)
    assert len(entries) == 5_002
    assert {b"x", tricky.encode(), b"s/t}/f4999"} < {entry.path for entry in entries}
    for cut in (1, 2, 3, 40, 300_000, len(data) - 60):
        with pytest.raises(ManifestError):
            read(tmp_path / ".chkbit-db", data[:-cut])


def test_a_tree_of_indexes_is_put_together_and_has_an_identity(tmp_path: Path) -> None:
    (tmp_path / "data/s").mkdir(parents=True)
    (tmp_path / "data/.chkbit").write_text(index({"x": facts()}))
    (tmp_path / "data/s/.chkbit").write_text(index({"y": facts()}))
    with open_manifest(tmp_path / "data") as manifest:
        assert [entry.path for entry in manifest.entries()] == [b"s/y", b"x"]
        assert hashlib.sha256(manifest.own_file.read_bytes()).hexdigest() == manifest.identity
        assert ".chkbit" in manifest.header.exclude
        assert manifest.header.dataset == "data"
        first = manifest.identity
    with open_manifest(tmp_path / "data") as manifest:
        assert manifest.identity == first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (index({}), "expected an index with a file in it, got none"),
        (index({"a": facts()}, idx_hash="0" * 32), "idx_hash is another: it was damaged or edited"),
        (index({"a": facts(a="crc32")}), "expected a known algorithm, got crc32"),
        (index({"a": facts(), "b": facts(a="sha512")}), "b: expected md5 as of the first file, got sha512"),
        (index({"a": facts(h=None)}), "a: expected a checksum of md5, got None"),
        (index({"a": facts(mod="x")}), "a: expected mod as milliseconds"),
        (index({"a": facts(s=-1)}), "a: expected a size"),
        (index({"a": facts(s=1), "b": facts()}), "b: expected a size for each file or for none"),
        (index({"..": facts()}), "expected a path of plain names"),
        (index({"/a": facts()}), "expected a relative path"),
        (index({"a": 5}), "expected facts of a file"),
        ('{"v":2,"idx":{"a":{},"a":{}},"idx_hash":""}', "a name twice"),
        ('{"v":2,"idx":' + "[" * 100_000, "expected an index"),
        ('{"v":2,"idx":[]}', "one without idx"),
    ],
)
def test_an_index_that_is_none_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        read(tmp_path / ".chkbit", text.encode())
    assert caught.value.message.isprintable()
