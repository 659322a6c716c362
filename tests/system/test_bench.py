"""The benchmark works: on small data it prints a row for each figure and writes every sample."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).resolve().parents[1] / "bench" / "run.py"


def measure(tmp_path: Path, *parts: str) -> list[dict[str, Any]]:
    output = tmp_path / "bench.json"
    words = [word for part in parts for word in ("--only", part)]
    done = subprocess.run(
        [sys.executable, str(RUN), "--quick", *words, "--data", str(tmp_path / "data"), "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "data").glob("work-*")] == []
    rows: list[dict[str, Any]] = json.loads(output.read_text())["rows"]
    assert all(row["samples"] for row in rows if row["met"] is not None)
    assert all(row["work"] in done.stdout and row["target"] in done.stdout for row in rows)
    return rows


def need(must_run: Callable[[str, str], None], *programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            must_run("bench", f"{program} is not installed")


@pytest.mark.timeout(300)
def test_the_benchmark_measures_every_figure(tmp_path: Path, must_run: Callable[[str, str], None]) -> None:
    need(must_run, "xxhsum", "rclone")
    rows = measure(tmp_path, "folders", "joining")
    works = [row["work"].split(",")[0] for row in rows]
    assert [works.count(work) for work in ("manifest create", "full drill")] == [3, 2]
    assert sum(work.startswith("peak memory") for work in works) == 4
    assert sum(work.startswith("joining") for work in works) == 3


@pytest.mark.timeout(300)
def test_the_benchmark_measures_places_beside_every_peer(tmp_path: Path, must_run: Callable[[str, str], None]) -> None:
    need(must_run, "rclone", "ssh", "sftp", "rsync")
    rows = measure(tmp_path, "places")
    compared = [(row["work"].split(",")[0], row["target"]) for row in rows if row["peer"]]
    assert compared == [
        ("full drill over SFTP by ssh -s", "0.9 ×"),
        ("full drill over SFTP by channel", "0.6 ×"),
        ("full drill over SFTP", "4 ×"),
        ("full drill over SFTP", "0.7 ×"),
        ("full drill over SFTP", "20 ×"),
        ("full drill over SFTP", "20 ×"),
        ("full drill over SFTP", "2.5 ×"),
        ("full drill over SFTP", "2.5 ×"),
        ("full drill over B2", "1.5 ×"),
        ("full drill over B2", "4 ×"),
        ("full drill over B2", "1.5 ×"),
        ("full drill over B2", "4 ×"),
    ]
    assert sum(row["work"].startswith("peak memory") for row in rows) == 7


def test_the_benchmark_measures_an_update_beside_making_it_anew(tmp_path: Path) -> None:
    rows = measure(tmp_path, "updating")
    for row, memory, title in zip(rows[::2], rows[1::2], ("2,000 × 4 KiB", "100 × 1 MiB"), strict=True):
        assert (row["work"], row["peer"]) == (f"manifest update, {title}, 1 % changed", "manifest create")
        assert [len(values) for values in row["samples"].values()] == [1, 1, 1]
        assert memory["work"] == f"peak memory, manifest update, {title}"


def test_the_benchmark_measures_opening_a_ledger_and_drawing_from_it(tmp_path: Path) -> None:
    alone, whole = measure(tmp_path, "ledger")
    assert alone["work"] == "ledger of 10,000 entries × 3 copies: opening, what was proven longest ago of 1,000"
    assert whole["work"] == "ledger of 10,000 entries × 3 copies: opening, a drill's draw of 1,000"
    assert alone["target"] == "10 s, 300 MB"
    assert alone["met"]
    assert whole["met"]


def test_an_unknown_part_is_refused() -> None:
    done = subprocess.run([sys.executable, str(RUN), "--only", "tape"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "places-b2-small" in done.stderr
