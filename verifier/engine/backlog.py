"""Tasks as they are pulled → the next one for a slot: those that killed a worker again, then new ones.

At most one task is pulled ahead of the slots, so that a free worker needn't wait for the next batch to be put together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Payload = TypeVar("Payload")


@dataclass(slots=True, kw_only=True)
class Task(Generic[Payload]):
    """A payload under its number, with the attempts so far and the slot of the last one."""

    number: int
    payload: Payload
    attempts: int = 0
    last_slot: int | None = None


class Backlog(Generic[Payload]):
    """Tasks that no slot has at the moment."""

    def __init__(self, tasks: Iterable[tuple[int, Payload]]) -> None:
        self._source = iter(tasks)
        self._ahead: Task[Payload] | None = None
        self._again: list[Task[Payload]] = []

    def pull_ahead(self) -> None:
        """Have one new task at hand, if there is another."""
        if self._ahead is None:
            for number, payload in self._source:
                self._ahead = Task(number=number, payload=payload)
                break

    def take(self, slot: int, *, same_slot: bool) -> Task[Payload] | None:
        """Return the next task for a slot: with `same_slot` also one whose last attempt was in it."""
        for position, task in enumerate(self._again):
            if same_slot or task.last_slot != slot:
                return self._again.pop(position)
        self.pull_ahead()
        ahead, self._ahead = self._ahead, None
        return ahead

    def give_back(self, task: Task[Payload]) -> None:
        """Let the task be attempted again."""
        self._again.append(task)

    def take_back(self, task: Task[Payload]) -> None:
        """Let the task be attempted later: it never began, so this was no attempt."""
        task.attempts -= 1
        self._again.append(task)

    def __bool__(self) -> bool:
        """Tell whether there is a task at hand, without pulling one."""
        return bool(self._again) or self._ahead is not None

    def drain(self) -> list[Task[Payload]]:
        """Return what was pulled and is in no slot; nothing more is pulled."""
        drained = self._again + ([self._ahead] if self._ahead else [])
        self._source, self._ahead, self._again = iter(()), None, []
        return drained
