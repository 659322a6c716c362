"""What becomes of one task: `Done`, `Lost` or `Cancelled`; there is no fourth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, Self, TypeVar

from verifier.errors import VerifierError
from verifier.progress import Meter

Answer = TypeVar("Answer")

ATTEMPTS: Final = 3
"""How many workers may die over one task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[Answer]):
    """The function returned; `attempts` counts the tries that it took."""

    number: int
    answer: Answer
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """There is no answer: every attempt killed its worker, or the function said why it can't (then with its error)."""

    number: int
    cause: str
    attempts: int
    error: VerifierError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The engine was stopped before there was an answer."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What meters count: bytes that came from a copy, files whose outcome is known."""

    bytes_moved: int = 0
    files_finished: int = 0

    @classmethod
    def on(cls, meter: Meter) -> Self:
        """Return what a meter shows."""
        return cls(bytes_moved=meter.bytes_moved, files_finished=meter.files_finished)

    def __add__(self, other: Count) -> Count:
        return Count(
            bytes_moved=self.bytes_moved + other.bytes_moved, files_finished=self.files_finished + other.files_finished
        )

    def __sub__(self, other: Count) -> Count:
        return Count(
            bytes_moved=self.bytes_moved - other.bytes_moved, files_finished=self.files_finished - other.files_finished
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Generic[Answer]):
    """An answer on its way from a worker, with what the worker's meter counted for it."""

    answer: Answer
    count: Count
