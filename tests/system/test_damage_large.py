"""Damage far inside a file that is worked in pieces of 256 MiB."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from drilled import THEN, Place, noise, put

from verifier.entry import PIECE_BYTES

SIZE = 300_000_000
NAME = "disk.img"
_MEMORY = Path("/dev/shm")  # noqa: S108 - only what this user may read is made in it


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else tmp_path) as root:
        place = Place(Path(root))
        block = noise(1_000_000, 1)
        with (place.live / NAME).open("wb") as file:
            for number in range(SIZE // len(block)):
                file.write(number.to_bytes(8, "big") + block[8:])
        os.utime(place.live / NAME, (THEN, THEN))
        put(place.live, "small", b"small")
        shutil.copytree(place.live, place.copy)
        yield place


def test_damage_in_the_second_piece_is_found(place: Place) -> None:
    place.know()
    intact = place.prove("--full", "--workers", "2")
    with (place.copy / NAME).open("r+b") as file:
        file.seek(PIECE_BYTES + 12_345_678)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(place.copy / NAME, (THEN, THEN))

    damaged = place.prove("--full", "--workers", "2")

    assert (intact.result, intact.copy.proven.files, intact.copy.proven.bytes) == ("PASSED", 2, SIZE + 5)
    assert (damaged.code, damaged.result, damaged.counts) == (1, "FAILED", {"MISMATCH": 1})
    (finding,) = damaged.copy.findings
    assert (finding.path, finding.size_bytes) == (NAME, SIZE)
    assert f"in 1 of 2 pieces, the first at byte {PIECE_BYTES}" in finding.detail
    assert damaged.copy.proven.bytes == 5
