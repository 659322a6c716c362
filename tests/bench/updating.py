"""A folder of equal files of which 1 % changed → what bringing its manifest up to date costs beside making it anew.

Both read from the disk, as they would at night; walking, which neither can do without, is measured alone and taken off
the update. Everything is beside the walk here: the start of the program, the rolling share of 1/30, the writing. Small
files are the hardest, for making anew reads little; of the size of photos, what is read decides.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Final

import datasets
from datasets import Dataset
from measure import drop, run
from rows import VERIFIER, Row, limited

_LIMIT: Final = 0.05
_CHANGED: Final = 100
_WALK: Final = """
import os, sys
waiting = [sys.argv[1]]
while waiting:
    with os.scandir(waiting.pop()) as entries:
        for entry in entries:
            waiting += [entry.path] if entry.is_dir(follow_symlinks=False) else []
            entry.stat(follow_symlinks=False)
"""
_REASON: Final = (
    "the rolling share of 1/30 and what changed are 4.3 % by themselves; starting takes some 0.3 s, and each line that "
    "goes over a few millionths of a second, which of files this small is much of what reading them takes"
)


def rows(data: Path, work: Path, *, files: int, file_bytes: int, rounds: int) -> list[Row]:
    """Measure create, update and the bare walk, round by round, and the memory of an update."""
    dataset = datasets.alike(data / "updated", files=files, file_bytes=file_bytes)
    manifest, state = work / "updated.jsonl.zst", work / "state"
    options = ["--quiet", "--state", str(state)]
    create = [*VERIFIER, "manifest", "create", str(dataset.folder), "-o", str(manifest), *options]
    update = [*VERIFIER, "manifest", "update", str(manifest), *options]
    seconds: dict[str, list[float]] = {"create": [], "update": [], "walk": []}
    for number in range(rounds):
        seconds["create"].append(_timed(create, dataset))
        _edit(dataset, number)
        seconds["walk"].append(_timed([sys.executable, "-c", _WALK, str(dataset.folder)], dataset))
        seconds["update"].append(_timed(update, dataset))
    parts = [
        (updated - walked) / made
        for made, updated, walked in zip(seconds["create"], seconds["update"], seconds["walk"], strict=True)
    ]
    part = statistics.median(parts)
    made, updated, walked = (statistics.median(seconds[name]) for name in ("create", "update", "walk"))
    row = Row(
        work=f"manifest update, {dataset.title}, 1 % changed",
        peer="manifest create",
        ours=f"{updated:.2f} s, walk {walked:.2f} s",
        theirs=f"{made:.2f} s",
        ratio=round(made / updated, 2),
        target=f"{_LIMIT:.0%} beside the walk",
        met=part <= _LIMIT,
        reason="" if part <= _LIMIT else f"{part:.1%}: {_REASON}",
        samples={f"{name}_seconds": values for name, values in seconds.items()},
    )
    _edit(dataset, rounds)
    memory = limited(f"manifest update, {dataset.title}", update)
    # The files are not as they were: the next benchmark makes them anew.
    shutil.rmtree(dataset.folder)
    dataset.folder.with_name(f"{dataset.folder.name}.whole").unlink()
    return [row, memory]


def _timed(command: list[str], dataset: Dataset) -> float:
    if hasattr(os, "sync"):
        os.sync()  # pages that are still to be written could not be dropped
    drop(dataset.folder)
    began = time.perf_counter()
    run(command)
    return time.perf_counter() - began


def _edit(dataset: Dataset, number: int) -> None:
    """Change one file in a hundred, each time others."""
    chance = random.Random(number)
    for index in chance.sample(range(dataset.files), dataset.files // _CHANGED):
        path = dataset.folder / f"{index // 1000:04d}" / f"{index:07d}.txt"
        path.write_bytes(chance.randbytes(dataset.size_bytes // dataset.files))
