"""Requests → parts of files, in the order in which to ask for them; what failed comes again when it is due."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator

from verifier.errors import SourceError
from verifier.sources.interface import Request


class File:
    """What is known of one request while it is being met.

    `total_bytes` is the size that B2 stated with the bytes, `longer` whether that is more than the listing's;
    `open_parts` how many parts have not come, `unasked` how many of them were not asked for yet; `made` whether the
    sink has the file; `error` why none of it counts any more.
    """

    __slots__ = ("attempts", "end", "error", "longer", "made", "open_parts", "request", "total_bytes", "unasked")

    def __init__(self, request: Request) -> None:
        listed_bytes = request.listed.size_bytes
        length = listed_bytes if request.length_bytes is None else request.length_bytes
        self.request = request
        self.end = max(request.offset, min(request.offset + length, listed_bytes))
        self.total_bytes: int | None = None
        self.open_parts = 0
        self.unasked = 0
        self.attempts = 1
        self.made = False
        self.longer = False
        self.error: SourceError | None = None

    def parts(self, part_bytes: int) -> Iterator[Part]:
        """Yield the parts to ask for: one, for all but the largest."""
        start = self.request.offset
        self.open_parts = self.unasked = max(1, -(-(self.end - start) // part_bytes))
        if self.open_parts == 1:
            self.unasked = 0
            yield Part(self, start, self.end, only=True)
            return
        for begin in range(start, self.end, part_bytes):
            if not self.unasked:
                return
            self.unasked -= 1
            yield Part(self, begin, min(begin + part_bytes, self.end), only=False)

    def ends_sooner(self) -> None:
        """Ask for no more parts: the file ends before one that was asked for, whatever size the listing states."""
        self.open_parts -= self.unasked
        self.unasked = 0

    def beyond(self) -> Part:
        """Return one more part: the byte that follows the size which the listing states."""
        self.longer = True
        self.open_parts += 1
        return Part(self, self.end, self.end + 1, only=False)


class Part:
    """A stretch of a file that one answer brings. `only` says that it is all of the request.

    `ranged` says that it has to be asked for as a stretch: a whole file needs no range, an empty one has none.
    """

    __slots__ = ("end", "file", "only", "ranged", "renewals", "start", "tries")

    def __init__(self, file: File, start: int, end: int, *, only: bool) -> None:
        self.file = file
        self.start = start
        self.end = end
        self.only = only
        self.ranged = not (only and start == 0 and end == file.request.listed.size_bytes)
        self.tries = 0
        self.renewals = 0


class Queue:
    """The parts that are to be asked for. Requests are taken one by one as there is room for them."""

    def __init__(self, requests: Iterable[Request], part_bytes: int) -> None:
        self._fresh = (part for request in requests for part in File(request).parts(part_bytes))
        self._later: list[tuple[float, int, Part]] = []
        self._counter = itertools.count()
        self._drained = False

    def next(self, now: float) -> Part | None:
        """Return the part to ask for now, or None where there is none (yet)."""
        while self._later and self._later[0][0] <= now:
            part = heapq.heappop(self._later)[2]
            if part.file.error is None:
                return part
        if self._drained:
            return None
        for part in self._fresh:
            if part.file.error is None:
                return part
        self._drained = True
        return None

    def put_back(self, part: Part, due: float) -> None:
        """Ask for a part (again) when it is due."""
        heapq.heappush(self._later, (due, next(self._counter), part))

    @property
    def next_due(self) -> float | None:
        """When the first part that was put back is due."""
        return self._later[0][0] if self._later else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, nor comes again."""
        return self._drained and not self._later
