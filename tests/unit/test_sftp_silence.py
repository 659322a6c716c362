"""Silence is blamed on a server that owes an answer: not what we do meanwhile, and not a rate that we keep."""

from __future__ import annotations

import random
from collections import deque
from types import SimpleNamespace

import pytest
from fake_sftp import FakeServer, LoopTransport, Manners
from sink import Memory

from verifier.entry import Listed
from verifier.sources.interface import Landed, Request
from verifier.sources.places.sftp import session as session_room
from verifier.sources.places.sftp.pace import Paced
from verifier.sources.places.sftp.session import Session
from verifier.sources.places.sftp.transfer import Transfer
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience

FILES = 70
SILENCE_SECONDS = 10.0
LATE_SECONDS = 3.0
LONG_SECONDS = 60.0
BLOCK_BYTES = 4_096
CONTENT = random.Random(1).randbytes(100 * BLOCK_BYTES)
"""Of more blocks than are asked for at a time, so that there are waits within a file."""


class Clock:
    """Time that passes only where somebody waits or works."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session_room, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


class LateTransport(LoopTransport):
    """A line whose server works while it is listened to (else its window is full), and answers after a while."""

    def __init__(self, server: FakeServer, clock: Clock) -> None:
        super().__init__(server, random.Random(0))
        self._clock = clock
        self._late: deque[bytes] = deque()
        self._server_needs_seconds = LATE_SECONDS
        self.late_seconds = LATE_SECONDS

    def send(self, data: bytes | bytearray) -> int:
        if data:
            self._late.append(self._server.feed(bytes(data)))
        return len(data)

    def receive_into(self, room: memoryview, wait_seconds: float, *, wants_to_send: bool) -> int:
        if not self._unread and self._late:
            waited_seconds = min(wait_seconds, self._server_needs_seconds)
            self._server_needs_seconds -= waited_seconds
            self._clock.now += waited_seconds
            if self._server_needs_seconds <= 0:
                self._server_needs_seconds = self.late_seconds
                self._unread += self._late.popleft()
        elif not self._unread:
            self._clock.now += wait_seconds
        return super().receive_into(room, wait_seconds, wants_to_send=wants_to_send) if self._unread else 0


class SlowSink(Memory):
    """Scratch on a disk that takes its time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        super().write(number, offset, data)
        self._clock.now += self._seconds


class SlowPace:
    """A rate of a block in every so many seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._next = 0.0

    def grant(self, engine: Paced) -> float:
        if engine.allowance_bytes > 0:
            return LONG_SECONDS
        if self._clock.now < self._next:
            return self._next - self._clock.now
        self._next = self._clock.now + self._seconds
        engine.allowance_bytes += 16_384
        return 0.0


def fetch(
    clock: Clock,
    files: int,
    *,
    taking_seconds: float = 0.0,
    writing_seconds: float = 0.0,
    pace_seconds: float | None = None,
) -> None:
    """Fetch the files whole, by whoever takes so long for each, into a scratch or at a rate that does."""
    server = FakeServer({b"/%d" % number: CONTENT for number in range(files)}, Manners(stated_bytes=BLOCK_BYTES))
    pace = None if pace_seconds is None else SlowPace(clock, pace_seconds)
    session = Session(LateTransport(server, clock), Patience(silence_seconds=SILENCE_SECONDS), pace)  # type: ignore[arg-type]
    requests = [
        Request(number=number, listed=Listed(name=b"%d" % number, size_bytes=len(CONTENT))) for number in range(files)
    ]
    sink = SlowSink(clock, writing_seconds)
    transfer = Transfer(requests, sink, root=b"/", limits=session.limits)
    if pace is not None:
        transfer.allowance_bytes = 0
    for answer in session.run(transfer):
        assert isinstance(answer, Landed)
        clock.now += taking_seconds
    assert [bytes(content) for content in sink.files.values()] == [CONTENT] * files


def test_whoever_takes_answers_slowly_makes_no_server_silent(clock: Clock) -> None:
    fetch(clock, FILES, taking_seconds=LONG_SECONDS)
    assert clock.now > FILES * LONG_SECONDS


def test_a_slow_disk_for_scratch_makes_no_server_silent(clock: Clock) -> None:
    fetch(clock, 1, writing_seconds=LONG_SECONDS)
    assert clock.now >= 100 * LONG_SECONDS


def test_a_low_rate_makes_no_server_silent(clock: Clock) -> None:
    fetch(clock, 3, pace_seconds=LONG_SECONDS)
    assert clock.now > 3 * LONG_SECONDS


def test_a_server_that_needs_longer_than_the_limit_is_silent(clock: Clock) -> None:
    server = FakeServer({b"/a": CONTENT})
    line = LateTransport(server, clock)
    session = Session(line, Patience(silence_seconds=SILENCE_SECONDS))
    line.late_seconds = line._server_needs_seconds = SILENCE_SECONDS + 2
    request = Request(number=0, listed=Listed(name=b"a", size_bytes=len(CONTENT)))
    before = clock.now
    with pytest.raises(ConnectionLostError, match="got silence"):
        list(session.run(Transfer([request], Memory(), root=b"/", limits=session.limits)))
    assert SILENCE_SECONDS < clock.now - before < SILENCE_SECONDS + 2
