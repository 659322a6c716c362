"""The drill's test of itself: damage that is planted must be found, through the same source, engine and compare.

A bit flipped in the scratch copy of a file that has just matched must be a MISMATCH (an empty file gets a byte: GROWN),
a name that exists nowhere must be MISSING, and a wrong checksum for a file that is there must be a MISMATCH.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal

from msgspec.structs import replace

from verifier import digest
from verifier.engine import Done, Engine
from verifier.entry import Entry, Item
from verifier.outcome import Finding, FindingKind, Match, Outcome
from verifier.restore import Batch, Job, restore_batch

_NUMBER: Final = 99_999_999  # behind every batch of a drill


@dataclass(slots=True)
class ControlChoice:
    """Chooses what to plant damage in: the smallest file that has matched and isn't empty."""

    item: Item | None = None

    def consider(self, item: Item, outcome: Outcome) -> None:
        """Take in one outcome of the drill."""
        if not isinstance(outcome, Match):
            return
        if self.item is None or _preference(item) < _preference(self.item):
            self.item = item


def _preference(item: Item) -> tuple[bool, int]:
    return item.entry.size_bytes == 0, item.entry.size_bytes


def plant_damage(
    engine: Engine, job: Job, item: Item | None, *, absent: bytes
) -> Literal["detected", "undetected", "not run"]:
    """Plant the three kinds of damage and tell whether each was found as what it is."""
    if item is None:
        return "not run"
    flipped = replace(item, control="flip")
    # Without the locator of a file that is there, or that would be what is fetched; and in its folder, so that the copy
    # is asked also where it has no place for a name at the dataset's top.
    folder, slash, _ = item.listed.name.rpartition(b"/")
    listed = replace(item.listed, name=folder + slash + absent, locator=None)
    nowhere = replace(item, entry=replace(item.entry, path=absent), listed=listed, piece=None)
    wrong = replace(item, entry=_with_wrong_checksum(item, job.algorithm))
    # Damage must be told from work by its bytes alone, so no time may excuse it.
    batch = Batch(number=_NUMBER, job=dataclasses.replace(job, keeps_times=False), items=(flipped, nowhere, wrong))
    expected = (
        (FindingKind.GROWN if item.listed.size_bytes == 0 else FindingKind.MISMATCH),
        FindingKind.MISSING,
        FindingKind.MISMATCH,
    )
    for answer in engine.map(restore_batch, [(_NUMBER, batch)]):
        if not isinstance(answer, Done):
            return "not run"
        outcomes = answer.answer.outcomes
        if all(isinstance(one, Finding) and one.kind == kind for one, kind in zip(outcomes, expected, strict=True)):
            return "detected"
        return "undetected"
    return "not run"


def _with_wrong_checksum(item: Item, algorithm: str) -> Entry:
    hasher = digest.new_hasher(algorithm)
    hasher.update(b"no file has these bytes: " + item.entry.path)
    wrong = hasher.hexdigest()
    pieces = tuple(wrong for _ in item.entry.pieces)
    return replace(item.entry, digest=wrong, pieces=pieces)
