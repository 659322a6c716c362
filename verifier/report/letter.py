"""What became of the scenarios of one run → the mail that tells it: subject, HTML that mail clients show, Markdown.

The worst comes first, also in the subject and in the first line of either body. Tables and inline styles, 600 pixels
wide: that is what mail clients render. No names of files stand in it; those are in what is attached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from verifier.proof import Count, Proof, Result
from verifier.report import escape, meaning
from verifier.report.rendering import html_templates, markdown_templates

NOT_DRILLED: Final = "NOT DRILLED"
"""Stands in the place of a verdict where a drill could not be made: nothing is known, and nothing is claimed."""

_ORDER: Final = ("FAILED", NOT_DRILLED, "INCONCLUSIVE", "WARNED", "PASSED")
_COLOURS: Final = {
    "FAILED": "#b3261e",
    NOT_DRILLED: "#b3261e",
    "INCONCLUSIVE": "#5b3f9e",
    "WARNED": "#8a5a00",
    "PASSED": "#17663a",
}
_NAMED_IN_SUBJECT: Final = 3
_MOST_REASONS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLine:
    """One copy of a drill, as a line of a table."""

    name: str
    result: Result
    proven: Count
    planned: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of one scenario in a run: a drill with its number and its proof's SHA-256, or none and why.

    `problem` says why there was no drill; then nothing else is known. `trouble` is what kept its bundle from being all
    that was asked for, as a signature that could not be made. `last_passed_at` and `verdict_before` look at all drills
    before and at this one; `machine` and times are the proof's own.
    """

    scenario: str
    result: Result | None = None
    problem: str | None = None
    trouble: str | None = None
    number: int | None = None
    sha256: str | None = None
    machine: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    interrupted: bool = False
    only: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    copies: tuple[CopyLine, ...] = ()
    last_passed_at: str | None = None
    verdict_before: Result | None = None

    @property
    def word(self) -> str:
        """The verdict, or that there was no drill."""
        return self.result or NOT_DRILLED

    @property
    def head(self) -> str | None:
        """Number and digest as `verifier audit --head` takes them: `12:9f86…`, whole."""
        return None if self.number is None else f"{self.number}:{self.sha256}"

    @property
    def meaning(self) -> str:
        """One line that says what the word means."""
        if self.result is None:
            return "No drill could be made, so nothing is known: this is neither a pass nor a failure of the copies."
        return meaning.VERDICTS[self.result]

    @property
    def colour(self) -> str:
        """The colour of the word."""
        return _COLOURS[self.word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail's subject and its two bodies; the subject is also the first line of both."""

    subject: str
    html: str
    markdown: str


def told_of(proof: Proof, *, sha256: str) -> Told:
    """Return what a proof, whose bytes have this SHA-256, says; of its findings only what the verdict's reasons say."""
    reasons = proof.verdict.reasons
    more = len(reasons) - _MOST_REASONS
    return Told(
        scenario=proof.scenario.name,
        result=proof.verdict.result,
        number=proof.drill.number,
        sha256=sha256,
        machine=proof.drill.machine,
        started_at=proof.drill.started_at,
        finished_at=proof.drill.finished_at,
        interrupted=proof.drill.interrupted,
        only=proof.drill.only,
        reasons=reasons if more <= 0 else (*reasons[:_MOST_REASONS], f"and {more:,} more, in the report"),
        copies=tuple(
            CopyLine(name=copy.name, result=copy.verdict.result, proven=copy.proven, planned=copy.planned)
            for copy in proof.copies
        ),
    )


def worst_first(told: Iterable[Told]) -> list[Told]:
    """Return what became of scenarios, the worst first, those of one word by name."""
    return sorted(told, key=lambda one: (_ORDER.index(one.word), one.scenario))


def subject_of(told: Sequence[Told]) -> str:
    """Return `FAILED: music, photos; PASSED: letters`: the worst first."""
    parts = []
    for word, group in groupby(worst_first(told), key=lambda one: one.word):
        names = [one.scenario for one in group]
        more = len(names) - _NAMED_IN_SUBJECT
        named = ", ".join(map(escape.line, names[:_NAMED_IN_SUBJECT]))
        parts.append(f"{word}: {named}" + (f" and {more:,} more" if more > 0 else ""))
    return "; ".join(parts)


def render_letter(told: Sequence[Told], *, notes: Sequence[str]) -> Letter:
    """Return the mail that tells what became of the scenarios of one run, at least one.

    Args:
        told: in any order.
        notes: sentences on the mail itself: what is attached, what was left out, why it isn't signed.
    """
    subject = subject_of(told)
    values = {"told": worst_first(told), "subject": subject, "notes": list(notes)}
    return Letter(
        subject=subject,
        html=html_templates().get_template("letter.html.j2").render(values),
        markdown=markdown_templates().get_template("letter.md.j2").render(values),
    )
