"""A good copy → a damaged one: every damage stands in one table, by which it is planted, looked for and told.

Each row makes its damage from the good data alone, so that no row depends on another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from verifier.outcome import FindingKind

_SECOND_NS: Final = 1_000_000_000
_WEEK_NS: Final = 7 * 86_400 * _SECOND_NS

GOOD: Final = "nas"
"""The name of the copy that is left as it is."""

DAMAGED: Final = "usb"
"""The name of the copy that is damaged."""

Time = Literal["kept", "a week before", "after the manifest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One damage: where, what it is in words, and what a drill must call it.

    `spoil` turns the good bytes (none, of a file that isn't in the household) into those that the copy gets;
    `bytes_of` names the file whose good bytes it gets instead; a file that is `moved_to` elsewhere keeps its own; one
    with none of the three is taken away. `is_damage` is False of what a living dataset does by itself, which is
    counted and no more.
    """

    path: str
    what: str
    kind: FindingKind
    spoil: Callable[[bytes], bytes] | None = None
    bytes_of: str | None = None
    time: Time = "kept"
    moved_to: str | None = None
    is_damage: bool = True
    in_household: bool = True


def _flip_in_the_middle(good: bytes) -> bytes:
    middle = len(good) // 2
    return good[:middle] + bytes([good[middle] ^ 0b100]) + good[middle + 1 :]


def _another_state(good: bytes) -> bytes:
    """Return what an encrypted file of the same size may have held before: all but its beginning is other bytes."""
    start = len(good) // 16
    return good[:start] + good[start:][::-1]


_PAGE_4, _PAGE_5 = "Scans/Oma's letters/letter 04.tif", "Scans/Oma's letters/letter 05.tif"

PLANTED: Final = (
    Planted(
        path="Photos/2019/京都/IMG_3017.JPG",
        what="one bit flipped, in the middle of a photo",
        kind=FindingKind.MISMATCH,
        spoil=_flip_in_the_middle,
    ),
    Planted(
        path=_PAGE_4,
        what="two scans of equal size swapped: the first",
        kind=FindingKind.MISMATCH,
        bytes_of=_PAGE_5,
    ),
    Planted(
        path=_PAGE_5,
        what="two scans of equal size swapped: the second",
        kind=FindingKind.MISMATCH,
        bytes_of=_PAGE_4,
    ),
    Planted(
        path="Videos/Lena's first steps.mp4",
        what="a video of nothing but zeros, as long as before",
        kind=FindingKind.MISMATCH,
        spoil=lambda good: bytes(len(good)),
    ),
    Planted(
        path="Documents/Passwords.kdbx",
        what="last week's passwords, of equal size",
        kind=FindingKind.MISMATCH,
        spoil=_another_state,
        time="a week before",
    ),
    Planted(
        path="Photos/2023/Lena 7th birthday 🎂/IMG_7012.MOV",
        what="the moving half of a photo is gone",
        kind=FindingKind.MISSING,
    ),
    Planted(
        path="Documents/Taxes/2024 Steuererklärung.pdf",
        what="a tax return cut down to 0 bytes",
        kind=FindingKind.TRUNCATED,
        spoil=lambda _good: b"",
    ),
    Planted(
        path="Music/Bach/Goldberg-Variationen/25 Variatio.flac",
        what="a piece of music without its last byte",
        kind=FindingKind.TRUNCATED,
        spoil=lambda good: good[:-1],
    ),
    Planted(
        path="Mail/Archive 2021.mbox",
        what="a year of mail with one byte more",
        kind=FindingKind.GROWN,
        spoil=lambda good: good + b"\n",
    ),
    Planted(
        path="Photos/2015/Sardegna/IMG_0031.JPG",
        what="a newer photo where nothing may change",
        kind=FindingKind.CHANGED,
        spoil=lambda good: good[:-9] + b"retouched",
        time="after the manifest",
    ),
    Planted(
        path="Documents/Insurance/Police Hausrat.pdf",
        what="a policy moved to another folder",
        kind=FindingKind.MOVED,
        moved_to="Documents/Contracts/Police Hausrat.pdf",
    ),
    Planted(
        path="Documents/Taxes/~$19 Lohnsteuer.docx",
        what="a forgotten lock file, older than the manifest",
        kind=FindingKind.UNEXPECTED,
        spoil=lambda _good: b"\x04Anna".ljust(162, b"\0"),
        time="a week before",
        in_household=False,
    ),
    Planted(
        path="Documents/Shopping list.txt",
        what="a list that somebody went on writing",
        kind=FindingKind.CHANGED,
        spoil=lambda good: good + b"milk\n",
        time="after the manifest",
        is_damage=False,
    ),
    Planted(
        path="Photos/2025/Sommer/IMG_9031.HEIC",
        what="a photo taken after the manifest",
        kind=FindingKind.NEW,
        spoil=lambda _good: b"\x00\x00\x00\x18ftypheic the first photo of tomorrow",
        time="after the manifest",
        is_damage=False,
        in_household=False,
    ),
)
"""All that is wrong with the damaged copy. A file of it that isn't named here is good."""


def plant(good: Path, copy: Path, *, manifest_made_ns: int) -> None:
    """Damage `copy`, which is as good as `good`, by the table.

    Args:
        good: the folder that good bytes are read from; it is left alone.
        copy: the folder that is damaged.
        manifest_made_ns: nanoseconds since 1970; what is newer than the manifest is so by a second.

    Raises:
        OSError: a file can't be written.
    """
    for planted in PLANTED:
        _plant_one(planted, good, copy, manifest_made_ns)


def _plant_one(planted: Planted, good: Path, copy: Path, manifest_made_ns: int) -> None:
    path = copy / planted.path
    if planted.moved_to is not None:
        path.rename(copy / planted.moved_to)
        return
    spoiled = _spoiled(planted, good)
    if spoiled is None:
        path.unlink()
        return
    kept_ns = path.stat().st_mtime_ns if planted.in_household else manifest_made_ns
    path.write_bytes(spoiled)
    times_ns = {
        "kept": kept_ns,
        "a week before": kept_ns - _WEEK_NS,
        "after the manifest": manifest_made_ns + _SECOND_NS,
    }
    os.utime(path, ns=(times_ns[planted.time], times_ns[planted.time]))


def _spoiled(planted: Planted, good: Path) -> bytes | None:
    if planted.bytes_of is not None:
        return (good / planted.bytes_of).read_bytes()
    if planted.spoil is None:
        return None
    return planted.spoil((good / planted.path).read_bytes() if planted.in_household else b"")
