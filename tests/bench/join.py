"""A manifest and a listing, both of millions → seconds and memory of joining them, in a process of its own.

Run with a number of entries, of differences, and a folder, it does the work once and prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from measure import high_water_bytes

from verifier.entry import Entry, Listed
from verifier.manifest import Header, Origin, open_manifest, write_manifest
from verifier.reconcile import reconcile
from verifier.spool import Workspace

_TAKEN_AT_NS: Final = 1_700_000_000_000_000_000


def measure_join(folder: Path, *, entries: int, differences: int, ordered: bool, times: int) -> list[dict[str, Any]]:
    """Return what `times` processes of their own said of one join each."""
    said = []
    for number in range(times):
        command = [sys.executable, __file__, str(entries), str(differences), str(folder / f"join-{number}")]
        done = subprocess.run(command + ["--unordered"] * (not ordered), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        said.append(json.loads(done.stdout))
    return said


def _header() -> Header:
    origin = Origin(address="/bench", machine="bench")
    return Header(dataset="bench", created="2026-01-01T00:00:00Z", origin=origin, digest="xxh3_128")


def _name(number: int) -> bytes:
    return b"%04d/album %05d/IMG_%08d.jpg" % (number // 10_000, number // 100, number)


def _entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        yield Entry(
            path=_name(number),
            size_bytes=number * 7919 % 5_000_000,
            mtime_ns=_TAKEN_AT_NS + number,
            digest=f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",
        )


def _listing(count: int, differences: int) -> Iterator[Listed]:
    """Yield the same files; evenly spread, every so manieth has another name: one missing, one unexpected."""
    every = count * 2 // differences if differences else count + 1
    for number in range(count):
        name = _name(number) + (b".new" if number % every == every - 1 else b"")
        yield Listed(name=name, size_bytes=number * 7919 % 5_000_000, mtime_ns=_TAKEN_AT_NS + number)


def _shuffled(count: int, differences: int) -> Iterator[Listed]:
    """Yield the listing in an order that sorting gets no help from, without holding it: by strides of a prime."""
    every = count * 2 // differences if differences else count + 1
    number = 0
    for _ in range(count):
        number = (number + 999_983) % count
        name = _name(number) + (b".new" if number % every == every - 1 else b"")
        yield Listed(name=name, size_bytes=number * 7919 % 5_000_000, mtime_ns=_TAKEN_AT_NS + number)


def main() -> int:
    """Lay both sides on disk, a packed manifest and a listing; print what it took to read and join them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", type=int)
    parser.add_argument("differences", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unordered", action="store_true")
    arguments = parser.parse_args()
    sides = _shuffled if arguments.unordered else _listing
    manifest_path = arguments.folder.with_suffix(".jsonl.zst")
    write_manifest(manifest_path, _header(), _entries(arguments.entries))
    with closing(Workspace(arguments.folder)) as workspace, open_manifest(manifest_path) as manifest:
        listing = workspace.table(Listed).extend(sides(arguments.entries, arguments.differences))
        _forget_the_peak()
        pairs = alone = 0
        began = time.perf_counter()
        for pair in reconcile(
            manifest.entries(),
            listing,
            ordered=not arguments.unordered,
            folds_case=lambda _listed: False,
            workspace=workspace,
        ):
            if pair.entry is None or pair.listed is None:
                alone += 1
            else:
                pairs += 1
        seconds = time.perf_counter() - began
        peak_bytes = high_water_bytes("self") if Path("/proc/self/status").exists() else 0
    if (pairs, alone) != (arguments.entries - arguments.differences // 2, arguments.differences // 2 * 2):
        raise SystemExit(f"expected {arguments.differences} differences, got {alone} and {pairs} pairs")
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes, "pairs": pairs, "alone": alone}))
    return 0


def _forget_the_peak() -> None:
    """Ask the kernel to begin the high-water mark anew (Linux, proc(5)): building the sides is not what is measured."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    sys.exit(main())
