"""A manifest, or live data as it is now → the reference that copies are held against.

Live data is listed once, before the copies, into a manifest of names, sizes and times without digests; only the files
that are drawn are hashed, at the moment when they are compared.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import UNSET

from verifier import heartbeat, relpath
from verifier.digest import WRITTEN
from verifier.entry import Entry
from verifier.errors import ManifestError, SameDataError, UnreachableError, UnsafePathError
from verifier.inventory import Progress, take_inventory
from verifier.manifest import Manifest, open_manifest, write_manifest
from verifier.patterns import Patterns
from verifier.proof import Count, ManifestFacts
from verifier.proof import LeftOut as LeftOutFacts
from verifier.proof import Origin as OriginFacts
from verifier.scenario.scenario import Scenario
from verifier.sources.table import folder_at, folder_of

_NEVER_NS: Final = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What copies are held against, read anew as a stream as often as wanted.

    `live` is the folder whose files are hashed when they are drawn; `live_folders` every folder that is known to be the
    live data, so that a copy which is that itself can be refused; `origin_folder` where the manifest was made, as far
    as that is this machine. `created_ns` is later than everything where the manifest does not state it, so that nothing
    is let off as newer. `partial` says that files beside the reference were left out on purpose; `heartbeats` how many
    there were when the manifest was made (one at the most), which are a clock and nothing to restore.
    """

    facts: ManifestFacts
    manifest: Manifest
    file: Path
    algorithm: str
    created_ns: int
    exclude: Patterns
    live: Path | None
    live_folders: tuple[Path, ...]
    origin_folder: Path | None
    partial: bool
    heartbeats: int = 0

    @property
    def files(self) -> int:
        """How many regular files are held against a copy: the manifest's, without the heartbeat."""
        return self.facts.files - self.heartbeats

    @property
    def absent_path(self) -> bytes:
        """A path that no copy holds: the drill's test of itself wants it told as missing."""
        return b"no-such-entry-" + self.facts.identity.encode()

    def entries(self) -> Iterator[Entry]:
        """Yield every entry but a heartbeat's, in the order of raw path bytes."""
        if not self.heartbeats:
            return self.manifest.entries()
        return (entry for entry in self.manifest.entries() if not _is_heartbeat(entry))

    def is_made_from(self, folder: Path) -> bool:
        """Tell whether the manifest was made from this very folder, so that it can only be compared with itself."""
        origin = self.facts.origin
        if self.live is not None or origin.machine != socket.gethostname():
            return False
        here = os.path.realpath(folder)
        if origin.address == relpath.as_text(here):
            return True
        return self.origin_folder is not None and os.path.realpath(self.origin_folder) == here


@contextlib.contextmanager
def open_reference(scenario: Scenario, file: Path) -> Iterator[Reference]:
    """Open a manifest, or what `list_live` wrote, as a scenario's reference, and read it whole once.

    Raises:
        ManifestError: it can't be read whole, or has no checksums.
    """
    stated_live = [folder_of(copy.at) for copy in scenario.copies if copy.live]
    with open_manifest(file, digest=scenario.digest, relative=_relative(scenario)) as manifest:
        header = manifest.header
        if header.digest is None and scenario.against is None:
            raise ManifestError(
                f"expected checksums in {relpath.show(os.fsencode(file))}, got names, sizes and times only",
                hint="make a manifest with: verifier manifest create",
            )
        origin = Path(header.origin.address) if header.origin.machine == socket.gethostname() else None
        live = [scenario.against, *stated_live, origin]
        yield Reference(
            facts=_facts(manifest, live=scenario.against is not None),
            manifest=manifest,
            file=manifest.own_file,
            algorithm=header.digest or WRITTEN[0],
            created_ns=header.created_ns if header.created else _NEVER_NS,
            exclude=Patterns(header.exclude),
            live=scenario.against,
            live_folders=tuple(dict.fromkeys(path for path in live if path is not None and path.is_dir())),
            origin_folder=origin if origin is not None and origin.is_dir() else None,
            partial=scenario.newer_seconds is not None,
            heartbeats=sum(map(_is_heartbeat, _up_to(heartbeat.NAME, manifest))),
        )


def _up_to(path: bytes, manifest: Manifest) -> Iterator[Entry]:
    return itertools.takewhile(lambda entry: entry.path <= path, manifest.entries())


def _is_heartbeat(entry: Entry) -> bool:
    return entry.path == heartbeat.NAME and entry.link is None


def _relative(scenario: Scenario) -> Callable[[bytes], bytes] | None:
    """Return what makes absolute paths of a list those of the dataset: the roots that the copies state."""
    roots = {copy.naming.root + b"/" for copy in scenario.copies if copy.naming.root}
    if not roots:
        return None

    def relative(path: bytes) -> bytes:
        name = path.lstrip(b"/")
        found = {name.removeprefix(root) for root in roots if name.startswith(root)}
        if len(found) != 1:
            below = ", ".join(sorted(map(relpath.show, roots)))
            raise UnsafePathError(f"expected a path below one root of {below}, got {relpath.show(path)}")
        return found.pop()

    return relative


def list_live(scenario: Scenario, *, now: datetime, folder: Path, on_progress: Progress | None) -> Path:
    """List the live data into a manifest without digests; return its file.

    Args:
        scenario: names the live folder.
        now: the time of the listing.
        folder: a private place for the file.
        on_progress: is told how far the listing is; what it raises ends it.

    Raises:
        SourceError: the live data can't be listed, is empty, or is one of the copies.
    """
    live = scenario.against
    if live is None:
        raise AssertionError("a scenario has a manifest or live data")
    for copy in scenario.copies:
        place = folder_at(copy.location)
        if place is not None and os.path.realpath(place) == os.path.realpath(live):
            shown = relpath.show(os.fsencode(live))
            raise SameDataError(f"expected a copy and the live data, got the same folder twice: {shown}")
    since_ns = None
    if scenario.newer_seconds is not None:
        since_ns = int((now - timedelta(seconds=scenario.newer_seconds)).timestamp()) * 1_000_000_000
    file = folder / "live.jsonl"
    inventory = take_inventory(
        live,
        created=now,
        machine=socket.gethostname(),
        digest=None,
        workers=1,
        draft_folder=folder,
        on_progress=on_progress,
    )
    with contextlib.closing(inventory):
        wanted = (entry for entry in inventory.entries() if _is_wanted(entry, since_ns))
        totals = write_manifest(file, inventory.header, wanted)
    if not totals.files:
        shown = relpath.show(os.fsencode(live))
        raise UnreachableError(f"expected files in the live data at {shown}, got none that are asked for")
    return file


def _is_wanted(entry: Entry, since_ns: int | None) -> bool:
    return since_ns is None or (entry.mtime_ns is not None and entry.mtime_ns >= since_ns)


def _facts(manifest: Manifest, *, live: bool) -> ManifestFacts:
    header, totals = manifest.header, manifest.check()
    reasons = ("excluded", "unreadable", "cloud_only", "changing", "special")
    left = {reason: getattr(header.left_out, reason) for reason in reasons}
    return ManifestFacts(
        identity=totals.identity,
        created_at=header.created or None,
        origin=OriginFacts(address=header.origin.address, machine=header.origin.machine),
        digest=header.digest or WRITTEN[0],
        states_sizes=UNSET if manifest.states_sizes else False,
        files=totals.files,
        links=totals.links,
        bytes=totals.bytes,
        live=live,
        exclude=header.exclude,
        left_out=LeftOutFacts(**{reason: Count(files=one.files, bytes=one.bytes) for reason, one in left.items()}),
    )
