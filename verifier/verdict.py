"""Outcomes and objectives → a verdict, with its reasons. Pure.

FAILED comes before INCONCLUSIVE, that before WARNED, that before PASSED, over a copy's evidence as over copies and
scenarios. Nothing chosen, restored or compared is INCONCLUSIVE: only what was proven is green.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from verifier.outcome import COUNTED_KINDS, WARNING_KINDS, Finding, FindingKind, Match, Outcome, Reason


class Result(StrEnum):
    """What a drill came to, the gravest first."""

    FAILED = "FAILED"
    INCONCLUSIVE = "INCONCLUSIVE"
    WARNED = "WARNED"
    PASSED = "PASSED"


_GRAVITY: Final = {result: gravity for gravity, result in enumerate(Result)}
_ENCRYPTED_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A result and the sentences that led to it, the gravest first."""

    result: Result
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Amount:
    """Files and their bytes, which never part; grows as outcomes come in."""

    files: int = 0
    size_bytes: int = 0

    def add(self, size_bytes: int) -> None:
        """Count one more file."""
        self.files += 1
        self.size_bytes += size_bytes


@dataclass(slots=True, kw_only=True)
class Tally:
    """Outcomes and listing findings of one copy, counted as they stream by.

    `counts` has an amount for each finding kind and each reason that occurred; `held_against` those findings of a
    counted kind that are damage here (`unchanging`); `inspected` the newer files that were looked into.
    """

    planned: Amount = field(default_factory=Amount)
    proven: Amount = field(default_factory=Amount)
    counts: dict[str, Amount] = field(default_factory=lambda: defaultdict(Amount))
    held_against: Amount = field(default_factory=Amount)
    inspected_files: int = 0
    encrypted_files: int = 0

    def add_finding(self, finding: Finding) -> None:
        """Count a discrepancy, whether the listing or a restore showed it."""
        self.counts[finding.kind.value].add(finding.size_bytes)
        if finding.unchanging:
            self.held_against.add(finding.size_bytes)

    def add_outcome(self, outcome: Outcome, planned_bytes: int) -> None:
        """Count what became of one planned entry of `planned_bytes`."""
        self.planned.add(planned_bytes)
        if isinstance(outcome, Match):
            self.proven.add(outcome.size_bytes)
        elif isinstance(outcome, Finding):
            self.add_finding(outcome)
            if outcome.kind == FindingKind.CHANGED:
                self.inspected_files += 1
                self.encrypted_files += outcome.encrypted
        else:
            self.counts[outcome.reason.value].add(outcome.size_bytes)

    def files(self, kinds: Iterable[FindingKind | Reason]) -> int:
        """Return how many files have one of these kinds or reasons."""
        return sum(self.counts[kind.value].files for kind in kinds if kind.value in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that one copy's verdict depends on.

    `manifest_files` are the reference's files that are drilled; `trouble` is what kept the copy as a whole from it;
    `control` the drill's test of itself; `warnings` are sentences that make a good drill a WARNED one.
    """

    tally: Tally
    manifest_files: int
    population_files: int
    changed_share: float
    control: str
    trouble: str | None = None
    interrupted: bool = False
    warnings: tuple[str, ...] = ()


def judge_copy(evidence: Evidence) -> Verdict:
    """Return the verdict of one copy."""
    failed = list(_failed(evidence))
    inconclusive = list(_inconclusive(evidence))
    warned = list(_warned(evidence))
    reasons = (*failed, *inconclusive, *warned)
    if failed:
        return Verdict(result=Result.FAILED, reasons=reasons)
    if inconclusive:
        return Verdict(result=Result.INCONCLUSIVE, reasons=reasons)
    proven = evidence.tally.proven
    shown = (
        f"{proven.files:,} of {evidence.tally.planned.files:,} planned files restored with every byte equal, "
        f"of {evidence.population_files:,} comparable ones"
    )
    return Verdict(result=Result.WARNED if warned else Result.PASSED, reasons=(*warned, shown))


def _failed(evidence: Evidence) -> Iterable[str]:
    tally = evidence.tally
    for kind in FindingKind:
        if kind not in WARNING_KINDS | COUNTED_KINDS and kind.value in tally.counts:
            yield _counted(tally.counts[kind.value], kind.value)
    if _too_much_deleted(evidence):
        yield (
            f"{_counted(tally.counts[FindingKind.DELETED_AT_SOURCE.value], FindingKind.DELETED_AT_SOURCE.value)}, more "
            f"than {evidence.changed_share:.0%} of {evidence.manifest_files:,}: so many are not deleted by hand"
        )
    if tally.held_against.files:
        yield _counted(tally.held_against, "CHANGED where nothing may change")
    if _too_much_changed(evidence) and tally.encrypted_files > _ENCRYPTED_SHARE * tally.inspected_files:
        yield (
            f"{tally.encrypted_files:,} of {tally.inspected_files:,} changed files that were restored look encrypted, "
            f"and {tally.files([FindingKind.CHANGED]):,} of {evidence.manifest_files:,} files are changed"
        )


def _inconclusive(evidence: Evidence) -> Iterable[str]:
    tally = evidence.tally
    if evidence.trouble is not None:
        yield evidence.trouble
    if evidence.interrupted:
        yield "the drill was interrupted"
    for reason in Reason:
        if reason != Reason.OVER_BUDGET and reason.value in tally.counts:
            yield _counted(tally.counts[reason.value], reason.value)
    if _too_much_changed(evidence):
        changed = tally.files([FindingKind.CHANGED, FindingKind.EDITED])
        yield (
            f"{changed:,} of {evidence.manifest_files:,} files were changed since, more than the "
            f"{evidence.changed_share:.0%} of which a drill can still tell damage from work: make a new manifest"
        )
    if evidence.trouble is None and not tally.planned.files:
        yield "nothing was there to restore, so nothing was proven"
    elif evidence.trouble is None and not tally.proven.files:
        yield "not one file was restored with every byte equal"
    if evidence.control == "undetected":
        yield "the drill's test of itself did not find the damage that it planted"
    elif tally.proven.files and evidence.control != "detected" and not evidence.interrupted:
        yield "the drill's test of itself could not be made"


def _warned(evidence: Evidence) -> Iterable[str]:
    tally = evidence.tally
    for kind in FindingKind:
        told = kind is FindingKind.DELETED_AT_SOURCE and _too_much_deleted(evidence)
        if kind in WARNING_KINDS and kind.value in tally.counts and not told:
            yield _counted(tally.counts[kind.value], kind.value)
    new = tally.files([FindingKind.NEW, FindingKind.NOT_YET])
    if new > evidence.changed_share * evidence.manifest_files:
        yield (
            f"{new:,} files are newer than the reference of {evidence.manifest_files:,} files or not yet in the copy: "
            "make a new manifest, or a new backup"
        )
    yield from evidence.warnings


def _too_much_changed(evidence: Evidence) -> bool:
    changed = evidence.tally.files([FindingKind.CHANGED, FindingKind.EDITED]) - evidence.tally.held_against.files
    return changed > evidence.changed_share * evidence.manifest_files


def _too_much_deleted(evidence: Evidence) -> bool:
    return evidence.tally.files([FindingKind.DELETED_AT_SOURCE]) > evidence.changed_share * evidence.manifest_files


def _counted(amount: Amount, what: str) -> str:
    return f"{amount.files:,} {'file' if amount.files == 1 else 'files'} {what} ({amount.size_bytes:,} bytes)"


def gravest(results: Iterable[Result]) -> Result:
    """Return the gravest of several results; INCONCLUSIVE of none, since nothing was shown."""
    return min(results, key=_GRAVITY.__getitem__, default=Result.INCONCLUSIVE)


def judge_drill(verdicts: Mapping[str, Verdict], warnings: Sequence[str] = ()) -> Verdict:
    """Return the verdict of a drill from those of its copies, by name, and what is amiss with all of them together.

    `warnings` make a drill that would pass a WARNED one, and stand among the reasons where that is.
    """
    result = gravest([*(verdict.result for verdict in verdicts.values()), *(Result.WARNED for _ in warnings[:1])])
    if not verdicts:
        return Verdict(result=Result.INCONCLUSIVE, reasons=("no copy was drilled", *warnings))
    reasons = [(v.result, f"{name}: {reason}") for name, v in verdicts.items() for reason in v.reasons]
    reasons += [(Result.WARNED, warning) for warning in warnings]
    reasons.sort(key=lambda pair: _GRAVITY[pair[0]])
    return Verdict(result=result, reasons=tuple(reason for _, reason in reasons))
