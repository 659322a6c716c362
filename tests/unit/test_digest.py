"""Known answers, as xxhsum 0.8.1, sha256sum, md5sum, sha1sum and BLAKE3's own test vectors give them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import digest
from verifier.errors import ManifestError

ALGORITHMS = tuple(digest.HEX_LENGTH)
ZEROS = b"\0" * 100_000
KNOWN = [
    ("xxh3_128", b"", "99aa06d3014798d86001c324468d497f"),
    ("xxh3_128", b"abc", "06b05ab6733a618578af5f94892f3950"),
    ("xxh3_128", ZEROS, "e1f876364c6fec62315c72a64b7df4d2"),
    ("xxh3_64", b"", "2d06800538d394c2"),
    ("xxh3_64", b"abc", "78af5f94892f3950"),
    ("xxh3_64", ZEROS, "315c72a64b7df4d2"),
    ("sha256", b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("sha256", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("sha256", ZEROS, "9192c25b734fcbadbe32dadc28089c60db0e39f90cc20ce2e5733f57261acc0c"),
    ("blake3", b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    ("blake3", b"abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ("md5", b"", "d41d8cd98f00b204e9800998ecf8427e"),
    ("md5", b"abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("sha1", b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("sha1", b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("sha224", b"abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (
        "sha384",
        b"abc",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        "sha512",
        b"abc",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ),
    (
        "blake2b",
        b"abc",
        (
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
            "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
        ),
    ),
    ("xxh32", b"abc", "32d153ff"),
    ("xxh64", b"abc", "44bc2cf5ad770999"),
]


@pytest.mark.parametrize(("algorithm", "data", "expected"), KNOWN)
def test_values_are_those_that_the_stock_tools_print(algorithm: str, data: bytes, expected: str) -> None:
    hasher = digest.new_hasher(algorithm)
    for byte in (data[:1], data[1:2], data[2:]):
        hasher.update(byte)
    assert hasher.hexdigest() == expected
    for form in (data, bytearray(data), memoryview(data)):
        assert digest.one_shot(algorithm)(form) == expected
    assert digest.is_digest(algorithm, expected)


@given(st.sampled_from(ALGORITHMS), st.lists(st.binary(max_size=300), max_size=5))
def test_parts_are_worth_the_whole(algorithm: str, parts: list[bytes]) -> None:
    hasher = digest.new_hasher(algorithm)
    for part in parts:
        hasher.update(part)
    assert hasher.hexdigest() == digest.one_shot(algorithm)(b"".join(parts))


@pytest.mark.parametrize(("option", "algorithm"), [("-H2", "xxh3_128"), ("-H3", "xxh3_64")])
def test_xxhsum_itself_agrees_on_every_way_through_its_code(
    tmp_path: Path, option: str, algorithm: str, must_run: Callable[[str, str], NoReturn]
) -> None:
    if shutil.which("xxhsum") is None:
        must_run("xxhsum", "xxhsum is not installed")
    # xxh3 goes another way at each of these lengths.
    for length in (1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1_024, 1_025, 70_000):
        data = (bytes(range(256)) * (length // 256 + 1))[:length]
        (tmp_path / "file").write_bytes(data)
        done = subprocess.run(["xxhsum", option, tmp_path / "file"], capture_output=True, text=True, check=False)
        if done.returncode:
            must_run("xxhsum", f"xxhsum knows no {option}")
        assert digest.one_shot(algorithm)(data) in done.stdout.split()


def test_each_algorithm_that_is_known_has_its_length_and_can_be_made() -> None:
    assert set(digest.WRITTEN) < set(ALGORITHMS)
    assert set(ALGORITHMS) > digest.CRYPTOGRAPHIC
    for algorithm in ALGORITHMS:
        assert digest.is_digest(algorithm, digest.new_hasher(algorithm).hexdigest())


def test_what_is_broken_against_malice_is_never_written_nor_called_cryptographic() -> None:
    for algorithm in ("md5", "sha1", "xxh32", "xxh64"):
        assert algorithm not in digest.WRITTEN
        assert algorithm not in digest.CRYPTOGRAPHIC


@pytest.mark.parametrize("name", ["", "xxh128", "SHA256", "crc32", "\x1b[31m\n\u202e"])
def test_an_algorithm_that_is_unknown_is_refused(name: str) -> None:
    with pytest.raises(ManifestError, match="expected one of xxh3_128, ") as caught:
        digest.new_hasher(name)
    assert caught.value.message.isprintable()
    assert not digest.is_digest(name, "")
    assert not digest.are_digests(name, ["", "ab"])


@pytest.mark.parametrize(
    "value", ["", "99AA06D3014798D86001C324468D497F", "9" * 31, "9" * 33, "9" * 32 + "\n", "g" * 32, "\uff19" * 32]
)
def test_a_value_of_another_length_or_case_is_no_digest(value: str) -> None:
    assert not digest.is_digest("xxh3_128", value)
    assert not digest.are_digests("xxh3_128", ["9" * 32, value])
    assert not digest.are_digests("xxh3_128", [value, "9" * 32])


def test_many_are_digests_if_each_is() -> None:
    assert digest.are_digests("xxh3_64", [])
    assert digest.are_digests("xxh3_64", ["0" * 16, "f" * 16])
    assert not digest.are_digests("xxh3_64", ["0" * 15, "f" * 17])
