"""One of the engine's slots: at most one task and at most one worker, so that a death blames exactly that task."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from verifier.engine.answer import Count, Counted
from verifier.engine.backlog import Task
from verifier.engine.process import Worker

_START_SECONDS: Final = 60.0


class Slot:
    """A place for one worker. Who hires it is the engine's affair."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Worker | None = None
        self.task: Task[Any] | None = None
        self.future: Future[Counted[Any]] | None = None
        self._base = Count()
        self._sign: tuple[int, int] | None = None
        self._sign_at = 0.0

    def give(self, task: Task[Any], hire: Callable[[], Worker], function: Callable[[Any], Any]) -> None:
        """Take the task in and let the worker begin it; `hire` makes one where there is none.

        Raises:
            OSError, EOFError: a process can't be started.
            BrokenExecutor: the executor takes no more tasks.
        """
        task.attempts += 1
        task.last_slot = self.number
        self.task = task
        self.worker = worker = self.worker or hire()
        self._base = Count.on(worker.meter) if worker.meter else Count()
        self._sign, self._sign_at = None, time.monotonic()
        self.future = worker.submit(function, task.payload)

    def begin_ahead(self, hire: Callable[[], Worker], function: Callable[[Any], Any], payload: object) -> None:
        """Let the worker call a function before its first task; what becomes of that interests nobody.

        Raises:
            OSError, EOFError: a process can't be started.
            BrokenExecutor: the executor takes no more tasks.
        """
        self.worker = self.worker or hire()
        self.worker.submit(function, payload)

    def release(self) -> Task[Any]:
        """Take the task out, its count with it; return it."""
        task, self.task, self.future = self.task, None, None
        if task is None:
            raise RuntimeError(f"slot {self.number} has no task")
        return task

    def leave(self) -> Worker | None:
        """Take the worker out and return it."""
        worker, self.worker = self.worker, None
        return worker

    def in_flight(self) -> Count:
        """Return what was counted for the task that the slot has."""
        if self.task is None or self.worker is None or self.worker.meter is None:
            return Count()
        return Count.on(self.worker.meter) - self._base

    def begun(self) -> bool:
        """Tell whether the worker came as far as taking a task (of a borrowed one nobody knows, so it did)."""
        return self.worker is not None and (self.worker.meter is None or self.worker.meter.process_id != 0)

    def stalled(self, stall_seconds: float) -> bool:
        """Tell whether the worker has shown no sign of life for so long; one that is still starting has a minute."""
        if self.task is None or self.worker is None or self.worker.meter is None:
            return False
        meter, now = self.worker.meter, time.monotonic()
        sign = (meter.process_id, meter.beats)
        if sign != self._sign:
            self._sign, self._sign_at = sign, now
        limit = stall_seconds if meter.process_id else max(stall_seconds, _START_SECONDS)
        return now - self._sign_at >= limit

    def ask_to_stop(self) -> None:
        """Ask the worker to stop."""
        worker = self.worker
        if worker is not None and worker.meter is not None:
            worker.meter.ask_to_stop()
