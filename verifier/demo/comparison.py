"""The proof of the demo's drill, and the table of what was planted → what was found of it, and what is amiss. Pure.

Amiss is whatever a true drill can't have said: a damage that wasn't found or was called something else, a finding that
nobody planted, a file that was neither restored nor spoken of, a verdict that doesn't follow. A program that found
everything in all copies would be as useless as one that finds nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from verifier import relpath
from verifier.demo.cloud import CLOUD
from verifier.demo.planted import DAMAGED, GOOD, PLANTED, Planted
from verifier.outcome import FindingKind
from verifier.proof import CopyFacts, FindingFacts, Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One planted damage, and the kind that its file was found as; None where nothing was said of it."""

    planted: Planted
    found: FindingKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of each planted damage, in the table's order, and what is amiss, a sentence each."""

    rows: tuple[Row, ...]
    amiss: tuple[str, ...]


def compare(proof: Proof) -> Comparison:
    """Hold a proof, parsed from its bytes, against what was planted."""
    copies = {copy.name: copy for copy in proof.copies}
    if sorted(copies) != sorted((GOOD, DAMAGED, CLOUD)):
        drilled = ", ".join(map(relpath.show, sorted(copies))) or "none"
        return Comparison(
            rows=tuple(Row(planted=planted, found=None) for planted in PLANTED),
            amiss=(f"expected the copies {GOOD}, {DAMAGED} and {CLOUD} to be drilled, got {drilled}",),
        )
    amiss = [
        *_amiss(copies[GOOD], (), verdict="PASSED", files=proof.manifest.files),
        *_amiss(copies[CLOUD], (), verdict="PASSED", files=proof.manifest.files),
        *_amiss(copies[DAMAGED], PLANTED, verdict="FAILED", files=proof.manifest.files),
    ]
    if proof.verdict.result != "FAILED":
        amiss.append(f"expected the drill to be FAILED, got {proof.verdict.result}")
    found = {_path(finding): FindingKind(finding.kind) for finding in _all_findings(copies[DAMAGED])}
    rows = (Row(planted=planted, found=found.get(os.fsencode(planted.path))) for planted in PLANTED)
    return Comparison(rows=tuple(rows), amiss=tuple(amiss))


def _amiss(copy: CopyFacts, planted: Sequence[Planted], *, verdict: str, files: int) -> Iterator[str]:
    """Yield what of a copy isn't as it must be; `files` are those of the manifest."""
    yield from _differences(copy, planted)
    if copy.unrestored:
        yield f"{copy.name}: expected every file to be restored, got {len(copy.unrestored)} that were not"
    untouched = files - sum(one.in_household for one in planted)
    if copy.proven.files != untouched:
        yield f"{copy.name}: expected {untouched:,} files proven byte for byte, got {copy.proven.files:,}"
    kinds = Counter(one.kind.value for one in planted)
    counts = {kind: count.files for kind, count in copy.counts.items()}
    if counts != kinds:
        yield f"{copy.name}: expected counts of {_listed(kinds)}, got {_listed(counts)}"
    drawn = copy.assurance
    if drawn is None or drawn.drawn != drawn.population:
        got = "nothing" if drawn is None else f"{drawn.drawn:,} of {drawn.population:,}"
        yield f"{copy.name}: expected every comparable file to be drawn, got {got}"
    if copy.control != "detected":
        yield f"{copy.name}: expected the drill's test of itself to be detected, got {copy.control}"
    if copy.verdict.result != verdict:
        yield f"{copy.name}: expected it to be {verdict}, got {copy.verdict.result}"


def _differences(copy: CopyFacts, planted: Sequence[Planted]) -> Iterator[str]:
    """Yield what was found and not planted, and what was planted and not found, each with its path."""
    expected = Counter(_expected(one) for one in planted)
    found = Counter(_found(finding) for finding in _all_findings(copy))
    damage = {_found(finding) for finding in copy.findings}
    wanted_damage = {_expected(one) for one in planted if one.is_damage}
    for what in sorted((expected - found).elements()):
        yield f"{copy.name}: planted, and not found: {_told(*what)}"
    for what in sorted((found - expected).elements()):
        yield f"{copy.name}: found, and not planted: {_told(*what)}"
    for what in sorted(damage ^ wanted_damage):
        if what in expected and what in found:
            held = "only counted" if what in wanted_damage else "held against the copy"
            yield f"{copy.name}: {held}, and should not be: {_told(*what)}"


_What = tuple[bytes, str, str]
"""Path, kind, and of a moved file where it is now."""


def _expected(planted: Planted) -> _What:
    moved_to = "" if planted.moved_to is None else relpath.show(planted.moved_to)
    return os.fsencode(planted.path), planted.kind.value, moved_to


def _found(finding: FindingFacts) -> _What:
    return _path(finding), finding.kind, finding.actual if finding.kind == FindingKind.MOVED else ""


def _all_findings(copy: CopyFacts) -> Iterable[FindingFacts]:
    return (*copy.findings, *copy.counted)


def _path(finding: FindingFacts) -> bytes:
    if finding.path is None and finding.path_b64 is None:
        return b""  # of the copy as a whole, as STALE is
    return relpath.from_json(finding.path, finding.path_b64)


def _told(path: bytes, kind: str, moved_to: str) -> str:
    return f"{kind} {relpath.show(path)}" + (f", now {moved_to}" if moved_to else "")


def _listed(kinds: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "nothing"
