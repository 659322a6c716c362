"""The demo as a user starts it: what it finds, what it says, what it leaves, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from verifier import proof
from verifier.demo import DAMAGED, GOOD, PLANTED, compare
from verifier.proof import Proof

Verifier = Callable[..., subprocess.CompletedProcess[str]]


class Demo:
    """A demo that was carried out once for all tests of this module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "household"
        self.home = folder / "home"
        self.elsewhere = folder / "elsewhere"
        self.home.mkdir()
        self.elsewhere.mkdir()
        began = time.monotonic()
        self.done = self.run("--into", str(self.folder))
        self.seconds = time.monotonic() - began

    def run(
        self, *options: str, program: str = "from verifier.cli.main import main"
    ) -> subprocess.CompletedProcess[str]:
        """Run `verifier demo` with a home, a place for what is temporary and a working folder of its own."""
        private = {name: str(self.home) for name in os.environ if name == "HOME" or name.startswith("XDG_")}
        return subprocess.run(
            [sys.executable, "-c", f"import sys\n{program}\nsys.exit(main(['demo', *sys.argv[1:]]))", *options],
            env={**os.environ, **private, "TMPDIR": str(self.elsewhere)},
            cwd=self.elsewhere,
            capture_output=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )

    def proof_bytes(self) -> bytes:
        """Return the bytes of the only proof."""
        (path,) = self.folder.glob("reports/household/*/proof.json")
        return path.read_bytes()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def facts(demo: Demo) -> Proof:
    return proof.from_bytes(demo.proof_bytes())


def test_it_finds_just_what_was_planted(demo: Demo) -> None:
    assert demo.done.returncode == 0, demo.done.stderr
    assert f"found {len(PLANTED)} of {len(PLANTED)} planted, and nothing else" in demo.done.stdout
    assert "nas: PASSED, 604 of 604 files" in demo.done.stdout
    assert "usb: FAILED, 592 of 604 files" in demo.done.stdout
    assert "b2: PASSED, 604 of 604 files" in demo.done.stdout


def test_it_names_each_damage_beside_what_it_was_found_as(demo: Demo) -> None:
    lines = demo.done.stdout.splitlines()
    for planted in PLANTED:
        (line,) = [line for line in lines if line.endswith(f" {planted.path}")]
        assert line.split("→")[0].strip() == planted.what
        assert line.split("→")[1].split()[0] == planted.kind


def test_it_takes_less_than_twenty_seconds(demo: Demo) -> None:
    assert demo.seconds < 20


def test_the_proof_says_the_same_and_that_the_drill_tested_itself(facts: Proof) -> None:
    assert compare(facts).amiss == ()
    assert {copy.name: copy.verdict.result for copy in facts.copies} == {
        "nas": "PASSED",
        "usb": "FAILED",
        "b2": "PASSED",
    }
    assert [copy.control for copy in facts.copies] == ["detected"] * 3
    assert facts.scenario.full


def test_the_report_is_where_it_is_said_to_be(demo: Demo) -> None:
    (line,) = [line for line in demo.done.stdout.splitlines() if line.startswith("report: ")]
    report = Path(line.removeprefix("report: "))
    assert report.is_relative_to(demo.folder)
    assert "FAILED" in report.read_text("utf-8")
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=report.parent, capture_output=True, check=False)
    assert checked.returncode == 0


def test_addresses_are_told_without_detours(facts: Proof, demo: Demo) -> None:
    assert [copy.address for copy in facts.copies] == [
        str(demo.folder / "nas"),
        str(demo.folder / "usb"),
        "b2://household-backup/home",
    ]


def test_the_copy_in_b2_is_read_by_a_key_that_only_reads_and_its_link_is_told(facts: Proof) -> None:
    cloud = facts.copies[2]
    assert cloud.read_from == "server"
    assert "symbolic links, which such a place can't hold and a restore would lack: 1" in cloud.notes
    assert not any("could change or delete" in reason for reason in cloud.verdict.reasons)


def test_nothing_is_touched_but_its_own_folder(demo: Demo) -> None:
    assert list(demo.home.rglob("*")) == []
    assert list(demo.elsewhere.rglob("*")) == []
    assert list((demo.folder / "scratch").iterdir()) == []
    assert sorted(path.name for path in (demo.folder / "manifests").iterdir()) == ["household.jsonl.zst"]


def test_a_folder_that_is_not_empty_is_refused_and_left_as_it_is(demo: Demo) -> None:
    before = sorted(demo.folder.rglob("*"))
    done = demo.run("--into", str(demo.folder))
    assert done.returncode == 2
    assert "expected an empty folder or none" in done.stderr
    assert sorted(demo.folder.rglob("*")) == before


def test_a_file_in_place_of_the_folder_is_refused(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = demo.run("--into", str(tmp_path / "file"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_what_it_leaves_can_be_drilled_as_any_scenario(demo: Demo, verifier: Verifier, facts: Proof) -> None:
    done = verifier("drill", "--state", "state", "--full", "--quiet", "--json", cwd=demo.folder)
    assert done.returncode == 1, done.stderr
    again = proof.from_bytes(done.stdout.encode())
    assert again.drill.number == facts.drill.number + 1
    # The B2 of the demo is gone with it; the other copies are as they were.
    assert [copy.name for copy in again.copies] == [GOOD, DAMAGED]
    assert compare(replace(again, copies=(*again.copies, facts.copies[2]))).amiss == ()


def test_without_a_folder_one_is_made_among_what_is_temporary_and_named(demo: Demo) -> None:
    done = demo.run("--quiet")
    (place,) = demo.elsewhere.iterdir()
    assert done.returncode == 0, done.stderr
    assert place.name.startswith("verifier-demo-")
    assert f"report: {place}/reports/" in done.stdout
    assert done.stderr == ""
    subprocess.run(["rm", "-r", str(place)], check=True)


_BROKEN = """
from verifier.cli.main import main
from verifier.demo import layout, planted
{fault}
"""
# Either the damage is another than the table says, which to the comparison is a drill that tells wrongly, or one is.
_FAULTS = {
    "a program that is blind for what is missing": """
from verifier.drill import survey
survey.tell_absences = lambda *_, **__: None""",
    "damage that isn't there": "layout.plant = lambda *_, **__: None",
    "one more damage": """
def plant(good, copy, **options):
    planted.plant(good, copy, **options)
    (copy / "Documents/Recipes/Rezept 03.md").unlink()
layout.plant = plant""",
    "damage in the good copy": """
def plant(good, copy, **options):
    planted.plant(good, copy, **options)
    (copy.parent / "nas/Documents/Recipes/Rezept 03.md").unlink()
layout.plant = plant""",
}


_SENTENCES = {
    "a program that is blind for what is missing": [
        f"{DAMAGED}: planted, and not found: {planted.kind} {planted.path}"
        for planted in PLANTED
        if planted.kind in ("MISSING", "MOVED", "UNEXPECTED", "NEW")
    ],
    "damage that isn't there": [
        *(f"{DAMAGED}: planted, and not found: {planted.kind} {planted.path}" for planted in PLANTED),
        f"{DAMAGED}: expected it to be FAILED, got PASSED",
    ],
    "one more damage": [f"{DAMAGED}: found, and not planted: MISSING Documents/Recipes/Rezept 03.md"],
    "damage in the good copy": [
        f"{GOOD}: found, and not planted: MISSING Documents/Recipes/Rezept 03.md",
        f"{GOOD}: expected it to be PASSED, got FAILED",
    ],
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_anything_else_than_what_was_planted_is_exit_1(fault: str, demo: Demo, tmp_path: Path) -> None:
    done = demo.run("--into", str(tmp_path / "household"), program=_BROKEN.format(fault=_FAULTS[fault]))
    assert done.returncode == 1, done.stderr
    assert "expected the drill to find just what was planted, and it did not" in done.stderr
    assert "Traceback" not in done.stderr
    assert "and nothing else" not in done.stdout
    for sentence in _SENTENCES[fault]:
        assert sentence in done.stderr
