"""What copies are held against: opened once each, and there until the drill ends whatever becomes of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from generations import day, day_ns, known, write_generation

from verifier.drill.references import open_references
from verifier.errors import ManifestError
from verifier.scenario.scenario import Scenario

FILES = {f"{number}.bin": b"1234" for number in range(10)}


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    previous = None
    for number in range(3):
        previous = write_generation(
            tmp_path / f"{number}.jsonl.zst", day(number), known(FILES, mtime_ns=5), previous=previous
        )
    return Scenario(name="photos", sha256="", copies=(), manifest=tmp_path)


def test_each_generation_that_is_needed_is_opened_once(scenario: Scenario, tmp_path: Path) -> None:
    with open_references(scenario, now=day(9), folder=tmp_path) as references:
        chosen = [references.choose(snapshot=None, newest_mtime_ns=day_ns(number)) for number in (2, 2, 1)]
    assert chosen[0].reference is chosen[1].reference
    assert chosen[0].reference.facts.created_at != chosen[2].reference.facts.created_at


def test_what_is_pruned_during_a_drill_can_still_be_kept_beside_its_proof(scenario: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "0.jsonl.zst"
    data = file.read_bytes()
    with open_references(scenario, now=day(9), folder=tmp_path) as references:
        reference = references.choose(snapshot=None, newest_mtime_ns=day_ns(1)).reference
        file.unlink()
        assert reference.file.read_bytes() == data
        assert len(list(reference.entries())) == len(FILES)


def test_one_that_is_swapped_before_it_is_needed_is_told(scenario: Scenario, tmp_path: Path) -> None:
    with open_references(scenario, now=day(9), folder=tmp_path) as references:
        write_generation(tmp_path / "0.jsonl.zst", day(0), known(FILES, mtime_ns=6))
        with pytest.raises(ManifestError, match=r"another meanwhile: .*0\.jsonl\.zst"):
            references.choose(snapshot=None, newest_mtime_ns=day_ns(1))


def test_one_that_is_gone_before_it_is_needed_is_told(scenario: Scenario, tmp_path: Path) -> None:
    with open_references(scenario, now=day(9), folder=tmp_path) as references:
        (tmp_path / "0.jsonl.zst").unlink()
        with pytest.raises(ManifestError, match=r"0\.jsonl\.zst"):
            references.choose(snapshot=None, newest_mtime_ns=day_ns(1))
