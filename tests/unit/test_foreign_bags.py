"""A bag is read by one payload manifest, whole and checked, or refused; nothing in it leads out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from verifier.errors import ManifestError
from verifier.manifest import Manifest, open_manifest

PAYLOAD = {"a.txt": b"alpha", "b/c.txt": b"gamma", "empty": b""}


def sums(algorithm: str, files: Mapping[str, bytes]) -> str:
    return "".join(f"{hashlib.new(algorithm, data).hexdigest()}  {name}\n" for name, data in files.items())


def make_bag(
    folder: Path,
    *,
    algorithms: tuple[str, ...] = ("sha256",),
    version: str = "1.0",
    oxum: str | None = "10.3",
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Make a bag of PAYLOAD; `tags` are tag files that are written otherwise."""
    folder.mkdir()
    for name, data in PAYLOAD.items():
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    written = {"bagit.txt": f"BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n"}
    if oxum is not None:
        written["bag-info.txt"] = f"Source-Organization: A\n  B\nPayload-Oxum: {oxum}\n"
    for algorithm in algorithms:
        written[f"manifest-{algorithm}.txt"] = sums(algorithm, {f"data/{name}": data for name, data in PAYLOAD.items()})
    written |= tags or {}
    for algorithm in algorithms:
        tagged = {name: text.encode() for name, text in written.items() if not name.startswith("tagmanifest")}
        written.setdefault(f"tagmanifest-{algorithm}.txt", sums(algorithm, tagged))
    for name, text in written.items():
        (folder / name).write_bytes(text.encode())
    return folder


def read(path: Path, digest: str | None = None) -> tuple[list[bytes], Manifest]:
    with open_manifest(path, digest=digest) as manifest:
        return [entry.path for entry in manifest.entries()], manifest


@pytest.mark.parametrize("version", ["0.93", "0.97", "1.0"])
def test_a_bag_is_read_by_its_folder_or_its_manifest(tmp_path: Path, version: str) -> None:
    bag = make_bag(tmp_path / "bag", version=version)
    expected = [b"data/a.txt", b"data/b/c.txt", b"data/empty"]
    for path in (bag, bag / "manifest-sha256.txt"):
        paths, manifest = read(path)
        assert paths == expected
        assert manifest.identity == hashlib.sha256((bag / "manifest-sha256.txt").read_bytes()).hexdigest()
        assert manifest.own_file.name == "manifest-sha256.txt"
        assert manifest.header.exclude == ("/*", "!/data/")


def test_the_strongest_manifest_is_taken_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    bag = make_bag(tmp_path / "bag", algorithms=("md5", "sha256", "sha512"))
    assert read(bag)[1].header.digest == "sha512"
    assert read(bag, "md5")[1].header.digest == "md5"
    assert read(bag / "manifest-md5.txt")[1].header.digest == "md5"
    with pytest.raises(ManifestError, match="expected a payload manifest of sha1 in the bag, got sha512, sha256, md5"):
        read(bag, "sha1")


def test_percent_signs_stand_for_line_ends_and_since_1_0_for_themselves(tmp_path: Path) -> None:
    text = "".join(f"{'0' * 64}  data/{name}\n" for name in ("a%0Ab", "a%0dc", "a%25d", "a%7Ee", "a%250A"))
    for version, paths in (
        ("1.0", [b"data/a\nb", b"data/a\rc", b"data/a%0A", b"data/a%7Ee", b"data/a%d"]),
        ("0.97", [b"data/a\nb", b"data/a\rc", b"data/a%250A", b"data/a%25d", b"data/a%7Ee"]),
    ):
        bag = make_bag(tmp_path / version, version=version, oxum=None, tags={"manifest-sha256.txt": text})
        assert read(bag)[0] == paths


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"fetch.txt": "http://example.org/x 5 data/a.txt\n"}, "expected a bag that holds all its files"),
        ({"bagit.txt": "BagIt-Version: 1.1\nTag-File-Character-Encoding: UTF-8\n"}, "expected at most version 1.0"),
        ({"bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: EBCDIC\n"}, "got version 1.0 in EBCDIC"),
        ({"bagit.txt": "BagIt-Version : 1.0\nTag-File-Character-Encoding: UTF-8\n"}, "expected BagIt-Version: 1.0"),
        ({"bagit.txt": "\ufeffBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"}, "expected BagIt-Version"),
        ({"bagit.txt": "BagIt-Version: 1.0\n"}, "expected BagIt-Version: 1.0 and"),
        ({"bag-info.txt": "Payload-Oxum: 10.2\n"}, "expected 2 files as Payload-Oxum states, got 3"),
        ({"bag-info.txt": "Payload-Oxum: many\n"}, "bag-info.txt:1: expected one Payload-Oxum"),
        ({"bag-info.txt": "Payload-Oxum: 10.3\nPayload-Oxum: 10.4\n"}, "bag-info.txt:2: expected one Payload-Oxum"),
        ({"manifest-sha256.txt": f"{'0' * 64}  a.txt\n"}, ":1: expected a path in data/, got a.txt"),
        ({"manifest-sha256.txt": f"{'0' * 64}  data/../x\n"}, ":1: expected a path of plain names"),
        ({"manifest-sha256.txt": f"{'0' * 64}  /etc/passwd\n"}, ":1: expected a relative path"),
        ({"manifest-sha256.txt": f"{'0' * 64}  ~/x\n"}, ":1: expected a path in data/"),
        ({"manifest-sha256.txt": f"{'0' * 32}  data/a.txt\n"}, ":1: expected a checksum of sha256, got 32 hex digits"),
        ({"manifest-sha256.txt": "rubbish\n"}, ":1: expected a checksum and a path, got rubbish"),
        ({"manifest-sha256.txt": f"{'0' * 64}  data/a\n" * 2}, ":2: expected each path once"),
        ({"tagmanifest-sha256.txt": f"{'0' * 64}  bagit.txt\n"}, ":1: expected bagit.txt with sha256 0000"),
        ({"tagmanifest-sha256.txt": f"{'0' * 64}  gone.txt\n"}, ":1: expected gone.txt with sha256 0+, got no file"),
        ({"tagmanifest-sha256.txt": f"{'0' * 64}  ../x\n"}, ":1: expected a path of plain names"),
        ({"tagmanifest-crc32.txt": "00000000  bagit.txt\n"}, "expected a tag manifest of a known algorithm"),
    ],
)
def test_a_bag_that_is_not_as_it_should_be_is_refused(tmp_path: Path, tags: dict[str, str], message: str) -> None:
    bag = make_bag(tmp_path / "bag", tags=tags)
    with pytest.raises(ManifestError, match=message) as caught:
        read(bag)
    assert caught.value.message.isprintable()


def test_manifests_that_list_other_files_are_no_bag(tmp_path: Path) -> None:
    tags = {"manifest-md5.txt": sums("md5", {"data/a.txt": b"alpha", "data/empty": b""})}
    bag = make_bag(tmp_path / "bag", algorithms=("sha256", "md5"), tags=tags)
    with pytest.raises(ManifestError, match=r"manifest-md5\.txt: expected the same files .* got data/b/c\.txt in one"):
        read(bag)


def test_before_1_0_the_same_line_twice_counts_once(tmp_path: Path) -> None:
    twice = {"manifest-sha256.txt": f"{'0' * 64}  data/a\n{'0' * 64} *./data/a\n"}
    assert read(make_bag(tmp_path / "bag", version="0.97", oxum="0.1", tags=twice))[0] == [b"data/a"]


def test_a_tag_file_behind_a_link_is_none(tmp_path: Path) -> None:
    bag = make_bag(tmp_path / "bag")
    (bag / "bag-info.txt").rename(tmp_path / "elsewhere.txt")
    (bag / "bag-info.txt").symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(ManifestError, match=r"expected bag-info\.txt with sha256 .* got no file"):
        read(bag)


def test_a_bag_without_a_known_manifest_says_so(tmp_path: Path) -> None:
    bag = make_bag(tmp_path / "bag", algorithms=())
    with pytest.raises(ManifestError, match="expected a payload manifest of a known algorithm"):
        read(bag)
    (bag / "manifest-whirlpool.txt").write_text("00  data/a\n")
    with pytest.raises(ManifestError, match="got whirlpool"):
        read(bag)


def test_tag_files_in_other_encodings_are_read(tmp_path: Path) -> None:
    for number, (named, codec) in enumerate((("UTF-16", "utf-16"), ("ISO-8859-1", "latin-1"))):
        bag = make_bag(tmp_path / str(number), version="0.97")
        text = f"{'0' * 64}  data/é\n".encode(codec)
        (bag / "manifest-sha256.txt").write_bytes(text)
        (bag / "bag-info.txt").write_bytes("Payload-Oxum: 5.1\n".encode(codec))
        (bag / "bagit.txt").write_text(f"BagIt-Version: 0.97\nTag-File-Character-Encoding: {named}\n")
        (bag / "tagmanifest-sha256.txt").unlink()
        assert read(bag)[0] == ["data/é".encode()]
