"""Maps a plain function of picklable values over workers, and keeps the reins: progress, stalls, deaths, the stop."""

from __future__ import annotations

import concurrent.futures
import functools
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, Final, Self, TypeVar

from verifier import progress
from verifier.engine.alone import TICK_SECONDS, Alone
from verifier.engine.answer import ATTEMPTS, Cancelled, Count, Counted, Done, Lost
from verifier.engine.backlog import Backlog, Task
from verifier.engine.process import BorrowedWorker, ProcessWorker, Worker
from verifier.engine.slot import Slot
from verifier.errors import EngineError, UsageError, VerifierError

Payload = TypeVar("Payload")
Answer = TypeVar("Answer")
_Answers = Iterator[Done[Any] | Lost | Cancelled]

_CLOSE_SECONDS: Final = 5.0
_START_PATIENCE_SECONDS: Final = 5.0


class Engine:
    """Some slots with a worker in each. Close it, or use it as a context manager.

    Args:
        workers: how many slots; 1 means the process itself, with no other process, no stall detection.
        stall_seconds: a worker that counts nothing on its meter for so long is killed.
        grace_seconds: how long workers have to come to an end by themselves after `stop`.
        preload: modules that a worker imports before its first task, which is not counted as a stall.

    Workers start with the first task and stay for all maps until `close`. One map at a time.
    """

    def __init__(
        self, *, workers: int, stall_seconds: float = 60.0, grace_seconds: float = 10.0, preload: Sequence[str] = ()
    ) -> None:
        if workers < 1:
            raise UsageError(f"expected at least 1 worker, got {workers}")
        self._slots = [Slot(number) for number in range(workers)]
        self._alone = Alone() if workers == 1 else None
        self._hire: Callable[[], Worker] = functools.partial(ProcessWorker, tuple(preload))
        self._stall_seconds = stall_seconds
        self._grace_seconds = grace_seconds
        self._stop_at: float | None = None
        self._kept = Count()
        self._leaving: list[Worker] = []
        self._ever_begun = False
        self._failing_since: float | None = None
        self._mapping = False
        self._told_at = 0.0

    @classmethod
    def over(cls, executor: Executor, *, slots: int, grace_seconds: float = 10.0) -> Self:
        """Return an engine over somebody else's executor, which stays theirs to close.

        Such workers have no shared meters: counts come with the answers (of executors that work on one task at a time
        in each process), a stall isn't seen, and a task that goes on after `stop` and the grace is left alone.
        """
        engine = cls(workers=slots, grace_seconds=grace_seconds)
        engine._alone = None
        engine._hire = functools.partial(BorrowedWorker, executor)
        return engine

    @property
    def workers(self) -> int:
        """How many tasks are worked on at the same time."""
        return len(self._slots)

    @property
    def bytes_moved(self) -> int:
        """Bytes from copies: of all answers, and of what is under way. An attempt without an answer doesn't count."""
        return self._count().bytes_moved

    @property
    def files_finished(self) -> int:
        """Files whose outcome is known, counted like `bytes_moved`."""
        return self._count().files_finished

    def _count(self) -> Count:
        under_way = [slot.in_flight() for slot in self._slots] + ([self._alone.in_flight()] if self._alone else [])
        return sum(under_way, self._kept)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop_at is not None

    def stop(self) -> None:
        """Begin no new task, ask the workers to stop, kill them after the grace; the second call leaves no grace.

        May be called from a signal handler or another thread: it takes no lock.
        """
        now = time.monotonic()
        self._stop_at = now if self.stopping else now + self._grace_seconds
        if self._alone:
            self._alone.meter.ask_to_stop()
        for slot in self._slots:
            slot.ask_to_stop()

    def begin_ahead(self, function: Callable[[Payload], Answer], payload: Payload) -> None:
        """Let every worker begin now, with a call that its first task will profit from, and don't wait for it.

        What the call returns or raises is lost; one that can't be begun is none. In the process itself nothing happens.
        """
        if self._alone or self.stopping:
            return
        for slot in self._slots:
            try:
                slot.begin_ahead(self._hire, function, payload)
            except (OSError, EOFError, BrokenExecutor):
                self._discharge(slot)

    def map(
        self,
        function: Callable[[Payload], Answer],
        tasks: Iterable[tuple[int, Payload]],
        *,
        on_progress: Callable[[], None] | None = None,
    ) -> Iterator[Done[Answer] | Lost | Cancelled]:
        """Yield one answer for each of `tasks` (a number and a payload), in order of completion.

        Tasks are pulled as slots become free, at most one ahead; after `stop` no more are pulled, and those that were
        get their answer. `on_progress` is called some ten times a second while work goes on.

        Raises:
            EngineError: workers can't be started at all.
            Exception: the function has a bug (raised neither a VerifierError nor a MemoryError), or can't be pickled.
        """
        pickle.dumps(function)  # what works alone shall work with many
        if self._alone:
            return self._map_alone(self._alone, function, tasks, on_progress)
        return self._map(function, tasks, on_progress)

    def _map_alone(
        self,
        alone: Alone,
        function: Callable[[Any], Any],
        tasks: Iterable[tuple[int, Any]],
        on_progress: Callable[[], None] | None,
    ) -> _Answers:
        alone.meter.listen(on_progress)
        source = iter(tasks)
        try:
            while not self.stopping:
                pulled = next(source, None)
                if pulled is None:
                    return
                number, payload = pulled
                answer = alone.perform(function, Task(number=number, payload=payload))
                if isinstance(answer, Done):
                    self._kept += answer.answer.count
                    answer = Done(number=number, answer=answer.answer.answer, attempts=answer.attempts)
                alone.meter.tick()
                yield answer
        finally:
            alone.meter.listen(None)

    def _map(
        self,
        function: Callable[[Any], Any],
        tasks: Iterable[tuple[int, Any]],
        on_progress: Callable[[], None] | None,
    ) -> _Answers:
        if self._mapping:
            raise RuntimeError("this engine is at another map already")
        self._mapping = True
        backlog = Backlog(tasks)
        answers: list[Done[Any] | Lost | Cancelled] = []
        try:
            while True:
                # Free slots are filled before the caller is told, who may take its time over an answer.
                answers += self._fill(backlog, function)
                yield from answers
                busy = [slot for slot in self._slots if slot.future]
                if not busy and not backlog:
                    return
                if not self.stopping:
                    backlog.pull_ahead()
                self._wait(busy, on_progress)
                answers = self._collect(busy, backlog)
        finally:
            self._mapping = False
            self._clear_slots()

    def _fill(self, backlog: Backlog[Any], function: Callable[[Any], Any]) -> list[Cancelled]:
        """Give each free slot a task; a task that killed a worker goes to another slot if one is free."""
        if self.stopping:
            return [Cancelled(number=task.number) for task in backlog.drain()]
        for same_slot in (False, True):
            for slot in self._slots:
                if slot.task is None and (task := backlog.take(slot.number, same_slot=same_slot)):
                    self._give(slot, task, backlog, function)
        return []

    def _give(self, slot: Slot, task: Task[Any], backlog: Backlog[Any], function: Callable[[Any], Any]) -> None:
        """Let the slot begin the task; where no worker can be started at the moment, the task waits.

        Raises:
            EngineError: none could be started for some seconds.
        """
        try:
            slot.give(task, self._hire, function)
        except (OSError, EOFError, BrokenExecutor) as error:
            backlog.take_back(slot.release())
            self._discharge(slot)
            now = time.monotonic()
            self._failing_since = self._failing_since or now
            if now - self._failing_since >= _START_PATIENCE_SECONDS:
                raise EngineError(f"workers can't be started: {error}") from error
        else:
            self._failing_since = None

    def _wait(self, busy: list[Slot], on_progress: Callable[[], None] | None) -> None:
        """Wait until an answer is there, a tenth of a second at most; tell of progress."""
        futures = [slot.future for slot in busy if slot.future]
        if futures:
            concurrent.futures.wait(futures, TICK_SECONDS, concurrent.futures.FIRST_COMPLETED)
        else:
            time.sleep(TICK_SECONDS)
        now = time.monotonic()
        if on_progress and now - self._told_at >= TICK_SECONDS:
            self._told_at = now
            on_progress()

    def _collect(self, busy: list[Slot], backlog: Backlog[Any]) -> list[Done[Any] | Lost | Cancelled]:
        """Return the answers that are there; kill what has stalled, or was asked to stop and had its grace."""
        answers: list[Done[Any] | Lost | Cancelled | None] = []
        for slot in busy:
            if slot.future is None:  # closed meanwhile, by the caller that an answer was yielded to
                continue
            if slot.future.done():
                answers.append(self._settle(slot, slot.future, backlog))
            elif self._stop_at is not None:
                slot.ask_to_stop()
                if time.monotonic() >= self._stop_at:
                    self._discharge(slot)
                    answers.append(Cancelled(number=slot.release().number))
            elif slot.stalled(self._stall_seconds):
                answers.append(self._bury(slot, f"no progress for {self._stall_seconds:g} s", backlog))
        return [answer for answer in answers if answer]

    def _settle(
        self, slot: Slot, future: Future[Counted[Any]], backlog: Backlog[Any]
    ) -> Done[Any] | Lost | Cancelled | None:
        """Return what the finished future says of the slot's task; None where it will be attempted again."""
        error = None if future.cancelled() else future.exception()
        if isinstance(error, BrokenExecutor):
            return self._bury(slot, None, backlog)
        if isinstance(error, MemoryError):
            return self._bury(slot, "out of memory", backlog)
        self._ever_begun = True
        task = slot.release()
        if future.cancelled() or isinstance(error, progress.CancelledError):
            return Cancelled(number=task.number)
        if isinstance(error, VerifierError):
            return Lost(number=task.number, cause=error.message, attempts=task.attempts, error=error)
        if error is not None:
            self.close()
            raise error
        counted = future.result()
        self._kept += counted.count
        return Done(number=task.number, answer=counted.answer, attempts=task.attempts)

    def _bury(self, slot: Slot, cause: str | None, backlog: Backlog[Any]) -> Lost | None:
        """Replace the slot's worker, which died or has to; decide about the task that it died over.

        Raises:
            EngineError: no worker has ever come as far as its first task.
        """
        self._ever_begun = self._ever_begun or slot.begun()
        cause = cause or (slot.worker.cause_of_death() if slot.worker else "the worker died")
        self._discharge(slot)
        task = slot.release()
        if task.attempts < ATTEMPTS:  # once stopped, what is given back comes out of the backlog as cancelled
            backlog.give_back(task)
            return None
        if not self._ever_begun:
            raise EngineError(f"workers can't be started: {cause}")
        return Lost(number=task.number, cause=cause, attempts=task.attempts)

    def _discharge(self, slot: Slot) -> None:
        """End the slot's worker at once; its last moments are waited for in `close`."""
        worker = slot.leave()
        if worker is not None:
            worker.kill()
            self._dismiss(worker)

    def _dismiss(self, worker: Worker) -> None:
        worker.dismiss()
        self._leaving = [former for former in self._leaving if not former.ended()] + [worker]

    def _clear_slots(self) -> None:
        """End what is still under way: its answer interests nobody any more."""
        for slot in self._slots:
            if slot.task:
                self._discharge(slot)
                slot.release()

    def close(self) -> None:
        """End all workers, by force where they don't end within some seconds. Doing so twice is fine."""
        self._clear_slots()
        for slot in self._slots:
            worker = slot.leave()
            if worker is not None:
                self._dismiss(worker)
        deadline = time.monotonic() + _CLOSE_SECONDS
        for worker in self._leaving:
            worker.await_end(deadline)
        self._leaving.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
