"""A household's data, as names, sizes and times → files in a folder: some 600, some 75 MB, always the same ones.

Names are as real ones are: in several languages, with spaces, quotes, umlauts and emoji, all in NFC. Sizes have the
proportions of real ones, and are smaller, so that it is written in a second.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier.demo.content import content

_SECOND_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdFile:
    """One file, before it is written: its path with `/`, its size, and when it was last changed."""

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """Files of one folder that a camera, a scanner or a mail program has numbered: sizes vary between two kilobytes."""

    folder: str
    name: str
    first: int
    count: int
    kilobytes: tuple[int, int]
    day: str


_SERIES: Final = tuple(
    _Series(folder=folder, name=name, first=first, count=count, kilobytes=kilobytes, day=day)
    for folder, name, first, count, kilobytes, day in (
        ("Photos/2015/Sardegna", "IMG_{:04d}.JPG", 1, 60, (40, 110), "2015-07-18"),
        ("Photos/2016/Scuola 1a", "IMG_{:04d}.JPG", 410, 30, (40, 100), "2016-09-12"),
        ("Photos/2018/Hochzeit Anna & José", "DSC_{:04d}.JPG", 2001, 50, (60, 140), "2018-06-02"),
        ("Photos/2019/京都", "IMG_{:04d}.JPG", 3001, 48, (50, 120), "2019-04-05"),
        ("Photos/2021/Garten", "IMG_{:04d}.JPG", 5001, 30, (50, 110), "2021-05-22"),
        ("Photos/2023/Lena 7th birthday 🎂", "IMG_{:04d}.HEIC", 7001, 40, (30, 80), "2023-03-11"),
        ("Photos/2023/Lena 7th birthday 🎂", "IMG_{:04d}.MOV", 7001, 40, (90, 260), "2023-03-11"),
        ("Photos/2024/Été à Collioure", "IMG_{:04d}.HEIC", 8101, 45, (30, 90), "2024-08-03"),
        ("Photos/2024/Été à Collioure", "IMG_{:04d}.MOV", 8101, 15, (90, 260), "2024-08-03"),
        ("Photos/2025/Sommer", "IMG_{:04d}.HEIC", 9001, 30, (30, 90), "2025-07-27"),
        # A scanner's pages are all of one size: it doesn't compress them.
        ("Scans/Oma's letters", "letter {:02d}.tif", 1, 12, (300, 300), "2017-11-19"),
        ("Music/Bach/Goldberg-Variationen", "{:02d} Variatio.flac", 1, 32, (140, 330), "2014-12-24"),
        ("Music/Mixtape für Anna ❤️", "{:02d} Lied.mp3", 1, 14, (110, 240), "2012-02-14"),
        ("Mail/Inbox", "{:05d}.eml", 1, 100, (2, 24), "2022-01-10"),
        ("Documents/Recipes", "Rezept {:02d}.md", 1, 24, (1, 6), "2020-10-03"),
        ("Documents/Payslips", "Lohn {:02d}.2024.pdf", 1, 12, (30, 60), "2024-01-31"),
    )
)
_SINGLE_FILES: Final = (
    ("Documents/.nomedia", 0, "2016-03-01"),
    ("Documents/Passwords.kdbx", 18_462, "2025-10-20"),
    ("Documents/Shopping list.txt", 940, "2025-09-30"),
    ("Documents/Haushaltsbuch 2025.ods", 88_204, "2025-10-12"),
    ("Documents/Lebenslauf – Anna.docx", 46_733, "2023-08-14"),
    ("Documents/Приглашение.docx", 21_090, "2018-05-20"),
    ("Documents/Σημειώσεις.txt", 3_312, "2019-09-02"),
    ('Documents/Lena said "moon" today.txt', 412, "2017-05-06"),
    ("Documents/Phone/Contacts.vcf", 61_007, "2025-08-08"),
    ("Documents/Phone/Calendar.ics", 130_402, "2025-08-08"),
    ("Documents/Bank/Konto 2024.csv", 214_881, "2025-01-02"),
    ("Documents/Insurance/Police Hausrat.pdf", 702_211, "2021-02-17"),
    ("Documents/Insurance/Carte grise (scan).pdf", 388_930, "2020-06-29"),
    ("Documents/Contracts/Vertrag «Strom» 2022.pdf", 164_020, "2022-11-30"),
    ("Documents/Taxes/2022 Steuererklärung.pdf", 512_377, "2023-05-28"),
    ("Documents/Taxes/2023 Steuererklärung.pdf", 540_116, "2024-05-30"),
    ("Documents/Taxes/2024 Steuererklärung.pdf", 561_742, "2025-05-29"),
    ("Documents/Taxes/2019 Lohnsteuer.docx", 58_114, "2020-03-15"),
    ("Mail/Archive 2021.mbox", 1_630_220, "2021-12-31"),
    ("Videos/Lena's first steps.mp4", 17_825_792, "2016-12-04"),
    ("Videos/Theater 2022.mp4", 6_291_456, "2022-06-25"),
    ("Videos/Ski ⛷ Zermatt.mov", 3_355_443, "2024-02-10"),
)
LINK: Final = ("Taxes to do", "Documents/Taxes")
"""The one symbolic link: its path, and its target."""


def household() -> Iterator[HouseholdFile]:
    """Yield every file of the household, always the same ones in the same order; the link isn't among them."""
    for series in _SERIES:
        yield from _numbered(series)
    for path, size_bytes, day in _SINGLE_FILES:
        yield HouseholdFile(path=path, size_bytes=size_bytes, mtime_ns=_moment_ns(day, _dice(path)))


def _numbered(series: _Series) -> Iterator[HouseholdFile]:
    smallest, largest = series.kilobytes
    for number in range(series.first, series.first + series.count):
        path = f"{series.folder}/{series.name.format(number)}"
        dice = _dice(path)
        odd_bytes = 0 if smallest == largest else dice.randrange(1000)
        size_bytes = dice.randint(smallest, largest) * 1000 + odd_bytes
        yield HouseholdFile(path=path, size_bytes=size_bytes, mtime_ns=_moment_ns(series.day, dice))


def _dice(path: str) -> random.Random:
    return random.Random(f"when and how large/{path}")


def _moment_ns(day: str, dice: random.Random) -> int:
    """Return some moment of a day, UTC, to the nanosecond as file systems keep it."""
    midnight = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    return (midnight + dice.randrange(_DAY_SECONDS)) * _SECOND_NS + dice.randrange(_SECOND_NS)


def write_household(root: Path) -> None:
    """Write every file and the link into `root`, which is made.

    Raises:
        OSError: the disk is full, or doesn't take such names.
    """
    folders: set[Path] = set()
    for file in household():
        path = root / file.path
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.add(path.parent)
        path.write_bytes(content(file.path, file.size_bytes))
        os.utime(path, ns=(file.mtime_ns, file.mtime_ns))
    (root / LINK[0]).symlink_to(LINK[1])
