"""What every test stands on: a home of its own, how hard to search, suites that may not quietly be skipped, the CLI."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
_NOT_RUN = "NOT RUN: "

# HYPOTHESIS_PROFILE=thorough searches for as long as a coffee takes; `ci` gives the same answer each time it is asked.
settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=100,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def _home_environment(home: Path) -> dict[str, str]:
    """Return where a program with this home keeps what; on macOS HOME alone decides."""
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
    }


# At import rather than in a fixture: no test, no module that a test imports, ever sees the user's own state.
_session_home = Path(tempfile.mkdtemp(prefix="verifier-tests-home-"))
atexit.register(shutil.rmtree, _session_home, ignore_errors=True)
os.environ.update(_home_environment(_session_home))
os.environ["PYTHONUTF8"] = "1"
# A user's wish about colour must not change what a test reads.
for _name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
    os.environ.pop(_name, None)


def _required(suite: str) -> bool:
    asked = {name.strip() for name in os.environ.get("VERIFIER_TEST_MUST_RUN", "").split(",")}
    return "all" in asked or suite in asked


@pytest.fixture(scope="session")
def must_run() -> Callable[[str, str], NoReturn]:
    """Give up a test that can't run here: `must_run("rclone", "rclone is not installed")`.

    It is skipped and named again at the end; where VERIFIER_TEST_MUST_RUN is `all` or names the suite, it fails.
    """

    def give_up(suite: str, reason: str) -> NoReturn:
        if _required(suite):
            pytest.fail(f"suite {suite} must run here, and can't: {reason}", pytrace=False)
        pytest.skip(f"{_NOT_RUN}{suite}: {reason}")

    return give_up


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the suites that did not run, once each and with how many tests, where nobody overlooks it."""
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if _NOT_RUN in reason:
            sentence = reason.split(_NOT_RUN, 1)[1]
            counts[sentence] = counts.get(sentence, 0) + 1
    if not counts:
        return
    terminalreporter.section("suites that did not run here", sep="!", red=True)
    for sentence, tests in sorted(counts.items()):
        terminalreporter.line(f"{sentence} ({tests} {'test' if tests == 1 else 'tests'})", red=True)


Verifier = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    """Run the command line as a process of its own, with a home, state and cache of this test's own.

    `verifier("prove", copy, "--manifest", path, env={...}, cwd=..., timeout=60, input=None)`; arguments may be anything
    that `str` or `os.fsdecode` makes text of. Output is text, where bytes that are no UTF-8 come as surrogates.
    """
    home = tmp_path_factory.mktemp("home")

    def run(
        *arguments: str | bytes | os.PathLike[str] | int,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 100,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run gives it
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command(), *(str(item) if isinstance(item, int) else os.fsdecode(item) for item in arguments)],
            env={**os.environ, **_home_environment(home), **(env or {})},
            cwd=cwd or home,
            timeout=timeout,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )

    return run


def command() -> Sequence[str]:
    """Return how the command line is started without relying on an installed script."""
    return (sys.executable, "-m", "verifier.cli.main")
