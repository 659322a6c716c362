"""What is said goes to standard error, what was asked for to standard output; progress suits a person or a log."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.cli import terminal as module
from verifier.cli.terminal import Terminal, describe, duration, size
from verifier.errors import UsageError, VerifierError

ROOT = Path(__file__).resolve().parents[2]


def test_results_and_talk_go_apart(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.put("result")
    terminal.say("talk")
    terminal.warn("careful")
    terminal.fail(UsageError("expected a, got b", hint="do c"))
    terminal.fail(VerifierError("expected d, got e"))
    out, err = capsys.readouterr()
    assert out == "result\n"
    assert err == "talk\nwarning: careful\nverifier: expected a, got b\nhint: do c\nverifier: expected d, got e\n"


def test_quiet_silences_talk_and_progress_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PLAIN_EVERY_SECONDS", 0.0)
    terminal = Terminal(quiet=True)
    terminal.say("talk")
    with terminal.progress("restoring") as update:
        update(1, 2, 3, 4)
    terminal.put("result")
    terminal.warn("careful")
    terminal.fail(VerifierError("failed"))
    out, err = capsys.readouterr()
    assert (out, err) == ("result\n", "warning: careful\nverifier: failed\n")


def test_a_log_gets_a_plain_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with Terminal().progress("restoring") as update:
        for second in range(13):
            now[0] = 100.0 + second
            for _ in range(1_000):
                update(second, 12, second * 1024, 12 * 1024)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "restoring: 5 of 12 files · 5.0 KiB of 12.0 KiB · 1.0 KiB/s · 7 s left",
        "restoring: 10 of 12 files · 10.0 KiB of 12.0 KiB · 1.0 KiB/s · 2 s left",
    ]
    assert "\x1b" not in err


def test_colour_is_for_terminals_or_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert Terminal().coloured("FAILED", "FAILED") == "FAILED"
    assert Terminal(colour=True).coloured("FAILED", "FAILED") == "\x1b[31mFAILED\x1b[0m"
    assert Terminal(colour=False).coloured("FAILED", "FAILED") == "FAILED"
    styles = {Terminal(colour=True).coloured("", style) for style in ("PASSED", "WARNED", "FAILED", "INCONCLUSIVE")}
    assert len(styles) == 4


def on_a_terminal(code: str) -> str:
    """Run code whose standard error is a real terminal; return what that terminal was sent."""
    controller, terminal = pty.openpty()
    try:
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=terminal, stderr=terminal) as child:
            os.close(terminal)
            sent = b""
            while True:
                try:
                    part = os.read(controller, 1 << 16)
                except OSError:  # Linux says so when the other end was closed; others give nothing
                    break
                if not part:
                    break
                sent += part
            assert child.wait(60) == 0
    finally:
        os.close(controller)
    return sent.decode()


def test_a_person_gets_one_line_that_is_rewritten_and_cleared() -> None:
    sent = on_a_terminal(
        """
import time
from verifier.cli.terminal import Terminal
terminal = Terminal()
with terminal.progress("restoring") as update:
    for done in range(300):
        update(done, 300, done, None)
        time.sleep(0.001)
print(terminal.coloured("end", "PASSED"))
"""
    )
    lines, end = sent.split("\r\x1b[K"), sent.rsplit("\r\x1b[K", 1)[1]
    assert end.strip() == "\x1b[32mend\x1b[0m"
    drawn = [line for line in lines if line.startswith("restoring: ")]
    assert 2 <= len(drawn) <= 12  # ten a second, not three hundred
    assert all("\n" not in line for line in drawn)


def test_an_error_within_leaves_no_half_drawn_line() -> None:
    sent = on_a_terminal(
        """
import contextlib
from verifier.cli.terminal import Terminal
terminal = Terminal()
with contextlib.suppress(KeyboardInterrupt), terminal.progress("restoring") as update:
    update(1, 2, 3, 4)
    raise KeyboardInterrupt
print("end")
"""
    )
    assert sent.endswith("\r\x1b[Kend\r\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_a_character_is_shown_an_escape(encoding: str) -> None:
    code = 'from verifier.cli.terminal import Terminal; t = Terminal(); t.put("é 写"); t.say("é 写")'
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == done.stderr == "é 写\n".encode(encoding, "backslashreplace")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0, None, 0, None, 0.0), "0 files · 0 B"),
        ((1_200, 20_000, 2**30, 2**31, 2.0), "1,200 of 20,000 files · 1.0 GiB of 2.0 GiB · 512 MiB/s · 2 s left"),
        ((5, 10, 0, 0, 3.0), "5 of 10 files · 0 B of 0 B · 3 s left"),
        ((5, 10, 100, None, 1.0), "5 of 10 files · 100 B · 100 B/s · 1 s left"),
        ((10, 10, 200, 100, 1.0), "10 of 10 files · 200 B of 100 B · 200 B/s · 0 s left"),
    ],
)
def test_progress_in_words(arguments: tuple[int, int | None, int, int | None, float], expected: str) -> None:
    assert describe(*arguments) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 B"),
        (1_023, "1,023 B"),
        (1_024, "1.0 KiB"),
        (17 * 1_024, "17.0 KiB"),
        (100 * 1_024, "100 KiB"),
        (3 * 2**30 // 2, "1.5 GiB"),
        (2**40, "1.0 TiB"),
        (5_000 * 2**40, "5,000 TiB"),
    ],
)
def test_sizes_in_words(size_bytes: int, expected: str) -> None:
    assert size(size_bytes) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (250, "4 min 10 s"),
        (3_599.5, "1 h 0 min"),
        (12_000, "3 h 20 min"),
        (172_799, "47 h 59 min"),
        (12 * 86_400, "12 days"),
    ],
)
def test_durations_in_words(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_larger_size_never_reads_as_a_smaller_one(one: int, other: int) -> None:
    units = ["B", "KiB", "MiB", "GiB", "TiB"]

    def worth(text: str) -> float:
        number, unit = text.split(" ")
        return float(number.replace(",", "")) * 1024.0 ** units.index(unit)

    smaller, larger = sorted((one, other))
    assert worth(size(smaller)) <= worth(size(larger))
    assert worth(size(one)) == pytest.approx(one, rel=0.06, abs=0.5)


@given(
    st.integers(0, 10**9),
    st.one_of(st.none(), st.integers(0, 10**9)),
    st.integers(0, 2**60),
    st.one_of(st.none(), st.integers(0, 2**60)),
    st.one_of(st.just(0.0), st.floats(1e-9, 1e9)),
)
def test_progress_is_told_whatever_the_numbers(
    files: int, files_total: int | None, size_bytes: int, bytes_total: int | None, seconds: float
) -> None:
    text = describe(files, files_total, size_bytes, bytes_total, seconds)
    assert text.isprintable()
    assert "-" not in text.replace("e-", "")
