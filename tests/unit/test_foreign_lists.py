"""Checksum lines of other programs are read as their own `-c` reads them, or refused with the line; never guessed."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from verifier.entry import Entry
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest import Header, Origin, open_manifest, write_manifest
from verifier.manifest.foreign.row import checked_path

MD5 = hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(b"abc").hexdigest()
XXH3 = "78af5f94892f3950"


class Reader:
    """Writes a list and reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digest: str | None = None

    def __call__(self, data: bytes, name: str = "SHA256SUMS", **options: object) -> list[Entry]:
        path = self.folder / name
        path.write_bytes(data)
        with open_manifest(path, **options) as manifest:  # type: ignore[arg-type]
            self.digest = manifest.header.digest
            entries = list(manifest.entries())
            assert entries == list(manifest.entries()), "as often as wanted"
            assert manifest.check().files == len(entries)
            return entries

    def paths(self, data: bytes, name: str = "SHA256SUMS", **options: object) -> list[bytes]:
        return [entry.path for entry in self(data, name, **options)]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def line(name: bytes, value: str = SHA256, mark: bytes = b"  ") -> bytes:
    return value.encode() + mark + name + b"\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (line(b"a"), b"a"),
        (line(b"a", mark=b" *"), b"a"),
        (line(b" a"), b" a"),
        (line(b"*a"), b"*a"),
        (line(b"./a/b"), b"a/b"),
        (line(b"././a"), b"a"),
        (line(b"-"), b"-"),
        (line(b"back\\slash"), b"back\\slash"),
        (b"\\" + line(b"back\\\\slash"), b"back\\slash"),
        (b"\\" + line(b"new\\nline\\\\n\\r"), b"new\nline\\n\r"),
        (line(b"\xff\xfe"), b"\xff\xfe"),
        (line(b"a", SHA256.upper()), b"a"),
        (line(b"cr\r"), b"cr"),
        (line(b"b\rr"), b"b\rr"),
        (f"SHA256 (a) = {SHA256}\n".encode(), b"a"),
        (f"SHA256 (a) = b) = {SHA256}\n".encode(), b"a) = b"),
        (f"SHA256(a)= {SHA256}\n".encode(), b"a"),
        (f"SHA2-256(a)= {SHA256}\n".encode(), b"a"),
        (f"\\SHA256 (a\\nb) = {SHA256}\n".encode(), b"a\nb"),
        (b"\xef\xbb\xbf" + line(b"a"), b"a"),
        (b"# made by hand\n\n; and so on\n" + line(b"a"), b"a"),
        (("\ufeff" + line(b"\xc3\xbc").decode()).encode("utf-16-le"), "ü".encode()),
        (("\ufeff" + line(b"\xc3\xbc").decode()).encode("utf-16-be"), "ü".encode()),
    ],
)
def test_a_line_means_the_name_that_its_program_means(read: Reader, text: bytes, path: bytes) -> None:
    (entry,) = read(text)
    assert entry == Entry(path=path, digest=SHA256, size_known=False)
    assert read.digest == "sha256"


def test_lines_that_all_end_in_cr_lf_lose_it_and_others_keep_what_is_theirs(read: Reader) -> None:
    assert read.paths(line(b"a\r") + line(b"b\r")) == [b"a", b"b"]
    assert read.paths(line(b"a") + line(b"b\r")) == [b"a", b"b\r"]
    with pytest.raises(ManifestError, match=":2: expected CR LF"):
        read(line(b"a\r") + line(b"b"))


def test_one_space_is_the_form_of_a_whole_list(read: Reader) -> None:
    assert read.paths(line(b"a", mark=b" ") + line(b" b", mark=b" ")) == [b" b", b"a"]
    with pytest.raises(ManifestError, match=":2: expected two spaces"):
        read(line(b"a") + line(b"b", mark=b" "))


def test_entries_come_in_the_order_of_their_bytes_and_a_line_twice_counts_once(read: Reader) -> None:
    names = [b"b", b"a/b", b"a-b", b"a", b"\xff", b"b"]
    assert read.paths(b"".join(map(line, names))) == [b"a", b"a-b", b"a/b", b"b", b"\xff"]


def test_one_path_with_two_checksums_is_an_error(read: Reader) -> None:
    other = hashlib.sha256(b"").hexdigest()
    with pytest.raises(ManifestError, match=r"SHA256SUMS:3: expected each path once, got a again, first in line 1"):
        read(line(b"a") + line(b"b") + line(b"./a", other))


@pytest.mark.parametrize(
    ("value", "name", "algorithm"),
    [
        (MD5, "MD5SUMS", "md5"),
        (MD5, "photos.md5", "md5"),
        (MD5, "md5sum.txt.gz", "md5"),
        (MD5, "photos.xxh128", "xxh3_128"),
        (MD5, "list.xxh3", "xxh3_128"),
        (MD5, "xxhsums.txt", "xxh3_128"),
        (XXH3, "list.xxh3", "xxh3_64"),
        (XXH3, "list.xxh64", "xxh64"),
        ("XXH3_" + XXH3, "list", "xxh3_64"),
        ("0" * 8, "list.xxh32", "xxh32"),
        (SHA256, "photos.b3", "blake3"),
        (SHA256, "B3SUMS", "blake3"),
        ("0" * 40, "list", "sha1"),
        ("0" * 128, "SHA512SUMS", "sha512"),
        ("0" * 128, "x.b2", "blake2b"),
    ],
)
def test_the_files_name_tells_algorithms_of_one_length_apart(
    read: Reader, value: str, name: str, algorithm: str
) -> None:
    data = line(b"a", value)
    read(gzip.compress(data) if name.endswith(".gz") else data, name)
    assert read.digest == algorithm


@pytest.mark.parametrize(
    ("value", "name", "choices"),
    [
        (MD5, "list", "xxh3_128|md5"),
        (MD5, "md5-or-xxh128.txt", "xxh3_128|md5"),
        (SHA256, "checksums.txt", "sha256|blake3"),
        (XXH3, "xxhsums", "xxh3_64|xxh64"),
        (XXH3, "summary", "xxh3_64|xxh64"),
        ("0" * 128, "list", "sha512|blake2b"),
        ("0" * 8, "list", "xxh32"),
    ],
)
def test_what_can_t_be_told_is_asked_for(read: Reader, value: str, name: str, choices: str) -> None:
    data = line(b"a", value)
    with pytest.raises(ManifestError, match=r":1: expected to be told which algorithm") as caught:
        read(data, name)
    assert caught.value.hint is not None
    assert f"--digest {choices}," in caught.value.hint
    for choice in choices.split("|"):
        read(data, name, digest=choice)
        assert read.digest == choice


@pytest.mark.parametrize(
    ("data", "digest", "message"),
    [
        (line(b"a"), "md5", "expected 32 hex digits of md5, got 64"),
        (f"SHA256 (a) = {SHA256}\n".encode(), "blake3", "expected blake3 as was said, got lines of sha256"),
        (line(b"a"), "crc32", "expected one of .*, got crc32"),
        (line(b"a", "XXH3_" + XXH3), "xxh64", "expected xxh64 as was said, got lines of xxh3_64"),
    ],
)
def test_what_is_said_must_fit_what_stands_there(read: Reader, data: bytes, digest: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read(data, digest=digest)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b"nonsense\n", "expected a checksum and a name, got nonsense"),
        (line(b"b", MD5), "expected 64 hex digits of sha256, got 32"),
        (line(b"b", "g" * 64), "expected a checksum and a name"),
        (line(b"b", "UNSUPPORTED"), "expected a checksum and a name"),
        (line(b"b", " " * 64), "expected a checksum and a name"),
        (line(b"", SHA256), "expected two spaces"),
        (line(b"../b"), r"expected a path of plain names, got \.\./b"),
        (line(b"a/../../b"), "expected a path of plain names"),
        (line(b"b//c"), "expected a path of plain names"),
        (line(b"b/"), "expected a path of plain names"),
        (line(b"./"), "expected a path, got an empty one"),
        (line(b"/etc/passwd"), "expected a relative path, got /etc/passwd"),
        (line(b"C:\\Users\\x"), "expected a relative path, got C:/Users/x"),
        (line(b".//etc"), "expected a relative path"),
        (line(b"b\0c"), "expected a path without NUL"),
        (b"\\" + line(b"b\\tc"), "expected .* in the name"),
        (b"\\" + line(b"b\\"), "expected .* in the name"),
        (line(b"b" * 1_048_576), "expected a line of at most 1048576 bytes"),
        (line(b"b" * 100_000), "expected a path of at most 32768 bytes"),
        (f"SHA256 (b) = {SHA256}\n".encode(), "expected a checksum and a name"),
        (line(b"b")[:-1], "expected the end of a line, got the middle of one: the list was cut off"),
    ],
)
def test_a_line_that_is_none_is_an_error_with_its_number(read: Reader, second: bytes, message: str) -> None:
    with pytest.raises(ManifestError, match=f"SHA256SUMS:2: {message}") as caught:
        read(line(b"a") + second)
    assert caught.value.message.isprintable()


def test_two_algorithms_in_one_list_are_an_error(read: Reader) -> None:
    with pytest.raises(ManifestError, match="SHA256SUMS:2: expected sha256 as in the first line, got MD5"):
        read(f"SHA256 (a) = {SHA256}\nMD5 (a) = {MD5}\n".encode())
    with pytest.raises(ManifestError, match=":1: expected a tag as SHA256 or XXH128, got RMD160"):
        read(f"RMD160 (a) = {'0' * 40}\n".encode())


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"# only this\n", b"hello\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 100, b"{}"]
)
def test_what_is_no_list_says_what_was_tried(read: Reader, data: bytes) -> None:
    with pytest.raises(ManifestError, match="tried: our own, lines of sha256sum"):
        read(data)


def test_an_absolute_path_becomes_one_of_the_dataset_where_that_is_told(read: Reader) -> None:
    def relative(path: bytes) -> bytes:
        if not path.startswith(b"/home/ana/"):
            raise UnsafePathError("elsewhere")
        return path.removeprefix(b"/home/ana/")

    data = line(b"/home/ana/b") + line(b"a")
    assert read.paths(data, relative=relative) == [b"a", b"b"]
    with pytest.raises(ManifestError, match=":1: elsewhere"):
        read(line(b"/home/bob/b"), relative=relative)
    with pytest.raises(ManifestError, match="expected a path of plain names"):
        read(line(b"/home/ana/../b"), relative=relative)


def test_a_windows_path_has_slashes_and_its_drive_is_a_root() -> None:
    assert checked_path(b"a\\b", windows=True) == b"a/b"
    assert checked_path(b"a\\b") == b"a\\b"
    assert checked_path(b"C:\\a\\b", relative=lambda path: path.removeprefix(b"C:/")) == b"a/b"
    with pytest.raises(UnsafePathError, match="expected a relative path, got //server/share/b"):
        checked_path(b"\\\\server\\share\\b", windows=True)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("SHA256SUMS", lambda data: data),
        ("SHA256SUMS.gz", gzip.compress),
        ("SHA256SUMS.zst", zstandard.compress),
    ],
)
def test_the_identity_is_the_sha256_of_the_unpacked_bytes(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    data = line(b"b") + line(b"a")
    (tmp_path / name).write_bytes(pack(data))
    with open_manifest(tmp_path / name) as manifest:
        assert manifest.identity == hashlib.sha256(data).hexdigest()
        assert not manifest.states_sizes
        assert manifest.own_file == tmp_path / name


def test_a_list_that_does_not_name_itself_is_left_out_of_listings(tmp_path: Path) -> None:
    for listed, excluded in ((b"a", ("/SHA256SUMS",)), (b"SHA256SUMS", ())):
        (tmp_path / "SHA256SUMS").write_bytes(line(listed))
        with open_manifest(tmp_path / "SHA256SUMS") as manifest:
            assert manifest.header.exclude == excluded


def test_a_list_that_changes_under_our_hands_is_told(tmp_path: Path) -> None:
    path = tmp_path / "SHA256SUMS"
    path.write_bytes(line(b"a"))
    with open_manifest(path) as manifest:
        path.write_bytes(line(b"b"))
        assert [entry.path for entry in manifest.entries()] == [b"a"]
        with pytest.raises(ManifestError, match="expected the list that was opened, got one that was changed"):
            manifest.check()


def test_nothing_is_left_of_what_a_list_was_sorted_in(tmp_path: Path, read: Reader) -> None:
    private = tmp_path / "private"
    private.mkdir()
    assert read.paths(line(b"b") + line(b"a"), folder=private) == [b"a", b"b"]
    with pytest.raises(ManifestError):
        read(line(b"b") + b"x\n", folder=private)
    assert not list(private.iterdir())


def test_our_own_manifest_must_have_the_checksums_that_were_said(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    origin = Origin(address="/data", machine="desk")
    write_manifest(path, Header(dataset="d", created="2026-11-22T18:30:00Z", origin=origin, digest="sha256"), [])
    with (
        pytest.raises(ManifestError, match="expected checksums of md5 as was said, got sha256"),
        open_manifest(path, digest="md5"),
    ):
        pass
