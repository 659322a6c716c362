"""A heartbeat is written and read as it is meant; whatever else lies in its place is told, and harms nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from verifier import heartbeat
from verifier.entry import Listed
from verifier.errors import SourceError, UnreadableError
from verifier.heartbeat import NAME, Heartbeat
from verifier.sources.interface import Failed, Landed, Location, Request, Sink, Source, SourceFacts
from verifier.sources.table import open_source

WRITTEN_AT = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


def test_the_file_is_one_line_that_anybody_can_read() -> None:
    beat = Heartbeat(written_at=WRITTEN_AT + timedelta(microseconds=5), machine="desktop")
    written = heartbeat.to_bytes(beat)
    assert written == b'{"heartbeat":"verifier/1","machine":"desktop","time":"2026-11-22T18:30:00Z"}\n'
    assert heartbeat.from_bytes(written) == Heartbeat(written_at=WRITTEN_AT, machine="desktop")


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    east = WRITTEN_AT.astimezone(timezone(timedelta(hours=9)))
    assert b'"2026-11-22T18:30:00Z"' in heartbeat.to_bytes(Heartbeat(written_at=east, machine="m"))
    stated = b'{"heartbeat":"verifier/1","machine":"m","time":"2026-11-23T03:30:00+09:00"}'
    assert heartbeat.from_bytes(stated).written_at == WRITTEN_AT


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "got something else"),
        (b"\xff\xfe", "got something else"),
        (b"[" * 4_000, "got something else"),
        (b'{"heartbeat":"verifier/1","machine":"m"}', "got something else"),
        (b'{"heartbeat":"verifier/1","machine":"m","time":"yesterday"}', "got something else"),
        (b'{"heartbeat":"verifier/1","machine":7,"time":"2026-11-22T18:30:00Z"}', "got something else"),
        (b'{"heartbeat":"verifier/1","machine":"m","time":"2026-11-22T18:30:00Z","x":1}', "got something else"),
        (b'{"heartbeat":"verifier/2","machine":"m","time":"2026-11-22T18:30:00Z"}', "another version"),
        (b'{"heartbeat":"verifier/1","machine":"m","time":"2026-11-22T18:30:00"}', "got one without"),
        (b'{"heartbeat":"verifier/1","machine":"m","time":"0001-01-01T00:00:00+14:00"}', "beyond all calendars"),
        (b'{"heartbeat":"verifier/1","machine":"' + b"m" * 5_000, "expected at most 4,096 bytes"),
    ],
)
def test_what_is_no_heartbeat_is_told_in_our_own_words(content: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        heartbeat.from_bytes(content)


def test_only_a_regular_file_at_the_root_is_one() -> None:
    assert heartbeat.is_one(Listed(name=NAME))
    assert not heartbeat.is_one(Listed(name=b"photos/" + NAME))
    assert not heartbeat.is_one(Listed(name=NAME, kind="link", link=b"elsewhere"))


def test_it_is_read_from_a_copy(tmp_path: Path) -> None:
    beat = Heartbeat(written_at=WRITTEN_AT, machine="desktop")
    (tmp_path / NAME.decode()).write_bytes(heartbeat.to_bytes(beat))
    with open_source(Location(address=str(tmp_path))) as source:
        (listed,) = source.list()
        assert heartbeat.read(source, listed) == beat


class Answering(Source):
    """A source that writes what it likes, where it likes."""

    def __init__(self, *writes: tuple[int, bytes], error: SourceError | None = None) -> None:
        self._writes = writes
        self._error = error

    def facts(self) -> SourceFacts:
        return SourceFacts(address="x")

    def close(self) -> None:
        pass

    def _list(self) -> Iterator[Listed]:
        yield Listed(name=NAME, size_bytes=80)

    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        assert len(requests) == 1
        sink.write(0, 0, b"what a former try left")
        sink.create(0)
        for offset, data in self._writes:
            sink.write(0, offset, data)
        yield Failed(number=0, error=self._error) if self._error else Landed(number=0)


def test_a_source_may_send_it_in_any_order_and_no_more_than_a_little_is_kept() -> None:
    written = heartbeat.to_bytes(Heartbeat(written_at=WRITTEN_AT, machine="m"))
    listed = Listed(name=NAME, size_bytes=len(written))
    source = Answering((10, memoryview(written)[10:].tobytes()), (0, written[:10]))
    assert heartbeat.read(source, listed).written_at == WRITTEN_AT
    flood = Answering((0, written), (100, b" " * 10_000_000), (2**60, b"far"))
    with pytest.raises(ValueError, match="expected at most 4,096 bytes, got more"):
        heartbeat.read(flood, listed)


def test_one_that_is_listed_as_too_large_is_not_even_asked_for() -> None:
    with pytest.raises(ValueError, match="expected at most 4,096 bytes, got 5,000"):
        heartbeat.read(Answering(error=UnreadableError("asked")), Listed(name=NAME, size_bytes=5_000))


def test_one_that_can_not_be_read_says_so() -> None:
    with pytest.raises(UnreadableError, match="bad sector"):
        heartbeat.read(Answering(error=UnreadableError("bad sector")), Listed(name=NAME, size_bytes=80))
