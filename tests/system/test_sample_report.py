"""The committed sample is a true bundle: its reports are those of its proof, its sums hold, and it is the demo's."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import zstandard

from verifier import proof
from verifier.demo import compare
from verifier.report import render_html, render_markdown

SAMPLE = Path(__file__).resolve().parents[2] / "reports" / "sample"
FILES = {"proof.json", "report.html", "report.md", "findings.jsonl", "outcomes.jsonl.zst", "SHA256SUMS"}


@pytest.mark.parametrize(("name", "render"), [("report.html", render_html), ("report.md", render_markdown)])
def test_each_report_is_rendered_again_byte_for_byte(name: str, render: object) -> None:
    data = (SAMPLE / "proof.json").read_bytes()
    assert callable(render)
    rendered = render(proof.from_bytes(data), proof_sha256=hashlib.sha256(data).hexdigest())
    assert rendered.encode() == (SAMPLE / name).read_bytes(), "the renderer has changed: run `make sample`"


def test_stock_tools_check_it() -> None:
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=SAMPLE, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count(": OK") == len(FILES) - 1


def test_it_is_whole_and_nothing_else() -> None:
    assert {path.name for path in SAMPLE.iterdir()} == FILES


def test_it_is_a_drill_of_the_demo_that_found_just_what_was_planted() -> None:
    facts = proof.from_bytes((SAMPLE / "proof.json").read_bytes())
    assert compare(facts).amiss == (), "the demo has changed: run `make sample`"
    folders = ["/tmp/household/nas", "/tmp/household/usb"]  # noqa: S108 - names
    assert [copy.address for copy in facts.copies] == [*folders, "b2://household-backup/home"]


def test_its_lines_say_what_its_proof_says() -> None:
    facts = proof.from_bytes((SAMPLE / "proof.json").read_bytes())
    findings = [json.loads(line) for line in (SAMPLE / "findings.jsonl").read_bytes().splitlines()]
    told = {(copy.name, one.kind, one.path) for copy in facts.copies for one in copy.findings}
    assert {(one["copy"], one["kind"], one["path"]) for one in findings} == told
    packed = (SAMPLE / "outcomes.jsonl.zst").read_bytes()
    outcomes = [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(packed).read().splitlines()]
    assert outcomes
    assert "match" not in {one["outcome"] for one in outcomes}  # of a full drill only what is no match
