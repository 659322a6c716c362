"""A copy behind a line of known delay and bandwidth: what a sample projects beside what a full restore then takes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sshd import Proxy, Server

_BLOCK_BYTES = 8 * 1024 * 1024
MANY_SMALL, MIXED, FEW_LARGE = "many small", "mixed", "few large"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line's delay each way, and what it carries in a second; None for as much as the machines can."""

    delay_seconds: float
    bytes_per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class Projected:
    """What a full restore took, and what each of some samples of 2 % projected: low, best guess and high."""

    full_seconds: float
    samples: tuple[tuple[float, float, float], ...]

    @property
    def ratios(self) -> list[float]:
        """Return each best guess over what it took, in order of size."""
        return sorted(guess / self.full_seconds for _, guess, _ in self.samples)


def sizes(kind: str) -> list[int]:
    """Return the sizes of a data set's files: the same each time."""
    dice = random.Random(kind)
    if kind == MANY_SMALL:
        return [dice.randrange(500, 1_500) for _ in range(6_000)]
    if kind == MIXED:
        return [min(1_000_000, int(dice.lognormvariate(8.6, 1.3))) for _ in range(4_000)]
    return [dice.randrange(500_000, 900_000) for _ in range(100)]


def fill(folder: Path, kind: str) -> int:
    """Write a data set; return how many files it has."""
    block = random.Random(kind).randbytes(_BLOCK_BYTES)
    wanted = sizes(kind)
    for number, size_bytes in enumerate(wanted):
        path = folder / f"{number // 500:03}" / f"{number:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        start = number * 4_099 % (_BLOCK_BYTES - size_bytes)
        path.write_bytes(block[start : start + size_bytes])
    return len(wanted)


def measure(folder: Path, server: Server, kind: str, line: Line, *, samples: int) -> Projected:
    """Drill a data set over a line, once in full and then by samples of 2 %."""
    live = folder / kind.replace(" ", "-")
    files = fill(live, kind)
    manifest = folder / "manifest.jsonl"
    _verifier("manifest", "create", str(live), "-o", str(manifest), "--quiet")
    with Proxy(server.port, delay_seconds=line.delay_seconds, bytes_per_second=line.bytes_per_second) as proxy:
        server.write_known_hosts(proxy.port)
        options = ["--known-hosts", str(server.known_hosts), "--identity", str(server.identity), "--workers", "2"]
        places = [word for name in ("reports", "state", "scratch") for word in (f"--{name}", str(folder / name))]
        prove = ["prove", server.address(live, port=proxy.port), "--manifest", str(manifest), "--json", "--quiet"]

        def drill(*size: str) -> dict[str, float]:
            (copy,) = json.loads(_verifier(*prove, *options, *places, *size))["copies"]
            assert copy["verdict"]["result"] == "PASSED", copy["verdict"]
            measured: dict[str, float] = copy["measured"]
            return measured

        full_seconds = drill("--full")["full_seconds"]
        names = ("projected_full_low_seconds", "projected_full_seconds", "projected_full_high_seconds")
        told = [drill("--sample", str(files // 50)) for _ in range(samples)]
    intervals = [tuple(measured[name] for name in names) for measured in told]
    return Projected(full_seconds=full_seconds, samples=tuple((low, guess, high) for low, guess, high in intervals))


def _verifier(*arguments: str) -> str:
    command = [sys.executable, "-m", "verifier.cli.main", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
