"""Memory is bounded whatever the copy holds: large files go through it in chunks, small ones in batches."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from drill_processes import Home, many, put

MIB = 1024 * 1024
LARGE_BYTES = 700 * MIB
MOST_BYTES = 200 * MIB
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")


def peak_bytes(process: int) -> int:
    """Return the most memory that a process ever had, 0 where it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give one large file, which is a hole and costs no room, among 5,000 small ones."""
    home = Home(tmp_path_factory.mktemp("dataset"))
    for folder in (home.live, home.copy):
        put(folder / "film.mkv", b"x" * 100)
        os.truncate(folder / "film.mkv", LARGE_BYTES)
        os.utime(folder / "film.mkv", (1_600_000_000, 1_600_000_000))
        for name, data in many(5_000, 300).items():
            put(folder / name, data)
    return home.know()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_process_of_a_drill_takes_much_memory(home: Home, workers: str) -> None:
    peaks: dict[int, int] = {}
    with home.start(*home.prove, "--full", "--workers", workers) as running:
        while running.process.poll() is None:
            for process in running.processes():
                peaks[process] = max(peaks.get(process, 0), peak_bytes(process))
            time.sleep(0.05)
        ended = running.end()
    assert ended.code == 0
    assert ended.copy.proven.bytes == LARGE_BYTES + 5_000 * 300
    assert len(peaks) >= (1 if workers == "1" else 3)
    assert max(peaks.values()) < MOST_BYTES, {process: size // MIB for process, size in peaks.items()}
