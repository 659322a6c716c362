"""What the listing of one copy came to, for the stages that restore and report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from verifier.drill.reference import Reference
from verifier.entry import Entry, Item, Listed
from verifier.heartbeat import Heartbeat
from verifier.outcome import Finding
from verifier.scenario.scenario import Copy
from verifier.sources.interface import Location, SourceFacts
from verifier.spool import Table
from verifier.verdict import Amount

NAMES_KEPT: Final = 100
"""So many names of each kind that were found under another are told; the rest are counted."""


@dataclass(kw_only=True)
class Survey:
    """What one copy's listing came to: tables on disk, and counts.

    `reference` is what the copy is held against, and `warnings` are sentences on that choice. `comparable` items are in
    the order of paths; `newer` ones those that the listing says were changed since; `moved` ones missing entries, each
    with the unexpected file it may be; `findings` are what the listing alone shows. `has_files` says that the copy has
    a regular file which no system put there by itself; `newest_mtime_ns` is theirs but for what the manifest excludes,
    whatever part of them is drilled; `sidecars` are those that systems did put there, and that the reference does not
    have; `expected_files` the reference's files that are drilled; `found_names` the first of those found under another
    name: its path, its name in the copy, and by what. `control_missed` says that the entry which exists nowhere was not
    told as missing, or another one neither as found nor as missing. `heartbeat` is the one that the copy carries, and
    `heartbeat_trouble` why one that is there can't be read.
    """

    copy: Copy
    location: Location
    facts: SourceFacts
    keeps_times: bool
    reference: Reference
    pairs: Table[Item]
    missing: Table[Entry]
    unexpected: Table[Listed]
    comparable: Table[Item]
    newer: Table[Item]
    moved: Table[Item]
    findings: Table[Finding]
    has_files: bool = False
    expected_files: int = 0
    expected_entries: int = 0
    listed: Amount = field(default_factory=Amount)
    left_out: Amount = field(default_factory=Amount)
    sidecars: Amount = field(default_factory=Amount)
    special_files: int = 0
    equal_links: int = 0
    holds_links: bool = True
    unheld_links: int = 0
    newest_mtime_ns: int | None = None
    population: Amount = field(default_factory=Amount)
    found_as: dict[str, int] = field(default_factory=dict)
    found_names: list[tuple[bytes, bytes, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    control_missed: bool = False
    heartbeat_listed: Listed | None = None
    heartbeat: Heartbeat | None = None
    heartbeat_trouble: str | None = None

    @property
    def holds_until_ns(self) -> int | None:
        """The time until which the copy shows that it was kept: its newest file's, or its heartbeat's if that is later.

        A heartbeat that lies makes this stricter only: what is older, and not there, is missing.
        """
        times = [] if self.newest_mtime_ns is None else [self.newest_mtime_ns]
        if self.heartbeat is not None:
            times.append(int(self.heartbeat.written_at.timestamp()) * 1_000_000_000)
        return max(times, default=None)

    def note_other_name(self, entry: Entry, listed: Listed, how: str) -> None:
        """Count an entry that was found under another name, and keep the first names of each kind."""
        count = self.found_as[how] = self.found_as.get(how, 0) + 1
        if count <= NAMES_KEPT:
            self.found_names.append((entry.path, listed.name, how))
