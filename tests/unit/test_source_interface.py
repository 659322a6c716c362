from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from verifier.entry import Listed
from verifier.errors import SourceError, UnsafePathError
from verifier.scratch import Slot
from verifier.sources.interface import Failed, Landed, Request, Sink, Source, SourceFacts

UNSAFE = [b"", b"/etc/passwd", b"../up", b"a/../../up", b"a//b", b"./a", b"a/.", b"nul\0", b"n" * 32_769]


class Stub(Source):
    """A kind of copy whose private methods do what a test says."""

    def __init__(
        self,
        names: Sequence[bytes] = (),
        answer: Callable[[Sequence[Request]], Iterator[Landed | Failed]] | None = None,
    ) -> None:
        self.names = names
        self.answer = answer
        self.asked: list[bytes] = []
        self.closed = 0

    def facts(self) -> SourceFacts:
        return SourceFacts(address="stub")

    def close(self) -> None:
        self.closed += 1

    def _list(self) -> Iterator[Listed]:
        for name in self.names:
            yield Listed(name=name, size_bytes=7, mtime_ns=5, kind="link", link=b"target")

    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        self.asked += [request.listed.name for request in requests]
        for request in requests:
            sink.create(request.number)
        yield from self.answer(requests) if self.answer else (Landed(number=request.number) for request in requests)


def requests(*names: bytes) -> list[Request]:
    return [Request(number=number, listed=Listed(name=name)) for number, name in enumerate(names)]


def test_a_listed_name_that_leads_out_is_unsafe_and_nothing_else() -> None:
    listed = list(Stub([b"good", *UNSAFE, b"also/good"]).list())
    assert [line.kind for line in listed] == ["link", *["unsafe"] * len(UNSAFE), "link"]
    assert [line.name for line in listed] == [b"good", *UNSAFE, b"also/good"]
    assert listed[1] == Listed(name=UNSAFE[0], size_bytes=7, kind="unsafe"), "a target that leads out is not told on"


def test_a_name_that_leads_out_is_never_asked_for(tmp_path: Path) -> None:
    source = Stub()
    with Slot(tmp_path / "slot", 1_000) as slot:
        answers = {answer.number: answer for answer in source.restore(requests(b"good", *UNSAFE, b"b"), slot)}
    assert source.asked == [b"good", b"b"]
    assert sorted(answers) == list(range(len(UNSAFE) + 2))
    for number in range(1, len(UNSAFE) + 1):
        answer = answers[number]
        assert isinstance(answer, Failed)
        assert type(answer.error) is SourceError
        assert isinstance(answer.error.__cause__, UnsafePathError)


def test_nothing_is_asked_and_nothing_answered(tmp_path: Path) -> None:
    with Slot(tmp_path / "slot", 1_000) as slot:
        assert list(Stub().restore([], slot)) == []


def test_a_request_without_an_answer_is_an_error(tmp_path: Path) -> None:
    source = Stub(answer=lambda asked: iter([Landed(number=asked[0].number)]))
    with Slot(tmp_path / "slot", 1_000) as slot:
        answers = source.restore(requests(b"a", b"b", b"c"), slot)
        assert next(answers) == Landed(number=0)
        with pytest.raises(SourceError, match="expected an answer for each of 3 files, got none for 2"):
            next(answers)


def test_an_answer_that_nobody_waits_for_is_our_own_mistake(tmp_path: Path) -> None:
    source = Stub(answer=lambda asked: iter([Landed(number=asked[0].number)] * 2))
    with Slot(tmp_path / "slot", 1_000) as slot, pytest.raises(KeyError):
        list(source.restore(requests(b"a"), slot))


def test_it_closes_when_left() -> None:
    with Stub() as source:
        assert source.closed == 0
    assert source.closed == 1
