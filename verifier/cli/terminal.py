"""What is said → standard error, what was asked for → standard output; colour and live progress only for a person.

The rules of speech: results go to standard output and nothing else does; talk, progress and errors go to standard
error; lower case, no full stop at the end of a message; what was expected and what came; at most one hint. Names from
outside are escaped by `relpath.show` before they get here. Where standard error is no terminal, progress is a plain
line every few seconds, so that a log stays readable.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator
from typing import Final, Protocol

from verifier.errors import ScenarioError, VerifierError

_PLAIN_EVERY_SECONDS: Final = 5.0
_LIVE_EVERY_SECONDS: Final = 0.1
_COLOURS: Final = {"PASSED": "32", "WARNED": "33", "FAILED": "31", "INCONCLUSIVE": "35", "faint": "2", "strong": "1"}


class Update(Protocol):
    """Tell how far the work is; totals that are not known yet are None."""

    def __call__(self, files_done: int, files_total: int | None, bytes_done: int, bytes_total: int | None) -> None:
        """Show so much as done; may be called as often as wanted."""
        ...


class Terminal:
    """Where a command speaks. `quiet` silences talk and progress, never results, warnings or errors."""

    def __init__(self, *, quiet: bool = False, colour: bool | None = None) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._colour = (sys.stdout.isatty() and self._live) if colour is None else colour
        if isinstance(sys.stdout, io.TextIOWrapper):
            # As standard error does by itself: a terminal that knows no 写 is shown an escape, not a traceback.
            sys.stdout.reconfigure(errors="backslashreplace")

    def put(self, text: str) -> None:
        """Print a result to standard output."""
        print(text, flush=True)

    def put_bytes(self, data: bytes) -> None:
        """Write a result to standard output just as it is, whatever the terminal's encoding."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def say(self, text: str) -> None:
        """Talk to standard error."""
        if not self._quiet:
            _speak(f"{text}\n")

    def prompt(self, text: str) -> None:
        """Ask on standard error; the answer is typed on the same line."""
        _speak(text)

    def interject(self, text: str) -> None:
        """Talk while progress is shown: the line of progress gives way and comes back by itself."""
        if not self._quiet:
            _speak(f"\r\x1b[K{text}\n" if self._live else f"{text}\n")

    def warn(self, text: str) -> None:
        """Say something that must not be missed."""
        _speak(f"warning: {text}\n")

    def fail(self, error: VerifierError) -> None:
        """Say what went wrong, and its hint."""
        # The problems of scenarios are lines that begin with the place of each, as editors want them.
        prefix = "" if isinstance(error, ScenarioError) else "verifier: "
        _speak(f"{prefix}{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))

    def coloured(self, text: str, style: str) -> str:
        """Return the text in the colour of a verdict, or `strong` or `faint`; unchanged where colour is not wanted."""
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self._colour else text

    @contextlib.contextmanager
    def progress(self, label: str) -> Iterator[Update]:
        """Show how far a piece of work is, at most ten times a second, for as long as the block lasts."""
        line = _ProgressLine(label, live=self._live, silent=self._quiet)
        try:
            yield line.update
        finally:
            line.close()


class _ProgressLine:
    """One line: files, bytes, rate and time left; rewritten in place on a terminal, repeated slowly in a log."""

    def __init__(self, label: str, *, live: bool, silent: bool) -> None:
        self._label = label
        self._live = live
        self._silent = silent
        self._began = time.monotonic()
        self._shown_at = self._began if not live else 0.0
        self._anything_live = False

    def update(self, files_done: int, files_total: int | None, bytes_done: int, bytes_total: int | None) -> None:
        """Show how far the work is, unless that was shown a moment ago; a total that is not known yet is None."""
        now = time.monotonic()
        wait = _LIVE_EVERY_SECONDS if self._live else _PLAIN_EVERY_SECONDS
        if self._silent or now - self._shown_at < wait:
            return
        self._shown_at = now
        text = f"{self._label}: {describe(files_done, files_total, bytes_done, bytes_total, now - self._began)}"
        self._anything_live = self._live
        _speak(f"\r\x1b[K{text}" if self._live else f"{text}\n")

    def close(self) -> None:
        """Wipe the line off a terminal; in a log it stays."""
        if self._anything_live:
            _speak("\r\x1b[K")


def _speak(text: str) -> None:
    """Write to standard error. Nobody may be there any more (a closed terminal, `| head`): work goes on unheard."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except RuntimeError:
        pass  # a signal came in the middle of another write, and its handler can't be heard there
    except OSError:
        # The interpreter must not meet what could not be written again at its end: it would exit with code 120.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)


def describe(
    files_done: int, files_total: int | None, bytes_done: int, bytes_total: int | None, elapsed_seconds: float
) -> str:
    """Return progress in words: `1,200 of 20,000 files · 1.1 of 2.0 GiB · 310 MiB/s · 4 s left`."""
    files = f"{files_done:,}" + (f" of {files_total:,}" if files_total is not None else "") + " files"
    sizes = size(bytes_done) + (f" of {size(bytes_total)}" if bytes_total is not None else "")
    parts = [files, sizes]
    if elapsed_seconds > 0 and bytes_done:
        parts.append(f"{size(int(bytes_done / elapsed_seconds))}/s")
    share = _share_done(files_done, files_total, bytes_done, bytes_total)
    if share:
        parts.append(f"{duration(elapsed_seconds / share - elapsed_seconds)} left")
    return " · ".join(parts)


def _share_done(files_done: int, files_total: int | None, bytes_done: int, bytes_total: int | None) -> float:
    if bytes_total:
        return min(1.0, bytes_done / bytes_total)
    return min(1.0, files_done / files_total) if files_total else 0.0


def size(size_bytes: int) -> str:
    """Return bytes as a person reads them: `0 B`, `17 KiB`, `1.2 GiB`."""
    amount = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":  # noqa: PLR2004 - 1024 is what the unit means
            return f"{amount:,.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"  # noqa: PLR2004
        amount /= 1024
    raise AssertionError


def duration(seconds: float) -> str:
    """Return seconds as a person reads them: `0 s`, `4 min 10 s`, `3 h 20 min`, `12 days`."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - units of time
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 - units of time
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172_800:  # noqa: PLR2004 - two days
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} days"
