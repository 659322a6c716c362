"""A folder of known content, a copy of it, and drills of the copy: what the tests that plant damage stand on."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reached import Way

from verifier import proof
from verifier.cli.main import main
from verifier.proof import CopyFacts, Proof

THEN = 1_500_000_000
"""When the files of a test were written, in seconds since 1970: long before any manifest of it."""

Name = str | bytes

_MEMORY = Path("/dev/shm")  # noqa: S108 - only what this user may read is made in it


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """What a drill came to: its exit code, its proof if it left one, and its bundle."""

    code: int
    proof: Proof | None
    folder: Path | None

    @property
    def copy(self) -> CopyFacts:
        """The only copy of the proof."""
        assert self.proof is not None, f"no proof was left, exit code {self.code}"
        (copy,) = self.proof.copies
        return copy

    @property
    def result(self) -> str:
        """The verdict of the drill."""
        assert self.proof is not None, f"no proof was left, exit code {self.code}"
        return self.proof.verdict.result

    @property
    def counts(self) -> dict[str, int]:
        """How many files have each kind or reason."""
        return {name: amount.files for name, amount in self.copy.counts.items()}

    @property
    def reasons(self) -> str:
        """The sentences of the verdict, in one text."""
        return " | ".join(self.copy.verdict.reasons)


class Place:
    """Where a test keeps live data, a copy of it, and what drills leave.

    Args:
        root: private to the test.
        way: how the copy is reached; its folder is changed all the same.

    Attributes:
        now: the clock of its drills, the real one unless a test sets it.
    """

    def __init__(self, root: Path, way: Way | None = None) -> None:
        self.root = root
        self.way = way or Way()
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.live = root / "live"
        self.copy = root / "copy"
        self.manifest = root / "manifest.jsonl"
        # What a drill leaves is synced, which on a busy disk takes longer than everything else: it lies in memory.
        self.leavings = Path(tempfile.mkdtemp(prefix="verifier-tests-", dir=_MEMORY if _MEMORY.is_dir() else root))
        weakref.finalize(self, shutil.rmtree, self.leavings, ignore_errors=True)
        self.reports = self.leavings / "reports"
        self.state = self.leavings / "state"
        self.scratch = self.leavings / "scratch"
        self.live.mkdir()

    def fill(self, files: Mapping[str, bytes] | Mapping[bytes, bytes]) -> None:
        """Write the live data, all of it at `THEN`."""
        for name, data in files.items():
            put(self.live, name, data)

    def back_up(self) -> None:
        """Make the copy, times and links and all."""
        shutil.copytree(self.live, self.copy, symlinks=True)
        self.way.publish(self.copy)

    def know(self, *options: str, folder: Path | None = None) -> Path:
        """Make the manifest of the live data, or of another folder."""
        arguments = ["manifest", "create", str(folder or self.live), "-o", str(self.manifest), "--quiet", *options]
        assert main([*arguments, "--workers", "1"]) == 0
        return self.manifest

    def prove(
        self, *options: str | Path, against: bool = False, address: Path | str | None = None, quiet: bool = True
    ) -> Drilled:
        """Drill the copy in this process, by default with one worker, against the manifest or the live data."""
        reference = ["--against", self.live] if against else ["--manifest", self.manifest]
        if address is None:
            self.way.publish(self.copy)
            address, options = self.way.address(self.copy), (*self.way.options(), *options)
        return self.run("prove", address, *reference, *options, quiet=quiet)

    def drill(self, scenario: str, *options: str | Path) -> Drilled:
        """Drill what a scenario says, in this process."""
        self.way.publish(self.copy)
        file = self.root / "scenario.toml"
        file.write_text(scenario, encoding="utf-8")
        return self.run("drill", file, *options)

    def run(self, command: str, *arguments: str | Path, quiet: bool = True) -> Drilled:
        """Run `prove` or `drill` in this process."""
        before = set(self.bundles())
        workers = [] if "--workers" in arguments else ["--workers", "1"]
        places = ["--reports", self.reports, "--state", self.state, "--scratch", self.scratch]
        given = [os.fspath(argument) for argument in (command, *arguments, *workers, *places)]
        code = main([*given, "--quiet"] if quiet else given, now=self.now)
        new = [folder for folder in self.bundles() if folder not in before]
        assert len(new) <= 1
        facts = proof.from_bytes((new[0] / "proof.json").read_bytes()) if new else None
        self.assert_clean()
        return Drilled(code=code, proof=facts, folder=new[0] if new else None)

    def bundles(self) -> list[Path]:
        """Return the folders of all bundles."""
        return [file.parent for file in self.reports.glob("*/*/proof.json")]

    def assert_clean(self) -> None:
        """Scratch holds nothing behind a drill."""
        ours = [self.scratch / name for name in ("batches", "tables")]
        left = [path for folder in ours for path in folder.rglob("*")] if not self.scratch.is_file() else []
        assert not left, f"scratch holds {left}"


def put(folder: Path, name: Name, data: bytes, *, seconds: float = THEN) -> bytes:
    """Write a file, with the folders above it, as if that had been at `seconds`; return its path."""
    path = os.path.join(os.fsencode(folder), os.fsencode(name))  # noqa: PTH118 - names that are no text
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - as above
    with open(path, "wb") as file:  # noqa: PTH123 - as above
        file.write(data)
    os.utime(path, (seconds, seconds))
    return path


def change(folder: Path, name: Name, edit: Callable[[bytes], bytes], *, seconds: float = THEN) -> None:
    """Rewrite a file's bytes, and leave it as if that had been at `seconds`."""
    with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "rb") as file:  # noqa: PTH118, PTH123 - as above
        data = file.read()
    put(folder, name, edit(data), seconds=seconds)


def flip(data: bytes, position: int) -> bytes:
    """Return the bytes with one bit of one of them changed."""
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


def noise(size_bytes: int, seed: int | str) -> bytes:
    """Return bytes that look random and are the same each time."""
    return random.Random(seed).randbytes(size_bytes)


def prose(size_bytes: int, seed: int | str) -> bytes:
    """Return bytes that look like text and are the same each time."""
    words = random.Random(seed)
    text = " ".join(words.choice(_WORDS) for _ in range(size_bytes // 4 + 1))
    return text[:size_bytes].encode()


_WORDS = ("and", "the", "of", "files", "were", "kept", "in", "a", "drawer", "until", "nobody", "knew", "what", "for")


def assert_refused(place: Place, capfd: pytest.CaptureFixture[str], *options: str | Path, code: int, says: str) -> str:
    """Hold a drill to its promise: an error in words, no bundle, and no trace in the chain."""
    capfd.readouterr()
    drilled = place.prove("--full", *options)
    said = capfd.readouterr()

    assert (drilled.code, drilled.proof) == (code, None), said.err
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("verifier: ")
    assert said.err.count("\n") <= 2
    assert "Traceback" not in said.err
    return said.err


def run_without_rights(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process to which a file's mode applies, though it may be root's."""
    give_up: Callable[[], None] | None = None
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None).prctl

        def give_up() -> None:
            for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
                prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)

    return subprocess.run(
        [sys.executable, "-m", "verifier.cli.main", *map(os.fspath, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=60,
        check=False,
        preexec_fn=give_up,  # one system call
    )


_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
