"""A proof's sample is drawn again from seed and manifest by the README's script, which knows nothing of the program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from drilled import THEN, Place, change, flip, put

from verifier.plan import fit_sample
from verifier.sample import SizeSpread, chance_of_finding, sample_size
from verifier.scenario.scenario import Sample

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
(SCRIPT,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
FILES = 120
BESIDE = ("always", "damaged", "largest", "newest")


def _drawn_again(script: Path, bundle: Path, manifest: Path) -> str:
    command = [sys.executable, "-I", "-W", "error", "-W", "ignore::ResourceWarning", script]
    done = subprocess.run([*command, bundle, "nas", manifest], capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.strip()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "again.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"{number:03}/ä {number}.jpg": b"%d" % number * 50 for number in range(FILES)})
    put(place.live, b"not utf-8 \xff", b"a name of bytes")
    put(place.live, "keys/one.kdbx", b"always")
    (place.live / "link").symlink_to("003")
    place.back_up()
    place.know()
    return place


def _scenario(place: Place, sample: str) -> str:
    return (
        f'name = "photos"\nmanifest = "{place.manifest}"\n[sample]\n{sample}\n'
        f'always = ["*.kdbx"]\n[[copy]]\nname = "nas"\nat = "{place.copy}"\n'
    )


def test_the_script_is_short_and_imports_nothing_of_ours() -> None:
    code = [line for line in SCRIPT.splitlines() if line]
    assert len(code) <= 20
    assert "verifier" not in SCRIPT
    assert re.findall(r"^import (.*)", SCRIPT, re.MULTILINE) == ["base64, hashlib, json, sys, zstandard"]


def test_a_sample_is_drawn_again(place: Place, script: Path) -> None:
    for number in (3, 40, 77):
        change(place.copy, f"{number:03}/ä {number}.jpg", lambda data: flip(data, 7))
    change(place.copy, "keys/one.kdbx", lambda data: flip(data, 1))
    (place.copy / "050/ä 50.jpg").unlink()
    put(place.copy, "051/ä 51.jpg", b"shorter")
    put(place.copy, "052/ä 52.jpg", b"newer, and so not comparable", seconds=THEN + 1_000)
    put(place.copy, "nobody knows it", b"?")
    for size in ("files = 30", "files = 1", "confidence = 0.9\ntolerable = 0.05", "files = 1000"):
        drilled = place.drill(_scenario(place, size))
        assert drilled.folder is not None
        assurance = drilled.copy.assurance
        assert assurance is not None
        # All but the missing, the shortened and the newer one, and what stands beside the sample: the one that is
        # always restored, those damaged last time, three of the largest, three of the newest.
        beside = {
            line["path"] for line in _outcomes(drilled.folder) if line["why"] in BESIDE and "052" not in line["path"]
        }
        left = FILES + 2 - 3 - len(beside)
        assert _drawn_again(script, drilled.folder, place.manifest) == f"{assurance.drawn} of {left} True"
        assert assurance.drawn > 0


def _edit_proof(bundle: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    facts = json.loads((bundle / "proof.json").read_bytes())
    edit(facts)
    (bundle / "proof.json").write_text(json.dumps(facts), encoding="utf-8")


def _outcomes(bundle: Path) -> list[dict[str, Any]]:
    data = zstandard.ZstdDecompressor().stream_reader((bundle / "outcomes.jsonl.zst").read_bytes()).read()
    return [json.loads(line) for line in data.splitlines()]


def _edit_outcomes(bundle: Path, edit: Callable[[list[bytes]], list[bytes]]) -> None:
    file = bundle / "outcomes.jsonl.zst"
    lines = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read().splitlines(keepends=True)
    file.write_bytes(zstandard.compress(b"".join(edit(lines))))


@pytest.mark.parametrize(
    "lie", ["another seed", "one left out", "the last left out", "a smaller population", "another order"]
)
def test_a_sample_that_was_not_drawn_is_told(place: Place, script: Path, lie: str) -> None:
    drilled = place.drill(_scenario(place, "files = 30"))
    assert drilled.folder is not None
    assert _drawn_again(script, drilled.folder, place.manifest) == f"30 of {FILES + 1 - 6} True"
    if lie == "another seed":
        _edit_proof(drilled.folder, lambda facts: facts["drill"].update(seed="00" * 32))
    elif lie == "a smaller population":
        _edit_proof(drilled.folder, lambda facts: facts["copies"][0]["assurance"].update(population=FILES))
    elif lie == "one left out":
        _edit_outcomes(drilled.folder, lambda lines: lines[1:])
    elif lie == "the last left out":
        _edit_outcomes(drilled.folder, lambda lines: [*lines[:29], *lines[30:]])
    else:
        _edit_outcomes(drilled.folder, lambda lines: [lines[1], lines[0], *lines[2:]])
    assert _drawn_again(script, drilled.folder, place.manifest).endswith("False")


def test_the_numbers_in_the_readme_are_true() -> None:
    prose = " ".join(README.split())
    assert "of 10,000 files 294 are enough to find, 95 times in 100, that 1 % of them are bad" in prose
    assert sample_size(10_000, confidence=0.95, tolerable=0.01) == 294
    said = "of 100,000 files of which 10 are bad, a sample of 1 % finds one only 9.6 % of the time"
    assert said in prose
    assert f"{chance_of_finding(100_000, 10, 1_000):.1%}" == "9.6%"
    spread = SizeSpread(files=100_000, size_bytes=100_000, squared_bytes=100_000, largest_bytes=1)
    assert "9.6 %" in fit_sample(Sample(percent=1), spread, budget_bytes=None).chance_sentence(10)
