"""Manifests made and brought up to date in a test: a folder, a state of its own, a clock that goes on by days."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from verifier.entry import Entry
from verifier.inventory import take_inventory
from verifier.inventory.update import Update, update_inventory
from verifier.manifest import open_manifest
from verifier.manifest.difference import Difference
from verifier.manifest.native import NativeManifest, Totals

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Updated:
    """What one update found and wrote."""

    differences: list[Difference]
    read_again: tuple[int, int, int]
    read_anyway: int
    remembered: bool
    totals: Totals

    def kinds(self) -> list[tuple[bytes, str]]:
        """Return each path that differs with how."""
        return [(difference.path, difference.kind.value) for difference in self.differences]


@dataclass(slots=True, kw_only=True)
class Kept:
    """A folder and its manifest, kept up to date."""

    folder: Path
    manifest: Path
    state: Path | None = None
    days: int = 0
    exclude: Sequence[str] = field(default_factory=tuple)

    @property
    def now(self) -> datetime:
        """The time by the test's own clock."""
        return BEGAN + timedelta(days=self.days)

    def create(self) -> Totals:
        """Make the manifest anew."""
        with take_inventory(
            self.folder, created=self.now, machine="desk", exclude=self.exclude, workers=1
        ) as inventory:
            totals = inventory.write(self.manifest)
            if self.state:
                inventory.remember(self.state, totals)
        return totals

    def update(self, share: Fraction = Fraction(0), **options: Any) -> Updated:
        """Bring it up to date a day later, as the command does."""
        self.days += 1
        settings: dict[str, Any] = {"workers": 1, "state": self.state, "share": share} | options
        with (
            open_manifest(self.manifest) as manifest,
            update_inventory(as_native(manifest), self.folder, created=self.now, machine="desk", **settings) as update,
        ):
            return self._write(update)

    def _write(self, update: Update) -> Updated:
        differences = list(update.differences())
        totals = update.inventory.write(self.manifest)
        if self.state:
            update.inventory.remember(self.state, totals, read_anyway=update.read_anyway)
        return Updated(
            differences=differences,
            read_again=tuple(update.read_again),
            read_anyway=update.read_anyway,
            remembered=update.remembered,
            totals=totals,
        )

    def entries(self) -> list[Entry]:
        """Return what the manifest says now, having read it whole by the rules of reading."""
        with open_manifest(self.manifest) as manifest:
            manifest.check()
            return list(manifest.entries())


def as_native(manifest: object) -> NativeManifest:
    """Return the manifest, which the tests make in our own format."""
    assert isinstance(manifest, NativeManifest)
    return manifest


def put(folder: Path, name: str | bytes, data: bytes, *, second: int = 1) -> None:
    """Write a file with a time of so many seconds after an arbitrary one."""
    path = folder / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    set_time(path, second)


def set_time(path: Path, second: int) -> None:
    """Set a file's time."""
    time_ns = 1_700_000_000_000_000_000 + second * 1_000_000_000
    os.utime(path, ns=(time_ns, time_ns), follow_symlinks=False)
