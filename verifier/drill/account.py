"""Listing findings and outcomes of one copy, streamed by → counts, the worst of each kind, lines of the bundle."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from verifier import relpath
from verifier.drill.absences import missing_entry, surplus
from verifier.drill.carry_out import Work
from verifier.drill.content import content_mark
from verifier.drill.control import ControlChoice
from verifier.drill.covered import Covered
from verifier.drill.draw import undrawn
from verifier.drill.surveyed import Survey
from verifier.entry import Item
from verifier.outcome import (
    WARNING_KINDS,
    Finding,
    FindingKind,
    Match,
    Outcome,
    Reason,
    Unrestored,
    outcome_name,
)
from verifier.plan import newer_finding
from verifier.proof import Count, FindingFacts, UnrestoredFacts
from verifier.sample.strata import MOST_FILES
from verifier.spool import Table, Workspace
from verifier.verdict import Amount, Tally

WORST_SHOWN: Final = 10_000
DAMAGED_KEPT: Final = MOST_FILES
"""So many damaged files are noted for the next drill; where there are more, any lot falls on some of the others."""
EXAMPLES_SHOWN: Final = 1_000

OWN_DOING: Final = frozenset({Reason.ACCESS_DENIED, Reason.INTERRUPTED, Reason.TOOL_FAILED})
"""What kept a drill from a file and may be the file's own doing; other reasons are the drill's or the whole copy's."""
_INVERTED: Final = bytes(range(255, -1, -1))
_to_json: Final = msgspec.json.Encoder(order="deterministic").encode


class Worst:
    """Keeps the worst few of many: the largest, and of equal size the first by path."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, bytes, int, Any]] = []
        self._numbers = itertools.count()  # so that two outcomes are never compared themselves

    def add(self, outcome: Finding | Unrestored) -> None:
        """Take in one; it is kept as long as it is among the worst."""
        # Inverted path bytes: the smallest of the heap is the one to go, and of equal sizes that is the last path.
        # The end, which no path holds inverted, makes a path come before those that it begins.
        entry = (outcome.size_bytes, outcome.path.translate(_INVERTED) + b"\xff", next(self._numbers), outcome)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def outcomes(self) -> list[Any]:
        """Return those kept, in the order of their paths."""
        return sorted((entry[-1] for entry in self._heap), key=lambda outcome: outcome.path)


@dataclass(kw_only=True)
class Account:
    """What became of one copy, as it streams by.

    `sample_drawn` and `sample_bad` are of the fresh sample alone; `coverage_bad` of the rest of the population;
    `known_bad` of what is no part of it: told by the listing, or restored beside the sample. `damaged_rows` are the
    paths that the next drill is to look at.
    """

    copy: str
    finding_lines: Table[bytes]
    outcome_lines: Table[bytes]
    proven_rows: Table[tuple[bytes, int]]
    damaged_rows: Table[bytes]
    tally: Tally = field(default_factory=Tally)
    worst: dict[str, Worst] = field(default_factory=lambda: defaultdict(lambda: Worst(WORST_SHOWN)))
    examples: dict[str, Worst] = field(default_factory=lambda: defaultdict(lambda: Worst(EXAMPLES_SHOWN)))
    unrestored: dict[str, Worst] = field(default_factory=lambda: defaultdict(lambda: Worst(WORST_SHOWN)))
    control: ControlChoice = field(default_factory=ControlChoice)
    sample_drawn: int = 0
    sample_bad: Amount = field(default_factory=Amount)
    coverage_bad: Amount = field(default_factory=Amount)
    known_bad: Amount = field(default_factory=Amount)

    @classmethod
    def open(cls, copy: str, workspace: Workspace) -> Account:
        """Return an empty account of a copy."""
        return cls(
            copy=copy,
            finding_lines=workspace.table(bytes),
            outcome_lines=workspace.table(bytes),
            proven_rows=workspace.table(tuple[bytes, int]),
            damaged_rows=workspace.table(bytes),
        )

    def note(self, finding: Finding) -> None:
        """Take in a discrepancy that no restore is planned for."""
        self.tally.add_finding(finding)
        if finding.path and _is_damage(finding):
            self.known_bad.add(finding.size_bytes)
        self._show(finding)

    def _show(self, finding: Finding) -> None:
        if finding.is_counted:
            self.examples[finding.kind].add(finding)
            return
        self.worst[finding.kind].add(finding)
        self.finding_lines.append(_to_json({"copy": self.copy, **msgspec.to_builtins(finding_facts(finding))}))

    def close(self, item: Item, outcome: Outcome) -> None:
        """Take in what became of one drawn item."""
        self.tally.add_outcome(outcome, item.entry.size_bytes)
        if item.why in ("sample", "full") and not item.newer:
            self.sample_drawn += 1
        if not isinstance(outcome, Match):
            self._close_without_match(item, outcome)
        if isinstance(outcome, Match):
            self.proven_rows.append((item.entry.path, content_mark(item.entry)))
            self.control.consider(item, outcome)
        elif isinstance(outcome, Finding):
            self._show(outcome)
        else:
            self.unrestored[outcome.reason].add(outcome)

    def _close_without_match(self, item: Item, outcome: Finding | Unrestored) -> None:
        if item.newer or item.why == "moved":
            if isinstance(outcome, Finding) and _is_damage(outcome):
                self.known_bad.add(item.entry.size_bytes)
            return
        own = not outcome.is_counted if isinstance(outcome, Finding) else outcome.reason in OWN_DOING
        if item.why in ("sample", "full"):  # of the sample, whatever has no match counts, for whatever reason
            self.sample_bad.add(item.entry.size_bytes)
        elif own:
            bad = self.coverage_bad if item.why == "coverage" else self.known_bad
            bad.add(item.entry.size_bytes)
        if own and len(self.damaged_rows) < DAMAGED_KEPT:
            self.damaged_rows.append(item.entry.path)

    def note_overdue(self, covered: Covered) -> None:
        """Take in that files were not proven for too long: one finding, whatever their number."""
        finding = covered.finding()
        if finding is not None:
            self.tally.counts[finding.kind.value] = covered.overdue
            self._show(finding)

    def leave_undrawn(self, outcome: Unrestored) -> None:
        """Take in an entry that the budget does not suffice for: it is counted, and was not planned."""
        self.tally.counts[outcome.reason.value].add(outcome.size_bytes)

    def write(self, item: Item, outcome: Outcome, *, last_proven: str | None) -> None:
        """Put a drawn item into the bundle's list of outcomes."""
        line = {
            **relpath.to_json(item.entry.path),
            "copy": self.copy,
            "why": item.why,
            "last_proven": last_proven,
            "outcome": outcome_name(outcome),
            "depth": "restored" if isinstance(outcome, Match) else "listed",
            "file_id": item.listed.locator,
            "attempts": outcome.attempts,
        }
        self.outcome_lines.append(_to_json(line))

    def counts(self) -> dict[str, Count]:
        """Return files and bytes of each kind and reason that occurred."""
        return {name: count(amount) for name, amount in self.tally.counts.items()}

    def findings(self) -> tuple[FindingFacts, ...]:
        """Return the worst of each kind that is held against the copy."""
        return tuple(finding_facts(one) for kind in FindingKind for one in _kept(self.worst, kind))

    def counted(self) -> tuple[FindingFacts, ...]:
        """Return examples of each kind that is only counted."""
        return tuple(finding_facts(one) for kind in FindingKind for one in _kept(self.examples, kind))

    def unrestored_facts(self) -> tuple[UnrestoredFacts, ...]:
        """Return the worst of each reason."""
        return tuple(
            unrestored_facts(one) for reason in sorted(self.unrestored) for one in _kept(self.unrestored, reason)
        )


def _kept(groups: dict[str, Worst], name: str) -> list[Any]:
    return groups[name].outcomes() if name in groups else []


def _is_damage(finding: Finding) -> bool:
    """Tell whether a file of the manifest is lost or damaged; one of the copy alone is no such thing."""
    return not finding.is_counted and finding.kind not in WARNING_KINDS | {FindingKind.UNSAFE_PATH}


def settle(account: Account, survey: Survey, work: Work, *, scenario: str) -> None:
    """Take in everything of one copy: what the listing showed, then what became of each drawn item."""
    drawn = work.drawn
    for finding in survey.findings:
        account.note(finding)
    for item in undrawn(survey, drawn):
        if item.why != "moved":
            account.note(newer_finding(item))
            continue
        detail = f"a file of the same size stands at {relpath.show(item.listed.name)}; it was not restored to compare"
        account.note(missing_entry(item.entry, detail, deleted=item.deleted))
        account.note(surplus(item.listed, survey))
    for item in drawn.over_budget:
        left = Unrestored(
            path=item.entry.path,
            reason=Reason.OVER_BUDGET,
            size_bytes=item.entry.size_bytes,
            detail=f"cannot be drilled within the budget of {drawn.size.budget_bytes} bytes",
        )
        account.leave_undrawn(left)
        account.unrestored[left.reason].add(left)
        account.write(item, left, last_proven=work.ledger.last_proven(scenario, account.copy, item.entry.path))
    closed = 0
    for item, restored in work.outcomes():
        closed += 1
        if isinstance(restored, Unrestored) and restored.reason == Reason.OVER_BUDGET:
            account.leave_undrawn(restored)
            continue
        outcome = _moved(item, restored) if item.why == "moved" else restored
        if item.why == "moved" and isinstance(restored, Finding):
            account.note(surplus(item.listed, survey))
        account.close(item, outcome)
        if not (drawn.size.full and isinstance(outcome, Match)):
            account.write(item, outcome, last_proven=work.ledger.last_proven(scenario, account.copy, item.entry.path))
    if closed != drawn.amount.files:
        raise AssertionError(f"expected an outcome for each of {drawn.amount.files} planned entries, got {closed}")


def _moved(item: Item, outcome: Outcome) -> Outcome:
    """Return what the restore of a candidate shows: the missing file is there under another path, or it is missing."""
    if isinstance(outcome, Match):
        return Finding(
            path=item.entry.path,
            kind=FindingKind.MOVED,
            size_bytes=item.entry.size_bytes,
            expected=relpath.show(item.entry.path),
            actual=relpath.show(item.listed.name),
            detail="restored from where it is now, with every byte equal",
            attempts=outcome.attempts,
        )
    if isinstance(outcome, Finding):
        return missing_entry(item.entry, "", deleted=item.deleted)
    return outcome


def count(amount: Amount) -> Count:
    """Return an amount as the proof holds it."""
    return Count(files=amount.files, bytes=amount.size_bytes)


def finding_facts(finding: Finding) -> FindingFacts:
    """Return a finding as the proof and `findings.jsonl` hold it."""
    return FindingFacts(
        kind=finding.kind.value,
        **relpath.to_json(finding.path) if finding.path else {},
        size_bytes=finding.size_bytes,
        expected=finding.expected,
        actual=finding.actual,
        detail=finding.detail,
    )


def unrestored_facts(unrestored: Unrestored) -> UnrestoredFacts:
    """Return what could not be told as the proof holds it."""
    return UnrestoredFacts(
        reason=unrestored.reason.value,
        **relpath.to_json(unrestored.path) if unrestored.path else {},
        size_bytes=unrestored.size_bytes,
        detail=unrestored.detail,
    )
