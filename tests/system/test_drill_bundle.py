"""What a bundle holds can be held against the data, the ledger, the statistics, and the draw made again by anybody."""

from __future__ import annotations

import hashlib
import io
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import zstandard
from drill_processes import Ended, Home, assert_whole, flip, many, put, read_findings, read_outcomes

FILES = 150
KEYS = {"path", "copy", "why", "last_proven", "outcome", "depth", "file_id", "attempts"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).fill({f"{number:03}/ä.jpg": data for number, data in enumerate(many(FILES).values())})


def drawn(ended: Ended) -> list[str]:
    return [line["path"] for line in read_outcomes(ended.bundle)]


def draw_again(manifest: Path, seed: str, count: int) -> list[str]:
    """Draw the sample as anybody can who has the manifest and the seed: this knows nothing of the program."""
    entries = [json.loads(line) for line in manifest.read_text().splitlines()[1:-1]]
    paths = [entry["path"] for entry in entries if "link" not in entry]
    return sorted(paths, key=lambda path: hashlib.sha256(bytes.fromhex(seed) + path.encode()).digest())[:count]


def test_the_sample_can_be_drawn_again_by_anybody(home: Home) -> None:
    first = home.run_here(*home.prove, "--sample", "20")
    seed = first.proof.drill.seed
    assert first.proof.drill.seed_source == "fresh"
    assert drawn(first) == draw_again(home.manifest, seed, 20)
    again = home.run_here(*home.prove, "--sample", "20", "--seed", seed, "--workers", "2")
    assert again.proof.drill.seed_source == "given"
    assert drawn(again) == drawn(first)
    fewer = home.run_here(*home.prove, "--sample", "7", "--seed", seed.upper())
    assert drawn(fewer) == drawn(first)[:7]
    other = home.run_here(*home.prove, "--sample", "20")
    assert other.proof.drill.seed != seed
    assert drawn(other) != drawn(first)


def test_a_sample_has_a_line_for_each_drawn_entry(home: Home) -> None:
    flip(home.copy / "004/ä.jpg")
    ended = home.run_here(*home.prove, "--sample", str(FILES))
    assert_whole(ended.bundle)
    lines = read_outcomes(ended.bundle)
    assert all(set(line) == KEYS for line in lines)
    assert sorted(line["path"] for line in lines) == [f"{number:03}/ä.jpg" for number in range(FILES)]
    bad = [line for line in lines if line["outcome"] != "match"]
    assert [(line["path"], line["outcome"], line["depth"]) for line in bad] == [("004/ä.jpg", "MISMATCH", "listed")]
    assert {line["depth"] for line in lines if line["outcome"] == "match"} == {"restored"}
    for key, values in {"copy": {"copy"}, "why": {"sample"}, "attempts": {1}, "last_proven": {None}}.items():
        assert {line[key] for line in lines} == values


def test_a_full_drill_has_lines_only_of_what_is_no_match(home: Home) -> None:
    flip(home.copy / "004/ä.jpg")
    (home.copy / "005/ä.jpg").write_bytes(b"rewritten")
    (home.copy / "006/ä.jpg").unlink()
    ended = home.run_here(*home.prove, "--full")
    lines = {line["path"]: (line["why"], line["outcome"]) for line in read_outcomes(ended.bundle)}
    assert lines == {"004/ä.jpg": ("full", "MISMATCH"), "005/ä.jpg": ("newest", "CHANGED")}
    assert ended.copy.proven.files == FILES - 3


def test_why_an_entry_was_restored_and_when_it_was_proven_last(home: Home) -> None:
    moved = home.copy / "elsewhere.jpg"
    moved.parent.mkdir(exist_ok=True)
    (home.copy / "000/ä.jpg").rename(moved)
    put(home.copy / "001/ä.jpg", b"of today", seconds=1_790_000_000)
    text = (
        f'manifest = "{home.manifest}"\n[sample]\ntolerable = 0.5\nalways = ["002/"]\n'
        f'[[copy]]\nname = "nas"\nat = "{home.copy}"\n'
    )
    scenario = home.scenario("photos", text)
    first = home.run_here("drill", scenario)
    why: dict[str, list[str]] = {}
    for line in read_outcomes(first.bundle):
        why.setdefault(line["why"], []).append(line["path"])
    assert why["moved"] == ["000/ä.jpg"]
    assert why["newest"][-1] == "001/ä.jpg", "what was changed is looked into after what stands beside the sample"
    assert why["always"] == ["002/ä.jpg"]
    assert len(why["largest"]) == len(why["newest"][:-1]) == 3
    beside = {"000/ä.jpg", *why["newest"], *why["always"], *why["largest"]}
    assert why["sample"] == [path for path in drawn(first) if path not in beside]
    second = home.run_here("drill", scenario)
    by_path = {line["path"]: line["last_proven"] for line in read_outcomes(second.bundle)}
    assert by_path["002/ä.jpg"] == first.proof.drill.finished_at
    assert by_path["000/ä.jpg"] is None, "moved is not proven"
    before = {line["path"] for line in read_outcomes(first.bundle) if line["outcome"] == "match"}
    proven_before = {path for path, last in by_path.items() if last is not None}
    assert proven_before == before & set(by_path)


def sorted_lines(lines: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(line, sort_keys=True) for line in lines)


def test_findings_are_those_of_the_proof_for_each_copy(home: Home) -> None:
    for number in (3, 7, 9):
        flip(home.copy / f"{number:03}/ä.jpg")
    second = home.another_copy("second")
    (second / "011/ä.jpg").unlink()
    put(second / "nobody knows this", b"beside", seconds=1_500_000_000)
    places = {"first": home.copy, "second": second}
    copies = "".join(f'[[copy]]\nname = "{name}"\nat = "{place}"\n' for name, place in places.items())
    scenario = home.scenario("photos", f'manifest = "{home.manifest}"\n{copies}')
    ended = home.run_here("drill", scenario, "--full")
    facts = json.loads((ended.bundle / "proof.json").read_bytes())
    told = [{"copy": copy["name"], **finding} for copy in facts["copies"] for finding in copy["findings"]]
    assert len(told) == 5
    assert sorted_lines(read_findings(ended.bundle)) == sorted_lines(told)
    alone = home.run_here("drill", scenario, "--full", "--copy", "second")
    assert [copy.name for copy in alone.proof.copies] == ["second"]
    assert {line["copy"] for line in read_findings(alone.bundle)} == {"second"}


def test_a_manifest_is_kept_once_and_is_the_one_that_was_used(home: Home) -> None:
    first = home.run_here(*home.prove, "--sample", "3")
    kept = home.reports / "manifests" / f"{first.proof.manifest.identity}.jsonl.zst"
    status = kept.stat()
    second = home.run_here(*home.prove, "--sample", "3")
    assert second.proof.manifest.identity == first.proof.manifest.identity
    assert list(kept.parent.iterdir()) == [kept]
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    text = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(kept.read_bytes())).read()
    assert text == home.manifest.read_bytes()
    body, _, end = text.rstrip(b"\n").rpartition(b"\n")
    assert hashlib.sha256(body + b"\n").hexdigest() == json.loads(end)["sha256"] == first.proof.manifest.identity


def test_coverage_grows_from_sample_to_sample_and_holds_what_was_proven(home: Home) -> None:
    seen: set[str] = set()
    oldest = None
    for _ in range(3):
        ended = home.run_here(*home.prove, "--sample", "60")
        seen |= set(drawn(ended))
        coverage = ended.copy.coverage
        oldest = oldest or ended.proof.drill.finished_at
        assert (coverage.proven.files, coverage.of.files) == (len(seen), FILES)
        assert coverage.proven.bytes == 2_000 * len(seen)
        assert coverage.oldest_proven_at == oldest
    full = home.run_here(*home.prove, "--full")
    assert full.copy.coverage.proven.files == FILES
    assert full.copy.coverage.oldest_proven_at == full.proof.drill.finished_at


def test_what_was_proven_of_other_content_is_not_coverage(home: Home) -> None:
    assert home.run_here(*home.prove, "--full").copy.coverage.proven.files == FILES
    put(home.live / "000/ä.jpg", b"another content")
    made = home.run("manifest", "create", home.live, "-o", home.manifest, "--quiet", places=False)
    assert made.code == 0
    ended = home.run_here(*home.prove, "--only", "001/")
    assert (ended.copy.coverage.proven.files, ended.copy.coverage.of.files) == (FILES - 1, FILES)


def most_bad(population: int, drawn_files: int, bad: int, confidence: Fraction) -> int:
    """Return the largest number of bad files with which so few would still be drawn: by counting draws, exactly."""
    whole = math.comb(population, drawn_files)
    possible = range(bad, population - (drawn_files - bad) + 1)
    return max(
        all_bad
        for all_bad in possible
        if sum(
            math.comb(all_bad, seen) * math.comb(population - all_bad, drawn_files - seen) for seen in range(bad + 1)
        )
        > (1 - confidence) * whole
    )


@pytest.mark.parametrize("damaged", [0, 40])
def test_the_assurance_is_what_the_draw_proves(home: Home, damaged: int) -> None:
    for number in range(damaged):
        flip(home.copy / f"{number:03}/ä.jpg")
    ended = home.run_here(*home.prove, "--sample", "30", "--seed", "07" * 32)
    assurance = ended.copy.assurance
    assert assurance is not None
    bad = sum(line["outcome"] == "MISMATCH" for line in read_outcomes(ended.bundle))
    assert bool(bad) == bool(damaged)
    assert (assurance.population, assurance.drawn, assurance.bad) == (FILES, 30, bad)
    most = most_bad(FILES, 30, bad, Fraction(95, 100))
    assert assurance.at_most_bad_files == most
    assert assurance.at_most_bad_bytes == 2_000 * most
    full = home.run_here(*home.prove, "--full").copy.assurance
    assert full is not None
    assert (full.drawn, full.bad, full.at_most_bad_files) == (FILES, damaged, damaged)
