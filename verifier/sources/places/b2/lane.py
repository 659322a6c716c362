"""One connection with the answer that is just coming over it: the head is gathered, then the body is counted."""

from __future__ import annotations

from typing import Final

from verifier.sources.places.b2.answer import LONGEST_HEAD_BYTES, Answer, MalformedError, parse
from verifier.sources.places.b2.connection import Connection
from verifier.sources.places.b2.limits import Limits
from verifier.sources.places.b2.parts import Part

_END: Final = b"\r\n\r\n"
_ERROR_BYTES: Final = 65_536
_OK: Final = (200, 206)
_DIGITS: Final = 6


class Lane:
    """A connection and what it is doing. `wanted` is how many bytes of the body are to be taken, `received` were."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.watched = connection.wants
        self.closed = False
        self.sent = False
        self.part: Part | None = None
        self.token = ""
        self.begins = False
        self.heard_anything = False
        self.received = 0
        self.wanted = 0
        self.error_body = bytearray()
        self._gathered = bytearray()
        self._answer: Answer | None = None
        self._heard_at = 0.0
        self._window_began = 0.0
        self._window_bytes = 0

    def begin(self, part: Part, token: str, request: bytes, now: float) -> None:
        """Ask for a part.

        Raises:
            OSError: the connection broke.
        """
        self.part, self.token = part, token
        self.begins, self.heard_anything = True, False
        self.received = self.wanted = self._window_bytes = 0
        self._answer = None
        self._gathered.clear()
        self.error_body.clear()
        self._heard_at = self._window_began = now
        self.sent = self.connection.send(request)

    def hear(self, now: float, count: int) -> None:
        """Note that bytes came."""
        self.heard_anything = True
        self._heard_at = now
        self._window_bytes += count

    def is_too_slow(self, now: float, limits: Limits) -> bool:
        """Tell whether nothing came for too long, or too little; begins the next window where enough did."""
        allowed = limits.silence_seconds if self.connection.is_open else limits.connect_seconds
        if now - self._heard_at > allowed:
            return True
        if now - self._window_began <= limits.window_seconds:
            return False
        enough = self._window_bytes >= limits.slowest_bytes
        self._window_began, self._window_bytes = now, 0
        return not enough

    def head(self, data: memoryview) -> memoryview | None:
        """Take in bytes; return those that belong to the body, or None while the head is not whole.

        Raises:
            MalformedError: it is no answer of HTTP/1.1.
        """
        if self._answer is not None:
            return data
        self._gathered += data[:LONGEST_HEAD_BYTES]
        end = self._gathered.find(_END)
        if end < 0:
            if len(self._gathered) >= LONGEST_HEAD_BYTES:
                raise MalformedError("a head without end")
            return None
        self._answer = parse(bytes(self._gathered[:end]))
        before = len(self._gathered) - min(len(data), LONGEST_HEAD_BYTES)
        return data[end + len(_END) - before :]

    def expect(self, part: Part) -> int:
        """Hold the head against what was asked for; return the whole file's size.

        Raises:
            MalformedError: these are not the bytes that were asked for.
        """
        answer = self._stated
        locator = part.file.request.listed.locator
        if answer.length_bytes is None:
            raise MalformedError("a body without a length")
        if locator is not None and answer.file_id not in (None, locator.encode()):
            raise MalformedError("another version")
        if not part.ranged and answer.status == 200:  # noqa: PLR2004 - HTTP's number
            one_beyond = part.end + 1 if part.file.request.to_end else part.end
            self.wanted = min(answer.length_bytes, one_beyond)
            return answer.length_bytes
        total = answer.total_bytes
        if not part.ranged or answer.status != 206 or total is None or answer.first != part.start:  # noqa: PLR2004 - HTTP's number
            raise MalformedError("other bytes than asked for")
        self.wanted = min(part.end, total) - part.start
        if answer.length_bytes != self.wanted:
            raise MalformedError("more or fewer bytes than it states")
        return total

    def keep_error(self, data: memoryview) -> None:
        """Gather what an answer that is an error says."""
        self.error_body += data[: _ERROR_BYTES - len(self.error_body)]

    @property
    def _stated(self) -> Answer:
        if self._answer is None:
            raise AssertionError("the head has come")
        return self._answer

    @property
    def status(self) -> int:
        """The answer's status."""
        return self._stated.status

    @property
    def refused(self) -> bool:
        """Whether the answer is an error."""
        return self._answer is not None and self._answer.status not in _OK

    @property
    def keeps(self) -> bool:
        """Whether the connection may be used for another answer after this one."""
        return self._stated.keep

    @property
    def error_is_whole(self) -> bool:
        """Whether all that is wanted of an error has come; where no length is stated, nothing is waited for."""
        length = self._stated.length_bytes
        return length is None or len(self.error_body) >= min(length, _ERROR_BYTES)

    @property
    def retry_after(self) -> float | None:
        """How long the answer asks to wait, in seconds, where it says so in seconds."""
        text = self._stated.retry_after
        return float(text) if text is not None and text.isdigit() and len(text) <= _DIGITS else None
