"""A ledger of millions → seconds and memory of opening it and drawing from it, in a process of its own.

Run with a folder that `prepare` has filled it does the work once and prints one line of JSON: what the ledger alone
takes to tell which files were proven longest ago, and what a drill takes to draw with it. The drill's listing, already
joined with the manifest, lies on disk beside the ledger; joining has a row of its own.
"""

from __future__ import annotations

import argparse
import heapq
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from measure import high_water_bytes
from rows import Limits, Row

from verifier.drill.content import content_mark
from verifier.drill.draw import draw
from verifier.drill.size import draw_size
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed
from verifier.ledger import Ledger
from verifier.sample import coverage_key, ticket
from verifier.scenario.scenario import Sample, Scenario
from verifier.spool import Table, Workspace

COPIES: Final = ("nas", "usb", "b2")
_SCENARIO: Final = "bench"
_DRAWN_FILES: Final = 1_000
_SEED: Final = b"bench".ljust(32, b"\0")
_TAKEN_AT_NS: Final = 1_700_000_000_000_000_000
_PASSES: Final = "the listing is read twice, what is known of each file three times, and each is judged by Python"
_LIMITS: Final = Limits(seconds=10.0, peak_bytes=300_000_000)


def ledger(data: Path, work: Path, quick: bool) -> Iterator[Row]:  # noqa: FBT001 - called by the table of parts
    """Yield the figures; the ledger, which takes a minute or two to fill, is kept with the data sets."""
    entries = 10_000 if quick else 5_000_000
    folder = data / f"ledger-{entries}"
    if not folder.exists():
        making = Path(tempfile.mkdtemp(dir=work, prefix="ledger-"))
        prepare(making, entries)
        making.rename(folder)
    command = [sys.executable, __file__, str(folder), str(entries), str(work / "drawing")]
    what_it_holds = f"{entries:,} entries × {len(COPIES)} copies"
    for what, alone, reason in (("what was proven longest ago", True, ""), ("a drill's draw", False, _PASSES)):
        done = subprocess.run(command + ["--alone"] * alone, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        said = json.loads(done.stdout)
        yield _row(f"ledger of {what_it_holds}: opening, {what} of {_DRAWN_FILES:,}", said, reason)


def _row(work: str, said: dict[str, Any], reason: str) -> Row:
    seconds, peak_bytes = said["seconds"], said["peak_bytes"]
    met = (_LIMITS.seconds is None or seconds <= _LIMITS.seconds) and peak_bytes <= _LIMITS.peak_bytes
    return Row(
        work=work,
        peer="",
        ours=f"{seconds:.2f} s, {peak_bytes / 1e6:.0f} MB",
        theirs="",
        ratio=None,
        target=f"{_LIMITS.seconds:g} s, {_LIMITS.peak_bytes / 1e6:.0f} MB",
        met=met,
        reason="" if met else reason,
        samples={"processes": [said]},
    )


def _entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        yield Entry(
            path=b"%04d/album %05d/IMG_%08d.jpg" % (number // 10_000, number // 100, number),
            size_bytes=number * 7919 % 5_000_000,
            mtime_ns=_TAKEN_AT_NS + number * 7919 % 999_983 * 1_000_000_000,
            digest=f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",
        )


def prepare(folder: Path, entries: int) -> None:
    """Fill a ledger as full drills of each copy leave it."""
    with Ledger.open(folder / "state") as book:
        for number, copy in enumerate(COPIES, start=1):
            rows = ((entry.path, content_mark(entry)) for entry in _entries(entries))
            book.record_proven(_SCENARIO, copy, rows, proven_at=f"2026-{number:02}-01T00:00:00Z", drill_number=number)


def _longest_ago(state: Path) -> float:
    """Draw from the ledger alone; return when it was open."""
    with Ledger.open(state) as book:
        opened = time.perf_counter()
        rows = book.proven_marks(_SCENARIO, COPIES[0])
        drawn = heapq.nsmallest(
            _DRAWN_FILES, rows, key=lambda row: coverage_key(row.proven_at_seconds, ticket(_SEED, row.path))
        )
        _hold(len(drawn), _DRAWN_FILES)
    return opened


def _drills_draw(survey: Survey, state: Path, workspace: Workspace) -> float:
    """Do what a drill does from the joined listing to the list of what is restored; return when the ledger was open."""
    scenario = Scenario(name=_SCENARIO, sha256="", copies=(), sample=Sample(files=_DRAWN_FILES))
    with Ledger.open(state) as book:
        opened = time.perf_counter()
        proven, damaged = book.proven_marks(_SCENARIO, COPIES[0]), book.damaged(_SCENARIO, COPIES[0])
        size = draw_size(survey, scenario, workspace, proven=proven, damaged=damaged)
        drawn = draw(survey, size, seed=_SEED, workspace=workspace)
        _hold(drawn.amount.files, _DRAWN_FILES + size.beside.files)
    return opened


def _hold(got: int, expected: int) -> None:
    if got != expected:
        raise SystemExit(f"bench: expected {expected} files to be drawn, got {got}")


def _survey(workspace: Workspace, entries: int) -> Survey:
    """Return a listing in which the copy has everything, and nothing was changed."""
    comparable: Table[Item] = workspace.table(Item)
    for entry in _entries(entries):
        listed = Listed(name=entry.path, size_bytes=entry.size_bytes, mtime_ns=entry.mtime_ns)
        comparable.append(Item(entry=entry, listed=listed))
    unused: Any = None  # of the copy itself nothing is asked
    tables = {name: workspace.table(Item) for name in ("pairs", "missing", "unexpected", "newer", "moved", "findings")}
    return Survey(
        copy=unused, location=unused, facts=unused, keeps_times=True, reference=unused, comparable=comparable, **tables
    )


def main() -> int:
    """Draw once; print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("entries", type=int)
    parser.add_argument("work", type=Path)
    parser.add_argument("--alone", action="store_true", help="from the ledger alone")
    arguments = parser.parse_args()
    state = arguments.folder / "state"
    with closing(Workspace(arguments.work)) as workspace:
        survey = None if arguments.alone else _survey(workspace, arguments.entries)
        began, worked = time.perf_counter(), time.process_time()
        opened = _longest_ago(state) if survey is None else _drills_draw(survey, state, workspace)
        seconds, processor_seconds = time.perf_counter() - began, time.process_time() - worked
    peak_bytes = high_water_bytes("self") if Path("/proc/self/status").exists() else 0
    said = {"seconds": seconds, "processor_seconds": processor_seconds, "opening_seconds": opened - began}
    print(json.dumps({**said, "peak_bytes": peak_bytes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
