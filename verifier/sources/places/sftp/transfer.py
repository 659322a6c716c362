"""Requests for files → requests of SFTP, and its replies → bytes in a sink and one answer for each file; no I/O.

Many files are open at once and many reads are under way, so that neither the line's delay nor the server's disk is
waited for. A file's reads, the question of what it is by now, and its closing are sent together as soon as it is open.
A reply that is shorter than what was asked for ends the file only where the server says so, too: else the rest is asked
for again. Replies may come in any order: each block goes straight to its place in the sink.
"""

from __future__ import annotations

import stat
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from verifier import progress, relpath
from verifier.errors import AbsentError, InterruptedTransferError, SourceError
from verifier.sources.interface import Failed, Landed, Request, Sink
from verifier.sources.places.sftp import protocol
from verifier.sources.places.sftp.protocol import (
    Attributes,
    Limits,
    ProtocolError,
    Reply,
    data_of,
    handle_of,
    status_error,
    status_of,
    take_attributes,
)

OPEN_FILES: Final = 64
_READS: Final = 64
_SPARE_HANDLES: Final = 4
_TRIES: Final = 2
_FULL_BYTES: Final = 64 * 1024
_SLOWEST_READ_BYTES: Final = 1024


class _File:
    """A file on its way: what was asked for and not answered, and what has arrived."""

    __slots__ = (
        "attempts",
        "attributes",
        "careful",
        "closing",
        "data_end",
        "end",
        "eof_at",
        "error",
        "gaps",
        "handle",
        "is_failure",
        "limit",
        "next_offset",
        "path",
        "request",
        "shortest_bytes",
        "waiting",
    )

    def __init__(self, request: Request, path: bytes, attempts: int) -> None:
        self.request = request
        self.path = path
        self.attempts = attempts
        whole = request.length_bytes is None
        self.end = request.listed.size_bytes if whole else request.offset + (request.length_bytes or 0)
        self.limit = self.end + request.to_end
        self.gaps: list[tuple[int, int]] = []
        self.data_end = request.offset
        self.begin(careful=False)

    def begin(self, *, careful: bool) -> None:
        """Forget what a former try found out; where one is `careful`, only the gaps that it left are asked for."""
        self.careful = careful
        self.handle = b""
        self.next_offset = self.limit if careful else self.request.offset
        self.data_end = self.data_end if careful else self.request.offset
        self.shortest_bytes = protocol.LARGEST_READ_BYTES
        self.waiting = 0
        self.closing = False
        self.attributes: Attributes | None = None
        self.eof_at: int | None = None
        self.error: SourceError | None = None
        self.is_failure = False


class Transfer:
    """The engine of one batch of requests.

    Args:
        requests: what is asked for.
        sink: where bytes go.
        root: the path of the copy's root on the server, with its slash at the end.
        limits: what the server allows.
        attempts: how often each request, by number, was begun before.

    Attributes:
        answers: finished since somebody took them away.
        allowance_bytes: how much may still be asked for; raised from outside where a rate is to be kept.
    """

    def __init__(
        self,
        requests: Iterable[Request],
        sink: Sink,
        *,
        root: bytes,
        limits: Limits,
        attempts: Mapping[int, int] | None = None,
    ) -> None:
        self.answers: list[Landed | Failed] = []
        self.allowance_bytes = float("inf")
        self._requests = iter(requests)
        self._more = True
        self._sink = sink
        self._root = root
        self._read_bytes = limits.read_bytes
        self._fills_reads = limits.stated
        self._most_open = max(1, min(OPEN_FILES, limits.open_handles - _SPARE_HANDLES if limits.open_handles else 64))
        self._attempts = attempts or {}
        self._open: dict[int, _File] = {}
        self._reading: deque[_File] = deque()
        self._again: deque[_File] = deque()
        self._pending: dict[int, tuple[int, _File, int, int]] = {}
        self._number = 0
        self._reads = 0
        self._moved = progress.meter().moved

    @property
    def done(self) -> bool:
        """Whether every request has its answer."""
        return not (self._more or self._open or self._again)

    @property
    def is_waiting(self) -> bool:
        """Whether the server owes a reply."""
        return bool(self._pending)

    @property
    def begun(self) -> set[int]:
        """The numbers of the requests that were begun and have no answer."""
        return set(self._open) | {file.request.number for file in self._again}

    def fill(self, out: bytearray) -> None:
        """Append what can be asked for now."""
        reading = self._reading
        while reading and self._reads < _READS and self.allowance_bytes > 0:
            file = reading[0]
            self._ask_next(file, out)
            if file.next_offset >= file.limit and not file.gaps:
                reading.popleft()
                if not file.careful:
                    self._ask_last(file, out)
        while self._more and len(self._open) < self._most_open and len(out) < _FULL_BYTES:
            request = next(self._requests, None)
            if request is None:
                self._more = False
            else:
                self._begin(request, out)
        if self._again and not self._more and not self._open:
            self._ask_open(self._again.popleft(), out)

    def _begin(self, request: Request, out: bytearray) -> None:
        attempts = self._attempts.get(request.number, 0) + 1
        if request.listed.kind != "file":  # a pipe would hold the server for ever
            error = AbsentError(f"expected a regular file, got none at {relpath.show(request.listed.name)}")
            self.answers.append(Failed(number=request.number, error=error, attempts=attempts))
        else:
            self._ask_open(_File(request, self._root + request.listed.name, attempts), out)

    def _ask_open(self, file: _File, out: bytearray) -> None:
        self._open[file.request.number] = file
        out += protocol.open_for_reading(self._expect(protocol.OPEN, file), file.path)

    def _expect(self, kind: int, file: _File, offset: int = 0, length_bytes: int = 0) -> int:
        self._number = number = (self._number + 1) & 0xFFFF_FFFF
        self._pending[number] = (kind, file, offset, length_bytes)
        file.waiting += 1
        return number

    def _ask_next(self, file: _File, out: bytearray) -> None:
        """Ask for the next block: of what was never asked for, then of what came too short."""
        offset = file.next_offset
        if offset < file.limit:
            # One byte beyond the end proves that the file is not longer. A server that doesn't say how much it sends at
            # most may cut a reply just there, so of such a one it is asked for by itself.
            border = file.limit if self._fills_reads or offset >= file.end else file.end
            length_bytes = min(self._read_bytes, border - offset)
            file.next_offset += length_bytes
        elif file.gaps:
            offset, gap_bytes = file.gaps.pop()
            length_bytes = min(self._read_bytes, gap_bytes)
            if length_bytes < gap_bytes:
                file.gaps.append((offset + length_bytes, gap_bytes - length_bytes))
        else:
            return  # nothing is asked of the file, not even its end
        self._reads += 1
        self.allowance_bytes -= length_bytes
        out += protocol.read(self._expect(protocol.READ, file, offset, length_bytes), file.handle, offset, length_bytes)

    def _ask_last(self, file: _File, out: bytearray) -> None:
        file.closing = True
        out += protocol.on_handle(protocol.FSTAT, self._expect(protocol.FSTAT, file), file.handle)
        out += protocol.on_handle(protocol.CLOSE, self._expect(protocol.CLOSE, file), file.handle)

    def handle(self, reply: Reply, out: bytearray) -> None:
        """Take a reply in.

        Raises:
            ProtocolError: it answers nothing that was asked, or is none that the question can have.
            VerifierError: the sink is full, or the work was cancelled.
        """
        expected = self._pending.pop(reply.number, None)
        if expected is None:
            raise ProtocolError(f"expected the answer to a request, got one to number {reply.number}")
        kind, file, offset, length_bytes = expected
        file.waiting -= 1
        if kind == protocol.READ:
            self._reads -= 1
            self._take_block(reply, file, offset, length_bytes)
        elif kind == protocol.OPEN:
            self._take_handle(reply, file)
        elif kind == protocol.FSTAT:
            self._take_attributes(reply, file)
        elif reply.kind != protocol.STATUS:
            raise _unexpected(reply, "close")
        if not file.waiting:
            self._go_on(file, out)

    def _take_block(self, reply: Reply, file: _File, offset: int, length_bytes: int) -> None:
        if reply.kind == protocol.DATA:
            block = data_of(reply)
            count = len(block)
            if not 0 < count <= length_bytes:
                raise ProtocolError(f"expected 1 to {length_bytes} bytes of a file, got {count}")
            self._sink.write(file.request.number, offset - file.request.offset, block)
            self._moved(count)
            file.data_end = max(file.data_end, offset + count)
            if count < length_bytes:
                self._take_short(file, offset + count, length_bytes - count)
                file.shortest_bytes = min(file.shortest_bytes, count)
        elif reply.kind == protocol.STATUS:
            status = status_of(reply)
            if status.code == protocol.EOF:
                file.eof_at = offset if file.eof_at is None else min(offset, file.eof_at)
                file.next_offset = file.limit  # a listing that states a size beyond all reason is not read to its end
            else:
                self._fail(file, status_error(status, file.request.listed.name, "read"), status.code)
        else:
            raise _unexpected(reply, "read")

    def _take_short(self, file: _File, offset: int, length_bytes: int) -> None:
        file.gaps.append((offset, length_bytes))
        if file.careful and file.handle:
            self._reading.append(file)

    def _fail(self, file: _File, error: SourceError, code: int) -> None:
        """Let a file end with its first error: nothing more is asked of it."""
        if file.error is None:
            file.error = error
            file.is_failure = code == protocol.FAILURE
        file.next_offset = file.limit
        file.gaps.clear()

    def _take_handle(self, reply: Reply, file: _File) -> None:
        if reply.kind == protocol.HANDLE:
            file.handle = handle_of(reply)
            if not file.careful:
                self._sink.create(file.request.number)
            self._reading.append(file)
        elif reply.kind == protocol.STATUS:
            status = status_of(reply)
            self._fail(file, status_error(status, file.request.listed.name, "open"), status.code)
            if status.code == protocol.FAILURE:  # as a server says that has no more handles to give
                self._most_open = max(1, sum(1 for other in self._open.values() if other.handle))
        else:
            raise _unexpected(reply, "open")

    def _take_attributes(self, reply: Reply, file: _File) -> None:
        if reply.kind == protocol.ATTRS:
            file.attributes = take_attributes(reply.body, 0)[0]
        elif reply.kind != protocol.STATUS:
            raise _unexpected(reply, "fstat")

    def _go_on(self, file: _File, out: bytearray) -> None:
        """Do what is next for a file that the server owes nothing."""
        if file.handle and not file.closing:
            if file.careful and file.next_offset >= file.limit and not file.gaps:
                self._ask_last(file, out)
            return
        del self._open[file.request.number]
        if file.error is not None and file.is_failure and file.attempts < _TRIES:
            file.attempts += 1
            file.begin(careful=False)
            self._again.append(file)
        elif file.error is None and self._has_gaps(file):
            file.begin(careful=True)
            self._again.append(file)
        else:
            self.answers.append(self._answer(file))

    def _has_gaps(self, file: _File) -> bool:
        """Tell whether a reply was short that did not end the file: by the next reply, or by the size that it has."""
        size_bytes = None if file.attributes is None else file.attributes.size_bytes
        known_ends = [end for end in (file.eof_at, size_bytes) if end is not None]
        left = [gap for gap in file.gaps if all(gap[0] < end for end in known_ends)]
        for offset, _length_bytes in file.gaps:
            if file.eof_at is None or offset < file.eof_at:
                file.eof_at = offset
        if left:
            # So much this server sends at a time, whatever it is asked for; the blocks to come are cut to that.
            self._fills_reads = False
            self._read_bytes = max(_SLOWEST_READ_BYTES, min(self._read_bytes, file.shortest_bytes))
            file.eof_at = None
        file.gaps = left
        return bool(left)

    def _answer(self, file: _File) -> Landed | Failed:
        request, attributes, error = file.request, file.attributes or Attributes(), file.error
        shown = relpath.show(request.listed.name)
        if error is None and attributes.permissions is not None and not attributes.is_kind(stat.S_IFREG):
            error = AbsentError(f"expected a regular file, got none at {shown}")
        if error is None and file.eof_at is not None:
            if file.data_end > file.eof_at:
                error = InterruptedTransferError(
                    f"expected the end of {shown} at byte {file.eof_at}, got more behind it"
                )
            elif file.eof_at < min(file.end, attributes.size_bytes or 0):
                size_bytes = attributes.size_bytes
                error = InterruptedTransferError(
                    f"expected {size_bytes} bytes of {shown}, got its end at {file.eof_at}"
                )
        if error is not None:
            return Failed(number=request.number, error=error, attempts=file.attempts)
        listed = request.listed
        changed = attributes.size_bytes not in (None, listed.size_bytes) or (
            None not in (attributes.mtime_ns, listed.mtime_ns) and attributes.mtime_ns != listed.mtime_ns
        )
        return Landed(number=request.number, mtime_ns=attributes.mtime_ns, changed=changed, attempts=file.attempts)


def _unexpected(reply: Reply, doing: str) -> ProtocolError:
    return ProtocolError(f"expected an answer to {doing}, got a packet of kind {reply.kind}")
