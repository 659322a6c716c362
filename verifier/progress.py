"""How far work has come: counters that a worker raises and its parent reads, and the word that it should stop.

A worker process is given one `Meter` over memory that it shares with its parent; in the process itself the meter is
over plain memory. Each counter has one writer, so no lock is needed, and reading it costs the worker nothing.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Final

from verifier.errors import VerifierError

METER_LENGTH: Final = 5
_BYTES, _FILES, _BEATS, _STOP, _PID = range(METER_LENGTH)


class CancelledError(VerifierError):
    """The parent asked this worker to stop; what was not done is told as cancelled."""

    exit_code = 130


class Meter:
    """Counters of one worker over five shared 64-bit integers: bytes, files, beats, stop, process id."""

    __slots__ = ("_cells",)

    def __init__(self, cells: MutableSequence[int]) -> None:
        self._cells = cells

    def moved(self, size_bytes: int) -> None:
        """Count bytes that came from the copy.

        Raises:
            CancelledError: the parent asked to stop.
        """
        cells = self._cells
        cells[_BYTES] += size_bytes
        cells[_BEATS] += 1
        if cells[_STOP]:
            raise CancelledError("cancelled")

    def beat(self) -> None:
        """Tell the parent that work goes on though no byte has come from the copy (hashing, probing).

        Raises:
            CancelledError: the parent asked to stop.
        """
        self._cells[_BEATS] += 1
        if self._cells[_STOP]:
            raise CancelledError("cancelled")

    def finished(self, files: int = 1) -> None:
        """Count files whose outcome is known."""
        self._cells[_FILES] += files
        self._cells[_BEATS] += 1

    @property
    def bytes_moved(self) -> int:
        """Bytes counted so far."""
        return self._cells[_BYTES]

    @property
    def files_finished(self) -> int:
        """Files counted so far."""
        return self._cells[_FILES]

    @property
    def beats(self) -> int:
        """A number that changes whenever anything was counted: what a stall is measured by."""
        return self._cells[_BEATS]

    @property
    def process_id(self) -> int:
        """The worker's process, which leads its own process group; 0 before it has begun."""
        return self._cells[_PID]

    @process_id.setter
    def process_id(self, value: int) -> None:
        self._cells[_PID] = value

    def ask_to_stop(self) -> None:
        """Make the next count in the worker raise `CancelledError`."""
        self._cells[_STOP] = 1

    @property
    def stopping(self) -> bool:
        """Whether the worker was asked to stop."""
        return bool(self._cells[_STOP])


_current: Meter = Meter([0] * METER_LENGTH)


def meter() -> Meter:
    """Return the meter of the worker that this code runs in (in the main process, its own)."""
    return _current


def use_meter(replacement: Meter) -> Meter:
    """Make `replacement` the meter of this process; return the one before."""
    global _current
    before, _current = _current, replacement
    return before
