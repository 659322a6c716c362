"""What every kind of copy is to the rest of the program: it lists, it restores, it says what it is. It never writes.

A *place* is where bytes lie (a folder, SFTP, B2); a *format* is how a backup is packed there; a *tool* owns both. A
`Source` is what a drill sees of any of them. The guarantees live once, in the public methods here: names are checked,
only `SourceError` escapes, every request gets exactly one answer. A kind of copy fills in the small private ones.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, Self, final

import msgspec

from verifier import relpath
from verifier.entry import Listed
from verifier.errors import SourceError, UnsafePathError
from verifier.sources.naming import Naming

_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a copy is: its address, what its place needs beside it, and how it names the dataset's files.

    Picklable; holds references, no secrets.
    """

    address: str
    options: Mapping[str, object] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One file, or a part of it, to be put into scratch under a number.

    With `length_bytes` None the whole file is meant, and one byte beyond the listed size is asked for, which proves
    that the file is not longer; so does `to_end` for the last part of a file.
    """

    number: int
    listed: Listed
    offset: int = 0
    length_bytes: int | None = None
    to_end: bool = True


class Landed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The request's bytes are in scratch. `mtime_ns` and `changed` are what the source said of the file as it was read.

    `changed` tells that size or time were not those of the listing, so that somebody wrote to the copy meanwhile;
    `cached` that the bytes may have come from this machine's memory rather than from where the copy lies.
    """

    number: int
    mtime_ns: int | None = None
    changed: bool = False
    cached: bool = False
    attempts: int = 1


class Failed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The request could not be met, for this reason."""

    number: int
    error: SourceError
    attempts: int = 1


class Sink(Protocol):
    """What a source writes to: files by number. Bounded; raises `ScratchFullError` rather than fill a disk."""

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put bytes at an offset of file `number`, which is made at the first call."""
        ...

    def create(self, number: int) -> None:
        """Make file `number` empty; what a former try left in it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLock:
    """What a place states of Object Lock: of how many files, how many are locked, how many it did not tell.

    All files count that a listing found, so those of any sample are among them. `until` is the earliest end of a lock;
    `modes` are those that were seen, in order.
    """

    files: int
    locked_files: int
    untold_files: int
    until: datetime | None = None
    modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What a copy is found to be, for the proof and for the rules against a wrong PASSED.

    `read_from` is `device` (cached pages were dropped), `server`, or `cache possible`. `device` names the disk, export
    or bucket: two copies with the same one count once. `notes` are sentences for the report; so are `warnings`, which
    make the copy's verdict WARNED. `ahead_seconds` is how far the server's clock was ahead of this machine's; None
    where it does not tell. `lock` is None where a place knows of no Object Lock; `versions` is how many names a listing
    went through to find the files, where that is charged for.
    """

    address: str
    snapshot: str | None = None
    read_from: str = "cache possible"
    device: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    ahead_seconds: float | None = None
    lock: ObjectLock | None = None
    versions: int | None = None


class Source(ABC):
    """One copy, opened. Used by one worker at a time; opened anew in each."""

    ordered: bool = False
    """Whether `list` comes in the order of raw path bytes, so that it needs no sorting."""

    keeps_times: bool = True
    """Whether the modification times that it lists are those of the source's files, not of an upload."""

    holds_links: bool = True
    """Whether it can hold symbolic links at all; where not, one that it lacks is no damage of it."""

    at_once: int = 1
    """How many files it has under way at the same time: what hides a line's delay."""

    @final
    def list(self) -> Iterator[Listed]:
        """Yield everything that the copy holds, once each, links and special files as what they are.

        A name that would leave the root comes as kind `unsafe`.

        Raises:
            SourceError: the listing broke; it never ends early instead.
        """
        for listed in self._list():
            try:
                relpath.check(listed.name)
            except UnsafePathError:
                yield Listed(name=listed.name, size_bytes=listed.size_bytes, kind="unsafe")
            else:
                yield listed

    @final
    def restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Put each request's bytes into `sink`; yield one answer for each, in any order.

        The file is complete in the sink when its answer is yielded, and the caller may take it away at once. A name
        that would leave the root fails without the copy being asked.

        Raises:
            SourceError: the copy as a whole failed; requests without an answer were not met.
            ScratchFullError: the sink is full.
        """
        refused = list(_refused(requests))
        yield from refused
        if refused:
            refused_numbers = {answer.number for answer in refused}
            requests = [request for request in requests if request.number not in refused_numbers]
        open_numbers = {request.number for request in requests}
        for answer in self._restore(requests, sink):
            open_numbers.remove(answer.number)
            yield answer
        if open_numbers:
            raise SourceError(f"expected an answer for each of {len(requests)} files, got none for {len(open_numbers)}")

    @abstractmethod
    def facts(self) -> SourceFacts:
        """Say what the copy was found to be; called after a listing."""

    def folds_case(self, listed: Listed) -> bool:
        """Tell whether the copy finds `listed` under its name in another case, too."""
        del listed
        return False

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; closing twice is fine."""

    @abstractmethod
    def _list(self) -> Iterator[Listed]:
        """Yield what the copy holds, with names as it has them."""

    @abstractmethod
    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Meet each request; one file's error ends that file alone."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _refused(requests: Sequence[Request]) -> Iterator[Failed]:
    try:
        relpath.check_all([request.listed.name for request in requests])
    except UnsafePathError:
        for request in requests:
            try:
                relpath.check(request.listed.name)
            except UnsafePathError as error:
                ours = SourceError(error.message, hint=error.hint)
                ours.__cause__ = error
                yield Failed(number=request.number, error=ours)


class Place(ABC):
    """Where bytes lie, under one root. Read-only: it has no write and no delete."""

    ordered: bool = False
    keeps_times: bool = True
    holds_links: bool = True
    at_once: int = 1

    @abstractmethod
    def list(self) -> Iterator[Listed]:
        """Yield everything under the root, with names relative to it."""

    @abstractmethod
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Put the bytes of many files into `sink`, one answer for each request, in any order."""

    @abstractmethod
    def read_at(self, listed: Listed, offset: int, length_bytes: int) -> bytes:
        """Return up to `length_bytes` from `offset`; fewer only at the file's end.

        Raises:
            SourceError: the file could not be read.
        """

    @abstractmethod
    def facts(self) -> SourceFacts:
        """Say what the place was found to be."""

    def first_names(self, most: int) -> tuple[bytes, ...]:
        """Return some of the names right under the root, for a message about what is not there: `most`, or fewer."""
        names: dict[bytes, None] = {}
        for listed in itertools.islice(self.list(), _LOOKED_AT):
            names[listed.name.partition(b"/")[0]] = None
            if len(names) >= most:
                break
        return tuple(names)

    def folds_case(self, listed: Listed) -> bool:
        """Tell whether the place finds `listed` under its name in another case, too."""
        del listed
        return False

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; closing twice is fine."""
