from __future__ import annotations

import hashlib
import itertools
import re
from html.parser import HTMLParser

import msgspec
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sample_proof import NASTY, sample_proof

from verifier import proof as proofs
from verifier import relpath
from verifier.errors import BundleError
from verifier.outcome import FindingKind, Reason
from verifier.proof import Assurance, Count, FindingFacts, Proof
from verifier.report import IndexRow, meaning, render_html, render_index, render_markdown
from verifier.report.page import LONGEST_LIST

SHA256 = "ab" * 32
FORBIDDEN = ("guaranteed", "certified", "100 % safe", "100% safe", "verified backup", "works")


@pytest.fixture(scope="module")
def proof() -> Proof:
    return proofs.from_bytes(proofs.to_bytes(sample_proof()))


@pytest.fixture(scope="module")
def html(proof: Proof) -> str:
    return render_html(proof, proof_sha256=SHA256)


@pytest.fixture(scope="module")
def markdown(proof: Proof) -> str:
    return render_markdown(proof, proof_sha256=SHA256)


CELLS = {"td", "th", "li", "p", "caption", "h1", "h2", "h3", "h4"}


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and text outside of the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.title = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "img", "link"}:
            self._open.append(tag)
        if tag in CELLS:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in CELLS:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if "title" in self._open:
            self.title += data
        elif "style" not in self._open and self.cells:
            self.cells[-1] += data

    @property
    def text(self) -> str:
        return "\n".join(self.cells)


def tokens_of(markdown: str) -> list[Token]:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [inner for token in parser.parse(markdown) for inner in (token, *(token.children or ()))]


def text_of(markdown: str) -> str:
    return "\n".join(
        "".join(inner.content for inner in token.children or ()) for token in tokens_of(markdown) if token.children
    )


def test_every_kind_and_reason_is_explained() -> None:
    assert set(meaning.KINDS) == set(FindingKind)
    assert set(meaning.REASONS) == set(Reason)
    assert set(meaning.VERDICTS) == {"PASSED", "WARNED", "FAILED", "INCONCLUSIVE"}
    lines = [*meaning.KINDS.values(), *meaning.REASONS.values(), *meaning.VERDICTS.values()]
    assert all(line[0].isupper() and line.endswith(".") and len(line) < 120 for line in lines)
    assert len(set(lines)) == len(lines)


def test_the_same_proof_gives_the_same_bytes(proof: Proof, html: str, markdown: str) -> None:
    again = proofs.from_bytes(proofs.to_bytes(sample_proof()))
    assert render_html(again, proof_sha256=SHA256) == html
    assert render_markdown(again, proof_sha256=SHA256) == markdown


def test_words_that_are_never_used(html: str, markdown: str) -> None:
    index = render_index([IndexRow(scenario="photos", folder="20261122T183000Z-a", problem="cut off")])
    for text in (html, markdown, index):
        assert not [word for word in FORBIDDEN if word in text.lower()]


def test_the_verdict_and_its_reasons_come_first(html: str, markdown: str) -> None:
    page = Page(html)
    assert page.title.startswith("FAILED: restore drill of family-photos")
    first = page.text[:400]
    assert first.index("FAILED") < first.index("usb-disk: 1,234,567 files differ") < first.index("b2: the copy did not")
    assert markdown.startswith("# FAILED: restore drill of family-photos")
    assert markdown.index("usb-disk: 1,234,567 files differ") < 300


SENTENCES = (
    "Restored from the copy into scratch, read back, every byte compared; not opened, not probed.",
    "xxh3_128 shows accident, not malice",
    "Proven: 240 of 299 planned files, 10.5 MiB of 11.8 MiB.",
    "On 2026-11-22 19:36:51 UTC at most 461,000 of 1,900,000 comparable files (at most 2.0 TiB) differ from",
    "or could not be restored, at 95 % confidence. Drawn: 299 of 1,900,000; bad among them: 59 of 299.",
    "Every comparable file was restored, 1,240 of 1,240: no sample was drawn.",
    "1,200 of 1,900,000 files, 42.0 MiB of 8.0 PiB, were proven from this copy",
    "The drill tested itself",
    "Nothing was found against what was proven.",
    "usb-disk: that the bytes came from the medium itself, and not from this machine's memory.",
    "The drill did not test itself on this copy",
    "Nothing can be concluded from this drill",
    "Full restore (projected, not measured)",
    "The reference is a manifest that was made on 2026-10-01 12:00:00 UTC",
    "11,000,000 of 12,345,678",
    "the newest modification time found in the copy",
    "possibly this machine's memory",
    "51aa09",
    "c0ffee00" * 8,
    "5b" * 32,
    "e3" * 32,
    SHA256,
    "drawn by this machine after the plan's sizes were fixed",
    "in the cloud only, without its bytes on the machine",
    "@eaDir",
    "can't be told",
    "does not hold",
    "usb-disk is FAILED",
    "unicode normal form",
    "sha256sum -c SHA256SUMS",
    "xxhsum -H2 FILE",
    "the folder's file system could not be told",
    "/home/anna/Pictures",
    "9,007,199,254,740,993",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_a_report_says(html: str, markdown: str, sentence: str) -> None:
    assert sentence in Page(html).text
    assert sentence in text_of(markdown) + markdown


def test_every_name_is_shown_and_does_nothing_in_html(html: str) -> None:
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "svg", "i", "b"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"]
    hrefs = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert hrefs == ["#copy-1", "#copy-2", "#copy-3"]
    assert not [name for _, attributes in page.tags for name in attributes if name in {"src", "srcset", "action"}]
    for path in NASTY:
        assert relpath.show(path) in page.cells
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


def test_every_name_is_shown_and_does_nothing_in_markdown(markdown: str) -> None:
    tokens = tokens_of(markdown)
    assert not {token.type for token in tokens} & {
        "html_inline",
        "html_block",
        "link_open",
        "image",
        "em_open",
        "s_open",
    }
    # Code spans and strong words are those of the template; a name adds none.
    spans = {token.content for token in tokens if token.type == "code_inline"}
    assert spans == {"OK", "shasum -a 256 -c SHA256SUMS", "proof.json", "findings.jsonl"}
    # A parser as simple as a regular expression sees no link either, nor does GitHub's for bare addresses.
    assert not re.search(r"\]\(|\w://|www\.", markdown)
    lines = text_of(markdown).split("\n")
    for path in NASTY:
        assert relpath.show(path).strip() in lines
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", markdown)


def test_each_row_of_a_markdown_table_has_its_columns(markdown: str) -> None:
    rows = [line for line in markdown.split("\n") if line.startswith("|")]
    widths = [len(re.findall(r"(?<!\\)\|", row.replace("\\\\", ""))) for row in rows]
    separators = [index for index, row in enumerate(rows) if set(row) <= set("|-")]
    assert len(separators) > 10
    for start, end in zip(separators, [*(place - 1 for place in separators[1:]), len(rows)], strict=True):
        assert len(set(widths[start - 1 : end])) == 1


def test_html_is_one_file_that_may_load_nothing(html: str) -> None:
    page = Page(html)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    digest = msgspec.json.encode(hashlib.sha256(style[1].encode()).digest()).decode().strip('"')
    policies = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"]
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert html.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in page.tags
    assert ("meta", {"charset": "utf-8"}) in page.tags


def test_headings_go_down_one_level_at_a_time_and_header_cells_have_a_scope(html: str) -> None:
    tags = Page(html).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in tags if tag == "th")


def _with_first_copy(proof: Proof, **changes: object) -> Proof:
    first, *rest = proof.copies
    return msgspec.structs.replace(proof, copies=(msgspec.structs.replace(first, **changes), *rest))


def test_long_lists_are_cut_and_what_is_missing_is_counted(proof: Proof) -> None:
    many = tuple(FindingFacts(kind="MISSING", path=f"lost/{number:05d}") for number in range(LONGEST_LIST + 5))
    counts = {"MISSING": Count(files=1_000_000, bytes=1)}
    long = _with_first_copy(proof, findings=many, counts=counts)
    for text in (render_html(long, proof_sha256=SHA256), render_markdown(long, proof_sha256=SHA256)):
        assert text.count("lost/0") == LONGEST_LIST
        assert f"lost/{LONGEST_LIST - 1:05d}" in text
        assert f"lost/{LONGEST_LIST:05d}" not in text
        assert re.search(r"and 999,000 more in (<code>|`)findings\.jsonl", text)


def test_damage_among_counted_kinds_is_not_counted_twice(proof: Proof) -> None:
    damaged = tuple(FindingFacts(kind="CHANGED", path=f"2015/{number}") for number in range(2))
    examples = tuple(FindingFacts(kind="CHANGED", path=f"notes/{number}") for number in range(3))
    counts = {"CHANGED": Count(files=10, bytes=10)}
    both = _with_first_copy(proof, findings=damaged, counted=examples, counts=counts, unrestored=())
    text = render_markdown(both, proof_sha256=SHA256)
    assert "#### CHANGED: 2\n" in text
    assert "#### CHANGED: 8\n" in text
    assert "and 5 more, which are counted, not named" in text
    assert " more in `findings.jsonl`" not in text


def test_a_live_reference_claims_the_time_and_no_more(proof: Proof) -> None:
    live = msgspec.structs.replace(
        proof, manifest=msgspec.structs.replace(proof.manifest, live=True, created_at=None, digest="sha256")
    )
    text = Page(render_html(live, proof_sha256=SHA256)).text
    assert "matches the live data at 2026-11-22 18:30:00 UTC, no more" in text
    assert "sha256 is a cryptographic digest: it shows accident and malice." in text
    assert "That nobody changed the data on purpose" not in text


def test_a_full_drill_with_damage_does_not_say_that_everything_was_restored(proof: Proof) -> None:
    assurance = proof.copies[1].assurance
    assert assurance is not None
    full = _with_first_copy(proof, assurance=msgspec.structs.replace(assurance, bad=3))
    text = Page(render_html(full, proof_sha256=SHA256)).text
    assert "Every comparable file was drawn, 1,240 of 1,240: 3 differ from the manifest or could not be" in text


@pytest.mark.parametrize("assured", [True, False])
def test_nothing_proven_is_never_told_as_good(proof: Proof, *, assured: bool) -> None:
    none = Count()
    assurance = Assurance(confidence=0.95, population=0, drawn=0, bad=0, at_most_bad_files=0, at_most_bad_bytes=0)
    changes = dict.fromkeys(("listed", "population", "planned", "proven"), none)
    empty = msgspec.structs.replace(proof.copies[1], **changes, assurance=assurance if assured else None)
    text = Page(render_html(msgspec.structs.replace(proof, copies=(empty,)), proof_sha256=SHA256)).text
    assert "nas: No file was proven. Proven: 0 of 0 planned files" in text
    assert "Nothing can be concluded from this drill" in text
    assert "Nothing was proven, so nothing could be found." in text
    assert not re.search("every (comparable|byte)|nothing was found against", text.split("Copy: nas")[0], re.IGNORECASE)
    assert "Every comparable file" not in text


def test_a_failed_self_test_is_said_plainly(proof: Proof) -> None:
    text = render_markdown(_with_first_copy(proof, control="undetected"), proof_sha256=SHA256)
    assert "damage that it planted was not reported. Rely on nothing below." in text


def test_words_that_this_version_does_not_know_are_shown(proof: Proof) -> None:
    strange = _with_first_copy(
        proof,
        findings=(FindingFacts(kind="<ODD>", path_b64="not base64"),),
        counts={"<ODD>": Count(files=1)},
        depth="<deep>",
        read_from="<tape>",
        measured={"<odd> seconds": None},
    )
    text = Page(render_html(strange, proof_sha256=SHA256)).text
    assert "This version of the program does not know the word." in text
    assert "not base64 (expected base64)" in text
    assert "<tape>" in text


@pytest.fixture
def of_two(proof: Proof) -> Proof:
    """Return a proof whose second copy was held against an older and smaller manifest, of another checksum."""
    older = msgspec.structs.replace(
        proof.manifest, identity="0d" * 32, created_at="2026-01-02T03:04:05Z", digest="xxh3_64", files=1_111, bytes=0
    )
    copies = list(proof.copies)
    copies[1] = msgspec.structs.replace(
        copies[1], manifest=older.identity, manifest_created_at=older.created_at, planned=Count(files=1_000)
    )
    newest = msgspec.structs.replace(proof.manifest, digest="sha256")
    changed = msgspec.structs.replace(proof, manifest=newest, manifests=(older,), copies=tuple(copies))
    return proofs.from_bytes(proofs.to_bytes(changed))


def test_a_copy_that_was_held_against_another_manifest_says_so(of_two: Proof) -> None:
    html, markdown = render_html(of_two, proof_sha256=SHA256), render_markdown(of_two, proof_sha256=SHA256)
    for text in (Page(html).text, markdown):
        assert "1,000 of 1,111" in text  # its shares are of its own manifest
        assert "0d" * 32 in text
        # A proof is as good as the weaker of the checksums, and there is no one program that checks by both.
        assert "xxh3_64 shows accident, not malice" in text
        assert "That nobody changed the data on purpose" in text
        assert "prints the value that the manifest has for it" not in text
    text = Page(html).text
    assert "The reference of usb-disk and b2 is a manifest" in text
    assert "The reference of nas is a manifest that was made on 2026-01-02 03:04:05 UTC" in text
    assert "The manifest: what nas was held against" in text


def test_a_copy_whose_manifest_is_not_in_the_proof_makes_it_none(of_two: Proof) -> None:
    with pytest.raises(BundleError, match="expected each manifest that a copy names"):
        proofs.from_bytes(proofs.to_bytes(msgspec.structs.replace(of_two, manifests=msgspec.UNSET)))


def test_the_page_of_all_drills() -> None:
    rows = [
        IndexRow(
            scenario="photos",
            folder=f"2026112{day}T183000Z-a",
            href=f"./photos/2026112{day}T183000Z-a/report.html",
            number=day,
            started_at=f"2026-11-2{day}T18:30:00Z",
            machine="<b>pi</b>",
            result="PASSED",
            copies=(("nas<script>", "PASSED"), ("b2", "WARNED")),
        )
        for day in (1, 3, 2)
    ]
    broken = IndexRow(scenario="docs", folder="</a>\x1b", problem="proof.json: cut <off>")
    html = render_index([*rows, broken])
    page = Page(html)
    assert html == render_index([broken, *reversed(rows)])
    assert html.index("docs") < html.index("photos")
    starts = [cell for cell in page.cells if cell.startswith("2026-11-2")]
    assert starts == ["2026-11-23 18:30:00 UTC", "2026-11-22 18:30:00 UTC", "2026-11-21 18:30:00 UTC"]
    assert "UNREADABLE" in page.text
    assert "proof.json: cut <off>" in page.cells
    assert "</a>\\x1b" in page.cells
    assert [a["href"] for tag, a in page.tags if tag == "a"] == [
        row.href for row in sorted(rows, key=lambda row: row.folder, reverse=True)
    ]
    assert not {tag for tag, _ in page.tags} & {"script", "b"}


def test_the_page_of_no_drills() -> None:
    assert "No drill has left a proof here." in render_index([])
