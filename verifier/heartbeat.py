"""A moment → the small file that a timer writes into live data, and back: its age in a copy is the snapshot's true age.

A backup carries the file with everything else, so whatever time a copy's files have, this one says when the live data
looked as the copy has it, give or take the timer's period. It is a clock and no data: in no population, and never a
finding. Only one directly at the root of a copy is meant; a file of that name elsewhere is a file like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from verifier import relpath
from verifier.entry import Listed
from verifier.errors import SourceError
from verifier.sources.interface import Failed, Request, Source

NAME: Final = b".verifier-heartbeat.json"
_FORM: Final = "verifier/1"
_LARGEST_BYTES: Final = 4_096
_LONGEST_MACHINE: Final = 255
AHEAD: Final = timedelta(minutes=5)
"""By how much two machines' clocks may differ before a time counts as one in the future."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    heartbeat: str
    machine: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What the file says: when it was written, and on which machine."""

    written_at: datetime
    machine: str


def to_bytes(beat: Heartbeat) -> bytes:
    """Return the file: one line of JSON, its time in RFC 3339 and UTC to the second."""
    written_at = beat.written_at.astimezone(UTC).replace(microsecond=0)
    machine = relpath.as_text(beat.machine)[:_LONGEST_MACHINE]
    return msgspec.json.encode(_Line(heartbeat=_FORM, machine=machine, time=written_at)) + b"\n"


def from_bytes(content: bytes) -> Heartbeat:
    """Read the file, which anybody may have written.

    Raises:
        ValueError: says in our words what is wrong with it.
    """
    if len(content) > _LARGEST_BYTES:
        raise ValueError(f"expected at most {_LARGEST_BYTES:,} bytes, got more")
    try:
        line = msgspec.json.decode(content, type=_Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("expected a line of JSON with heartbeat, machine and time, got something else") from error
    if line.heartbeat != _FORM:
        raise ValueError(f"expected a heartbeat of {_FORM}, got one of another version")
    if line.time.tzinfo is None:
        raise ValueError("expected a time with its zone, got one without")
    try:
        written_at = line.time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time that can be in UTC, got one beyond all calendars") from error
    return Heartbeat(written_at=written_at, machine=line.machine[:_LONGEST_MACHINE])


def is_one(listed: Listed) -> bool:
    """Tell whether a line of a listing is the heartbeat: a regular file of its name at the root."""
    return listed.name == NAME and listed.kind == "file"


def read(source: Source, listed: Listed) -> Heartbeat:
    """Read the heartbeat that a copy's listing has, by the way on which files are restored.

    Raises:
        ValueError: it is none; says why.
        SourceError: it could not be read.
    """
    if listed.size_bytes > _LARGEST_BYTES:
        raise ValueError(f"expected at most {_LARGEST_BYTES:,} bytes, got {listed.size_bytes:,}")
    memory = _Memory()
    answer: object = None
    for answer in source.restore([Request(number=0, listed=listed)], memory):
        if isinstance(answer, Failed):
            raise answer.error
    if answer is None:
        raise SourceError("expected an answer for the heartbeat, got none")
    return from_bytes(bytes(memory.content))


class _Memory:
    """A sink for one small file, whatever a source sends."""

    def __init__(self) -> None:
        self.content = bytearray()

    def create(self, number: int) -> None:
        """Forget what a former try left."""
        del number
        self.content.clear()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put bytes at an offset; what lies beyond the bound is dropped, but for one byte that tells of it."""
        del number
        room = _LARGEST_BYTES + 1 - offset
        if room <= 0:
            return
        kept = bytes(data)[:room]
        end = offset + len(kept)
        if len(self.content) < end:
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = kept
