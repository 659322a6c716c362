"""Whoever watches a drill, and whoever may stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from verifier.outcome import Finding
from verifier.progress import CancelledError

Passed = TypeVar("Passed")


class Watcher(Protocol):
    """Is told how a drill goes on. All of it is for a person; nothing depends on it."""

    def stage(self, text: str) -> None:
        """A stage begins: a copy is listed, restored, or the proof is written."""
        ...

    def progress(self, files_done: int, files_total: int | None, bytes_done: int, bytes_total: int | None) -> None:
        """The present stage has come so far; totals that are not known are None."""
        ...

    def found(self, copy: str, finding: Finding) -> None:
        """A restore showed a discrepancy, just now."""
        ...


class Interruption:
    """A wish to stop, which a signal handler may express at any time: it takes no lock."""

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self.requested = False

    def request(self) -> None:
        """Stop as soon as may be; asked twice, without grace."""
        self.requested = True
        if self._stop is not None:
            self._stop()

    def attach(self, stop: Callable[[], None]) -> None:
        """Name what a request shall call."""
        self._stop = stop
        if self.requested:
            stop()

    def watch(self, stream: Iterable[Passed]) -> Iterator[Passed]:
        """Pass a stream on until a stop is wished.

        Raises:
            CancelledError: it is.
        """
        for item in stream:
            if self.requested:
                raise CancelledError("the drill was interrupted while the copy was listed")
            yield item
