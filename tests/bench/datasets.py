"""A seed → folders of real bytes, the same each time: large files, many small files, a household's mixture."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
_BLOCK_BYTES: Final = 16 * MIB
_TAKEN_AT_NS: Final = 1_700_000_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A folder of files. `batch_files` is how many of them `xargs` hands to one `xxhsum` at a time."""

    title: str
    folder: Path
    files: int
    size_bytes: int
    batch_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much data: `FULL` is what the figures are about, `QUICK` shows in seconds that the benchmark works."""

    large_bytes: int
    medium_bytes: int
    small_files: int
    mixed_files: int
    mixed_bytes: int


FULL: Final = Scale(
    large_bytes=4096 * MIB,
    medium_bytes=256 * MIB,
    small_files=100_000,
    mixed_files=20_000,
    mixed_bytes=2_000_000_000,
)
QUICK: Final = Scale(
    large_bytes=300 * MIB, medium_bytes=4 * MIB, small_files=1_000, mixed_files=400, mixed_bytes=20_000_000
)


def large(folder: Path, scale: Scale) -> Dataset:
    """One very large file and eight large ones; the largest sorts first, so that no peer begins it last."""
    sizes = [("0-large.img", scale.large_bytes)]
    sizes += [(f"{number}-medium.mkv", scale.medium_bytes) for number in range(1, 9)]
    title = f"1 × {_size(scale.large_bytes)} + 8 × {_size(scale.medium_bytes)}"
    return _build(title, folder, sizes, batch_files=1)


def one(folder: Path, size_bytes: int) -> Dataset:
    """One large file, nothing else."""
    return _build(f"1 × {_size(size_bytes)}", folder, [("large.img", size_bytes)], batch_files=1)


def small(folder: Path, scale: Scale) -> Dataset:
    """Very many files of 4 KiB, a thousand in a folder."""
    return alike(folder, files=scale.small_files, file_bytes=4 * KIB)


def alike(folder: Path, *, files: int, file_bytes: int) -> Dataset:
    """Files of one size, a thousand in a folder."""
    sizes = [(f"{number // 1000:04d}/{number:07d}.txt", file_bytes) for number in range(files)]
    return _build(f"{files:,} × {_size(file_bytes)}", folder, sizes, batch_files=1000)


def mixed(folder: Path, scale: Scale) -> Dataset:
    """What a household has: sizes log-normal, fifty files in a folder."""
    chance = random.Random(20_000)
    weights = [chance.lognormvariate(0, 1.6) for _ in range(scale.mixed_files)]
    unit = scale.mixed_bytes / sum(weights)
    sizes = [
        (f"{number // 1000:02d}/album {number // 50:04d}/IMG_{number:06d}.jpg", int(weight * unit))
        for number, weight in enumerate(weights)
    ]
    return _build(f"mixed {scale.mixed_files:,} files, {_size(scale.mixed_bytes)}", folder, sizes, batch_files=200)


def _size(size_bytes: int) -> str:
    if size_bytes % GIB == 0:
        return f"{size_bytes // GIB} GiB"
    if size_bytes % MIB == 0:
        return f"{size_bytes // MIB} MiB"
    return f"{size_bytes // KIB} KiB" if size_bytes < MIB else f"{size_bytes / 1e9:g} GB"


def _build(title: str, folder: Path, sizes: list[tuple[str, int]], *, batch_files: int) -> Dataset:
    """Write the files, or take those that a former benchmark left whole."""
    stamp = folder.with_name(f"{folder.name}.whole")
    described = f"{title} {sum(size for _, size in sizes)}\n"
    if not (stamp.is_file() and stamp.read_text() == described):
        block = random.Random(title).randbytes(_BLOCK_BYTES)
        for number, (name, size_bytes) in enumerate(sizes):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, memoryview(block), number, size_bytes)
            os.utime(path, ns=(_TAKEN_AT_NS, _TAKEN_AT_NS + number * 1_000_000_000))
        stamp.write_text(described)
    return Dataset(
        title=title,
        folder=folder,
        files=len(sizes),
        size_bytes=sum(size for _, size in sizes),
        batch_files=batch_files,
    )


def _write(path: Path, block: memoryview, number: int, size_bytes: int) -> None:
    """Write bytes that differ from file to file: the block, begun at another place in each."""
    start = number * 4099 % (_BLOCK_BYTES - 4 * MIB)
    with path.open("wb", buffering=0) as file:
        left = size_bytes
        while left:
            left -= file.write(block[start : start + min(left, 4 * MIB)])
            start = (start + 4 * MIB) % (_BLOCK_BYTES - 4 * MIB)


def paths(folder: Path) -> Iterator[str]:
    """Yield every file's path."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield f"{parent}/{name}"
