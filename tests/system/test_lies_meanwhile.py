"""What happens to files while a drill is under way, and to drills that end before their time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from drilled import THEN, Place, change, flip, noise, put

from verifier.sources.interface import Failed, Landed, Request, Sink
from verifier.sources.places.folder import Folder

VICTIM = "album/07.bin"
FAILED, INCONCLUSIVE, PASSED = ("FAILED", 1), ("INCONCLUSIVE", 3), ("PASSED", 0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"album/{number:02d}.bin": noise(900, number) for number in range(12)})
    put(place.live, "z.bin", b"z")
    place.back_up()
    place.know()
    return place


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen after the listing, just before the first file is restored."""

    def plan(happen: Callable[[], object]) -> None:
        real, left = Folder.fetch, [happen]

        def fetch(self: Folder, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
            while left:
                left.pop()()
            return real(self, requests, sink)

        monkeypatch.setattr(Folder, "fetch", fetch)

    return plan


class Event(NamedTuple):
    happen: Callable[[Path], object]
    kinds: dict[str, int]
    result: str
    code: int


def _swapped_for(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def happen(copy: Path) -> None:
        (copy / VICTIM).rename(copy.parent / "aside")
        make(copy / VICTIM)

    return happen


def _folder_swapped_for_a_link(copy: Path) -> None:
    (copy / "album").rename(copy.parent / "aside")
    (copy / "album").symlink_to(copy.parent / "aside")


def _grown_under_its_old_time(copy: Path) -> None:
    change(copy, VICTIM, lambda data: data + b"more")


EVENTS = {
    "gone": Event(lambda copy: (copy / VICTIM).unlink(), {"MISSING": 1}, *FAILED),
    "grown": Event(_grown_under_its_old_time, {"CHANGED_DURING": 1}, *INCONCLUSIVE),
    "cut": Event(lambda copy: change(copy, VICTIM, lambda data: data[:5]), {"CHANGED_DURING": 1}, *INCONCLUSIVE),
    "rewritten": Event(
        lambda copy: change(copy, VICTIM, lambda data: data[::-1], seconds=THEN + 99),
        {"CHANGED_DURING": 1},
        *INCONCLUSIVE,
    ),
    "rewritten unseen": Event(lambda copy: change(copy, VICTIM, lambda data: data[::-1]), {"MISMATCH": 1}, *FAILED),
    "touched": Event(lambda copy: change(copy, VICTIM, lambda data: data, seconds=THEN + 99), {}, *PASSED),
    "a link to its bytes": Event(
        _swapped_for(lambda path: path.symlink_to(path.parent.parent.parent / "aside")), {"MISSING": 1}, *FAILED
    ),
    "a pipe": Event(_swapped_for(os.mkfifo), {"MISSING": 1}, *FAILED),
    "a folder": Event(_swapped_for(os.mkdir), {"MISSING": 1}, *FAILED),
    "its folder a link": Event(_folder_swapped_for_a_link, {"MISSING": 12}, *FAILED),
    "everything gone": Event(shutil.rmtree, {"MISSING": 13}, *FAILED),
}


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
def test_a_file_of_the_copy_meanwhile(
    place: Place, once: Callable[[Callable[[], object]], None], name: str, options: tuple[str, ...]
) -> None:
    event = EVENTS[name]
    once(lambda: event.happen(place.copy))

    drilled = place.prove(*options)

    assert (drilled.result, drilled.code, drilled.counts) == (event.result, event.code, event.kinds)


LIVE_EVENTS: dict[str, Callable[[Path], object]] = {
    "gone": lambda live: (live / VICTIM).unlink(),
    "edited": lambda live: change(live, VICTIM, lambda data: data + b"!", seconds=THEN + 99),
    "edited unseen": lambda live: change(live, VICTIM, lambda data: data + b"!"),
    "touched": lambda live: change(live, VICTIM, lambda data: data, seconds=THEN + 99),
    "a pipe": lambda live: ((live / VICTIM).unlink(), os.mkfifo(live / VICTIM)),
}


@pytest.mark.parametrize("name", LIVE_EVENTS)
def test_a_live_file_meanwhile_is_edited(place: Place, once: Callable[[Callable[[], object]], None], name: str) -> None:
    once(lambda: LIVE_EVENTS[name](place.live))

    drilled = place.prove("--full", against=True)

    assert (drilled.result, drilled.counts) == ("PASSED", {"EDITED": 1})
    assert drilled.copy.proven.files == 12


def test_a_manifest_that_is_swapped_meanwhile_leaves_no_proof(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.live / VICTIM).unlink()
    kept = place.manifest.read_bytes()
    place.know()
    smaller = place.manifest.read_bytes()
    place.manifest.write_bytes(kept)
    real = Folder.list

    def listing(self: Folder) -> object:
        with place.manifest.open("r+b") as file:  # in place, since a new file would not be the one that is open
            file.write(smaller)
            file.truncate()
        return real(self)

    monkeypatch.setattr(Folder, "list", listing)

    drilled = place.prove("--full")

    assert (drilled.code, drilled.proof) == (2, None)


# --- drills that end before their time

_KILLED = """
import os, signal, sys
from verifier.drill import carry_out
carry_out.Work.carry_out = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from verifier.cli.main import main
main(sys.argv[1:])
"""


def _kill_a_drill(place: Place, *options: str) -> None:
    where = ["--reports", place.reports, "--state", place.state, "--scratch", place.scratch]
    arguments = ["prove", place.copy, "--manifest", place.manifest, "--workers", "1", *where, *options]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, *map(os.fspath, arguments)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -9, done.stderr


def test_drills_that_were_killed_are_named_by_the_next_proof(place: Place) -> None:
    _kill_a_drill(place, "--full", "--seed", "11" * 32)
    _kill_a_drill(place, "--full", "--seed", "22" * 32)
    assert place.bundles() == []

    third, fourth = place.prove("--full"), place.prove("--full")

    assert third.proof is not None
    assert fourth.proof is not None
    assert [one.seed for one in third.proof.drill.abandoned] == ["11" * 32, "22" * 32]
    assert third.proof.drill.number == 1
    assert fourth.proof.drill.abandoned == ()
    assert fourth.proof.drill.number == 2
    assert third.folder is not None
    for report in ("report.md", "report.html"):
        text = (third.folder / report).read_text(encoding="utf-8")
        assert all(one.id in text or one.started_at in text for one in third.proof.drill.abandoned), report


def test_a_killed_drill_that_is_resumed_keeps_its_seed_and_is_not_abandoned(place: Place) -> None:
    _kill_a_drill(place, "--sample", "5", "--seed", "11" * 32)

    resumed = place.prove("--sample", "5", "--resume")

    assert resumed.proof is not None
    assert (resumed.proof.drill.seed, resumed.proof.drill.abandoned) == ("11" * 32, ())


def test_a_drill_of_another_size_does_not_take_up_a_killed_one(place: Place) -> None:
    _kill_a_drill(place, "--sample", "5", "--seed", "11" * 32)

    other = place.prove("--sample", "6", "--resume", "--seed", "22" * 32)

    assert other.proof is not None
    assert other.proof.drill.seed == "22" * 32
    assert [one.seed for one in other.proof.drill.abandoned] == ["11" * 32]


def test_damage_that_comes_between_a_killed_drill_and_its_resumption_is_found(place: Place) -> None:
    _kill_a_drill(place, "--full")
    change(place.copy, VICTIM, lambda data: flip(data, 1))

    assert place.prove("--full", "--resume").counts == {"MISMATCH": 1}
