"""What the embedded B2 is told to do wrong, request by request; nothing of its own accord."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to go wrong, for the next `times` requests whose target or file name contains `where`.

    `status`, `code` and `retry_after` make an error of the answer; `cut_after_bytes` breaks the connection after so
    many bytes of the body; `pause_seconds` waits before the body, `drip_seconds` after each KiB of it; `body` makes
    other bytes of those that are asked for, whose length is then stated; `sha1` is stated in place of the real one.
    """

    where: str
    times: int = 1
    status: int | None = None
    code: str = "internal_error"
    retry_after: str | None = None
    cut_after_bytes: int | None = None
    pause_seconds: float = 0.0
    drip_seconds: float = 0.0
    body: Callable[[bytes], bytes] | None = None
    sha1: str | None = None


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        with self._lock:
            self._planned.append((fault, fault.times))

    def clear(self) -> None:
        """Let nothing more go wrong."""
        with self._lock:
            self._planned.clear()

    def take(self, target: str, file_name: str = "") -> Fault | None:
        """Return the fault that this request has to suffer, and count it."""
        if not self._planned:
            return None
        with self._lock:
            for index, (fault, left) in enumerate(self._planned):
                if fault.where in target or (file_name and fault.where in file_name):
                    self._planned[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None
