"""A slot's worker: one process behind one single-worker executor, with a meter in shared memory.

On Linux processes are forked from a server that has imported what they need; elsewhere, where system libraries don't
bear a fork, they are spawned. Measured on two busy cores, to the first result of two workers that import
`verifier.restore`: 0.13 to 0.17 s and 0.2 s of processor time from a server, 0.20 to 0.26 s and 0.37 s spawned.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, MutableSequence, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any, Final, Protocol, TypeVar, cast

from verifier import progress
from verifier.engine import worker
from verifier.engine.answer import Counted
from verifier.engine.starting import modules, starting
from verifier.errors import EngineError

Payload = TypeVar("Payload")
Answer = TypeVar("Answer")

_DEATH_SECONDS: Final = 1.0
_MOMENT_SECONDS: Final = 0.005


class Worker(Protocol):
    """Whoever works on a slot's task, one at a time."""

    @property
    def meter(self) -> progress.Meter | None:
        """What the worker counts on, where the parent can see it."""
        ...

    def submit(self, function: Callable[[Payload], Answer], payload: Payload) -> Future[Counted[Answer]]:
        """Begin the task."""
        ...

    def kill(self) -> None:
        """End the task and the worker at once, with every tool that it started."""
        ...

    def cause_of_death(self) -> str:
        """Say how a worker that died came to its end."""
        ...

    def dismiss(self) -> None:
        """Let the worker end, without waiting for it."""
        ...

    def await_end(self, deadline: float) -> None:
        """Wait for a dismissed worker's end until `deadline` (`time.monotonic`), then kill it."""
        ...

    def ended(self) -> bool:
        """Tell whether nothing is left of a dismissed worker."""
        ...


if sys.platform == "linux":
    from multiprocessing.context import ForkServerContext as _BaseContext
    from multiprocessing.context import ForkServerProcess as _Process
else:
    from multiprocessing.context import SpawnContext as _BaseContext
    from multiprocessing.context import SpawnProcess as _Process


class _Context(_BaseContext):
    """A context that remembers the process it made: an executor tells nobody which one is its worker."""

    process: _Process | None = None

    def Process(self, *arguments: object, **options: object) -> _Process:  # type: ignore[override]  # noqa: N802 - the name that executors call
        """Make the process of the executor."""
        self.process = _Process(*arguments, **options)  # type: ignore[arg-type]
        return self.process


class ProcessWorker:
    """One process of our own. It starts with the first task."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._context = _Context()
        self._context.set_forkserver_preload(modules(preload))
        cells = cast("MutableSequence[int]", self._context.RawArray(ctypes.c_int64, progress.METER_LENGTH))
        self._meter = progress.Meter(cells)
        begin = functools.partial(worker.begin, cells, tuple(preload))
        with starting():
            self._executor = ProcessPoolExecutor(max_workers=1, mp_context=self._context, initializer=begin)
        self._closer = threading.Thread(
            target=self._executor.shutdown, kwargs={"cancel_futures": True}, name="dismiss a worker", daemon=True
        )

    @property
    def meter(self) -> progress.Meter:
        """The counters that the process writes and we read."""
        return self._meter

    def submit(self, function: Callable[[Payload], Answer], payload: Payload) -> Future[Counted[Answer]]:
        """Begin the task; the first one starts the process.

        Raises:
            OSError: the process can't be started.
            EOFError: the server that it is forked from broke off.
        """
        if self._context.process is None:
            with starting():
                return self._executor.submit(worker.perform, function, payload)
        return self._executor.submit(worker.perform, function, payload)

    def kill(self) -> None:
        """End the process and everything in its group. Doing so twice, or when it is dead, is fine."""
        process = self._context.process
        if process is None or process.pid is None:
            return
        # The group outlives a worker that was killed alone: the tool that it had started would go on. Where there is
        # no group (any more, or yet), that is an error; macOS calls a group of zombies a lack of permission.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()

    def cause_of_death(self) -> str:
        """Say by which signal or with which exit code the process ended."""
        process = self._context.process
        if process is None:
            return "the worker could not be started"
        # The executor's own thread may be the one that is told the exit code; then it is here a moment later.
        deadline = time.monotonic() + _DEATH_SECONDS
        while (code := process.exitcode) is None and time.monotonic() < deadline:
            time.sleep(_MOMENT_SECONDS)
        if code is None:
            return "the worker broke off"
        if code < 0:
            return f"the worker was killed by {_signal_name(-code)}"
        return f"the worker ended with exit code {code}"

    def dismiss(self) -> None:
        """Tell the process that there is nothing more to do, without waiting for it."""
        self._closer.start()

    def await_end(self, deadline: float) -> None:
        """Wait for the end of a dismissed process until `deadline`, then kill it and what it left behind.

        A process that not even SIGKILL ends (it hangs in the kernel) is left to itself.
        """
        self._closer.join(max(0.0, deadline - time.monotonic()))
        self.kill()
        self._closer.join(_DEATH_SECONDS)

    def ended(self) -> bool:
        """Tell whether the dismissed process and its executor are gone."""
        return not self._closer.is_alive()


class BorrowedWorker:
    """A worker of somebody else's executor: a cluster, say. It has no meter and can't be killed, only left alone."""

    meter = None

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._future: Future[Any] | None = None

    def submit(self, function: Callable[[Payload], Answer], payload: Payload) -> Future[Counted[Answer]]:
        """Hand the task to the executor.

        Raises:
            EngineError: it takes no more tasks, and we have no other.
        """
        try:
            future = self._executor.submit(worker.perform, function, payload)
        except RuntimeError as error:  # broken, or shut down
            raise EngineError(f"the executor takes no more tasks: {error}") from error
        self._future = future
        return future

    def kill(self) -> None:
        """Take the task back if it hasn't begun."""
        if self._future is not None:
            self._future.cancel()

    def cause_of_death(self) -> str:
        """Say what is known: nothing."""
        return "the worker died"

    def dismiss(self) -> None:
        """Do nothing: the executor is its owner's to close."""

    def await_end(self, deadline: float) -> None:
        """Do nothing: the executor is its owner's to close."""

    def ended(self) -> bool:
        """Tell that nothing of ours is left."""
        return True


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
