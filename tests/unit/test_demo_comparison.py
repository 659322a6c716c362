"""What the demo calls amiss: a true proof passes, and each way in which it could be false is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from sample_proof import sample_proof

from verifier.demo import CLOUD, DAMAGED, GOOD, PLANTED, Planted, compare
from verifier.outcome import FindingKind
from verifier.proof import Assurance, CopyFacts, Count, FindingFacts, Proof, UnrestoredFacts, VerdictFacts

FILES = 604


def _finding(planted: Planted) -> FindingFacts:
    return FindingFacts(kind=planted.kind.value, path=planted.path, actual=planted.moved_to or "")


def _counts(findings: tuple[FindingFacts, ...]) -> dict[str, Count]:
    kinds = [finding.kind for finding in findings]
    return {kind: Count(files=kinds.count(kind)) for kind in kinds}


def _copy(template: CopyFacts, name: str, planted: tuple[Planted, ...], result: Any) -> CopyFacts:
    findings = tuple(_finding(one) for one in planted if one.is_damage)
    counted = tuple(_finding(one) for one in planted if not one.is_damage)
    return replace(
        template,
        name=name,
        findings=findings,
        counted=counted,
        counts=_counts(findings + counted),
        unrestored=(),
        proven=Count(files=FILES - sum(one.in_household for one in planted)),
        assurance=Assurance(
            confidence=0.95, population=FILES, drawn=FILES, bad=0, at_most_bad_files=0, at_most_bad_bytes=0
        ),
        control="detected",
        verdict=VerdictFacts(result=result, reasons=()),
    )


@pytest.fixture
def true_proof() -> Proof:
    sample = sample_proof()
    template = sample.copies[0]
    return replace(
        sample,
        manifest=replace(sample.manifest, files=FILES),
        copies=(
            _copy(template, GOOD, (), "PASSED"),
            _copy(template, DAMAGED, PLANTED, "FAILED"),
            _copy(template, CLOUD, (), "PASSED"),
        ),
        verdict=VerdictFacts(result="FAILED", reasons=()),
    )


def _of_damaged(proof: Proof, **changes: Any) -> Proof:
    return replace(proof, copies=(proof.copies[0], replace(proof.copies[1], **changes), proof.copies[2]))


def _of_good(proof: Proof, **changes: Any) -> Proof:
    return replace(proof, copies=(replace(proof.copies[0], **changes), *proof.copies[1:]))


def _of_cloud(proof: Proof, **changes: Any) -> Proof:
    return replace(proof, copies=(*proof.copies[:2], replace(proof.copies[2], **changes)))


def test_a_true_proof_has_nothing_amiss(true_proof: Proof) -> None:
    comparison = compare(true_proof)
    assert comparison.amiss == ()
    assert [row.planted for row in comparison.rows] == list(PLANTED)
    assert all(row.found == row.planted.kind for row in comparison.rows)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.path)
def test_each_damage_that_was_not_found_is_named(planted: Planted, true_proof: Proof) -> None:
    damaged = true_proof.copies[1]
    comparison = compare(
        _of_damaged(
            true_proof,
            findings=tuple(one for one in damaged.findings if one.path != planted.path),
            counted=tuple(one for one in damaged.counted if one.path != planted.path),
        )
    )
    assert comparison.amiss == (f"usb: planted, and not found: {_told(planted)}",)
    assert [row.planted for row in comparison.rows if row.found is None] == [planted]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.path)
def test_a_damage_found_as_another_kind_is_named_twice(planted: Planted, true_proof: Proof) -> None:
    other = FindingKind.GROWN if planted.kind != FindingKind.GROWN else FindingKind.MISMATCH

    def retold(findings: tuple[FindingFacts, ...]) -> tuple[FindingFacts, ...]:
        return tuple(replace(one, kind=other.value) if one.path == planted.path else one for one in findings)

    damaged = true_proof.copies[1]
    comparison = compare(_of_damaged(true_proof, findings=retold(damaged.findings), counted=retold(damaged.counted)))
    assert f"usb: planted, and not found: {_told(planted)}" in comparison.amiss
    assert f"usb: found, and not planted: {other} {planted.path}" in comparison.amiss
    assert [row.found for row in comparison.rows if row.planted == planted] == [other]


def _told(planted: Planted) -> str:
    return f"{planted.kind} {planted.path}" + (f", now {planted.moved_to}" if planted.moved_to else "")


_EXTRA = FindingFacts(kind="UNREADABLE", path="Documents/\x1b[31mgood.pdf")


def test_a_finding_that_nobody_planted_is_named_harmlessly(true_proof: Proof) -> None:
    findings = (*true_proof.copies[1].findings, _EXTRA)
    comparison = compare(_of_damaged(true_proof, findings=findings))
    assert comparison.amiss == ("usb: found, and not planted: UNREADABLE Documents/\\x1b[31mgood.pdf",)


def test_a_finding_told_twice_is_amiss(true_proof: Proof) -> None:
    findings = true_proof.copies[1].findings
    assert compare(_of_damaged(true_proof, findings=(*findings, findings[0]))).amiss


def test_a_finding_of_the_copy_as_a_whole_is_amiss(true_proof: Proof) -> None:
    comparison = compare(_of_good(true_proof, findings=(FindingFacts(kind="STALE"),)))
    assert comparison.amiss == ("nas: found, and not planted: STALE ",)


def test_damage_that_was_only_counted_is_amiss(true_proof: Proof) -> None:
    damaged = true_proof.copies[1]
    (unchanging,) = [one for one in damaged.findings if one.kind == "CHANGED"]
    findings = tuple(one for one in damaged.findings if one is not unchanging)
    (sentence,) = compare(_of_damaged(true_proof, findings=findings, counted=(*damaged.counted, unchanging))).amiss
    assert sentence == f"usb: only counted, and should not be: CHANGED {unchanging.path}"


def test_work_that_was_held_against_the_copy_is_amiss(true_proof: Proof) -> None:
    damaged = true_proof.copies[1]
    comparison = compare(_of_damaged(true_proof, findings=(*damaged.findings, *damaged.counted), counted=()))
    assert len(comparison.amiss) == len(damaged.counted)
    assert all("held against the copy, and should not be" in sentence for sentence in comparison.amiss)


_Change = Callable[[Proof], Proof]
_UNTRUE: dict[str, tuple[_Change, str]] = {
    "the cloud is not drilled": (lambda p: replace(p, copies=p.copies[:2]), "copies nas, usb and b2"),
    "the cloud lacks a file": (lambda p: _of_cloud(p, proven=Count(files=FILES - 1)), "b2: expected 604 files proven"),
    "the cloud is warned of": (
        lambda p: _of_cloud(p, verdict=VerdictFacts(result="WARNED", reasons=())),
        "b2: expected it to be PASSED, got WARNED",
    ),
    "a copy is left out": (lambda p: replace(p, copies=p.copies[:1]), "copies nas, usb and b2"),
    "no copy at all": (lambda p: replace(p, copies=()), "got none"),
    "the good copy is warned of": (
        lambda p: _of_good(p, verdict=VerdictFacts(result="WARNED", reasons=())),
        "nas: expected it to be PASSED, got WARNED",
    ),
    "the damaged copy passes": (
        lambda p: _of_damaged(p, verdict=VerdictFacts(result="PASSED", reasons=())),
        "usb: expected it to be FAILED, got PASSED",
    ),
    "the drill passes": (
        lambda p: replace(p, verdict=VerdictFacts(result="PASSED", reasons=())),
        "expected the drill to be FAILED, got PASSED",
    ),
    "a file of the good copy was not restored": (
        lambda p: _of_good(p, unrestored=(UnrestoredFacts(reason="INTERRUPTED", path="a"),)),
        "nas: expected every file to be restored, got 1 that were not",
    ),
    "one proven too few": (
        lambda p: _of_good(p, proven=Count(files=FILES - 1)),
        "nas: expected 604 files proven byte for byte, got 603",
    ),
    "one proven too many": (lambda p: _of_damaged(p, proven=Count(files=593)), "usb: expected 592 files proven"),
    "a sample only": (
        lambda p: _of_good(p, assurance=replace(p.copies[0].assurance, drawn=299)),
        "nas: expected every comparable file to be drawn, got 299 of 604",
    ),
    "more drawn than there are": (
        lambda p: _of_good(p, assurance=replace(p.copies[0].assurance, drawn=605)),
        "got 605 of 604",
    ),
    "nothing said of the draw": (lambda p: _of_good(p, assurance=None), "to be drawn, got nothing"),
    "counts that differ": (lambda p: _of_damaged(p, counts={}), "usb: expected counts of 2 CHANGED, 1 GROWN"),
    "no test of itself": (
        lambda p: _of_good(p, control="not run"),
        "nas: expected the drill's test of itself to be detected, got not run",
    ),
}


@pytest.mark.parametrize("what", _UNTRUE)
def test_what_a_true_drill_can_not_say_is_amiss(what: str, true_proof: Proof) -> None:
    change, sentence = _UNTRUE[what]
    comparison = compare(change(true_proof))
    assert len(comparison.amiss) == 1
    assert sentence in comparison.amiss[0]
    assert len(comparison.rows) == len(PLANTED)


def test_a_file_that_was_moved_elsewhere_than_planted_is_amiss(true_proof: Proof) -> None:
    findings = tuple(
        replace(one, actual="Documents/other.pdf") if one.kind == "MOVED" else one
        for one in true_proof.copies[1].findings
    )
    assert len(compare(_of_damaged(true_proof, findings=findings)).amiss) == 2
