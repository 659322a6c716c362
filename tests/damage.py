"""What can happen to a copy, planted in a folder, beside what a drill must say of it: one table for all ways."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from drilled import THEN, change, flip, noise, put

NAMES = [f"album/{number:02d}.bin" for number in range(30)]
VICTIM, OTHER = "album/07.bin", "album/21.bin"
SIZE = 3_000


class Damage(NamedTuple):
    """One row.

    Attributes:
        plant: does it to the folder of the copy.
        kinds: what must be found against a manifest, and how often; `result` and `code` follow from it.
        says: stands in a detail.
        live: the same against live data, and its result, where that differs.
        timeless: what must be found where the copy keeps no times, where that differs; always FAILED.
        of_links: it needs a place that holds links, pipes and empty folders.
    """

    plant: Callable[[Path], None]
    kinds: dict[str, int]
    result: str
    code: int
    says: str = ""
    live: tuple[dict[str, int], str] | None = None
    timeless: dict[str, int] | None = None
    of_links: bool = False


def _rewritten(edit: Callable[[bytes], bytes], *, seconds: float = THEN, name: str = VICTIM) -> Callable[[Path], None]:
    return lambda copy: change(copy, name, edit, seconds=seconds)


def swap(copy: Path) -> None:
    one, two = (copy / VICTIM).read_bytes(), (copy / OTHER).read_bytes()
    put(copy, VICTIM, two)
    put(copy, OTHER, one)


def move(copy: Path) -> None:
    (copy / "elsewhere").mkdir()
    (copy / VICTIM).rename(copy / "elsewhere/07.bin")


def _rename(copy: Path) -> None:
    (copy / VICTIM).rename(copy / "album/renamed.bin")


def _folder(copy: Path) -> None:
    (copy / VICTIM).unlink()
    (copy / VICTIM).mkdir()


def _folder_with_the_file(copy: Path) -> None:
    data = (copy / VICTIM).read_bytes()
    _folder(copy)
    put(copy, f"{VICTIM}/other.bin", data[::-1])


def _link_to_an_equal_file(copy: Path) -> None:
    (copy / VICTIM).rename(copy.parent / "outside.bin")
    (copy / VICTIM).symlink_to(copy.parent / "outside.bin")


def _pipe(copy: Path) -> None:
    (copy / VICTIM).unlink()
    os.mkfifo(copy / VICTIM)


def _link(target: str | None) -> Callable[[Path], None]:
    def plant(copy: Path) -> None:
        (copy / "shortcut").unlink()
        if target is not None:
            (copy / "shortcut").symlink_to(target)

    return plant


def _file_for_a_link(copy: Path) -> None:
    (copy / "shortcut").unlink()
    shutil.copy2(copy / "album/00.bin", copy / "shortcut")


OLDER, NEWER = THEN - 86_400, THEN + 86_400
FAILED, WARNED, PASSED = ("FAILED", 1), ("WARNED", 0), ("PASSED", 0)
DAMAGE = {
    "bit at the start": Damage(_rewritten(lambda data: flip(data, 0)), {"MISMATCH": 1}, *FAILED),
    "bit in the middle": Damage(_rewritten(lambda data: flip(data, SIZE // 2)), {"MISMATCH": 1}, *FAILED),
    "bit at the end": Damage(_rewritten(lambda data: flip(data, SIZE - 1)), {"MISMATCH": 1}, *FAILED),
    "truncated to nothing": Damage(_rewritten(lambda _: b""), {"TRUNCATED": 1}, *FAILED),
    "truncated by one": Damage(_rewritten(lambda data: data[:-1]), {"TRUNCATED": 1}, *FAILED),
    "one byte added": Damage(_rewritten(lambda data: data + b"\0"), {"GROWN": 1}, *FAILED),
    "byte in an empty file": Damage(_rewritten(lambda _: b"\0", name="empty"), {"GROWN": 1}, *FAILED),
    "zeros": Damage(_rewritten(lambda data: bytes(len(data))), {"MISMATCH": 1}, *FAILED, "nothing but zeros"),
    "two swapped": Damage(swap, {"MISMATCH": 2}, *FAILED),
    "missing": Damage(lambda copy: (copy / VICTIM).unlink(), {"MISSING": 1}, *FAILED),
    "moved": Damage(move, {"MOVED": 1}, *WARNED),
    # Without a time only a name tells that two files may be one, and a missing file is not told as less than that.
    "renamed": Damage(_rename, {"MOVED": 1}, *WARNED, timeless={"MISSING": 1, "UNEXPECTED": 1}),
    "folder for a file": Damage(_folder, {"MISSING": 1}, *FAILED),
    "full folder for a file": Damage(_folder_with_the_file, {"MISSING": 1, "UNEXPECTED": 1}, *FAILED),
    "link for a file": Damage(_link_to_an_equal_file, {"MISSING": 1}, *FAILED, "symbolic link", of_links=True),
    "pipe for a file": Damage(_pipe, {"MISSING": 1}, *FAILED, "no regular file", of_links=True),
    "link elsewhere": Damage(_link("album/01.bin"), {"MISMATCH": 1}, *FAILED, of_links=True),
    "link gone": Damage(_link(None), {"MISSING": 1}, *FAILED, of_links=True),
    "file for a link": Damage(_file_for_a_link, {"MISSING": 1}, *FAILED, of_links=True),
    "older version": Damage(
        _rewritten(lambda data: data[::-1], seconds=OLDER),
        {"MISMATCH": 1},
        *FAILED,
        "older version",
        ({"EDITED": 1}, "PASSED"),
    ),
    "older, shorter version": Damage(
        _rewritten(lambda data: data[:99], seconds=OLDER),
        {"TRUNCATED": 1},
        *FAILED,
        "older version",
        ({"EDITED": 1}, "PASSED"),
    ),
    "newer version": Damage(
        _rewritten(lambda data: data[::-1], seconds=NEWER), {"CHANGED": 1}, *PASSED, timeless={"MISMATCH": 1}
    ),
    "newer, longer version": Damage(
        _rewritten(lambda data: data * 2, seconds=NEWER), {"CHANGED": 1}, *PASSED, timeless={"GROWN": 1}
    ),
    "newer by 3 s": Damage(
        _rewritten(lambda data: flip(data, 9), seconds=THEN + 3), {"CHANGED": 1}, *PASSED, timeless={"MISMATCH": 1}
    ),
    "newer by 2 s": Damage(_rewritten(lambda data: flip(data, 9), seconds=THEN + 2), {"MISMATCH": 1}, *FAILED),
}

LATER = THEN + 86_400 * 400
"""When somebody encrypts."""


def _same_size(file: Path) -> None:
    put(file.parent, file.name, noise(file.stat().st_size, str(file)), seconds=LATER)


def _other_size(file: Path) -> None:
    put(file.parent, file.name, noise(file.stat().st_size + 272, str(file)), seconds=LATER)


def with_a_suffix(file: Path) -> None:
    _other_size(file)
    file.rename(file.with_name(file.name + ".locked"))


def _with_the_old_time(file: Path) -> None:
    put(file.parent, file.name, noise(file.stat().st_size, str(file)))


def only_the_start(file: Path) -> None:
    put(file.parent, file.name, noise(1_024, str(file)) + file.read_bytes()[1_024:], seconds=LATER)


ENCRYPTION = [_same_size, _other_size, with_a_suffix, _with_the_old_time, only_the_start]
