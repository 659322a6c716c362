"""Which files look as if somebody had encrypted them, and which never do."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest
from drilled import noise, prose

from verifier.encryption_signs import HEAD_BYTES, looks_encrypted

RANDOM = noise(8_192, 1)


@pytest.mark.parametrize(
    "name", ["a.txt", "a.TXT", "b.jpg", "B.JPEG", "c.pdf", "d.docx", "e.csv", "dir/f.sqlite", "g.mp4"]
)
@pytest.mark.parametrize("size_bytes", [256, 300, 1_000, 4_096, HEAD_BYTES])
def test_random_bytes_under_a_name_of_order(name: str, size_bytes: int) -> None:
    seen = sum(looks_encrypted(name.encode(), noise(size_bytes, f"{name} {seed}")) for seed in range(40))

    # A few hundred random bytes may show more order than is expected of them; what counts is most of many files.
    assert seen == 40 if size_bytes >= 1_000 else seen >= 36


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("a.jpg", b"\xff\xd8\xff\xe1"), ("a.png", b"\x89PNG\r\n\x1a\n"), ("a.heic", b"\0\0\0\x18ftypheic"),
        ("a.mov", b"\0\0\0\x14ftypqt  "), ("a.mov", b"\0\0\x01\0moov"), ("a.pdf", b"%PDF-1.7"), ("a.docx", b"PK\3\4"),
        ("a.zip", b"PK\5\6"), ("a.gz", b"\x1f\x8b\x08"), ("a.7z", b"7z\xbc\xaf\x27\x1c"), ("a.gif", b"GIF89a"),
    ],
)  # fmt: skip
def test_a_type_that_is_dense_by_itself(name: str, beginning: bytes) -> None:
    assert not looks_encrypted(name.encode(), beginning + RANDOM)
    assert looks_encrypted(name.encode(), RANDOM)


@pytest.mark.parametrize("name", ["a.bin", "a.img", "a", "", ".txt.unknown", "a.enc", "a.kdbx", "a.gpg", "a.mkv"])
def test_a_type_that_nobody_knows_is_no_sign(name: str) -> None:
    assert not looks_encrypted(name.encode(), RANDOM)


def test_text_stays_text() -> None:
    for seed in range(20):
        assert not looks_encrypted(b"a.txt", prose(4_096, seed))
        assert not looks_encrypted(b"a.txt", prose(300, seed))
    assert not looks_encrypted(b"a.csv", b"".join(b"%d,%d\n" % (number, number**3) for number in range(2_000)))
    assert not looks_encrypted(b"a.txt", bytes(4_096))
    assert not looks_encrypted(b"a.jpg", b"no photo at all, but words " * 100)


def test_base64_is_no_random_bytes() -> None:
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    chance = random.Random(3)

    assert not looks_encrypted(b"a.txt", bytes(chance.choice(letters) for _ in range(8_192)))


def test_few_bytes_say_nothing() -> None:
    assert not looks_encrypted(b"a.txt", noise(255, 1))
    assert not looks_encrypted(b"a.txt", b"")


def test_compressed_text_under_a_text_name_looks_encrypted() -> None:
    """It is a sign, not proof: nobody can tell the two apart, and the name says text."""
    packed = zlib.compress(prose(200_000, 1))[2:]

    assert looks_encrypted(b"a.txt", packed[:HEAD_BYTES])
    assert not looks_encrypted(b"a.txt.gz", gzip.compress(prose(100_000, 1)))
