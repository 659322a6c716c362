from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sample_proof import sample_proof

from verifier import proof as proofs
from verifier import relpath
from verifier.errors import BundleError
from verifier.proof import Count, FindingFacts, Proof
from verifier.report import render_html, render_markdown
from verifier.report.escape import line, markdown

TEXT = st.text(max_size=40)
COUNTS = st.builds(Count, files=st.integers(0, 2**63 - 1), bytes=st.integers(0, 2**63 - 1))
FINDINGS = st.builds(
    lambda path, kind, size, text: FindingFacts(
        kind=kind, size_bytes=size, expected=text, actual=text[::-1], detail=text * 2, **relpath.to_json(path)
    ),
    st.binary(max_size=60),
    st.sampled_from(["MISMATCH", "CHANGED", "odd|<kind>"]) | TEXT,
    st.integers(0, 2**63 - 1),
    TEXT,
)
MEASURED = st.dictionaries(
    TEXT | st.sampled_from(["seconds", "bytes_per_second", "projected_full_seconds", "bytes"]),
    st.none() | TEXT | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    max_size=4,
)


@st.composite
def _proofs(draw: st.DrawFn) -> Proof:
    sample = sample_proof()
    copies = tuple(
        msgspec.structs.replace(
            copy,
            name=draw(TEXT),
            address=draw(TEXT),
            medium=draw(st.none() | TEXT),
            snapshot=draw(st.none() | TEXT),
            listed=draw(COUNTS),
            counts=draw(st.dictionaries(TEXT, COUNTS, max_size=3)),
            findings=tuple(draw(st.lists(FINDINGS, max_size=3))),
            found_as=draw(st.dictionaries(TEXT, st.integers(0, 2**63 - 1), max_size=3)),
            notes=tuple(draw(st.lists(TEXT, max_size=2))),
            measured=draw(MEASURED),
        )
        for copy in draw(st.sampled_from([(), sample.copies[:1], sample.copies]))
    )
    verdict = msgspec.structs.replace(sample.verdict, reasons=tuple(draw(st.lists(TEXT, max_size=3))))
    return msgspec.structs.replace(sample, copies=copies, verdict=verdict)


PROOFS = _proofs()


@given(PROOFS)
def test_a_proof_comes_back_from_its_bytes(proof: Proof) -> None:
    data = proofs.to_bytes(proof)
    assert proofs.from_bytes(data) == proof
    assert proofs.to_bytes(proofs.from_bytes(data)) == data


@given(PROOFS)
def test_its_bytes_are_canonical(proof: Proof) -> None:
    data = proofs.to_bytes(proof)
    text = data.decode()
    assert text.endswith("\n")
    assert text.count("\n") == 1  # a newline in a name is escaped
    held = json.loads(text, object_pairs_hook=_in_order)
    assert all(abs(number) <= 2**53 for number in _integers(held))


def _in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    assert names == sorted(set(names))
    return dict(pairs)


def _integers(value: object) -> list[int]:
    if isinstance(value, dict):
        return [number for inner in value.values() for number in _integers(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in _integers(inner)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


@given(st.data())
def test_any_byte_changed_is_refused_or_another_proof(data: st.DataObject) -> None:
    good = bytearray(proofs.to_bytes(sample_proof()))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = proofs.from_bytes(bytes(good))
    except BundleError:
        return
    assert changed != sample_proof()
    assert proofs.to_bytes(changed) == bytes(good)


@given(st.binary(max_size=200))
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError):
        proofs.from_bytes(data)


@given(PROOFS)
def test_every_proof_can_be_rendered(proof: Proof) -> None:
    parsed = proofs.from_bytes(proofs.to_bytes(proof))
    html = render_html(parsed, proof_sha256="00")
    text = render_markdown(parsed, proof_sha256="00")
    assert "<script" not in html
    assert html.count("\u202e") == 0
    assert text.count("\u202e") == 0


NASTY_TEXT = st.text(max_size=30) | st.lists(
    st.sampled_from([*"\\`*_{}[]()<>#+-.!|~&:;/\"'=$^@%1aZé \t\n\x1b\u202e", "www.", "http://", "&lt;", "](", "<a "]),
    max_size=30,
).map("".join)


@given(NASTY_TEXT)
def test_markdown_shows_exactly_the_text(text: str) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    expected = line(text).strip()
    table = f"| head | head |\n|---|---|\n| {markdown(text)} | x |\n"
    cells = [token for token in parser.parse(table) if token.type == "inline"]
    assert [token.type for token in parser.parse(table) if token.nesting == 0] == ["inline"] * 4
    for token in (cells[2], *_item(parser, f"- {markdown(text)}\n")):
        assert {inner.type for inner in token.children or ()} <= {"text", "text_special"}
        assert "".join(inner.content for inner in token.children or ()).strip() == expected
    assert cells[3].content == "x"


def _item(parser: MarkdownIt, source: str) -> list[object]:
    tokens = parser.parse(source)
    kinds = [token.type for token in tokens if not token.type.startswith(("paragraph", "inline"))]
    assert kinds == ["bullet_list_open", "list_item_open", "list_item_close", "bullet_list_close"]
    return [token for token in tokens if token.type == "inline"]
