"""A full restore over lines of known delay and bandwidth beside what 2 % samples projected: within 15 % is wanted."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from rows import Row

# What the tests share lies beside this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))
import projected
from projected import Line
from sshd import serving

_WITHIN: Final = 0.15
_SAMPLES: Final = 5
_RUNS: Final = (
    (projected.MANY_SMALL, Line(delay_seconds=0.03)),
    (projected.MANY_SMALL, Line(delay_seconds=0.06)),
    (projected.MIXED, Line(delay_seconds=0.02, bytes_per_second=6e6)),
    (projected.MIXED, Line(delay_seconds=0.04)),
    (projected.FEW_LARGE, Line(delay_seconds=0.02, bytes_per_second=8e6)),
    (projected.FEW_LARGE, Line(delay_seconds=0.05, bytes_per_second=8e6)),
)


def projection(_data: Path, work: Path, quick: bool) -> Iterator[Row]:  # noqa: FBT001 - called by the table of parts
    """Yield a figure for each data set and line."""
    for kind, line in _RUNS[:1] if quick else _RUNS:
        with tempfile.TemporaryDirectory(dir=work) as folder, serving(Path(folder) / "server") as server:
            found = projected.measure(Path(folder), server, kind, line, samples=1 if quick else _SAMPLES)
        middle = statistics.median(found.ratios)
        carried = "" if line.bytes_per_second is None else f", {line.bytes_per_second / 1e6:g} MB/s"
        yield Row(
            work=f"full restore projected from 2 %, {kind}, {line.delay_seconds * 1000:g} ms each way{carried}",
            peer="the full restore",
            ours=f"{middle * found.full_seconds:.2f} s",
            theirs=f"{found.full_seconds:.2f} s",
            ratio=middle,
            target=f"within {_WITHIN:.0%}",
            met=abs(middle - 1) <= _WITHIN,
            samples={"full": found.full_seconds, "projected": list(found.samples)},
        )


PARTS: Final[dict[str, Callable[[Path, Path, bool], Iterator[Row]]]] = {"projection": projection}
