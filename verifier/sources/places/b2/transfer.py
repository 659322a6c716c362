"""Many files at once from B2's downloads into a sink: one thread, a few kept connections, no wait without a limit.

b2sdk needs 2 ms of Python for a small file and takes a thread for each request. Here one thread watches all sockets and
hands each byte from the buffer that it was read to on to the sink, so that a file costs a tenth of that, only the
calling thread writes and counts, and a stop is a stop. The token, and its renewal, are b2sdk's.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from verifier import progress, relpath
from verifier.entry import Listed
from verifier.errors import (
    AccessDeniedError,
    InterruptedTransferError,
    SourceError,
    UnreachableError,
)
from verifier.sources.interface import Failed, Landed, Request, Sink
from verifier.sources.places.b2 import trouble
from verifier.sources.places.b2.account import Account
from verifier.sources.places.b2.address import B2Address
from verifier.sources.places.b2.answer import MalformedError
from verifier.sources.places.b2.connection import Connection, Endpoint, endpoint, resolve
from verifier.sources.places.b2.lane import Lane
from verifier.sources.places.b2.limits import Limits
from verifier.sources.places.b2.parts import File, Part, Queue

_BUFFER_BYTES: Final = 1024 * 1024
_TICK_SECONDS: Final = 0.5
_RENEWALS: Final = 2


class Transfer:
    """The connections to B2's downloads, kept from one call to the next. Close it."""

    def __init__(self, account: Account, address: B2Address, limits: Limits) -> None:
        self._account = account
        self._address = address
        self._limits = limits
        self._selector = selectors.DefaultSelector()
        self._lanes: list[Lane] = []
        self._idle: list[Lane] = []
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._where: Endpoint | None = None
        self._machines: list[tuple[int, tuple[object, ...]]] = []
        self._failed_connects = 0
        self._hold_until = 0.0
        self._away_seconds = 0.0
        self._sink: Sink
        self._queue: Queue
        self._answers: deque[Landed | Failed] = deque()

    def run(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Put the bytes of each request into the sink; yield one answer for each as it is met.

        Raises:
            AccessDeniedError: the key is no longer good, or a cap of the account is reached.
            UnreachableError: no connection can be made.
        """
        self._sink, self._queue = sink, Queue(requests, self._limits.part_bytes)
        try:
            while True:
                self._give_out()
                if len(self._idle) == len(self._lanes) and self._queue.is_empty:
                    break
                self._serve_events()
                yield from self._told()
            yield from self._told()
        finally:
            self._answers.clear()
            for lane in [lane for lane in self._lanes if lane.part is not None]:
                self._drop(lane)

    def close(self) -> None:
        """Close every connection; doing so twice is fine."""
        for lane in list(self._lanes):
            self._drop(lane)
        self._selector.close()

    def _told(self) -> Iterator[Landed | Failed]:
        """Yield what was met; the time that the caller takes for it is not counted against the server."""
        while self._answers:
            before = time.monotonic()
            yield self._answers.popleft()
            self._away_seconds += time.monotonic() - before

    def _now(self) -> float:
        return time.monotonic() - self._away_seconds

    def _give_out(self) -> None:
        """Give each free connection a part, and make more of them while there is anything to do."""
        now = self._now()
        if now < self._hold_until:
            return
        while self._idle or len(self._lanes) < self._limits.connections:
            part = self._queue.next(now)
            if part is None:
                return
            lane = self._idle.pop() if self._idle else self._new_lane(part)
            if lane is None:
                return
            self._ask(lane, part)

    def _new_lane(self, part: Part) -> Lane | None:
        try:
            where, address = self._machine()
            lane = Lane(Connection(where, address))
        except OSError as error:
            self._queue.put_back(part, self._now())
            self._connect_failed(error)
            return None
        self._lanes.append(lane)
        self._selector.register(lane.connection, lane.watched, lane)
        return lane

    def _machine(self) -> tuple[Endpoint, tuple[int, tuple[object, ...]]]:
        if self._where is None:
            self._where = endpoint(*self._account.transport)
        if not self._machines:
            self._machines = [(0, ())] if self._where.proxy else resolve(self._where)
        return self._where, self._machines[self._failed_connects % len(self._machines)]

    def _ask(self, lane: Lane, part: Part) -> None:
        if self._where is None:
            raise AssertionError("a lane has its endpoint")
        token = self._account.token
        listed = part.file.request.listed
        path = self._account.download_path(listed.locator, self._address.bucket, self._name_of(listed))
        ranged = f"Range: bytes={part.start}-{part.end - 1}\r\n" if part.ranged else ""
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {self._where.host_header}\r\nAuthorization: {token}\r\n"
            f"User-Agent: restore-verifier\r\nAccept-Encoding: identity\r\n{ranged}\r\n"
        )
        try:
            lane.begin(part, token, request.encode("ascii"), self._now())
        except OSError as error:
            self._broke(lane, error)
            return
        self._watch(lane)

    def _name_of(self, listed: Listed) -> str:
        return self._address.prefix + listed.name.decode("utf-8", "backslashreplace")

    def _watch(self, lane: Lane) -> None:
        if lane.watched != lane.connection.wants:
            lane.watched = lane.connection.wants
            self._selector.modify(lane.connection, lane.watched, lane)

    def _serve_events(self) -> None:
        """Wait for sockets, for at most a tick; serve those that are ready, and give up those that are silent."""
        now = self._now()
        due = self._hold_until if now < self._hold_until else self._queue.next_due
        wait = _TICK_SECONDS if due is None else min(_TICK_SECONDS, max(0.0, due - now))
        for key, _ in self._selector.select(wait):
            lane: Lane = key.data
            if not lane.closed:
                self._serve(lane)
        now = self._now()
        meter = progress.meter()
        if meter.stopping or due is not None:
            meter.beat()  # a wait that has its limit is no stall; it is here that a stop is heard
        for lane in [lane for lane in self._lanes if lane.part is not None]:
            if not lane.closed and lane.is_too_slow(now, self._limits):
                self._broke(lane, TimeoutError("no answer in time"))

    def _serve(self, lane: Lane) -> None:
        try:
            if not lane.sent:
                lane.sent = lane.connection.go_on()
                if lane.connection.is_open:
                    self._failed_connects = 0
                self._watch(lane)
                return
            while True:
                count = lane.connection.read_into(self._buffer)
                if count is None:
                    return
                if not count:
                    raise ConnectionResetError("closed by the other side")
                self._received(lane, self._buffer[:count])
                if lane.closed or not lane.connection.has_more:
                    return
        except OSError as error:
            self._broke(lane, error)

    def _received(self, lane: Lane, data: memoryview) -> None:
        lane.hear(self._now(), len(data))
        part = lane.part
        if part is None:
            self._drop(lane)  # nothing was asked for: the connection is out of step
            return
        try:
            body = lane.head(data)
            if body is None:
                return
            if lane.begins:
                lane.begins = False
                self._begin_body(lane, part)
        except MalformedError as error:
            self._failed_try(
                lane, part, SourceError(f"expected an answer of B2 for {_shown(part)}, got {error}"), error
            )
            return
        if lane.refused:
            lane.keep_error(body)
            if lane.error_is_whole:
                self._refused(lane, part)
        else:
            self._write(lane, part, body)

    def _begin_body(self, lane: Lane, part: Part) -> None:
        """Hold an answer's head against what was asked for; make the file empty before its first byte."""
        if lane.refused:
            return
        total = lane.expect(part)
        file = part.file
        if file.total_bytes is None and part.ranged and total > file.request.listed.size_bytes and file.request.to_end:
            self._queue.put_back(file.beyond(), 0.0)
        if file.total_bytes not in (None, total):
            raise MalformedError("another size than before")
        file.total_bytes = total
        if not file.made or (part.only and not file.longer):
            file.made = True
            self._sink.create(file.request.number)

    def _write(self, lane: Lane, part: Part, body: memoryview) -> None:
        count = min(len(body), lane.wanted - lane.received)
        if count:
            offset = part.start - part.file.request.offset + lane.received
            self._sink.write(part.file.request.number, offset, body[:count])
            progress.meter().moved(count)
            lane.received += count
        if lane.received < lane.wanted:
            return
        # What is left of an answer that is longer than listed is not waited for.
        in_step = lane.keeps and len(body) == count
        self._finish(part.file)
        self._release(lane, in_step=in_step)

    def _finish(self, file: File) -> None:
        file.open_parts -= 1
        if not file.open_parts:
            request = file.request
            landed = Landed(number=request.number, mtime_ns=request.listed.mtime_ns, attempts=file.attempts)
            self._answers.append(landed)

    def _release(self, lane: Lane, *, in_step: bool) -> None:
        """Give a connection that has done its part the next one at once; close it if it can't be used again."""
        lane.part = None
        if not in_step:
            self._drop(lane)
            return
        lane.connection.served += 1
        now = self._now()
        part = None if now < self._hold_until else self._queue.next(now)
        if part is None:
            self._idle.append(lane)
        else:
            self._ask(lane, part)

    def _refused(self, lane: Lane, part: Part) -> None:
        """Take an answer that is an error for what it means: for this file, for all, or for a while."""
        status, code, wait = lane.status, trouble.code_of(bytes(lane.error_body)), lane.retry_after
        if status == 401 and code in trouble.EXPIRED and part.renewals < _RENEWALS:  # noqa: PLR2004 - HTTP's number
            part.renewals += 1
            self._queue.put_back(part, 0.0)
            self._account.renew(lane.token)
            self._release(lane, in_step=lane.keeps)
            return
        if status == 401 and code in trouble.EXPIRED:  # noqa: PLR2004 - HTTP's number
            raise AccessDeniedError("B2 refuses each token that it has just given out")
        if trouble.is_cap(status, code):
            raise trouble.cap_error("can't read from B2")
        if status == 416:  # noqa: PLR2004 - HTTP's number: the file ends before this part
            self._finish_short(lane, part)
            return
        error = trouble.file_error(status, code, _shown(part))
        if status not in trouble.RETRIED:
            self._release(lane, in_step=lane.keeps)
            self._fail(part.file, error)
            return
        if wait is not None and wait > self._limits.longest_wait_seconds:
            self._fail(part.file, UnreachableError(f"can't read {_shown(part)}: B2 asks to wait {wait} s"))
            return
        self._failed_try(lane, part, error, None, wait)

    def _finish_short(self, lane: Lane, part: Part) -> None:
        if not part.file.made:
            part.file.made = True
            self._sink.create(part.file.request.number)
        part.file.ends_sooner()
        self._finish(part.file)
        self._release(lane, in_step=lane.keeps)

    def _broke(self, lane: Lane, error: OSError) -> None:
        """Sort out a connection that broke, was closed, or was silent."""
        part = lane.part
        if part is None:
            self._drop(lane)
        elif not lane.connection.is_open:
            self._drop(lane)
            self._queue.put_back(part, self._now())
            self._connect_failed(error)
        elif lane.connection.served and not lane.heard_anything and not isinstance(error, TimeoutError):
            # The other side had closed a kept connection before it saw our request: nothing was tried.
            self._drop(lane)
            self._queue.put_back(part, self._now())
        elif lane.received:
            stopped = f"{lane.received} of {lane.wanted} bytes"
            message = f"the bytes of {_shown(part)} stopped after {stopped}, again and again"
            self._failed_try(lane, part, InterruptedTransferError(message), error)
        else:
            message = f"can't read {_shown(part)}: B2 gave no answer, again and again"
            kind = InterruptedTransferError if lane.heard_anything else UnreachableError
            self._failed_try(lane, part, kind(message), error)

    def _connect_failed(self, error: OSError) -> None:
        """Wait before the next connection is tried; many that fail together are one failure."""
        now = self._now()
        if now < self._hold_until:
            return
        self._failed_connects += 1
        if self._failed_connects >= self._limits.tries:
            self._failed_connects = 0
            host = self._where.host if self._where else "B2"
            raise UnreachableError(
                f"can't reach B2 at {relpath.show(host)}: no connection, after several tries"
            ) from error
        self._hold_until = now + self._wait(self._failed_connects)
        progress.meter().beat()

    def _failed_try(
        self, lane: Lane, part: Part, error: SourceError, cause: BaseException | None, wait: float | None = None
    ) -> None:
        """Count a try; ask for the part again after a while, or fail its file."""
        refused = lane.refused and lane.error_is_whole and lane.keeps
        part.tries += 1
        part.file.attempts = max(part.file.attempts, part.tries + 1)
        if part.tries >= self._limits.tries:
            error.__cause__ = cause
            part.file.attempts = part.tries
            self._fail(part.file, error)
        else:
            now = self._now()
            self._queue.put_back(part, now + max(wait or 0.0, self._wait(part.tries)))
            progress.meter().beat()
        if not lane.closed and lane.part is part:
            self._release(lane, in_step=refused)

    def _wait(self, tries: int) -> float:
        return float(min(self._limits.first_wait_seconds * 2 ** (tries - 1), self._limits.longest_wait_seconds))

    def _fail(self, file: File, error: SourceError) -> None:
        """End one file alone; what is still under way of it is cut off, since its place in the sink is given up."""
        file.error = error
        for lane in [lane for lane in self._lanes if lane.part is not None and lane.part.file is file]:
            self._drop(lane)
        self._answers.append(Failed(number=file.request.number, error=error, attempts=file.attempts))

    def _drop(self, lane: Lane) -> None:
        if lane.closed:
            return
        lane.closed, lane.part = True, None
        self._selector.unregister(lane.connection)
        self._lanes.remove(lane)
        if lane in self._idle:
            self._idle.remove(lane)
        lane.connection.close()


def _shown(part: Part) -> str:
    return relpath.show(part.file.request.listed.name)
