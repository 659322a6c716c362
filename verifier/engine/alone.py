"""One task → its answer, in the process itself: what `--workers 1` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from verifier import progress
from verifier.engine import worker
from verifier.engine.answer import ATTEMPTS, Cancelled, Count, Counted, Done, Lost
from verifier.engine.backlog import Task
from verifier.errors import VerifierError

Payload = TypeVar("Payload")
Answer = TypeVar("Answer")

TICK_SECONDS: Final = 0.1
"""How often a caller hears of progress."""


class TickingMeter(progress.Meter):
    """A meter that calls somebody about ten times a second while something is counted on it.

    In the process itself nobody else could: the work has the only thread.
    """

    __slots__ = ("_due", "_listener")

    def __init__(self) -> None:
        super().__init__([0] * progress.METER_LENGTH)
        self._due = 0.0
        self._listener: Callable[[], None] | None = None

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Call `listener` from now on, or nobody."""
        self._listener = listener

    def moved(self, size_bytes: int) -> None:
        """Count bytes, as every meter does."""
        super().moved(size_bytes)
        self.tick()

    def beat(self) -> None:
        """Count a beat, as every meter does."""
        super().beat()
        self.tick()

    def finished(self, files: int = 1) -> None:
        """Count files, as every meter does."""
        super().finished(files)
        self.tick()

    def tick(self) -> None:
        """Call the listener if it is time to."""
        if self._listener is not None:
            now = time.monotonic()
            if now >= self._due:
                self._due = now + TICK_SECONDS
                self._listener()


class Alone:
    """The one worker that is this process, with its meter."""

    def __init__(self) -> None:
        self.meter = TickingMeter()
        self._base = Count()

    def in_flight(self) -> Count:
        """Return what was counted for the attempt under way."""
        return Count.on(self.meter) - self._base

    def perform(
        self, function: Callable[[Payload], Answer], task: Task[Payload]
    ) -> Done[Counted[Answer]] | Lost | Cancelled:
        """Call the function on the task, again where memory did not suffice.

        Raises:
            Exception: whatever the function raises that is neither a VerifierError nor a lack of memory.
        """
        for attempt in range(1, ATTEMPTS + 1):
            before = progress.use_meter(self.meter)
            try:
                counted = worker.count(function, task.payload)
            except progress.CancelledError:
                return Cancelled(number=task.number)
            except VerifierError as error:
                return Lost(number=task.number, cause=error.message, attempts=attempt, error=error)
            except MemoryError:
                continue
            finally:
                progress.use_meter(before)
                self._base = Count.on(self.meter)
            return Done(number=task.number, answer=counted, attempts=attempt)
        return Lost(number=task.number, cause="out of memory", attempts=ATTEMPTS)
