"""What this program takes → a table beside its peers and its limits, and `build/bench.json`.

Only ratios taken in one run mean something: contenders take turns, from the same state of the page cache. Which figures
are wanted, and beside whom, stands in the rows below; a figure that isn't reached stands in the table with its reason.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import datasets
import ledger_draw
import places_rows
import projection_rows
import rows
import updating
from rows import Limits, Row

ROOT = Path(__file__).resolve().parents[2]
_QUIET_LOAD: Final = 0.5

_START_UP: Final = "Python, its modules and two workers take about 0.2 s to start, most of what the peer takes in all"
_ONE_DIGEST: Final = "; the 4 GiB file is one digest, and so one worker's"
_FROM_THE_DISK: Final = "the drill drops the copy's pages and reads from the disk, writes to scratch and reads back"


def main() -> int:
    """Measure, print, write; return 0 when every row could be measured, whether or not its target was met."""
    arguments = _arguments()
    parts = _chosen(arguments.only)
    _require("rclone", *(("xxhsum", "find", "sort", "xargs") if "folders" in parts else ()))
    if "projection" in parts:
        _require("sshd", "ssh")
    if any(part.startswith("places-sftp") for part in parts):
        _require("ssh", "sftp", "rsync")
    _warn_when_busy()
    with _folder(arguments.data) as data, tempfile.TemporaryDirectory(dir=data, prefix="work-") as work:
        measured: list[Row] = []
        for row in _rows(parts, data, Path(work), quick=arguments.quick):
            measured.append(row)
            print(_line(row), flush=True)
    print(f"\n{_table(measured)}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(_facts(measured, quick=arguments.quick), indent=2) + "\n")
    print(f"\nevery sample: {arguments.output}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="measure speed and memory beside those of its peers")
    parser.add_argument("--quick", action="store_true", help="small data: shows that the benchmark works, nothing else")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="WORD",
        help=f"only the parts whose names contain the word; may be repeated: {', '.join(_all_parts())}",
    )
    parser.add_argument("--data", type=Path, help="keep the data sets here for the next time (by default they go)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json", help="where the samples go")
    return parser.parse_args()


def _all_parts() -> list[str]:
    return [*_HERE, *places_rows.PARTS]


def _chosen(words: Sequence[str]) -> list[str]:
    parts = [part for part in _all_parts() if not words or any(word in part for word in words)]
    if not parts:
        raise SystemExit(f"bench: expected a word of {', '.join(_all_parts())}, got {' '.join(words)}")
    return parts


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"bench: expected {', '.join(missing)} to be installed\nhint: tests/install-tools")


def _warn_when_busy() -> None:
    """Say when other work will be measured, too: ours uses every processor, and suffers more than a peer on one."""
    load = os.getloadavg()[0]
    if load > _QUIET_LOAD:
        print(f"bench: this machine is busy (load {load:.1f}), so its figures mean little", file=sys.stderr)


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="verifier-bench-") as folder:
        yield Path(folder).resolve()


def _rows(parts: Sequence[str], data: Path, work: Path, *, quick: bool) -> Iterator[Row]:
    size = places_rows.QUICK if quick else places_rows.FULL
    for part in parts:
        if part in _HERE:
            yield from _HERE[part](data, work, quick)
        else:
            yield from places_rows.PARTS[part](data, work, size)


def _folders(data: Path, work: Path, quick: bool) -> Iterator[Row]:  # noqa: FBT001 - called by the table of parts
    """Build each data set when it is needed first, and yield its figures."""
    scale = datasets.QUICK if quick else datasets.FULL
    many, few = (2, 2) if quick else (5, 3)
    large = datasets.large(data / "large", scale)
    small = datasets.small(data / "small", scale)
    mixed = datasets.mixed(data / "mixed", scale)
    copy = datasets.mixed(data / "mixed-copy", scale)
    if hasattr(os, "sync"):
        os.sync()  # pages that are still to be written could not be dropped, and their writing would be measured
    yield rows.manifest_create(large, work, at_least=1.3, rounds=many, reason=_START_UP + _ONE_DIGEST)
    yield rows.manifest_create(small, work, at_least=0.9, rounds=many, reason=_START_UP)
    yield rows.manifest_create(mixed, work, at_least=0.9, rounds=many, reason=_START_UP)
    yield from rows.full_drill(mixed, copy, work, at_least=1.5, rounds=few, reason=_FROM_THE_DISK)
    yield rows.drill_memory(mixed, copy, work)
    yield rows.drill_memory(large, large, work)
    yield rows.findings_memory(small, copy, work)
    yield rows.manifest_memory(small, work)


def _joins(_data: Path, work: Path, quick: bool) -> Iterator[Row]:  # noqa: FBT001 - called by the table of parts
    million = 10_000 if quick else 1_000_000
    limits = Limits(seconds=3.0, peak_bytes=100_000_000)
    yield rows.joining(work, entries=million, differences=1_000, ordered=True, limits=limits, times=3)
    limits = Limits(peak_bytes=200_000_000)
    for ordered in (True, False):
        yield rows.joining(work, entries=5 * million, differences=million, ordered=ordered, limits=limits, times=1)


def _updates(data: Path, work: Path, quick: bool) -> Iterator[Row]:  # noqa: FBT001 - called by the table of parts
    small, photos = (2_000, 100) if quick else (200_000, 10_000)
    rounds = 1 if quick else 3
    yield from updating.rows(data, work, files=small, file_bytes=4 * datasets.KIB, rounds=rounds)
    yield from updating.rows(data, work, files=photos, file_bytes=datasets.MIB, rounds=rounds)


_HERE: Final[dict[str, Callable[[Path, Path, bool], Iterator[Row]]]] = {
    "folders": _folders,
    "joining": _joins,
    "updating": _updates,
    "ledger": ledger_draw.ledger,
    **projection_rows.PARTS,
}
"""Each part of the table that is about this machine's folders; those about places come after them."""


def _line(row: Row) -> str:
    met = {True: "met", False: "NOT MET", None: "not measured"}[row.met]
    return f"{met:12} {row.work}: {row.ours}" + (f", {row.theirs} by {row.peer}" if row.peer else "")


def _table(measured: list[Row]) -> str:
    """Return the table as Markdown, which a terminal shows as well."""
    lines: list[tuple[str, ...]] = [("work", "peer", "ours", "theirs", "ratio", "target", "met")]
    for row in measured:
        met = {True: "yes", False: "no", None: "–"}[row.met]
        times = f"{row.ratio:.2f} ×" if row.ratio is not None else ""
        shown = f"{met}: {row.reason}" if row.reason else met
        lines.append((row.work, row.peer, row.ours, row.theirs, times, row.target, shown))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _facts(measured: list[Row], *, quick: bool) -> dict[str, object]:
    return {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": quick,
        "machine": {
            "processors": os.cpu_count(),
            "load": os.getloadavg(),
            "system": platform.platform(),
            "python": sys.version.split()[0],
        },
        "versions": {program: _version(program) for program in ("xxhsum", "rclone", "rsync", "ssh")},
        "rows": [row.as_json() for row in measured],
    }


def _version(program: str) -> str:
    if shutil.which(program) is None:
        return "not installed"
    option = "-V" if program == "ssh" else "--version"
    said = subprocess.run([program, option], capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).splitlines()[0].strip()


if __name__ == "__main__":
    sys.exit(main())
