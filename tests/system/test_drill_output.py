"""What a drill says, and to whom: results to standard output, talk to standard error, life only to a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

import pytest
from drill_processes import Ended, Home, Running, flip, many, put

MIB = 1024 * 1024
LARGE_MIB = 300
BUSY_LOG = """
import sys
from verifier.cli import terminal
from verifier.cli.main import main
terminal._PLAIN_EVERY_SECONDS = 0.05
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("dataset")).fill(many(300))
    flip(home.another_copy("damaged") / "001/000123.jpg")
    return home


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


def proof_bytes(ended: Ended, scenario: str) -> bytes:
    (bundle,) = [bundle for bundle in ended.bundles if bundle.parent.name == scenario]
    return (bundle / "proof.json").read_bytes()


def test_json_prints_the_bytes_of_each_proof_and_nothing_else(home: Home, dataset: Home) -> None:
    good = home.scenario("good", f'manifest = "{home.manifest}"\n[[copy]]\nname = "nas"\nat = "{home.copy}"\n')
    damaged = dataset.root / "damaged"
    bad = home.scenario("bad", f'manifest = "{home.manifest}"\n[[copy]]\nname = "nas"\nat = "{damaged}"\n')
    ended = home.run("drill", bad, good, "--full", "--json", "--workers", "2")
    assert ended.code == 1
    assert ended.stdout == proof_bytes(ended, "bad") + proof_bytes(ended, "good")
    assert ended.stdout.count(b"\n") == 2
    for said in ("bad: FAILED", "good: PASSED", "nas: MISMATCH 001/000123.jpg", "report.html"):
        assert said in ended.stderr


def test_without_json_standard_output_stays_empty(home: Home) -> None:
    ended = home.run(*home.prove, "--sample", "5", "--workers", "1")
    assert (ended.code, ended.stdout) == (0, b"")
    assert "PASSED" in ended.stderr
    assert str(ended.bundle / "report.html") in ended.stderr


def test_quiet_is_silent_even_about_findings(home: Home, dataset: Home) -> None:
    copy = dataset.root / "damaged"
    ended = home.run_here("prove", copy, "--manifest", home.manifest, "--full", "--quiet")
    assert (ended.code, ended.stdout, ended.stderr) == (1, b"", "")
    ended = home.run_here("prove", copy, "--manifest", home.manifest, "--full", "--quiet", "--json")
    assert (ended.stdout, ended.stderr) == ((ended.bundle / "proof.json").read_bytes(), "")


@pytest.mark.parametrize("environment", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=str)
def test_a_log_gets_plain_lines_of_progress(home: Home, environment: dict[str, str]) -> None:
    options = ("--full", "--workers", "1")
    program = (sys.executable, "-c", BUSY_LOG)
    with home.start(*home.prove, *options, read_seconds=0.0005, command=program, env=environment) as running:
        ended = running.end()
    assert ended.code == 0, ended.stderr
    assert ended.stdout == b""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ended.stderr), "lines of text, and no other control character"
    lines = [line for line in ended.stderr.splitlines() if line.startswith("restoring from copy: ")]
    assert len(lines) >= 3
    for line in lines:
        assert re.match(r"restoring from copy: [\d,]+ of 300 files ", line)
        assert " of 586 KiB " in line
    done = [int(re.findall(r"copy: ([\d,]+) of", line)[0].replace(",", "")) for line in lines]
    assert done == sorted(done)


def test_quiet_is_silent_about_progress_too(home: Home) -> None:
    program = (sys.executable, "-c", BUSY_LOG)
    with home.start(*home.prove, "--quiet", "--workers", "1", read_seconds=0.001, command=program) as running:
        ended = running.end()
    assert (ended.code, ended.stdout, ended.stderr) == (0, b"", "")


def on_a_terminal(home: Home, *arguments: str, read_seconds: float) -> tuple[Ended, str]:
    """Run a drill on a terminal of its own; return all that was shown there."""
    ours, theirs = pty.openpty()
    shown = bytearray()
    with home.start(*arguments, read_seconds=read_seconds, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        _read_all(ours, shown, running)
        ended = running.end()
    os.close(ours)
    return ended, shown.decode()


def _read_all(ours: int, shown: bytearray, running: Running) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.2)[0]:
            if running.process.poll() is not None:
                return
            continue
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other end was closed
            return
        shown += chunk
        if not chunk:
            return


def test_a_terminal_shows_life_findings_and_colour(home: Home, dataset: Home) -> None:
    command = ("prove", str(dataset.root / "damaged"), "--manifest", str(home.manifest), "--full", "--workers", "2")
    ended, shown = on_a_terminal(home, *command, read_seconds=0.002)
    assert ended.code == 1
    lines = re.findall(r"\r\x1b\[K(restoring from copy: [^\r\n\x1b]*)", shown)
    assert len({line for line in lines if re.search(r"files · .* of 586 KiB · .*/s · \d+ s left", line)}) >= 3
    assert "\r\x1b[K  copy: \x1b[31mMISMATCH\x1b[0m 001/000123.jpg\r\n" in shown
    assert "\x1b[31mFAILED\x1b[0m" in shown
    before, _, summary = shown.rpartition("\r\x1b[K")
    assert "restoring" in before, "the line of progress is gone"
    assert "restoring" not in summary


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a dataset of one file of two pieces; nearly all of it is a hole, which costs no room."""
    home = Home(tmp_path_factory.mktemp("large"))
    put(home.live / "film.mkv", b"x" * 100)
    os.truncate(home.live / "film.mkv", LARGE_MIB * MIB)
    return home.fill({})


@pytest.mark.parametrize("workers", ["1", "2"])
def test_progress_goes_on_within_one_large_file(large: Home, tmp_path: Path, workers: str) -> None:
    home = large.beside(str(tmp_path))
    ended, shown = on_a_terminal(home, *home.prove, "--full", "--workers", workers, read_seconds=0.002)
    assert ended.code == 0
    done = [
        float(amount) for amount in re.findall(rf"of 1 files · ([\d.]+) MiB of {LARGE_MIB} MiB · [^\r]* left", shown)
    ]
    within = [amount for amount in done if 0 < amount < LARGE_MIB]
    assert len(set(within)) >= 5
    assert within == sorted(within)
    assert ended.copy.measured["bytes_restored"] == LARGE_MIB * MIB
