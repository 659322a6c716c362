"""The benchmark works: on small data it prints a row for each figure and writes every sample."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[1] / "bench" / "run.py"


@pytest.mark.timeout(300)
def test_the_benchmark_measures_every_figure(tmp_path: Path, must_run: Callable[[str, str], None]) -> None:
    for program in ("xxhsum", "rclone"):
        if shutil.which(program) is None:
            must_run("bench", f"{program} is not installed")
    output = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, str(RUN), "--quick", "--data", str(tmp_path / "data"), "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(output.read_text())["rows"]
    works = [row["work"].split(",")[0] for row in rows]
    assert [works.count(work) for work in ("manifest create", "full drill")] == [3, 2]
    assert sum(work.startswith("peak memory") for work in works) == 4
    assert sum(work.startswith("joining") for work in works) == 3
    assert all(row["samples"] for row in rows if row["met"] is not None)
    assert all(row["work"] in done.stdout and row["target"] in done.stdout for row in rows)
    assert [path.name for path in (tmp_path / "data").glob("work-*")] == []
