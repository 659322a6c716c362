from __future__ import annotations

import argparse
import io
import itertools
import os
import signal
import sys

import pytest

from verifier.cli.drilling import TerminalWatcher, _seed_giver, exit_code, file_count, signals
from verifier.cli.terminal import Terminal
from verifier.drill import Interruption
from verifier.errors import BusyError, ManifestError, UsageError
from verifier.outcome import Finding, FindingKind
from verifier.progress import CancelledError


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (["PASSED"], 0),
        (["PASSED", "WARNED"], 0),
        (["WARNED", "INCONCLUSIVE", "PASSED"], 3),
        (["INCONCLUSIVE", "FAILED", "WARNED"], 1),
        ([], 3),
    ],
)
def test_the_gravest_verdict_gives_the_exit_code(results: list[str], code: int) -> None:
    for order in itertools.permutations(results):
        assert exit_code(order, strict=False) == code
    assert exit_code(results, strict=True) == (4 if code == 0 and "WARNED" in results else code)


def test_a_drill_that_could_not_be_made_counts_beside_verdicts() -> None:
    manifest, busy = ManifestError("cut off"), BusyError("another")
    assert exit_code([], [manifest], strict=False) == 2
    assert exit_code(["PASSED"], [manifest], strict=True) == 2
    assert exit_code(["WARNED"], [busy], strict=True) == 3
    assert exit_code(["INCONCLUSIVE"], [manifest], strict=False) == 3
    assert exit_code(["FAILED"], [manifest, busy], strict=False) == 1
    assert exit_code([], [manifest, busy], strict=False) == 3


def test_a_seed_that_was_given_is_told_from_a_fresh_one() -> None:
    assert _seed_giver(None, lambda count: b"r" * count)() == (b"r" * 32, "fresh")
    assert _seed_giver("0A" * 32, os.urandom)() == (b"\x0a" * 32, "given")
    for wrong in ("", "0a" * 31, "0a" * 33, "zz" * 32, "\u0661" * 64):
        with pytest.raises(UsageError, match="expected 32 bytes of hex"):
            _seed_giver(wrong, os.urandom)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "many", "\u0663", "1_000", " 7"])
def test_a_number_of_files_is_one_or_more(text: str) -> None:
    assert file_count("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match="from 1 on"):
        file_count(text)


def test_many_findings_are_not_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    watcher = TerminalWatcher(Terminal(colour=False))
    for number in range(50):
        watcher.found("nas", Finding(path=b"%d\x1b[2J" % number, kind=FindingKind.MISMATCH))
    lines = told.getvalue().splitlines()
    assert lines[:2] == ["  nas: MISMATCH 0\\x1b[2J", "  nas: MISMATCH 1\\x1b[2J"]
    assert len(lines) == 21
    assert "more stand in the report" in lines[-1]


def test_signals_are_a_wish_to_stop_and_then_what_they_were_before() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers:
        interruption, stops = Interruption(), []
        interruption.attach(lambda stops=stops: stops.append(1))  # type: ignore[misc]
        with signals(interruption, Terminal(quiet=True)):
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
        assert interruption.requested
        assert len(stops) == 2, "the second one is passed on, too"
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_wish_that_came_early_is_passed_on_and_ends_a_stream() -> None:
    interruption, stops = Interruption(), []
    stream = interruption.watch(iter(range(5)))
    assert next(stream) == 0
    interruption.request()
    interruption.attach(lambda: stops.append(1))
    assert stops == [1]
    with pytest.raises(CancelledError):
        next(stream)
