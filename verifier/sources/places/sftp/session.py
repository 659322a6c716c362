"""A transport and an engine → answers, as they come: bytes are sent and received, and every wait has a limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, Protocol, TypeVar

from verifier import progress
from verifier.errors import UnreachableError
from verifier.sources.places.sftp import protocol
from verifier.sources.places.sftp.pace import Pace
from verifier.sources.places.sftp.protocol import Incoming, Limits, ProtocolError, Reply
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience, Transport

_TICK_SECONDS: Final = 0.5
_LIMITS_EXTENSION: Final = b"limits@openssh.com"

Answer = TypeVar("Answer")


class Engine(Protocol[Answer]):
    """What turns replies into requests and answers, without I/O."""

    answers: list[Answer]
    allowance_bytes: float

    @property
    def done(self) -> bool:
        """Whether everything was answered."""
        ...

    @property
    def is_waiting(self) -> bool:
        """Whether the server owes a reply."""
        ...

    def fill(self, out: bytearray) -> None:
        """Append what can be asked for now."""
        ...

    def handle(self, reply: Reply, out: bytearray) -> None:
        """Take a reply in."""
        ...


class _Question:
    """The engine of one request, whose answer is the reply itself, with its bytes copied."""

    def __init__(self, kind: int, *strings: bytes) -> None:
        self.answers: list[Reply] = []
        self.allowance_bytes = float("inf")
        self._packet: bytes | None = protocol.request(kind, 1, *strings)
        self.is_waiting = False
        self.done = False

    def fill(self, out: bytearray) -> None:
        """Append the request, once."""
        if self._packet is not None:
            out += self._packet
            self._packet, self.is_waiting = None, True

    def handle(self, reply: Reply, out: bytearray) -> None:
        """Take the reply as the answer.

        Raises:
            ProtocolError: it answers something else.
        """
        del out
        if not self.is_waiting or reply.number != 1:
            raise ProtocolError(f"expected the answer to a request, got one to number {reply.number}")
        self.answers.append(reply._replace(body=memoryview(bytes(reply.body))))
        self.is_waiting, self.done = False, True


class Session:
    """One connection on which SFTP was begun. After an error, or an engine not run to its end, it is of no use.

    Raises:
        SourceError: the server does not let us in, or doesn't speak SFTP.
    """

    def __init__(self, transport: Transport, patience: Patience, pace: Pace | None = None) -> None:
        self._transport = transport
        self._patience = patience
        self._pace = pace
        self._incoming = Incoming()
        self.usable = False
        self.limits = Limits()
        self._begin()
        self.usable = True

    @property
    def note(self) -> str:
        """A sentence for the report: how the bytes came."""
        return self._transport.note

    def _begin(self) -> None:
        out = bytearray(protocol.init())
        deadline = time.monotonic() + 2 * self._patience.connect_seconds
        while (reply := self._incoming.next()) is None:
            self._send(out)
            if not self._receive(out, _TICK_SECONDS) and time.monotonic() > deadline:
                raise UnreachableError("expected SFTP to begin in time, got no answer")
        if reply.kind != protocol.VERSION_REPLY or reply.number < protocol.VERSION:
            raise ProtocolError(f"expected SFTP version {protocol.VERSION}, got a packet of kind {reply.kind}")
        if _LIMITS_EXTENSION in protocol.extensions_of(reply.body):
            self.limits = protocol.limits_of(self.ask(protocol.EXTENDED, _LIMITS_EXTENSION))

    def ask(self, kind: int, *strings: bytes) -> Reply:
        """Return the reply to one request.

        Raises:
            SourceError: the connection is gone.
        """
        (reply,) = self.run(_Question(kind, *strings))
        return reply

    def run(self, engine: Engine[Answer]) -> Iterator[Answer]:
        """Yield an engine's answers until it is done.

        Raises:
            ConnectionLostError: the connection ended, or the server said nothing for too long.
            SourceError: the server doesn't speak SFTP, or the engine gave up.
        """
        self.usable = False
        out = bytearray()
        heard = time.monotonic()
        while True:
            engine.fill(out)
            if out:
                self._send(out)
            if engine.answers:
                answers, engine.answers = engine.answers, []
                yield from answers
                heard = time.monotonic()  # what whoever took them did meanwhile is not the server's silence
            elif engine.done and not engine.is_waiting:
                break
            elif self._receive(out, self._wait_seconds(engine)):
                while (reply := self._incoming.next()) is not None:
                    engine.handle(reply, out)
                heard = time.monotonic()  # behind what was done with the replies, for the same reason
            elif self._pace is not None and not engine.is_waiting:
                heard = time.monotonic()  # it is the rate that nothing was asked for
            elif time.monotonic() - heard > self._patience.silence_seconds:
                raise ConnectionLostError(
                    f"expected an answer within {self._patience.silence_seconds:.0f} s, got silence"
                )
        self.usable = True

    def _wait_seconds(self, engine: Engine[Answer]) -> float:
        """Return how long to wait at most; where a rate is to be kept, grant the engine its next bytes in time."""
        if self._pace is None:
            return _TICK_SECONDS
        return min(_TICK_SECONDS, self._pace.grant(engine))

    def _send(self, out: bytearray) -> None:
        sent = self._transport.send(out)
        del out[:sent]

    def _receive(self, out: bytearray, wait_seconds: float) -> int:
        count = self._transport.receive_into(self._incoming.room(), wait_seconds, wants_to_send=bool(out))
        if count:
            self._incoming.arrived(count)
        else:
            progress.meter().beat()
        return count

    def close(self) -> None:
        """Let go of the connection; doing so twice is fine."""
        self.usable = False
        self._transport.close()
