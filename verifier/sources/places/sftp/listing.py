"""A folder's path on the server → requests of SFTP, and its replies → everything below that folder; no I/O.

Many directories are read at once. What a name is comes with it; a link is asked for its target and never followed. The
directories that still wait are kept as names, and reading pauses where they become too many.
"""

from __future__ import annotations

import stat
from collections import deque
from typing import Final

from verifier import relpath
from verifier.entry import Listed
from verifier.errors import SourceError
from verifier.sources.places.sftp import protocol
from verifier.sources.places.sftp.protocol import (
    Attributes,
    Limits,
    ProtocolError,
    Reply,
    handle_of,
    names_of,
    status_error,
    status_of,
    take_attributes,
)

_OPEN_DIRECTORIES: Final = 32
_QUESTIONS: Final = 256
_READS_AHEAD: Final = 2
_WAITING_DIRECTORIES: Final = 20_000
_MOST_NAMES: Final = 2_000_000
_MOST_EMPTY_REPLIES: Final = 100
_LONGEST_PATH_BYTES: Final = 32_768
_FULL_BYTES: Final = 64 * 1024
_UNKNOWN: Final = Attributes()


class _Directory:
    """A directory that is being read. `seen` holds hashes of its names, which are quick and small."""

    __slots__ = ("empty_replies", "ended", "handle", "name", "seen", "waiting")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.handle = b""
        self.seen: set[int] = set()
        self.waiting = 0
        self.ended = False
        self.empty_replies = 0


class Listing:
    """The engine of one listing.

    Args:
        root: the path of the folder on the server, with its slash at the end.
        limits: what the server allows.

    Attributes:
        answers: found since somebody took them away.
    """

    def __init__(self, root: bytes, limits: Limits) -> None:
        self.answers: list[Listed] = []
        self.allowance_bytes = float("inf")
        self._root = root
        self._most_open = max(1, min(_OPEN_DIRECTORIES, limits.open_handles or _OPEN_DIRECTORIES))
        self._waiting: list[bytes] = [b""]
        self._open: deque[_Directory] = deque()
        self._links: deque[tuple[bytes, Attributes]] = deque()
        self._pending: dict[int, tuple[int, _Directory | None, bytes, Attributes]] = {}
        self._number = 0

    @property
    def done(self) -> bool:
        """Whether everything was found."""
        return not (self._waiting or self._open or self._links or self._pending)

    @property
    def is_waiting(self) -> bool:
        """Whether the server owes a reply."""
        return bool(self._pending)

    def fill(self, out: bytearray) -> None:
        """Append what can be asked for now."""
        while self._links and len(self._pending) < _QUESTIONS:
            name, attributes = self._links.popleft()
            kind = protocol.LSTAT if attributes.permissions is None else protocol.READLINK
            out += protocol.request(kind, self._expect(kind, None, name, attributes), self._root + name)
        while self._waiting and len(self._open) < self._most_open and len(out) < _FULL_BYTES:
            # The last one found first: so the tree is walked in depth, and few directories wait.
            directory = _Directory(self._waiting.pop())
            self._open.append(directory)
            path = self._root + directory.name if directory.name else self._root
            out += protocol.request(
                protocol.OPENDIR, self._expect(protocol.OPENDIR, directory, directory.name), path.rstrip(b"/") or b"/"
            )
        crowded = len(self._waiting) > _WAITING_DIRECTORIES or len(self._links) > _QUESTIONS
        for directory in self._open:
            # Where all directories were to pause, one goes on: else nothing ever would.
            if directory.handle and not directory.ended and (not crowded or not self._pending):
                while directory.waiting < _READS_AHEAD:
                    self._ask(protocol.READDIR, directory, out)

    def _ask(self, kind: int, directory: _Directory, out: bytearray) -> None:
        out += protocol.on_handle(kind, self._expect(kind, directory, directory.name), directory.handle)

    def _expect(self, kind: int, directory: _Directory | None, name: bytes, attributes: Attributes = _UNKNOWN) -> int:
        self._number = number = (self._number + 1) & 0xFFFF_FFFF
        self._pending[number] = (kind, directory, name, attributes)
        if directory is not None:
            directory.waiting += 1
        return number

    def handle(self, reply: Reply, out: bytearray) -> None:
        """Take a reply in.

        Raises:
            ProtocolError: it answers nothing that was asked, or is none that the question can have.
            SourceError: a directory can't be listed, so that the listing would have a hole.
        """
        expected = self._pending.pop(reply.number, None)
        if expected is None:
            raise ProtocolError(f"expected the answer to a request, got one to number {reply.number}")
        kind, directory, name, attributes = expected
        if directory is None:
            self._take_answer(reply, kind, name, attributes)
            return
        directory.waiting -= 1
        if kind == protocol.READDIR:
            self._take_names(reply, directory)
        elif kind == protocol.OPENDIR:
            self._take_handle(reply, directory)
        elif reply.kind != protocol.STATUS:
            raise _unexpected(reply)
        else:
            self._open.remove(directory)
        if directory.ended and not directory.waiting and kind == protocol.READDIR:
            self._ask(protocol.CLOSE, directory, out)

    def _take_handle(self, reply: Reply, directory: _Directory) -> None:
        if reply.kind == protocol.STATUS:
            raise status_error(status_of(reply), directory.name or self._root, "list")
        if reply.kind != protocol.HANDLE:
            raise _unexpected(reply)
        directory.handle = handle_of(reply)

    def _take_names(self, reply: Reply, directory: _Directory) -> None:
        if reply.kind == protocol.STATUS:
            status = status_of(reply)
            if status.code != protocol.EOF:
                raise status_error(status, directory.name or self._root, "list")
            directory.ended = True
            directory.seen.clear()
            return
        if reply.kind != protocol.NAME:
            raise _unexpected(reply)
        names = names_of(reply)
        directory.empty_replies = 0 if names else directory.empty_replies + 1
        if directory.ended or directory.empty_replies > _MOST_EMPTY_REPLIES:
            raise ProtocolError("expected a directory to end once, got a listing that goes on without end")
        for name, attributes in names:
            self._take_name(name, attributes, directory)

    def _take_name(self, name: bytes, attributes: Attributes, directory: _Directory) -> None:
        key = hash(name)
        if key in directory.seen:
            raise ProtocolError(f"expected each name once, got {relpath.show(name)} twice", hint="try it once more")
        if len(directory.seen) >= _MOST_NAMES:
            raise SourceError(f"expected at most {_MOST_NAMES} names in a directory, got more")
        directory.seen.add(key)
        if name in {b".", b".."}:
            return
        path = directory.name + b"/" + name if directory.name else name
        if not name or b"/" in name or b"\0" in name or len(path) > _LONGEST_PATH_BYTES:
            self.answers.append(Listed(name=path, kind="unsafe"))
        else:
            self._sort_out(path, attributes, may_ask=True)

    def _sort_out(self, path: bytes, attributes: Attributes, *, may_ask: bool) -> None:
        """Tell what a name is: a directory is walked later, a link is asked for its target, the rest is an answer."""
        if attributes.permissions is None:
            if not may_ask:
                raise ProtocolError(f"expected the server to say what {relpath.show(path)} is, got no permissions")
            self._links.append((path, attributes))
        elif attributes.is_kind(stat.S_IFDIR):
            self._waiting.append(path)
        elif attributes.is_kind(stat.S_IFLNK):
            self._links.append((path, attributes))
        elif attributes.is_kind(stat.S_IFREG):
            if attributes.size_bytes is None:
                raise ProtocolError(f"expected the size of {relpath.show(path)}, got none")
            self.answers.append(
                Listed(name=path, size_bytes=attributes.size_bytes, mtime_ns=attributes.mtime_ns, kind="file")
            )
        else:
            self.answers.append(Listed(name=path, mtime_ns=attributes.mtime_ns, kind="other"))

    def _take_answer(self, reply: Reply, kind: int, name: bytes, attributes: Attributes) -> None:
        """Take what a name is, or where a link leads; one that is gone by now is no longer in the copy."""
        if reply.kind == protocol.STATUS:
            status = status_of(reply)
            if status.code == protocol.NO_SUCH_FILE:
                return
            raise status_error(status, name, "look at")
        if kind == protocol.LSTAT and reply.kind == protocol.ATTRS:
            self._sort_out(name, take_attributes(reply.body, 0)[0], may_ask=False)
        elif kind == protocol.READLINK and reply.kind == protocol.NAME:
            targets = names_of(reply)
            if len(targets) != 1:
                raise ProtocolError(f"expected one target of a link, got {len(targets)}")
            self.answers.append(Listed(name=name, mtime_ns=attributes.mtime_ns, kind="link", link=targets[0][0]))
        else:
            raise _unexpected(reply)


def _unexpected(reply: Reply) -> ProtocolError:
    return ProtocolError(f"expected an answer to a listing, got a packet of kind {reply.kind}")
