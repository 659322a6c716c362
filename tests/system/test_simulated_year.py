"""A year of a household, week by week: each update and each drill says what happened, and what did not.

Every Sunday its manifest is brought up to date; at the end of each month its data is backed up and the copy drilled.
What an update must say is what differs from what the newest manifest was made of, name by name; what a drill must say
stands in one table. In between a byte rots, a disk is not mounted for a month, and a third of all files is encrypted.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from drilled import Drilled, Place, flip, noise, prose, put

from verifier.cli.main import main
from verifier.manifest.generations import read_generations

NEW_YEAR: Final = datetime(2025, 1, 5, 20, tzinfo=UTC)
"""The first Sunday, when the manifest is made; each later one ends a week."""

LAST_WEEKS: Final = (4, 8, 13, 17, 21, 26, 30, 34, 39, 43, 47, 52)
"""Of January, of February …"""

AWAY: Final = range(22, 27)  # June: the disk with the data is not mounted, and the NAS goes away, too
AMENDED_WEEK, TAX = 41, "taxes/2019/03.pdf"
ROTTEN: Final = "photos/2024/IMG_0011.jpg"
ROT_WEEK, ENCRYPTED_WEEK = 17, 34  # both end a month


class Expected(NamedTuple):
    """What the drill at the end of a month must come to, and how many files of each kind it must find."""

    code: int
    result: str
    counts: dict[str, int]


# A copy is held against the newest manifest that is older than its newest file. Where somebody still wrote to the diary
# before the backup, that is the manifest of this Sunday; in each third month it is the one of the Sunday before.
DRILLS: Final = {
    1: Expected(0, "PASSED", {"NEW": 1}),
    2: Expected(0, "PASSED", {"CHANGED": 1}),
    3: Expected(0, "PASSED", {"CHANGED": 2, "NEW": 2}),
    4: Expected(1, "FAILED", {"CHANGED": 1, "MISMATCH": 1}),
    5: Expected(0, "PASSED", {"CHANGED": 1}),
    7: Expected(0, "PASSED", {"CHANGED": 1}),
    9: Expected(0, "WARNED", {"CHANGED": 2, "NEW": 2, "MOVED": 1}),
    10: Expected(0, "PASSED", {"CHANGED": 1}),
    11: Expected(0, "PASSED", {"CHANGED": 1}),
    12: Expected(0, "WARNED", {"CHANGED": 2, "NEW": 2, "DELETED_AT_SOURCE": 1}),
}

Files = dict[str, tuple[bytes, int]]
"""Bytes and time of each file, by its name."""


class Said(NamedTuple):
    """What a command came to; `names` are those under each kind, as they are shown."""

    code: int
    names: dict[str, set[str]]
    text: str


class Household:
    """Live data, its generations, its copy, a disk in a drawer, and the clock of all of them."""

    def __init__(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.place = Place(root)
        self.live, self.copy, self.drawer = self.place.live, self.place.copy, root / "drawer"
        self.generations = self.place.leavings / "manifests"
        self.generations.mkdir()
        self.clock = NEW_YEAR
        self.place.now = lambda: self.clock
        self._capfd = capfd
        self._fill()
        assert self.run("create", self.live, "-o", self.generations).code == 0
        self.known = read(self.live)

    def _fill(self) -> None:
        """Write what there is at the beginning of the year: 82 files of the years before."""
        for number in range(40):
            self.put(f"photos/2024/IMG_{number:04d}.jpg", photo(number), days_ago=300 - number)
        for number in range(30):
            self.put(f"notes/{number:02d}.txt", prose(1_500 + number, number), days_ago=100 + number)
        for number in range(12):
            self.put(f"taxes/2019/{number:02d}.pdf", b"%PDF-1.4\n" + noise(1_000, f"tax {number}"), days_ago=600)

    def put(self, name: str, data: bytes, *, days_ago: float = 0.0) -> None:
        """Write a live file as of some days ago."""
        put(self.live, name, data, seconds=(self.clock - timedelta(days=days_ago)).timestamp())

    def live_for_a_week(self, number: int) -> None:
        """Let a week pass: new photos, edited notes, every third week a move, every fourth a deletion."""
        self.clock += timedelta(days=7)
        if number in AWAY:
            return
        chance = random.Random(number)
        for shot in range(2):
            self.put(f"photos/2025/{number:02d}-{shot}.jpg", photo(f"{number}-{shot}"), days_ago=chance.uniform(1, 6))
        for file in chance.sample(sorted((self.live / "notes").glob("[0-9]*")), 2):
            edited = file.read_bytes() + f"\nweek {number}".encode()
            self.put(f"notes/{file.name}", edited, days_ago=chance.uniform(1, 6))
        old = [file for file in sorted((self.live / "photos/2024").iterdir()) if file.name not in ROTTEN]
        if number % 3 == 0:
            (self.live / "albums").mkdir(exist_ok=True)
            old.pop(number % len(old)).rename(self.live / f"albums/best of {number:02d}.jpg")
        if number % 4 == 0:
            old[number % len(old)].unlink()

    def back_up(self, number: int) -> None:
        """Make the copy anew, times and all; but in each third month after somebody wrote to the diary."""
        if (LAST_WEEKS.index(number) + 1) % 3:
            self.clock += timedelta(hours=2)
            self.put("notes/diary.txt", prose(900 + number, f"diary {number}"))
            self.clock += timedelta(hours=1)
        replace(self.copy, self.live)

    def run(self, command: str, *arguments: str | Path) -> Said:
        """Run `verifier manifest …` at the clock's time."""
        given = ["manifest", command, *map(os.fspath, arguments), "--state", str(self.place.state)]
        self._capfd.readouterr()
        code = main([*given, "--workers", "1"], now=lambda: self.clock)
        told = self._capfd.readouterr().err
        return Said(code, names_said(told), told)

    def update(self, *options: str) -> Said:
        """Bring the manifest up to date; hold what it wrote and said against what is there."""
        before = read_generations(self.generations)
        said = self.run("update", self.generations, "--unchanging", "taxes/2019/**", *options)
        after = read_generations(self.generations)
        if said.code == 3:
            assert [one.identity for one in after] == [one.identity for one in before]
            return said
        now = read(self.live)
        assert said.names == differences(self.known, now), said.text
        damaged = said.names.get("damaged", set())
        assert said.code == (1 if damaged else 0), said.text
        assert [one.identity for one in after[:-1]] == [one.identity for one in before]
        assert (after[-1].header.previous, after[-1].stated.files) == (before[-1].identity, len(now))
        self.known = {name: self.known[name] if name in damaged else here for name, here in now.items()}
        return said

    def prune(self) -> int:
        """Keep the newest generations; return the exit code."""
        return main(["manifest", "prune", str(self.generations), "--keep", "24"], now=lambda: self.clock)

    def drill(self) -> Drilled:
        """Drill the whole copy, by the scenario."""
        return self.place.drill(
            f'name = "household"\nmanifest = "{self.generations}"\nunchanging = ["taxes/2019/**"]\n'
            f'[[copy]]\nname = "desktop"\nat = "{self.live}"\nlive = true\n'
            f'[[copy]]\nname = "nas"\nat = "{self.copy}"\n',
            "--full",
        )

    def rot(self) -> None:
        """Let a byte of a file become another, and its time stay."""
        seconds = (self.live / ROTTEN).stat().st_mtime
        put(self.live, ROTTEN, flip((self.live / ROTTEN).read_bytes(), 1_234), seconds=seconds)

    def encrypt(self) -> int:
        """Encrypt a third of all files, but none that nobody ever writes to; return how many."""
        victims = sorted(name for name in read(self.live) if not name.startswith("taxes/"))[::2]
        assert 3 * len(victims) >= len(read(self.live))
        for name in victims:
            self.put(name, noise((self.live / name).stat().st_size, name), days_ago=0.01)
        return len(victims)


def photo(seed: int | str) -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF" + noise(3_000, f"photo {seed}")


def read(folder: Path) -> Files:
    """Return what a folder holds."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def replace(folder: Path, by: Path) -> None:
    """Make a folder the copy of another."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(by, folder)


@contextmanager
def unplugged(folder: Path, *, mount_point: bool) -> Iterator[None]:
    """Take a folder away for a while, with or without an empty one in its place."""
    elsewhere = folder.with_name(f"{folder.name}, unplugged")
    folder.rename(elsewhere)
    if mount_point:
        folder.mkdir()
    yield
    if mount_point:
        folder.rmdir()
    elsewhere.rename(folder)


def differences(old: Files, new: Files) -> dict[str, set[str]]:
    """Return the names of which an update must speak."""
    both = old.keys() & new.keys()
    other = {name for name in both if old[name][0] != new[name][0]}
    damaged = {name for name in other if old[name][1] == new[name][1]}
    gone = {old[name]: name for name in old.keys() - new.keys()}
    moved = {gone[new[name]]: name for name in new.keys() - old.keys() if new[name] in gone}
    kinds = {
        "changed": other - damaged,
        "damaged": damaged,
        "moved": {f"{before} → {after}" for before, after in moved.items()},
        "removed": old.keys() - new.keys() - moved.keys(),
        "added": new.keys() - old.keys() - set(moved.values()),
    }
    return {kind: set(names) for kind, names in kinds.items() if names}


def names_said(text: str) -> dict[str, set[str]]:
    """Return the names under each kind of what an update said."""
    names: dict[str, set[str]] = {}
    kind = ""
    for line in text.splitlines():
        plain = line.removeprefix("verifier: ").removeprefix("warning: ")
        heading = re.match(r"\d+ files, .*: (added|removed|changed|moved)\Z|(SOURCE_DAMAGED): ", plain)
        if heading:
            kind = heading[1] or "damaged"
        elif kind and plain.startswith("  "):
            names.setdefault(kind, set()).add(plain[2:].split(": ")[0])
        else:
            kind = ""
    return names


@pytest.mark.parametrize("first_run", ["update", "drill"])
def test_each_week_and_each_month_is_told_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], first_run: str
) -> None:
    """The two disasters strike during a week, before its update; or after it, before the backup and its drill."""
    home = Household(tmp_path, capfd)
    for number in range(1, 53):
        home.live_for_a_week(number)
        if number == AMENDED_WEEK:
            _amend_what_never_changes(home)
        elif number in AWAY:
            with unplugged(home.live, mount_point=number % 2 == 0):
                said = home.update()
            assert (said.code, "expected" in said.text) == (3, True), said.text
        elif number == ROT_WEEK:
            _rot(home, first_run)
        elif number == ENCRYPTED_WEEK:
            _encryption(home, first_run)
        else:
            assert home.update().code == 0
        if number == AWAY[-1]:
            _drills_of_what_is_not_there(home)
        elif number in LAST_WEEKS and number not in (ROT_WEEK, ENCRYPTED_WEEK):
            home.back_up(number)
            _assert_drilled(home.drill(), LAST_WEEKS.index(number) + 1)
            # What is given up is older than any copy; that nothing follows it must not be said of what is left.
            assert home.prune() == 0
    assert len(read_generations(home.generations)) == 24


def _assert_drilled(drilled: Drilled, month: int) -> None:
    assert (drilled.code, drilled.result, drilled.counts) == DRILLS[month], (month, drilled.reasons)
    assert drilled.copy.control == "detected"
    assert not re.search("follows no other|under an unchanged time|fewer", drilled.reasons)


def _rot(home: Household, first_run: str) -> None:
    """A byte rots in April: it is told by whatever runs first, and until the file is brought back from the drawer."""
    replace(home.drawer, home.live)
    if first_run == "drill":
        assert home.update().code == 0
    home.rot()
    if first_run == "update":
        said = home.update()
        assert (said.code, said.names["damaged"]) == (1, {ROTTEN})
    home.back_up(ROT_WEEK)
    drilled = home.drill()
    _assert_drilled(drilled, 4)
    assert [(one.kind, one.path) for one in drilled.copy.findings] == [("MISMATCH", ROTTEN)]
    said = home.update()
    assert (said.code, said.names["damaged"]) == (1, {ROTTEN})
    shutil.copy2(home.drawer / ROTTEN, home.live / ROTTEN)


def _encryption(home: Household, first_run: str) -> None:
    """A third is encrypted in August: an update writes nothing, a drill of what was backed up since has FAILED."""
    replace(home.drawer, home.live)
    if first_run == "drill":
        assert home.update().code == 0
    encrypted = home.encrypt()
    if first_run == "update":
        assert _mass_change_is_refused(home) >= encrypted - 2  # what was new this week isn't lost
    home.back_up(ENCRYPTED_WEEK)
    drilled = home.drill()
    assert (drilled.code, drilled.result) == (1, "FAILED"), drilled.reasons
    assert "encrypted" in drilled.reasons
    assert drilled.counts["CHANGED"] >= encrypted - 2
    _mass_change_is_refused(home)
    replace(home.live, home.drawer)


def _mass_change_is_refused(home: Household) -> int:
    """Return how many files are told as lost."""
    said = home.update()
    counts = re.search(r"expected at most 20% changed or vanished, got (\d+) of (\d+) files", said.text)
    assert counts, said.text
    assert (said.code, int(counts[2])) == (3, len(home.known))
    return int(counts[1])


def _amend_what_never_changes(home: Household) -> None:
    """One of the papers that never change is written anew: that wants a word, and gets it."""
    home.put(TAX, b"%PDF-1.4\namended", days_ago=2)
    said = home.update()
    assert said.code == 3
    assert f"expected nothing changed under unchanging, got 1 files, 16 B: {TAX}" in said.text
    assert home.update("--accept").code == 0


def _drills_of_what_is_not_there(home: Household) -> None:
    """In June the NAS is an empty mount point, then nothing at all; what it lost, it lost, whoever else is away."""
    for mount_point in (True, False):
        with unplugged(home.copy, mount_point=mount_point):
            drilled = home.drill()
        assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE"), drilled.reasons
        assert drilled.copy.proven.files == 0
    lost = home.copy / "notes/03.txt"
    for mount_point in (True, False):
        with unplugged(home.live, mount_point=mount_point):
            _assert_drilled(home.drill(), 5)
            data = lost.read_bytes()
            times = lost.stat()
            lost.unlink()
            drilled = home.drill()
            assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"CHANGED": 1, "MISSING": 1})
            put(home.copy, "notes/03.txt", data, seconds=times.st_mtime)
