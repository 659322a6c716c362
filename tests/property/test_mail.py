from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.deliver.bodies import ping_text, webhook_json
from verifier.deliver.mail import compose
from verifier.proof import Count
from verifier.report import Told
from verifier.report.letter import CopyLine
from verifier.scenario.delivery import Email

AT = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
BY = Email(host="localhost", sender="verifier@example.org", recipients=("ana@example.org",))
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["a\r\nBcc: eve@example.org", "\n.\n", "\nFrom eve", "</td><script>", "\x00\x1b[31m", "=?utf-8?q?x?="]
)
RESULTS = st.sampled_from(["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"])


@st.composite
def told(draw: st.DrawFn) -> Told:
    if draw(st.booleans()):
        return Told(scenario=draw(NAMES), problem=draw(NAMES))
    amount = Count(files=draw(st.integers(0, 2**53)), bytes=draw(st.integers(0, 2**60)))
    return Told(
        scenario=draw(NAMES),
        result=draw(RESULTS),
        number=draw(st.integers(1, 10**6)),
        sha256="9f" * 32,
        machine=draw(NAMES),
        started_at=draw(NAMES),
        finished_at="2026-11-22T18:30:00Z",
        only=tuple(draw(st.lists(NAMES, max_size=2))),
        reasons=tuple(draw(st.lists(NAMES, max_size=3))),
        copies=(CopyLine(name=draw(NAMES), result=draw(RESULTS), proven=amount, planned=amount),),
        trouble=draw(st.none() | NAMES),
    )


@given(st.lists(told(), min_size=1, max_size=3))
@settings(max_examples=40)
def test_whatever_it_is_called_a_mail_is_one_mail_and_its_headers_are_ours(several: list[Told]) -> None:
    mail = compose(BY, several, [], at=AT).data
    assert mail.isascii()
    assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line for line in mail.split(b"\r\n"))
    read = email.message_from_bytes(mail, policy=email.policy.default)
    assert list(read.keys()) == HEADERS
    assert read["To"] == "ana@example.org"
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    for kind in ("plain", "html"):
        body = read.get_body((kind,))  # type: ignore[attr-defined]
        content = body.get_content()
        assert all(one.head is None or one.head in content for one in several)
        assert content.isprintable() or not set(content) & set("\x00\x1b\x07\u202e")


@given(st.lists(told(), min_size=1, max_size=3))
@settings(max_examples=40)
def test_whatever_it_is_called_a_ping_has_a_line_for_each_drill(several: list[Told]) -> None:
    lines = ping_text(several).decode().splitlines()
    assert len(lines) == 1 + len(several) + sum(bool(one.only) for one in several)
    assert webhook_json(several).count(b"\n") == 1
