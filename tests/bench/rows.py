"""One row of the table for each piece of work that has a target: ours beside a peer, or beside a limit."""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import zstandard
from datasets import Dataset
from join import measure_join
from measure import Contender, drop, in_turns, peak_memory, ratio, run, warm

VERIFIER: Final = (sys.executable, "-m", "verifier.cli.main")
PEAK_LIMIT_BYTES: Final = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: what it is about, both sides as they are shown, what was wanted, and every sample behind it.

    `reason` says why a figure that isn't reached isn't, as far as that is known.
    """

    work: str
    peer: str
    ours: str
    theirs: str
    ratio: float | None
    target: str
    met: bool | None
    reason: str = ""
    samples: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What joining may take; its time only where one is wanted."""

    peak_bytes: int
    seconds: float | None = None


def manifest_create(dataset: Dataset, work_folder: Path, *, at_least: float, rounds: int, reason: str = "") -> Row:
    """Time `manifest create` beside `xxhsum -H2` on two processes; both must come to the same checksums."""
    manifest = work_folder / "manifest.jsonl.zst"
    listing = f"cd {shlex.quote(str(dataset.folder))} && find . -type f -print0"
    if dataset.batch_files == 1:
        listing += " | sort -z"  # the largest first; for many small files sorting would only slow the peer
    command = f"{listing} | xargs -0 -P2 -n{dataset.batch_files} xxhsum -H2"
    contenders = [
        Contender(
            name="ours",
            command=[*VERIFIER, "manifest", "create", str(dataset.folder), "-o", str(manifest), "--quiet"],
            prepare=lambda: warm(dataset.folder),
        ),
        Contender(name="theirs", command=["sh", "-c", command], prepare=lambda: warm(dataset.folder)),
    ]
    seconds = in_turns(contenders, rounds)
    _assert_same_checksums(manifest, command.replace("-P2", "-P1"), dataset)
    return compared(f"manifest create, {dataset.title}", "xxhsum -H2, two processes", seconds, at_least, reason)


def _assert_same_checksums(manifest: Path, peer: str, dataset: Dataset) -> None:
    """Compare what both sides find: a fast wrong answer is no answer.

    The peer runs once more for it, as one process: the lines of two would be mixed.
    """
    ours: dict[str, str] = {}
    with zstandard.open(manifest, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if "path" in entry:
                ours[entry["path"]] = entry["digest"]
    said = subprocess.run(["sh", "-c", peer], capture_output=True, check=True).stdout.decode("utf-8")
    pairs = (line.split("  ", 1) for line in said.splitlines())
    theirs = {path.removeprefix("./"): digest for digest, path in pairs}
    if ours != theirs or len(ours) != dataset.files:
        differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        raise SystemExit(f"bench: our manifest and xxhsum differ in {len(differing)} files: {differing[:3]}")


def full_drill(
    dataset: Dataset, copy: Dataset, work_folder: Path, *, at_least: float, rounds: int, reason: str = ""
) -> list[Row]:
    """Time a full drill of a folder beside `rclone check --download` of the same two folders, and its memory.

    The drill drops the copy's cached pages before it reads them, so rclone is measured twice: as it is, with everything
    in the cache, and with the copy's pages dropped for it, too.
    """
    manifest = work_folder / "drilled.jsonl.zst"
    run([*VERIFIER, "manifest", "create", str(dataset.folder), "-o", str(manifest), "--quiet"])
    drill = drill_command(str(copy.folder), manifest, work_folder)
    check = ["rclone", "check", "--download", "--config", "/dev/null", str(dataset.folder), str(copy.folder)]

    def warm_both() -> None:
        shutil.rmtree(work_folder / "drill", ignore_errors=True)
        warm(dataset.folder, copy.folder)

    def warm_then_drop_the_copy() -> None:
        warm_both()
        drop(copy.folder)

    seconds = in_turns(
        [
            Contender(name="ours", command=drill, prepare=warm_both),
            Contender(name="theirs", command=check, prepare=warm_both),
            Contender(name="theirs, dropped", command=check, prepare=warm_then_drop_the_copy),
        ],
        rounds,
    )
    assert_everything_proven(drill, copy, warm_both)
    work, peer = f"full drill, {dataset.title}", "rclone check --download"
    dropped = {"ours": seconds["ours"], "theirs": seconds["theirs, dropped"]}
    return [
        compared(work, f"{peer}, all cached", seconds, at_least, reason),
        compared(work, f"{peer}, copy's cache dropped", dropped, at_least, reason),
    ]


def drill_memory(dataset: Dataset, copy: Dataset, work_folder: Path) -> Row:
    """Measure the largest process of a full drill."""
    manifest = work_folder / "memory.jsonl.zst"
    run([*VERIFIER, "manifest", "create", str(dataset.folder), "-o", str(manifest), "--quiet"])
    shutil.rmtree(work_folder / "drill", ignore_errors=True)
    return limited(f"full drill, {dataset.title}", drill_command(str(copy.folder), manifest, work_folder))


def findings_memory(dataset: Dataset, copy: Dataset, work_folder: Path) -> Row:
    """Measure the largest process of a drill in which nothing fits: every entry is missing, every file unexpected."""
    manifest = work_folder / "other.jsonl.zst"
    run([*VERIFIER, "manifest", "create", str(dataset.folder), "-o", str(manifest), "--quiet"])
    shutil.rmtree(work_folder / "drill", ignore_errors=True)
    command = drill_command(str(copy.folder), manifest, work_folder)
    return limited(f"drill with {dataset.files + copy.files:,} findings", command, exit_code=1)


def manifest_memory(dataset: Dataset, work_folder: Path) -> Row:
    """Measure the largest process of `manifest create`."""
    output = str(work_folder / "memory.jsonl.zst")
    return limited(
        f"manifest create, {dataset.title}",
        [*VERIFIER, "manifest", "create", str(dataset.folder), "-o", output, "--quiet"],
    )


def joining(work_folder: Path, *, entries: int, differences: int, ordered: bool, limits: Limits, times: int) -> Row:
    """Measure the joining of a listing and a manifest: its seconds, where they are limited, and its memory.

    There is no peer to share a busy moment with, and other work can only add time: the fastest of `times` counts.
    """
    said = measure_join(work_folder, entries=entries, differences=differences, ordered=ordered, times=times)
    seconds, peak_bytes = min(row["seconds"] for row in said), max(row["peak_bytes"] for row in said)
    target = f"{limits.peak_bytes / 1e6:.0f} MB"
    if limits.seconds is not None:
        target = f"{limits.seconds:g} s, {target}"
    return Row(
        work=f"joining {entries:,}, {differences:,} differences" + ("" if ordered else ", listing unordered"),
        peer="",
        ours=f"{seconds:.2f} s, {peak_bytes / 1e6:.0f} MB",
        theirs="",
        ratio=None,
        target=target,
        met=peak_bytes <= limits.peak_bytes and (limits.seconds is None or seconds <= limits.seconds),
        samples={"processes": said},
    )


def drill_command(address: str, manifest: Path, work_folder: Path) -> list[str]:
    """Return the complete drill of a copy, with a state, reports and scratch space of its own."""
    folder = work_folder / "drill"
    options = ["--full", "--quiet", "--reports", str(folder / "reports"), "--state", str(folder / "state")]
    options += ["--scratch", str(folder / "scratch"), "--json"]
    return [*VERIFIER, "prove", address, "--manifest", str(manifest), *options]


def assert_everything_proven(drill: list[str], copy: Dataset, prepare: Any, *, says: str = "") -> None:
    """Run the drill once more and read its proof: what was timed must have restored and compared every file.

    The proof must contain what it `says`, too, as by which way the copy was read.
    """
    prepare()
    said = subprocess.run(drill, capture_output=True, check=True).stdout
    proof = json.loads(said)
    facts = proof["copies"][0]
    expected = {"files": copy.files, "bytes": copy.size_bytes}
    if proof["verdict"]["result"] != "PASSED" or facts["proven"] != expected:
        raise SystemExit(f"bench: expected PASSED with {expected} proven, got {proof['verdict']}, {facts['proven']}")
    if says not in json.dumps(facts, ensure_ascii=False):
        raise SystemExit(f"bench: expected a proof that says {says!r}, got one that doesn't")


def compared(work: str, peer: str, seconds: dict[str, list[float]], at_least: float, reason: str) -> Row:
    """Return the row of `ours` beside `theirs`, each with its seconds round by round."""
    ours, theirs = seconds["ours"], seconds["theirs"]
    times = ratio(ours, theirs)
    met = times >= at_least
    return Row(
        work=work,
        peer=peer,
        ours=f"{statistics.median(ours):.2f} s",
        theirs=f"{statistics.median(theirs):.2f} s",
        ratio=round(times, 2),
        target=f"{at_least:g} ×",
        met=met,
        reason="" if met else reason,
        samples={"ours_seconds": ours, "theirs_seconds": theirs},
    )


def limited(work: str, command: list[str], *, exit_code: int = 0) -> Row:
    """Return the row of the memory that the largest process of a command takes."""
    peak = peak_memory(command, exit_code=exit_code)
    if peak is None:
        return Row(
            work=f"peak memory, {work}",
            peer="",
            ours="",
            theirs="",
            ratio=None,
            target="200 MB",
            met=None,
            reason="not measured: this system has no /proc",
        )
    processes = sorted(peak.by_process.values(), key=lambda row: -row[1])
    return Row(
        work=f"peak memory, {work}",
        peer="",
        ours=f"{peak.size_bytes / 1e6:.0f} MB ({peak.process})",
        theirs="",
        ratio=None,
        target="200 MB",
        met=peak.size_bytes <= PEAK_LIMIT_BYTES,
        samples={"processes": [{"process": name, "bytes": size_bytes} for name, size_bytes in processes]},
    )
