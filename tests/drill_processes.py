"""A dataset with a copy, and drills of it in processes of their own: those that end, and those that are disturbed."""

from __future__ import annotations

import contextlib
import io
import os
import random
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import zstandard
from mounted import MustRun, mounted

from verifier import proof
from verifier.cli.main import main
from verifier.proof import CopyFacts, Proof

COMMAND = (sys.executable, "-m", "verifier.cli.main")
SLOW_DISK = Path(__file__).parent / "slow_disk"
_THEN = 1_600_000_000
_MARK = "VERIFIER_TEST_MARK"
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a drill came to: its exit code, what it said, and the bundles that it left, oldest first."""

    code: int
    stdout: bytes
    stderr: str
    bundles: tuple[Path, ...]

    @property
    def bundle(self) -> Path:
        """The only bundle."""
        assert len(self.bundles) == 1, f"exit code {self.code}, bundles {self.bundles}: {self.stderr}"
        return self.bundles[0]

    @property
    def proof(self) -> Proof:
        """The proof of the only bundle."""
        return read_proof(self.bundle)

    @property
    def copy(self) -> CopyFacts:
        """The only copy of the proof."""
        (copy,) = self.proof.copies
        return copy

    @property
    def result(self) -> str:
        """The verdict."""
        return self.proof.verdict.result


class Home:
    """Where a test keeps live data, its copy, and what drills need and leave."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live, self.copy = root / "live", root / "copy"
        self.manifest = root / "manifest.jsonl"
        self.reports, self.state, self.scratch = root / "reports", root / "state", root / "scratch"

    def fill(self, files: Mapping[str, bytes]) -> Self:
        """Write the live data, back it up, and make the manifest of it."""
        for name, data in files.items():
            put(self.live / name, data)
        self.live.mkdir(exist_ok=True)
        shutil.copytree(self.live, self.copy, symlinks=True)
        return self.know()

    def know(self) -> Self:
        """Make the manifest of the live data."""
        made = ["manifest", "create", str(self.live), "-o", str(self.manifest), "--quiet", "--workers", "1"]
        assert main(made) == 0
        return self

    def beside(self, name: str) -> Home:
        """Return another home for drills of the same data: its own reports, state and scratch."""
        other = Home(self.root / name)
        other.live, other.copy, other.manifest = self.live, self.copy, self.manifest
        return other

    def another_copy(self, name: str) -> Path:
        """Make one more copy of the live data."""
        return Path(shutil.copytree(self.live, self.root / name, symlinks=True))

    @property
    def places(self) -> tuple[str, ...]:
        """The options that name where drills keep what."""
        return ("--reports", str(self.reports), "--state", str(self.state), "--scratch", str(self.scratch))

    @property
    def prove(self) -> tuple[str, ...]:
        """The command line that proves the copy against the manifest."""
        return ("prove", str(self.copy), "--manifest", str(self.manifest))

    def scenario(self, name: str, text: str = "", *, file: str | None = None) -> Path:
        """Write a scenario of this name beside the data; without a text, of the one copy."""
        path = self.root / (file or f"{name}.toml")
        copies = (
            text or f'manifest = "{self.manifest}"\n[sample]\nfull = true\n[[copy]]\nname = "nas"\nat = "{self.copy}"\n'
        )
        path.write_text(f'name = "{name}"\n{copies}', encoding="utf-8")
        return path

    def bundles(self) -> set[Path]:
        """Return the folders of all bundles."""
        return {file.parent for file in self.reports.glob("*/*/proof.json")}

    def run(self, *arguments: str | Path, places: bool = True, timeout: float = _PATIENCE_SECONDS) -> Ended:
        """Run a command to its end in a process."""
        with self.start(*arguments, places=places) as running:
            return running.end(timeout)

    def run_here(self, *arguments: str | Path) -> Ended:
        """Run a command to its end in this process, by default with one worker: quicker, where that is all the same."""
        before = self.bundles()
        given = [*map(str, arguments), *self.places]
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*given, *(() if "--workers" in given else ("--workers", "1"))])
        out.flush()
        printed = out.buffer.getvalue()
        return Ended(code=code, stdout=printed, stderr=err.getvalue(), bundles=self._new(before))

    def _new(self, before: set[Path]) -> tuple[Path, ...]:
        return tuple(sorted(self.bundles() - before, key=lambda folder: read_proof(folder).drill.number))

    def start(
        self,
        *arguments: str | Path,
        read_seconds: float = 0,
        list_seconds: float = 0,
        places: bool = True,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Running:
        """Start a command; each read of a copy and each look into one of its folders takes so long at least."""
        slow = {"VERIFIER_TEST_READ_SECONDS": str(read_seconds), "VERIFIER_TEST_LIST_SECONDS": str(list_seconds)}
        given = [*command, *map(str, arguments), *(self.places if places else ())]
        # As for a user: a developer's wish for unbuffered output changes what happens when nobody reads it.
        paths = filter(None, [str(SLOW_DISK), os.environ.get("PYTHONPATH")])
        usual = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": ""}
        return Running(self, given, env={**usual, **slow, **(env or {})}, options=options)

    def saved_batches(self) -> int:
        """Return how many batches of unfinished drills the ledger holds."""
        return self.count("SELECT count(*) FROM batch")

    def begun_drills(self) -> int:
        """Return how many drills the ledger holds."""
        return self.count("SELECT count(*) FROM drill")

    def count(self, query: str) -> int:
        """Return the one number that a query of the ledger gives; 0 where there is no ledger yet."""
        file = self.state / "ledger.sqlite"
        if not file.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as ledger:
            try:
                return int(ledger.execute(query).fetchone()[0])
            except sqlite3.OperationalError:  # its tables are being made
                return 0

    def scratch_files(self) -> list[Path]:
        """Return whatever lies in scratch, folders too."""
        return sorted(self.scratch.rglob("*")) if self.scratch.exists() else []


class Running:
    """A command that is under way, and every process that it has started. Use it as a context manager."""

    def __init__(
        self, home: Home, command: Sequence[str], *, env: Mapping[str, str], options: Mapping[str, Any]
    ) -> None:
        self._home = home
        self._before = home.bundles()
        self._mark = secrets.token_hex(16)
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        given = {"stdin": subprocess.DEVNULL, "stdout": self._out, "stderr": self._err, **options}
        given.setdefault("start_new_session", True)
        self.process = subprocess.Popen(command, env={**os.environ, **env, _MARK: self._mark}, **given)
        self.pid = self.process.pid

    def processes(self) -> set[int]:
        """Return every living process of the command: they all have its mark in their environment."""
        mark = f"{_MARK}={self._mark}".encode()
        return {number for number in _all_processes() if mark in _read(f"/proc/{number}/environ").split(b"\0")}

    def workers(self) -> list[int]:
        """Return the worker processes, oldest first: each leads a session of its own."""
        return sorted(number for number in self.processes() - {self.pid} if _session(number) == number)

    def said(self) -> str:
        """Return what was said so far."""
        return os.pread(self._err.fileno(), 1 << 22, 0).decode("utf-8", "surrogateescape")

    def printed(self) -> bytes:
        """Return what was printed so far."""
        return os.pread(self._out.fileno(), 1 << 24, 0)

    def until(self, condition: Callable[[], object], seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait for a condition; fails if it does not come, or the command ends before."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"it ended before, with {self.process.returncode}: {self.said()}"
            assert time.monotonic() < deadline, f"it did not come: {self.said()}"
            time.sleep(0.005)

    def until_batches(self, count: int) -> None:
        """Wait until so many batches are saved."""
        self.until(lambda: self._home.saved_batches() >= count)

    def send(self, number: int) -> None:
        """Send a signal to the command alone."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the command at once, as a lack of memory would, and wait for its end."""
        self.process.kill()
        self.process.wait(_PATIENCE_SECONDS)

    def end(self, timeout: float = _PATIENCE_SECONDS) -> Ended:
        """Wait for the end of the command."""
        code = self.process.wait(timeout)
        return Ended(code=code, stdout=self.printed(), stderr=self.said(), bundles=self._home._new(self._before))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for number in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.process.wait(_PATIENCE_SECONDS)
        self._out.close()
        self._err.close()


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are all that is wanted


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:  # it ended meanwhile, or isn't ours
        return b""


def _session(number: int) -> int:
    try:
        return os.getsid(number)
    except ProcessLookupError:
        return 0


def comes(condition: Callable[[], object], seconds: float) -> bool:
    """Tell whether a condition comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def put(path: Path, data: bytes, *, seconds: float = _THEN) -> None:
    """Write a file as if that had been long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (seconds, seconds))


def many(files: int, size_bytes: int = 2_000) -> dict[str, bytes]:
    """Return so many files in folders of a hundred, no two of equal content."""
    noise = random.Random(files)
    return {f"{number // 100:03}/{number:06}.jpg": noise.randbytes(size_bytes) for number in range(files)}


def flip(path: Path, position: int = 0) -> None:
    """Flip a bit of a file, and leave its time as it was."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def read_proof(bundle: Path) -> Proof:
    """Return a bundle's proof, parsed from its bytes."""
    return proof.from_bytes((bundle / "proof.json").read_bytes())


def read_outcomes(bundle: Path) -> list[dict[str, Any]]:
    """Return the lines of a bundle's `outcomes.jsonl.zst`."""
    with (bundle / "outcomes.jsonl.zst").open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        return [msgspec.json.decode(line) for line in stream.read().splitlines()]


def read_findings(bundle: Path) -> list[dict[str, Any]]:
    """Return the lines of a bundle's `findings.jsonl`."""
    return [msgspec.json.decode(line) for line in (bundle / "findings.jsonl").read_bytes().splitlines()]


def assert_whole(bundle: Path) -> None:
    """The sums of the bundle hold, by the stock tool, and name every file of it."""
    subprocess.run(
        ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=bundle, check=True, capture_output=True
    )
    summed = {line.split("  ", 1)[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()}
    assert summed == {file.name for file in bundle.iterdir()} - {"SHA256SUMS"}
    assert {"proof.json", "findings.jsonl", "outcomes.jsonl.zst", "report.html", "report.md"} <= summed


def assert_one_outcome_each(copy: CopyFacts) -> None:
    """Of the intact copy of a full drill: each planned entry was proven, or is counted once as what it became."""
    counted = list(copy.counts.values())
    assert copy.planned.files == copy.proven.files + sum(count.files for count in counted)
    assert copy.planned.bytes == copy.proven.bytes + sum(count.bytes for count in counted)


def small_disk(must_run: MustRun, point: Path, size: str) -> contextlib.AbstractContextManager[None]:
    """Mount a disk of this size at `point` for as long as the block lasts."""
    point.mkdir(parents=True, exist_ok=True)
    return mounted(must_run, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", point, lazily=True)
