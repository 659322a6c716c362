"""Generations in their order → what is doubtful in how one follows another. Pure, but for reading entries.

Three things are looked for: a chain that is broken (a generation that follows none in the folder: it was swapped, or
made apart), one that holds much less than the one before (a missing mount looks like that), and other bytes under an
unchanged time (a failing disk). Each is meant now and then; what its owner accepted is no doubt any more.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from verifier import relpath
from verifier.manifest.difference import DifferenceKind, differences
from verifier.manifest.generations import Generation
from verifier.manifest.reading import Manifest

MASS_SHARE: Final = 0.20
"""The part of a generation's files or bytes that may vanish in the next one without anybody's word."""

_NAMES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A generation that should be looked at, and the sentence that says why."""

    generation: Generation
    sentence: str


def doubts(generations: Sequence[Generation], accepted: Collection[str]) -> list[Doubt]:
    """Return what is doubtful by headers and totals alone, of generations in their order, the oldest first."""
    known = {one.identity for one in generations}
    found = []
    for before, after in itertools.pairwise(generations):
        if after.identity in accepted or after.identity == before.identity:
            continue
        if after.header.previous not in known:
            stated = f"{after.header.previous[:16]}…, which is not there" if after.header.previous else "none"
            sentence = f"the manifest of {after.header.created} follows no other in its folder: it states {stated}"
            found.append(Doubt(generation=after, sentence=sentence))
        lost = _much_less(before, after)
        if lost is not None:
            found.append(Doubt(generation=after, sentence=lost))
    return found


def _much_less(before: Generation, after: Generation) -> str | None:
    """Return the sentence that one generation holds much less than the one before, where it does."""
    lost = []
    for what in ("files", "bytes"):
        was, remains = getattr(before.stated, what), getattr(after.stated, what)
        if was - remains > MASS_SHARE * was:
            lost.append(f"{remains:,} of {was:,} {what}")
    if not lost:
        return None
    return (
        f"the manifest of {after.header.created} has {' and '.join(lost)} of the one before it, more than "
        f"{MASS_SHARE:.0%} less"
    )


def silent_changes(before: Manifest, after: Manifest) -> str | None:
    """Return the sentence that bytes changed under an unchanged time from one manifest to the next, where they did.

    Both are read whole. None also where they have different digests, so that bytes can't be compared.

    Raises:
        ManifestError: one can't be read whole.
    """
    if before.header.digest != after.header.digest:
        return None
    first: list[bytes] = []
    files = 0
    for difference in differences(before.entries(), after.entries()):
        if difference.kind is DifferenceKind.SILENT:
            files += 1
            if files <= _NAMES_SHOWN:
                first.append(difference.path)
    if not files:
        return None
    names = ", ".join(map(relpath.show, first)) + (", …" if files > len(first) else "")
    return (
        f"the manifest of {after.header.created} has other bytes under an unchanged time than the one of "
        f"{before.header.created}, which damage does and editing does not: {files:,} "
        f"{'file' if files == 1 else 'files'}: {names}"
    )
