"""A server's side of SFTP version 3 over a tree in memory, without a line or a process: it can be told to misbehave.

The real server never does what these tests need: cut a reply short, answer in another order, lie about lengths.
"""

from __future__ import annotations

import random
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verifier.sources.places.sftp import protocol
from verifier.sources.places.sftp.transport import ConnectionLostError, Transport

MTIME = 1_600_000_000
U32 = struct.Struct(">I")

Node = bytes | tuple[str, bytes] | None
"""A file's content, a link's target as `("link", …)`, a pipe as `("pipe", b"")`, or None for a folder."""


def text(value: bytes) -> bytes:
    return U32.pack(len(value)) + value


def packet(kind: int, number: int, body: bytes = b"") -> bytes:
    return struct.pack(">IBI", 5 + len(body), kind, number) + body


def status(number: int, code: int, message: bytes = b"Failure") -> bytes:
    return packet(protocol.STATUS, number, U32.pack(code) + text(message) + text(b""))


def attributes(node: Node, *, size_bytes: int | None = None) -> bytes:
    mode = stat.S_IFDIR
    if isinstance(node, bytes):
        mode = stat.S_IFREG
    elif isinstance(node, tuple):
        mode = stat.S_IFLNK if node[0] == "link" else stat.S_IFIFO
    known = len(node) if isinstance(node, bytes) else 0
    size = known if size_bytes is None else size_bytes
    return struct.pack(">IQIII", 0x1 | 0x4 | 0x8, size, mode | 0o644, MTIME, MTIME)


@dataclass(kw_only=True)
class Manners:
    """How the server behaves; without any of these, well.

    `most_bytes` is what it sends of a file at a time; `stated_bytes` what it says that it does, with 0 for saying
    nothing; `handles` how many it has; `mangle` sees each reply (the request's kind, its number, the packet) and
    returns what is sent in its place.
    """

    most_bytes: int = 1 << 30
    stated_bytes: int = protocol.LARGEST_READ_BYTES
    handles: int = 1 << 30
    shuffled: random.Random | None = None
    failing: frozenset[bytes] = frozenset()
    failing_reads: frozenset[bytes] = frozenset()
    sizes: Mapping[bytes, int] | None = None
    mangle: Callable[[int, int, bytes], bytes] | None = None


class FakeServer:
    """Bytes in, bytes out."""

    def __init__(self, tree: Mapping[bytes, Node], manners: Manners | None = None) -> None:
        self.tree = {b"/": None, **tree}
        self.manners = manners or Manners()
        self.opened: dict[bytes, tuple[bytes, list[bytes]]] = {}
        self.requests: list[int] = []
        self.most_open = 0
        self._made = 0
        self._unread = b""

    def feed(self, data: bytes) -> bytes:
        self._unread += data
        replies = []
        while len(self._unread) >= 4 and len(self._unread) >= 4 + U32.unpack_from(self._unread)[0]:
            length = U32.unpack_from(self._unread)[0]
            replies.append(self._answer(self._unread[4 : 4 + length]))
            self._unread = self._unread[4 + length :]
        if self.manners.shuffled is not None:
            self.manners.shuffled.shuffle(replies)
        return b"".join(replies)

    def _answer(self, request: bytes) -> bytes:
        kind, number = struct.unpack_from(">BI", request)
        self.requests.append(kind)
        if kind == protocol.INIT:
            extension = text(b"limits@openssh.com") + text(b"1") if self.manners.stated_bytes else b""
            reply = packet(protocol.VERSION_REPLY, 3, extension)
        else:
            reply = self._reply(kind, number, request[5:])
        return reply if self.manners.mangle is None else self.manners.mangle(kind, number, reply)

    def _reply(self, kind: int, number: int, body: bytes) -> bytes:  # noqa: PLR0911 - a request's kind each
        length = U32.unpack_from(body)[0]
        name, rest = body[4 : 4 + length], body[4 + length :]
        if kind == protocol.EXTENDED:
            limits = struct.pack(">QQQQ", 256 * 1024, self.manners.stated_bytes, 0, min(self.manners.handles, 1 << 20))
            return packet(protocol.EXTENDED_REPLY, number, limits)
        if kind in (protocol.OPEN, protocol.OPENDIR):
            return self._open(kind, number, name)
        if kind == protocol.CLOSE:
            self.opened.pop(name, None)
            return status(number, protocol.OK)
        if kind in (protocol.READ, protocol.READDIR, protocol.FSTAT) and name not in self.opened:
            return status(number, protocol.FAILURE)
        if kind == protocol.READ:
            return self._read(number, name, *struct.unpack(">QI", rest))
        if kind == protocol.READDIR:
            return self._readdir(number, name)
        path = self.opened[name][0] if kind == protocol.FSTAT else name
        node = self.tree.get(path, KeyError)
        if node is KeyError:
            return status(number, protocol.NO_SUCH_FILE)
        if kind == protocol.READLINK:
            assert isinstance(node, tuple)
            return packet(protocol.NAME, number, U32.pack(1) + text(node[1]) + text(node[1]) + U32.pack(0))
        size_bytes = (self.manners.sizes or {}).get(path)
        return packet(protocol.ATTRS, number, attributes(node, size_bytes=size_bytes))  # type: ignore[arg-type]

    def _open(self, kind: int, number: int, path: bytes) -> bytes:
        if path not in self.tree:
            return status(number, protocol.NO_SUCH_FILE)
        if path in self.manners.failing:
            return status(number, protocol.PERMISSION_DENIED)
        if len(self.opened) >= self.manners.handles:
            return status(number, protocol.FAILURE)
        self._made += 1
        handle = b"handle %d" % self._made
        names = []
        if kind == protocol.OPENDIR:
            prefix = path.rstrip(b"/") + b"/"
            names = [other for other in self.tree if other.startswith(prefix) and b"/" not in other[len(prefix) :]]
            names = [other for other in names if other != prefix]
        self.opened[handle] = (path, names)
        self.most_open = max(self.most_open, len(self.opened))
        return packet(protocol.HANDLE, number, text(handle))

    def _read(self, number: int, handle: bytes, offset: int, length: int) -> bytes:
        path = self.opened[handle][0]
        content = self.tree[path]
        if path in self.manners.failing_reads or not isinstance(content, bytes):
            return status(number, protocol.FAILURE)
        block = content[offset : offset + min(length, self.manners.most_bytes)]
        return packet(protocol.DATA, number, text(block)) if block else status(number, protocol.EOF, b"End of file")

    def _readdir(self, number: int, handle: bytes) -> bytes:
        names = self.opened[handle][1]
        taken, names[:] = names[:3], names[3:]
        if not taken:
            return status(number, protocol.EOF, b"End of file")
        body = b"".join(
            text(path.rpartition(b"/")[2]) + text(b"-rw-r--r-- for people's eyes") + attributes(self.tree.get(path))
            for path in taken
        )
        return packet(protocol.NAME, number, U32.pack(len(taken)) + body)


class LoopTransport(Transport):
    """A transport to a fake server, which gives its bytes in pieces of random length.

    Args:
        server: who answers.
        pieces: decides on the lengths.
        ends_after: how many bytes come before the connection ends.
    """

    note = "a loop"

    def __init__(self, server: FakeServer, pieces: random.Random, ends_after: int | None = None) -> None:
        self._server = server
        self._pieces = pieces
        self._left = ends_after
        self._unread = bytearray()
        self.closed = False

    def send(self, data: bytes | bytearray) -> int:
        count = self._pieces.randint(0, len(data)) if self._pieces.random() < 0.3 else len(data)
        self._unread += self._server.feed(bytes(data[:count]))
        return count

    def receive_into(self, room: memoryview, wait_seconds: float, *, wants_to_send: bool) -> int:
        del wait_seconds, wants_to_send
        if self._left is not None and self._left <= 0:
            raise ConnectionLostError("the connection ended")
        count = min(len(room), len(self._unread), self._pieces.choice([1, 7, 100, 5000, 300_000]))
        if self._left is not None:
            count = min(count, self._left)
            self._left -= count
        room[:count] = self._unread[:count]
        del self._unread[:count]
        return count

    def close(self) -> None:
        self.closed = True
