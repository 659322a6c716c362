"""A suite that can't run is named or fails; it never just goes missing. Shown with a test session of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TEST = """
def test_needs_something(must_run):
    must_run("submarine", "no submarine is installed")

def test_home_is_private():
    import os
    assert os.environ["HOME"] != {home!r}
    assert os.environ["XDG_STATE_HOME"].startswith(os.environ["HOME"])
"""


def _session(folder: Path, must_run: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "test_suite.py").write_text(TEST.format(home=os.environ["HOME"]))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", str(folder)],
        cwd=folder,
        env={**os.environ, "VERIFIER_TEST_MUST_RUN": must_run},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("must_run", ["", "aeroplane"])
def test_a_suite_that_is_not_required_is_skipped_and_named(tmp_path: Path, must_run: str) -> None:
    session = _session(tmp_path, must_run)
    assert session.returncode == 0, session.stdout
    assert "suites that did not run here" in session.stdout
    assert "submarine: no submarine is installed (1 test)" in session.stdout


@pytest.mark.parametrize("must_run", ["all", "submarine", "aeroplane, submarine"])
def test_a_required_suite_fails(tmp_path: Path, must_run: str) -> None:
    session = _session(tmp_path, must_run)
    assert session.returncode == 1
    assert "suite submarine must run here, and can't: no submarine is installed" in session.stdout
    assert "1 failed, 1 passed" in session.stdout
