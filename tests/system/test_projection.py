"""What a 2 % sample projects is what a full restore then takes, over a line that is slower than the machines."""

from __future__ import annotations

import statistics
from pathlib import Path

import projected
from projected import Line
from sshd import serving


def test_a_sample_projects_the_full_restore_within_15_percent(tmp_path: Path) -> None:
    # Three samples, so that a moment in which the machine did something else is not what is judged.
    with serving(tmp_path / "server") as server:
        line = Line(delay_seconds=0.03)
        found = projected.measure(tmp_path, server, projected.MANY_SMALL, line, samples=3)
    assert 0.85 <= statistics.median(found.ratios) <= 1.15, found
    assert all(low <= found.full_seconds <= high for low, _, high in found.samples), found
