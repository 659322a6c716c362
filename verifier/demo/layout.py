"""An empty folder → a household with a good copy, a damaged one, a manifest and a scenario, as users have them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.demo.household import write_household
from verifier.demo.planted import DAMAGED, GOOD, plant
from verifier.errors import UsageError, VerifierError
from verifier.inventory import take_inventory
from verifier.manifest import Totals

WORKERS: Final = 2
_NEEDED_BYTES: Final = 500_000_000
_NANOSECONDS: Final = 1_000_000_000

_SCENARIO: Final = """\
# The household: the originals on a computer, a copy on a NAS, a second one on a USB disk in a drawer elsewhere.
#
#   verifier drill --state state scenarios/household.toml

name = "household"
manifest = "../manifests/household.jsonl.zst"
unchanging = ["Photos/2015/**"]   # nobody edits these any more: here a newer file is damage, too

[objectives]
rto = "12h"                       # a full restore is projected to take no longer

[sample]
confidence = 0.95                 # large enough to have found
tolerable = 0.01                  # 1 % bad files, 95 times in 100
always = ["**/*.kdbx"]            # restored in every drill, whatever is drawn

# The original: it counts as a copy, and is not drilled.
[[copy]]
name = "computer"
at = "../home"
live = true
medium = "ssd"
site = "home"

[[copy]]
name = "nas"
at = "../nas"
medium = "nas"
site = "home"

[[copy]]
name = "usb"
at = "../usb"
medium = "usb"
site = "office"
"""
_SHARED: Final = """\
# What all scenarios of this folder share.

[scratch]
path = "../scratch"
bytes = "1GiB"

[report]
formats = ["html", "markdown"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where everything lies: one folder with all of it. `root` is absolute."""

    root: Path

    @property
    def home(self) -> Path:
        """The live data."""
        return self.root / "home"

    @property
    def manifest(self) -> Path:
        """What is known good."""
        return self.root / "manifests" / "household.jsonl.zst"

    @property
    def scenario(self) -> Path:
        """The scenario that is drilled."""
        return self.root / "scenarios" / "household.toml"

    @property
    def reports(self) -> Path:
        """Where the drill leaves its bundle."""
        return self.root / "reports"

    @property
    def state(self) -> Path:
        """The ledger."""
        return self.root / "state"

    @property
    def scratch(self) -> Path:
        """Where restored files lie until they are compared."""
        return self.root / "scratch"


def make_place(into: Path | None) -> Layout:
    """Make an empty folder for all of it: the one that is named, or one in the platform's place for what goes again.

    Raises:
        UsageError: there is something already, or nothing can be made there.
        VerifierError: the disk has too little left.
    """
    if into is None:
        root = Path(tempfile.mkdtemp(prefix="verifier-demo-"))
    else:
        root = into.expanduser().absolute()
        _make_empty(root)
    free_bytes = shutil.disk_usage(root).free
    if free_bytes < _NEEDED_BYTES:
        raise VerifierError(
            f"expected {_NEEDED_BYTES // 1_000_000} MB of room for the household and its copies at {_shown(root)}, "
            f"got {free_bytes // 1_000_000}",
            hint="name a folder on another disk with --into",
        )
    return Layout(root=root)


def _make_empty(root: Path) -> None:
    with _told(root):
        root.mkdir(parents=True, exist_ok=True)
        first = next(os.scandir(root), None)
    if first is not None:
        raise UsageError(
            f"expected an empty folder or none at {_shown(root)}, got one that holds {relpath.show(first.name)}",
            hint="nothing of yours is ever overwritten; name another folder",
        )


def lay_out_data(layout: Layout) -> None:
    """Write the live data.

    Raises:
        UsageError: it can't be written there.
    """
    with _told(layout.root):
        write_household(layout.home)


def make_manifest(
    layout: Layout, *, created: datetime, machine: str, on_progress: Callable[[int, int | None, int], None]
) -> Totals:
    """Write down what is known good, as `verifier manifest create` does.

    Args:
        layout: where the live data lies.
        created: the time, taken before this is called.
        machine: this machine's name.
        on_progress: is told files finished, files in all once that is known, and bytes read.

    Raises:
        VerifierError: the data can't be read, or the manifest not be written.
    """
    with _told(layout.root):
        layout.manifest.parent.mkdir()
        with take_inventory(
            layout.home,
            created=created,
            machine=machine,
            dataset="household",
            workers=WORKERS,
            draft_folder=layout.manifest.parent,
            on_progress=on_progress,
        ) as inventory:
            return inventory.write(layout.manifest)
    raise AssertionError


def lay_out_copies(layout: Layout, *, manifest_made: datetime) -> None:
    """Copy the live data twice, damage the second copy, and write the scenario.

    Raises:
        UsageError: it can't be written there.
    """
    with _told(layout.root):
        for name in (GOOD, DAMAGED):
            shutil.copytree(layout.home, layout.root / name, symlinks=True)
        manifest_made_ns = int(manifest_made.timestamp()) * _NANOSECONDS
        plant(layout.home, layout.root / DAMAGED, manifest_made_ns=manifest_made_ns)
        layout.scenario.parent.mkdir()
        layout.scenario.write_text(_SCENARIO, "utf-8")
        (layout.scenario.parent / "verifier.toml").write_text(_SHARED, "utf-8")


@contextlib.contextmanager
def _told(root: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, shutil.Error) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"expected to write a household into {_shown(root)}, got: {relpath.show(got)}",
            hint="name another folder with --into",
        ) from error


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))
