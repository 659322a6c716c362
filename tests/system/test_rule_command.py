"""The 3-2-1-1-0 rule over drills: live data on a disk, a copy on another, one in a bucket with Object Lock."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from b2_served import BUCKET
from b2sdk.v3 import FileRetentionSetting, RetentionMode
from drill_processes import Ended, Home, many
from secret_file import secret_file

from verifier.demo.b2_server import B2Server
from verifier.proof import RuleCheck

MEMORY = Path("/dev/shm")  # noqa: S108 - another device than the disk's; only this user may read what is made there
FILES = many(12, 50)


@pytest.fixture
def nas(must_run: Callable[[str, str], NoReturn]) -> Iterator[Path]:
    """Give a folder on another device than the test's."""
    if not MEMORY.is_dir():
        must_run("shm", "no second device is there")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder) / "nas"


@pytest.fixture
def server() -> Iterator[B2Server]:
    """Serve a bucket that holds the files, with no lock on any of them."""
    with B2Server() as serving:
        serving.make_bucket(BUCKET)
        for name, data in FILES.items():
            serving.put(BUCKET, f"photos/{name}", data)
        yield serving


@pytest.fixture
def home(tmp_path: Path, nas: Path, server: B2Server) -> Home:
    """Give a scenario of the three of them."""
    home = Home(tmp_path).fill(FILES)
    shutil.copytree(home.live, nas)
    home.scenario("photos", _scenario(home, nas, server))
    return home


def _scenario(home: Home, nas: Path, server: B2Server) -> str:
    keys = server.description()
    for name in ("key_id", "key"):
        secret_file(home.root / name, keys[f"read_{name}"])
    return f"""manifest = "{home.manifest}"
[objectives]
rule = "3-2-1-1-0"
[sample]
full = true
[[copy]]
name = "desktop"
at = "{home.live}"
live = true
medium = "ssd"
site = "home"
[[copy]]
name = "nas"
at = "{nas}"
medium = "nas"
site = "home"
[[copy]]
name = "b2"
at = "b2://{BUCKET}/photos"
realm = "{keys["realm"]}"
key_id = {{ file = "{home.root / "key_id"}" }}
key = {{ file = "{home.root / "key"}" }}
medium = "cloud"
site = "offsite"
"""


def lock(server: B2Server, *, days: float = 30, names: int | None = None) -> None:
    """Lock all versions in the bucket, or the first of them."""
    until_ms = int((time.time() + days * 86_400) * 1_000)
    for version in list(server.simulator.bucket_name_to_bucket[BUCKET].versions.values())[:names]:
        version.file_retention = FileRetentionSetting(RetentionMode.COMPLIANCE, until_ms)


def digits(ended: Ended) -> dict[str, RuleCheck]:
    return {check.check[2:]: check for check in ended.proof.rule.checks}


def holds(ended: Ended) -> list[bool | None]:
    return [check.holds for check in ended.proof.rule.checks]


def test_the_rule_is_held_against_what_was_seen(home: Home, server: B2Server) -> None:
    file = home.root / "photos.toml"
    ended = home.run_here("drill", file)
    assert (ended.code, ended.result) == (0, "WARNED"), ended.stderr
    assert holds(ended) == [True, True, True, False, True]
    assert ended.proof.verdict.reasons[0] == "the rule 3-2-1-1-0: 1 immutable or offline does not hold: none"
    assert [copy.verdict.result for copy in ended.proof.copies] == ["PASSED", "PASSED"]

    lock(server, names=len(FILES) - 1)
    ended = home.run_here("drill", file)
    assert digits(ended)["immutable or offline"].evidence == "b2: Object Lock is on 11 of 12 files"
    assert ended.result == "WARNED"

    lock(server)
    ended = home.run_here("drill", file)
    assert (ended.result, holds(ended)) == ("PASSED", [True] * 5)
    assert "Object Lock seen on all of 12 files, the shortest until" in digits(ended)["immutable or offline"].evidence
    report = (ended.bundle / "report.md").read_text("utf-8")
    assert "Object Lock seen on all of 12 files" in report

    lock(server, days=-1)
    ended = home.run_here("drill", file, "--copy", "b2")
    assert (ended.result, holds(ended)) == ("WARNED", [True, True, True, False, True])


def test_what_this_drill_leaves_out_counts_by_the_ledger(home: Home, server: B2Server, nas: Path) -> None:
    lock(server)
    file = home.root / "photos.toml"
    ended = home.run_here("drill", file, "--copy", "nas")
    assert (ended.result, holds(ended)) == ("WARNED", [False, True, False, False, None])
    assert "not counted: b2 (never drilled)" in digits(ended)["copies"].evidence

    ended = home.run_here("drill", file, "--copy", "b2")
    assert (ended.result, holds(ended)) == ("PASSED", [True] * 5)
    assert [copy.name for copy in ended.proof.copies] == ["b2"]

    ended = home.run_here("drill", file, "--copy", "nas", "--only", "000/000001.jpg")
    assert (ended.result, holds(ended)) == ("PASSED", [True] * 5)

    (nas / "000/000002.jpg").write_bytes(b"")
    assert home.run_here("drill", file, "--copy", "nas").result == "FAILED"
    ended = home.run_here("drill", file, "--copy", "b2")
    assert (ended.result, holds(ended)) == ("WARNED", [False, True, True, True, False])
    # A part of it that is well makes the whole no better.
    assert home.run_here("drill", file, "--copy", "nas", "--only", "000/000001.jpg").result == "WARNED"
    evidence = digits(home.run_here("drill", file, "--copy", "b2"))["copies"].evidence
    assert "not counted: nas (the last drill of all of it FAILED)" in evidence


def test_a_drill_of_one_place_says_nothing_of_another(home: Home, server: B2Server, nas: Path) -> None:
    lock(server)
    file = home.root / "photos.toml"
    assert home.run_here("drill", file).result == "PASSED"
    file.write_text(file.read_text("utf-8").replace(str(nas), f"{nas}2"), encoding="utf-8")
    ended = home.run_here("drill", file, "--copy", "b2")
    assert (ended.result, holds(ended)[0]) == ("WARNED", False)
    assert "nas (never drilled)" in digits(ended)["copies"].evidence


def test_without_an_objective_the_rule_is_shown_and_decides_nothing(home: Home) -> None:
    file = home.root / "photos.toml"
    file.write_text(file.read_text("utf-8").replace('rule = "3-2-1-1-0"', ""), encoding="utf-8")
    ended = home.run_here("drill", file)
    assert (ended.result, holds(ended)) == ("PASSED", [True, True, True, False, True])


def test_a_lock_that_is_stated_and_not_seen_is_warned_of(home: Home) -> None:
    file = home.root / "photos.toml"
    text = file.read_text("utf-8").replace('medium = "cloud"', 'medium = "cloud"\nimmutable = true')
    file.write_text(text.replace('rule = "3-2-1-1-0"', ""), encoding="utf-8")
    ended = home.run_here("drill", file, "--copy", "b2")
    assert ended.result == "WARNED"
    assert ended.copy.verdict.reasons[0] == "stated as immutable, but Object Lock is on 0 of 12 files"
    assert digits(ended)["immutable or offline"].holds is False


def test_copies_on_one_disk_and_a_manifest_of_another_folder_count_as_that(tmp_path: Path) -> None:
    home = Home(tmp_path).fill(FILES)
    copies = "".join(
        f'[[copy]]\nname = "{name}"\nat = "{at}"\nmedium = "{medium}"\nsite = "{site}"\n{more}'
        for name, at, medium, site, more in (
            ("desktop", home.live, "ssd", "home", "live = true\n"),
            ("nas", home.copy, "nas", "home", "offline = true\n"),
            ("usb", home.another_copy("usb"), "usb", "bank", ""),
        )
    )
    file = home.scenario("photos", f'manifest = "{home.manifest}"\n[sample]\nfull = true\n{copies}')
    ended = home.run_here("drill", file)
    # What the scenario states of sites and media is not believed of one and the same disk.
    assert holds(ended) == [False, False, False, True, True]
    assert "on 1 device" in digits(ended)["copies"].evidence
    assert digits(ended)["immutable or offline"].evidence == "nas: as stated, offline: no drill can see that"

    home.live = home.copy
    home.know()
    ended = home.run_here("drill", file)
    assert "not counted: desktop (the manifest was not made of it)" in digits(ended)["copies"].evidence
