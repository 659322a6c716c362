"""What a 2 % sample projects is what a full restore then takes, over a line that is slower than the machines."""

from __future__ import annotations

import statistics
from pathlib import Path

import projected
from drilled import Place
from projected import Line
from sshd import serving


def test_a_sample_projects_the_full_restore(tmp_path: Path) -> None:
    # Three samples, and more room than the benchmark's 15 %: here other tests run at the same time.
    with serving(tmp_path / "server") as server:
        line = Line(delay_seconds=0.03)
        place = Place(tmp_path)  # in memory where there is one: else a busy disk would be what is measured
        found = projected.measure(place.leavings, server, projected.MANY_SMALL, line, samples=3)
    assert 0.7 <= statistics.median(found.ratios) <= 1.35, found
    assert all(low <= found.full_seconds <= high for low, _, high in found.samples), found
