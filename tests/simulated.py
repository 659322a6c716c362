"""The command line under a clock that tests set, in this process: months pass in seconds."""

from __future__ import annotations

import argparse
import importlib
import os
from datetime import UTC, datetime
from pathlib import Path

from drilled import Place

from verifier import proof
from verifier.cli.setting import Setting
from verifier.cli.terminal import Terminal
from verifier.proof import Proof


class Clock:
    """A clock that goes only when it is set."""

    def __init__(self, text: str) -> None:
        self.moment = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def set(self, text: str) -> None:
        self.moment = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


class Simulated:
    """A scenario of one small copy, and commands at a simulated time."""

    def __init__(self, root: Path, clock: Clock, *, schedule: str, files: int = 12) -> None:
        self.clock = clock
        self.place = Place(root)
        self.place.fill({f"{number:02}.txt": f"note {number}\n".encode() * 20 for number in range(files)})
        self.place.back_up()
        self.place.know()
        self.file = self.write("notes", schedule)

    def write(self, name: str, schedule: str, copy: Path | None = None) -> Path:
        file = self.place.root / f"{name}.toml"
        file.write_text(
            f'name = "{name}"\nmanifest = "manifest.jsonl"\n[sample]\nfiles = 3\n'
            f'[[copy]]\nname = "nas"\nat = "{copy or self.place.copy}"\n{schedule}'
        )
        return file

    def run(self, command: str, *arguments: str | Path, quiet: bool = False) -> int:
        """Run a command as at the simulated time and return its exit code."""
        module = importlib.import_module(f"verifier.cli.{command}")
        parser = argparse.ArgumentParser()
        module.configure(parser)
        setting = Setting(now=self.clock, environment=os.environ, terminal=Terminal(quiet=quiet))
        return int(module.run(parser.parse_args([os.fspath(one) for one in arguments]), setting))

    def drill(self, *arguments: str | Path, quiet: bool = False) -> int:
        """Run `drill --due`, with one worker, of the scenario or of those that are named."""
        place = self.place
        given = arguments or (self.file,)
        where = ("--state", place.state, "--reports", place.reports, "--scratch", place.scratch)
        return self.run("drill", "--due", *given, "--workers", "1", *where, quiet=quiet)

    def proofs(self) -> list[Proof]:
        """Return the proofs of all drills, in the order of their chain."""
        found = [proof.from_bytes((folder / "proof.json").read_bytes()) for folder in self.place.bundles()]
        return sorted(found, key=lambda one: one.drill.number)
