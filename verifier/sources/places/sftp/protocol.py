"""Bytes of SFTP version 3 ↔ packets; no socket, no clock.

Source: draft-ietf-secsh-filexfer-02; for `limits@openssh.com` the PROTOCOL file of OpenSSH. Every number in a packet is
a server's claim: lengths are held against the bytes that are there, and nothing is made room for on a claim alone.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

from verifier import relpath
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    InterruptedTransferError,
    SourceError,
    UnreadableError,
)

VERSION: Final = 3
INIT, VERSION_REPLY = 1, 2
OPEN, CLOSE, READ, LSTAT, FSTAT, OPENDIR, READDIR, REALPATH, STAT, READLINK = 3, 4, 5, 7, 8, 11, 12, 16, 17, 19
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, NO_CONNECTION, CONNECTION_LOST, UNSUPPORTED = range(9)
_MEANINGS: Final = (
    "success",
    "end of file",
    "no such file",
    "permission denied",
    "failure",
    "bad message",
    "no connection",
    "connection lost",
    "operation not supported",
)

LONGEST_PACKET_BYTES: Final = 256 * 1024 + 1024
"""What OpenSSH sends at most, and some slack; a longer packet is no SFTP."""

PLAIN_READ_BYTES: Final = 32 * 1024
"""What every server must be able to send in one reply (draft, section 3)."""

LARGEST_READ_BYTES: Final = 255 * 1024
_LONGEST_HANDLE_BYTES: Final = 256
_READ_FLAG: Final = 1
_HEAD: Final = struct.Struct(">IBI")
_U32: Final = struct.Struct(">I")
_U64: Final = struct.Struct(">Q")
_TWO: Final = struct.Struct(">II")
_LIMITS: Final = struct.Struct(">QQQQ")
_RANGE: Final = struct.Struct(">QI")
_ROOM_BYTES: Final = 1024 * 1024


class ProtocolError(InterruptedTransferError):
    """The server does not speak SFTP version 3, or stopped doing so; nothing that it says can be relied on."""


class Attributes(NamedTuple):
    """What a server says of a file; None where it says nothing. `mtime_seconds` are whole seconds since 1970."""

    size_bytes: int | None = None
    permissions: int | None = None
    mtime_seconds: int | None = None

    @property
    def mtime_ns(self) -> int | None:
        """The modification time as entries have it."""
        return None if self.mtime_seconds is None else self.mtime_seconds * 1_000_000_000

    def is_kind(self, kind: int) -> bool:
        """Tell whether the permissions say that it is of a kind of `stat`, as `S_IFREG`."""
        return self.permissions is not None and stat.S_IFMT(self.permissions) == kind


class Status(NamedTuple):
    """A server's answer that is no data: a code, and what it says of it."""

    code: int
    message: str

    @property
    def shown(self) -> str:
        """The code's meaning, or what the server says where that tells more."""
        meaning = _MEANINGS[self.code] if self.code < len(_MEANINGS) else f"status {self.code}"
        said = self.message.strip().lower()
        return meaning if not said or said == meaning else f"{meaning} ({relpath.show(said[:200])})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server allows. `stated` tells that it said so itself: then it fills every read that is not beyond an end.

    `open_handles` is 0 where it states none.
    """

    read_bytes: int = PLAIN_READ_BYTES
    open_handles: int = 0
    stated: bool = False


class Reply(NamedTuple):
    """A packet from the server: its kind, the request that it answers, and its body, valid until the next is asked."""

    kind: int
    number: int
    body: memoryview


class Incoming:
    """Bytes as they arrive → packets. One buffer, in which packets are looked at where they lie."""

    def __init__(self) -> None:
        self._buffer = bytearray(_ROOM_BYTES)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0

    def room(self) -> memoryview:
        """Return where the next bytes may be put: at least as much as the rest of any packet."""
        if len(self._buffer) - self._start < LONGEST_PACKET_BYTES + _U32.size or self._start == self._end:
            left = self._end - self._start
            self._view[:left] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, left
        return self._view[self._end :]

    def arrived(self, count: int) -> None:
        """Take note that `count` bytes were put there."""
        self._end += count

    def next(self) -> Reply | None:
        """Return the next packet, or None where more bytes are needed.

        Raises:
            ProtocolError: its length is none that a packet has.
        """
        start, available = self._start, self._end - self._start
        if available < _HEAD.size:
            if available >= _U32.size:
                self._check_length(_U32.unpack_from(self._buffer, start)[0])
            return None
        length, kind, number = _HEAD.unpack_from(self._buffer, start)
        if not _HEAD.size - _U32.size <= length <= LONGEST_PACKET_BYTES:
            self._check_length(length)
        end = start + _U32.size + length
        if end > self._end:
            return None
        self._start = end
        return Reply(kind, number, self._view[start + _HEAD.size : end])

    @staticmethod
    def _check_length(length: int) -> None:
        least = _HEAD.size - _U32.size
        if not least <= length <= LONGEST_PACKET_BYTES:
            raise ProtocolError(
                f"expected a packet of SFTP of {least} to {LONGEST_PACKET_BYTES} bytes, got one of {length}",
                hint="does the account's shell print something when nobody is there? SFTP needs silence",
            )


def text(value: bytes) -> bytes:
    """Return the protocol's form of a string."""
    return _U32.pack(len(value)) + value


def init() -> bytes:
    """Return the first packet: the version that we speak."""
    return struct.pack(">IBI", 5, INIT, VERSION)


def request(kind: int, number: int, *strings: bytes) -> bytes:
    """Return a request that consists of strings only: a path, a handle, an extension's name."""
    body = b"".join(map(text, strings))
    return _HEAD.pack(len(body) + 5, kind, number) + body


def open_for_reading(number: int, path: bytes) -> bytes:
    """Return the request to open a file for reading, with no attributes."""
    return _HEAD.pack(17 + len(path), OPEN, number) + text(path) + _TWO.pack(_READ_FLAG, 0)


def read(number: int, handle: bytes, offset: int, length_bytes: int) -> bytes:
    """Return the request for bytes of an open file; `handle` comes as the protocol's string."""
    return _HEAD.pack(17 + len(handle), READ, number) + handle + _RANGE.pack(offset, length_bytes)


def on_handle(kind: int, number: int, handle: bytes) -> bytes:
    """Return a request about an open handle, which comes as the protocol's string."""
    return _HEAD.pack(5 + len(handle), kind, number) + handle


def take_string(body: memoryview, position: int) -> tuple[bytes, int]:
    """Return the string at a position, and where it ends.

    Raises:
        ProtocolError: it would end behind the packet.
    """
    length = take_number(body, position)
    start = position + _U32.size
    if start + length > len(body):
        raise ProtocolError(f"expected a string of {length} bytes, got a packet with {len(body) - start} left")
    return bytes(body[start : start + length]), start + length


def take_number(body: memoryview, position: int) -> int:
    """Return the 32-bit number at a position.

    Raises:
        ProtocolError: the packet ends before.
    """
    if position + _U32.size > len(body):
        raise ProtocolError("expected a number, got the end of a packet")
    number: int = _U32.unpack_from(body, position)[0]
    return number


def take_attributes(body: memoryview, position: int) -> tuple[Attributes, int]:
    """Return the attributes at a position, and where they end.

    Raises:
        ProtocolError: they would end behind the packet.
    """
    flags = take_number(body, position)
    position += 4
    size_bytes = permissions = mtime = None
    try:
        if flags & 0x1:
            (size_bytes,) = _U64.unpack_from(body, position)
            position += 8
        if flags & 0x2:  # user and group
            position += 8
        if flags & 0x4:
            (permissions,) = _U32.unpack_from(body, position)
            position += 4
        if flags & 0x8:
            _accessed, mtime = _TWO.unpack_from(body, position)
            position += 8
    except struct.error as error:
        raise ProtocolError("expected attributes, got the end of a packet") from error
    if flags & 0x8000_0000:
        count = take_number(body, position)
        position += 4
        for _ in range(2 * count):  # each takes four bytes of the packet at least, so this ends
            _string, position = take_string(body, position)
    if position > len(body):
        raise ProtocolError("expected attributes, got the end of a packet")
    # From 2^31 on a time is either before 1970 or after 2038, which servers don't tell apart: then it isn't known.
    return Attributes(size_bytes, permissions, mtime if mtime is None or mtime < 2**31 else None), position


def handle_of(reply: Reply) -> bytes:
    """Return the handle that a server gave, as the protocol's string.

    Raises:
        ProtocolError: it is no handle.
    """
    handle, end = take_string(reply.body, 0)
    if end != len(reply.body) or len(handle) > _LONGEST_HANDLE_BYTES:
        raise ProtocolError(f"expected a handle of at most {_LONGEST_HANDLE_BYTES} bytes, got another packet")
    return bytes(reply.body)


def status_of(reply: Reply) -> Status:
    """Return a status; the message, which old servers leave out, is text whatever its bytes."""
    code = take_number(reply.body, 0)
    message = take_string(reply.body, 4)[0] if len(reply.body) > 4 else b""  # noqa: PLR2004 - the code's length
    return Status(code, message.decode("utf-8", "backslashreplace"))


def data_of(reply: Reply) -> memoryview:
    """Return the bytes of a file that a reply holds.

    Raises:
        ProtocolError: it states another length than it has.
    """
    length = take_number(reply.body, 0)
    if length != len(reply.body) - _U32.size:
        raise ProtocolError(f"expected {length} bytes of a file, got {len(reply.body) - _U32.size}")
    return reply.body[_U32.size :]


def names_of(reply: Reply) -> list[tuple[bytes, Attributes]]:
    """Return the names of a reply with their attributes; the long form for people's eyes is passed over.

    Raises:
        ProtocolError: it states more than it has.
    """
    count = take_number(reply.body, 0)
    position = 4
    names = []
    for _ in range(count):  # each takes twelve bytes of the packet at least, so this ends
        name, position = take_string(reply.body, position)
        _long, position = take_string(reply.body, position)
        attributes, position = take_attributes(reply.body, position)
        names.append((name, attributes))
    return names


def extensions_of(body: memoryview) -> dict[bytes, bytes]:
    """Return the extensions that the answer to `init` states."""
    extensions = {}
    position = 0
    while position < len(body):
        name, position = take_string(body, position)
        value, position = take_string(body, position)
        extensions[name] = value
    return extensions


def limits_of(reply: Reply) -> Limits:
    """Return the limits that a server states; 0 means none (PROTOCOL, section 4.8)."""
    if reply.kind != EXTENDED_REPLY or len(reply.body) < _LIMITS.size:
        return Limits()
    packet_bytes, read_bytes, _write_bytes, handles = _LIMITS.unpack_from(reply.body)
    allowed = min(read_bytes or LARGEST_READ_BYTES, LARGEST_READ_BYTES)
    if packet_bytes:
        allowed = min(allowed, max(0, packet_bytes - 1024))
    return Limits(read_bytes=max(allowed, 1024), open_handles=handles, stated=True)


def status_error(status: Status, name: bytes, doing: str) -> SourceError:
    """Return which of our errors a status is."""
    message = f"can't {doing} {relpath.show(name)}: {status.shown}"
    if status.code == NO_SUCH_FILE:
        return AbsentError(message)
    if status.code == PERMISSION_DENIED:
        return AccessDeniedError(message, hint="give the account that signs in the right to read it")
    if status.code == FAILURE and doing == "read":
        return UnreadableError(message, hint="the server can't read the file itself: look at its disk's health now")
    return SourceError(message)
