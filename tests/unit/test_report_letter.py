from __future__ import annotations

import dataclasses
import itertools
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace
from sample_proof import NASTY, sample_proof

from verifier import relpath
from verifier.report import NOT_DRILLED, Told, render_letter, subject_of, told_of

SHA256 = "9f86" * 16
WORDS = ("FAILED", NOT_DRILLED, "INCONCLUSIVE", "WARNED", "PASSED")


def told(word: str, scenario: str = "photos", **more: object) -> Told:
    if word == NOT_DRILLED:
        return Told(scenario=scenario, problem="the copy is the live data itself", **more)  # type: ignore[arg-type]
    return Told(
        scenario=scenario,
        result=word,
        number=12,
        sha256=SHA256,
        machine="pi",
        started_at="2026-11-22T18:30:00Z",
        finished_at="2026-11-22T19:30:00Z",
        **more,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("words", list(itertools.permutations(WORDS, 3)))
def test_the_worst_comes_first_wherever_it_is_read(words: tuple[str, ...]) -> None:
    letter = render_letter([told(word, f"s{place}") for place, word in enumerate(words)], notes=[])
    worst = min(words, key=WORDS.index)
    assert letter.subject.startswith(f"{worst}: ")
    assert letter.markdown.splitlines()[0] == letter.subject
    assert Seen(letter.html).text[0] == letter.subject
    assert [part.split(":")[0] for part in letter.subject.split("; ")] == sorted(words, key=WORDS.index)


def test_a_subject_names_a_few_and_counts_the_rest() -> None:
    many = [told("FAILED", f"s{number:04}") for number in range(1500)]
    assert subject_of(many) == "FAILED: s0000, s0001, s0002 and 1,497 more"


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data.strip())


@pytest.mark.parametrize(
    "nasty", [*map(relpath.show, NASTY), "a\r\nBcc: eve@example.org", "<script>alert(1)</script>\n# PASSED"]
)
def test_no_name_adds_markup_a_line_or_a_header(nasty: str) -> None:
    one = dataclasses.replace(
        told("FAILED"), machine=nasty, reasons=(nasty, nasty), only=(nasty,), trouble=nasty, last_passed_at=nasty
    )
    bad = render_letter([one, Told(scenario="letters", problem=nasty)], notes=[nasty])
    plain = render_letter(
        [
            dataclasses.replace(one, machine="m", reasons=("r", "r"), only=("o",), trouble="t", last_passed_at="l"),
            Told(scenario="letters", problem="p"),
        ],
        notes=["n"],
    )
    assert Seen(bad.html).tags == Seen(plain.html).tags
    assert Seen(bad.html).attributes == Seen(plain.html).attributes
    assert bad.markdown.count("\n") == plain.markdown.count("\n")
    assert bad.subject == plain.subject
    starts = [line[:2] for line in plain.markdown.splitlines()]
    assert [line[:2] for line, start in zip(bad.markdown.splitlines(), starts, strict=True)] == starts


def test_mail_clients_render_it() -> None:
    letter = render_letter([told_of(sample_proof(), sha256=SHA256)], notes=["n"])
    seen = Seen(letter.html)
    # No style sheet, no script, no image, nothing that is fetched: what a client drops can't be missed.
    assert not {"style", "script", "img", "link", "a", "div", "svg"} & set(seen.tags)
    assert not {"class", "id", "href", "src"} & seen.attributes
    assert 'width="600"' in letter.html
    assert max(map(len, letter.html.splitlines())) < 990
    assert f"12:{SHA256}" in seen.text
    assert f"    12:{SHA256}\n" in letter.markdown


def test_the_files_of_findings_are_not_named() -> None:
    proof = sample_proof()
    letter = render_letter([told_of(proof, sha256=SHA256)], notes=[])
    names = [finding.path for copy in proof.copies for finding in copy.findings if finding.path]
    assert names
    assert not [name for name in names if name in letter.html or name in letter.markdown]


def test_many_reasons_are_cut_and_counted() -> None:
    proof = sample_proof()
    many = replace(proof, verdict=replace(proof.verdict, reasons=tuple(f"reason {number}" for number in range(5000))))
    assert told_of(many, sha256=SHA256).reasons[-1] == "and 4,988 more, in the report"


def test_a_scenario_without_a_drill_claims_nothing() -> None:
    letter = render_letter([told(NOT_DRILLED)], notes=[])
    assert not re.search(r"PASSED(?!:)", letter.markdown.replace("Last PASSED", ""))
    assert "Last PASSED: never, as far as this machine knows" in letter.markdown
