"""A place in memory: the smallest thing that keeps the contract, and what broken sources are made of.

It behaves like a server: replies may be short, break off or never come, and a broken-off file is asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from verifier import progress, relpath
from verifier.entry import Kind, Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    HostKeyError,
    InterruptedTransferError,
    SourceError,
    UnreachableError,
    UnreadableError,
)
from verifier.sources.interface import Failed, Landed, Place, Request, Sink, SourceFacts

CHUNK_BYTES = 256 * 1024
TRIES = 3
SILENCE_SECONDS = 0.05
_PAGE_ENTRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One thing that lies there."""

    data: bytes = b""
    mtime_ns: int = 0
    kind: Kind = "file"
    link: bytes | None = None


@dataclass(slots=True)
class Store:
    """What lies there, and what goes wrong with it."""

    entries: dict[bytes, Stored] = field(default_factory=dict)
    forbidden: set[bytes] = field(default_factory=set)
    damaged: set[bytes] = field(default_factory=set)
    cuts: dict[bytes, int] = field(default_factory=dict)
    """How many more tries of a file break off after its first reply."""
    most_reply_bytes: int = CHUNK_BYTES
    listing_breaks: bool = False
    gone: bool = False
    silent: bool = False
    impostor: bool = False

    def page(self, after: bytes) -> list[tuple[bytes, Stored]]:
        """Return the next entries behind a name, in order."""
        self.answer()
        if after and self.listing_breaks:
            raise ConnectionResetError("the listing broke")
        return sorted(pair for pair in self.entries.items() if pair[0] > after or not after)[:_PAGE_ENTRIES]

    def answer(self) -> None:
        """Be there, or not."""
        if self.silent:
            time.sleep(SILENCE_SECONDS)
            raise TimeoutError("no answer")
        if self.gone:
            raise ConnectionRefusedError("nobody is there")

    def read(self, name: bytes, offset: int, length_bytes: int, *, replies: int) -> bytes:
        """Return some bytes of a file; none at its end only."""
        self.answer()
        stored = self.entries.get(name)
        if stored is None or stored.kind != "file":
            raise FileNotFoundError("no such file")
        if name in self.forbidden:
            raise PermissionError("forbidden")
        if name in self.damaged:
            raise ValueError("a checksum inside is wrong")
        if replies and self.cuts.get(name, 0) > 0:
            self.cuts[name] -= 1
            raise ConnectionResetError("cut off")
        return stored.data[offset : offset + min(length_bytes, self.most_reply_bytes)]


class Memory(Place):
    """The place over a `Store`.

    Raises:
        UnreachableError: nobody is there.
    """

    ordered = True

    def __init__(self, store: Store) -> None:
        self._store = store
        self.check()
        try:
            store.answer()
        except OSError as error:
            raise trouble(error, b"") from error

    def check(self) -> None:
        """See that it is the place that is meant."""
        if self._store.impostor:
            raise HostKeyError("expected another key")

    def list(self) -> Iterator[Listed]:
        after = b""
        while True:
            try:
                page = self._store.page(after)
            except OSError as error:
                raise trouble(error, b"") from error
            for name, stored in page:
                size_bytes = len(stored.data) if stored.kind == "file" else 0
                yield Listed(
                    name=name, size_bytes=size_bytes, mtime_ns=stored.mtime_ns, kind=stored.kind, link=stored.link
                )
            if len(page) < _PAGE_ENTRIES:
                return
            after = page[-1][0]

    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        for request in requests:
            yield self.bring(request, sink)

    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        """Bring one file, with a new try where one broke off."""
        for attempt in range(1, TRIES + 1):
            try:
                self.copy(request, sink)
            except (OSError, ValueError) as error:
                ours = trouble(error, request.listed.name)
                if not isinstance(ours, InterruptedTransferError) or attempt == TRIES:
                    return Failed(number=request.number, error=ours, attempts=attempt)
            else:
                return self.landed(request, attempt)
        raise AssertionError("the last try answers")

    def landed(self, request: Request, attempt: int) -> Landed:
        """Answer for a file that is in the sink."""
        stored, listed = self._store.entries[request.listed.name], request.listed
        changed = (len(stored.data), stored.mtime_ns) != (listed.size_bytes, listed.mtime_ns)
        return Landed(number=request.number, mtime_ns=stored.mtime_ns, changed=changed, attempts=attempt)

    def copy(self, request: Request, sink: Sink) -> None:
        """Copy what is asked for, and one byte beyond the listed end."""
        whole = request.length_bytes is None
        end = request.listed.size_bytes if whole else request.offset + (request.length_bytes or 0)
        limit = end + request.to_end
        position, replies = request.offset, 0
        sink.create(request.number)
        while position < limit:
            asked = min(CHUNK_BYTES, limit - position)
            block = self._store.read(request.listed.name, position, asked, replies=replies)
            if not block:
                break
            sink.write(request.number, position - request.offset, block)
            progress.meter().moved(len(block))
            position += len(block)
            replies += 1

    def read_at(self, listed: Listed, offset: int, length_bytes: int) -> bytes:
        parts: list[bytes] = []
        try:
            while length_bytes > 0 and (part := self._store.read(listed.name, offset, length_bytes, replies=0)):
                parts.append(part)
                offset += len(part)
                length_bytes -= len(part)
        except (OSError, ValueError) as error:
            raise trouble(error, listed.name) from error
        return b"".join(parts)

    def facts(self) -> SourceFacts:
        return SourceFacts(address="memory:")

    def close(self) -> None:
        pass


def trouble(error: OSError | ValueError, name: bytes) -> SourceError:
    """Return which of our errors it is."""
    message = f"can't read {relpath.show(name)}: {error}"
    kinds: tuple[tuple[type[Exception], type[SourceError]], ...] = (
        (FileNotFoundError, AbsentError),
        (PermissionError, AccessDeniedError),
        (ConnectionResetError, InterruptedTransferError),
        (ConnectionRefusedError, UnreachableError),
        (TimeoutError, UnreachableError),
        (ValueError, UnreadableError),
    )
    ours = next((ours for theirs, ours in kinds if isinstance(error, theirs)), SourceError)(message)
    ours.__cause__ = error
    return ours
