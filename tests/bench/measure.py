"""Commands → seconds and megabytes: taken in turns, each from the same state of the page cache."""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from datasets import paths

_POLL_SECONDS: Final = 0.02
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A command, and what has to be done before each of its turns; that isn't timed."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None]


@dataclass(slots=True, kw_only=True)
class Peak:
    """The most memory that any one process of a tree held at once: its resident set, shared libraries included."""

    size_bytes: int = 0
    process: str = ""
    by_process: dict[int, tuple[str, int]] = field(default_factory=dict)


def in_turns(contenders: Sequence[Contender], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each contender, round by round; who begins changes from round to round."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        order = contenders if number % 2 == 0 else list(reversed(contenders))
        for contender in order:
            contender.prepare()
            began = time.perf_counter()
            run(contender.command)
            seconds[contender.name].append(time.perf_counter() - began)
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return how many times as fast ours is: the median over the rounds of each round's ratio."""
    return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))


def run(command: Sequence[str]) -> None:
    """Run a command that must succeed; what it says is shown only when it doesn't."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace")[-2000:]
        raise SystemExit(f"bench: {' '.join(command)} ended with {done.returncode}:\n{said}")


def peak_memory(command: Sequence[str], *, exit_code: int = 0) -> Peak | None:
    """Run a command that ends with `exit_code`; return the peak of its largest process, None without a /proc.

    The tree is asked fifty times a second, which would slow a timed run: this is a run of its own. The kernel keeps
    each process's high-water mark, so only what a process did in its last fiftieth of a second can be missed.
    """
    if not Path("/proc/self/status").exists():
        return None
    peak = Peak()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as tree:
        watcher = threading.Thread(target=_watch, args=(tree, peak))
        watcher.start()
        said = tree.stderr.read() if tree.stderr else b""
        code = tree.wait()
        watcher.join()
    if code != exit_code:
        raise SystemExit(f"bench: {' '.join(command)} ended with {code}:\n{said.decode('utf-8', 'replace')[-2000:]}")
    peak.process, peak.size_bytes = max(peak.by_process.values(), key=lambda row: row[1], default=("", 0))
    return peak


def _watch(tree: subprocess.Popen[bytes], peak: Peak) -> None:
    while tree.poll() is None:
        for process in _tree(tree.pid):
            with contextlib.suppress(OSError, ValueError):  # it ended while it was looked at
                size_bytes = high_water_bytes(process)
                if size_bytes >= peak.by_process.get(process, ("", 0))[1]:
                    peak.by_process[process] = (_role(process, tree.pid), size_bytes)
        time.sleep(_POLL_SECONDS)


def _tree(process: int) -> Iterator[int]:
    yield process
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (task / "children").read_text().split():
                    yield from _tree(int(child))


def high_water_bytes(process: int | str) -> int:
    """Return the largest resident set that a process ever had, as the kernel kept it."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {process} has no memory any more")


def _role(process: int, parent: int) -> str:
    if process == parent:
        return "main process"
    words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    return next((word for word in ("resource_tracker", "forkserver") if word.encode() in b" ".join(words)), "worker")


def warm(*folders: Path) -> None:
    """Read every file, so that its pages are in the cache."""
    buffer = bytearray(_READ_BYTES)
    for path in itertools.chain.from_iterable(paths(folder) for folder in folders):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            while os.readv(descriptor, [buffer]):
                pass
        finally:
            os.close(descriptor)


def drop(*folders: Path) -> bool:
    """Ask the system to forget the pages of every file, so that it is read from the disk; False where it can't be."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in itertools.chain.from_iterable(paths(folder) for folder in folders):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return True
