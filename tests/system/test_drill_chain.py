"""Each drill is a link of its scenario's chain, whatever came of it; two of one scenario never run at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from drill_processes import Ended, Home, Running, assert_whole, flip, many, put


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).fill(many(40))


def link(ended: Ended) -> tuple[int, str | None]:
    return ended.proof.drill.number, ended.proof.drill.previous


def sha256(ended: Ended) -> str:
    return hashlib.sha256((ended.bundle / "proof.json").read_bytes()).hexdigest()


def test_every_drill_is_in_the_chain_whatever_its_verdict(home: Home) -> None:
    first = home.run_here(*home.prove, "--full")
    flip(home.copy / "000/000009.jpg")
    second = home.run_here(*home.prove, "--full")
    third = home.run_here(*home.prove, "--only", "nothing-has-this-name")
    put(home.copy / "000/beside.jpg", b"nobody knows this", seconds=1_500_000_000)
    flip(home.copy / "000/000009.jpg")
    fourth = home.run_here(*home.prove, "--sample", "5")
    drills = (first, second, third, fourth)
    assert [one.result for one in drills] == ["PASSED", "FAILED", "INCONCLUSIVE", "WARNED"]
    assert [one.code for one in drills] == [0, 1, 3, 0]
    before = [None, *map(sha256, drills[:3])]
    assert [link(one) for one in drills] == [(number + 1, previous) for number, previous in enumerate(before)]
    assert len({one.proof.drill.id for one in drills}) == len({one.proof.drill.seed for one in drills}) == 4
    assert {one.bundle.parent for one in drills} == {first.bundle.parent}


def test_prove_has_a_chain_for_each_address_and_manifest(home: Home) -> None:
    other_copy = home.another_copy("other")
    other_manifest = home.root / "other.jsonl"
    other_manifest.write_bytes(home.manifest.read_bytes())
    sample = ("--sample", "2")
    first = home.run_here("prove", home.copy, "--manifest", home.manifest, *sample)
    apart = [
        home.run_here("prove", other_copy, "--manifest", home.manifest, *sample),
        home.run_here("prove", home.copy, "--manifest", other_manifest, *sample),
        home.run_here("prove", home.copy, "--against", home.live, *sample),
        home.run_here("prove", home.copy, "--against", home.live, "--newer", "9000d", *sample),
    ]
    assert [link(one) for one in (first, *apart)] == [(1, None)] * 5
    assert len({one.bundle.parent for one in (first, *apart)}) == 5


def test_prove_knows_an_address_and_a_manifest_however_they_are_written(home: Home) -> None:
    link_to_manifest = home.root / "latest.jsonl"
    link_to_manifest.symlink_to(home.manifest)
    manifest = ("--manifest", str(home.manifest), "--sample", "2")
    first = home.run_here("prove", home.copy, *manifest)
    second = home.run_here("prove", f"{home.copy}/", *manifest)
    with home.start("prove", "copy", *manifest, cwd=home.root) as running:
        third = running.end()
    fourth = home.run_here("prove", home.copy, "--manifest", link_to_manifest, "--sample", "2")
    assert [one.proof.drill.number for one in (first, second, third, fourth)] == [1, 2, 3, 4]


def test_a_chain_belongs_to_a_scenario_not_to_its_files(home: Home) -> None:
    one, two = home.scenario("one"), home.scenario("two")
    numbers = [home.run_here("drill", file).proof.drill.number for file in (one, two, one)]
    assert numbers == [1, 1, 2]
    moved = home.scenario("one", file="moved.toml")
    assert home.run_here("drill", moved, "--sample", "3").proof.drill.number == 3


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Running]]:
    """Give a drill of the scenario `photos` that is in its middle, and stays there."""
    home = Home(tmp_path_factory.mktemp("held")).fill(many(40))
    with home.start("drill", home.scenario("photos"), "--workers", "1", read_seconds=5) as running:
        running.until(lambda: home.begun_drills() and list(home.reports.glob("*/.drill.lock")))
        yield home, running
        assert running.process.poll() is None


def assert_refused(ended: Ended, holder: Running) -> None:
    assert ended.code == 3
    assert ended.bundles == ()
    assert f"process {holder.pid} on {os.uname().nodename}" in ended.stderr
    assert ended.stderr.count("hint: ") == 1


@pytest.mark.parametrize("shared", [("state", "reports"), ("reports",), ("state",)], ids=" and ".join)
def test_a_second_drill_of_a_scenario_is_refused_and_told_who_holds_it(
    held: tuple[Home, Running], tmp_path: Path, shared: tuple[str, ...]
) -> None:
    home, holder = held
    other = home.beside(str(tmp_path))
    for name in shared:
        setattr(other, name, getattr(home, name))
    refused = other.run_here("drill", home.root / "photos.toml")
    assert_refused(refused, holder)
    assert "expected no other drill of photos, got one by" in refused.stderr
    assert home.begun_drills() == 1, "a refused drill has not begun"
    assert other.begun_drills() == ("state" in shared)


def test_a_drill_of_another_scenario_goes_on_beside_it(held: tuple[Home, Running], tmp_path: Path) -> None:
    home, _ = held
    other = home.beside(str(tmp_path))
    other.reports, other.state = home.reports, home.state
    ended = other.run_here("drill", home.scenario("videos"), "--workers", "2")
    assert (ended.code, ended.bundle.parent.name) == (0, "videos")
    assert_whole(ended.bundle)


def test_a_scratch_that_is_in_use_is_told_of_with_its_user(held: tuple[Home, Running], tmp_path: Path) -> None:
    home, holder = held
    other = home.beside(str(tmp_path))
    other.scratch = home.scratch
    refused = other.run_here("drill", home.scenario("music"))
    assert_refused(refused, holder)
    assert "another folder for scratch" in refused.stderr
    assert other.begun_drills() == 0


def test_the_lock_of_a_killed_drill_holds_nobody_up(home: Home) -> None:
    with home.start(*home.prove, "--full", "--workers", "1", read_seconds=5) as running:
        running.until(lambda: home.begun_drills() and list(home.reports.glob("*/.drill.lock")))
        running.kill()
    assert home.run_here(*home.prove, "--sample", "2").code == 0
    assert not list(home.reports.glob("*/.drill.lock"))
