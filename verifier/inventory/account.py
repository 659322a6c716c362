"""All that an update found → counts, first names, and whether it needs somebody's word before it is written."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from verifier.manifest.difference import Difference, DifferenceKind
from verifier.manifest.native import Totals
from verifier.patterns import Patterns

MOST_CHANGED: Final = Fraction(1, 5)
"""The part of files, or of bytes, that may have changed or vanished without anybody's word."""

_NAMES_KEPT: Final = 20
_LOST: Final = frozenset({DifferenceKind.REMOVED, DifferenceKind.CHANGED, DifferenceKind.SILENT})
# What was damaged keeps its old digest, so writing the manifest gives nothing up; a word for it would.
_AGAINST_UNCHANGING: Final = frozenset({DifferenceKind.REMOVED, DifferenceKind.CHANGED, DifferenceKind.MOVED})


class Kind:
    """What was found of one kind: how many, their bytes, and the first of them."""

    def __init__(self) -> None:
        self.files = 0
        self.size_bytes = 0
        self.first: list[Difference] = []

    def add(self, difference: Difference) -> None:
        """Count one more."""
        self.files += 1
        self.size_bytes += difference.size_bytes
        if len(self.first) < _NAMES_KEPT:
            self.first.append(difference)


class Account:
    """Counts differences, links as files.

    Args:
        old: what the old manifest holds.
        unchanging: where nothing may change or vanish.
    """

    def __init__(self, old: Totals, unchanging: Patterns) -> None:
        self.kinds = {kind: Kind() for kind in DifferenceKind}
        self.unchanging = Kind()
        self.lost_files = self.lost_bytes = 0
        self._old = old
        self._patterns = unchanging

    def add(self, difference: Difference) -> None:
        """Count one."""
        self.kinds[difference.kind].add(difference)
        if difference.kind in _LOST and difference.old is not None:
            self.lost_files += 1
            self.lost_bytes += difference.old.size_bytes
        if difference.kind in _AGAINST_UNCHANGING and difference.old and self._patterns.match(difference.old.path):
            self.unchanging.add(difference)

    @property
    def is_mass_change(self) -> bool:
        """Whether so much changed or vanished, by files or by bytes, as encryption or a missing disk would leave."""
        old = self._old
        by_files = self.lost_files > MOST_CHANGED * (old.files + old.links)
        return by_files or self.lost_bytes > MOST_CHANGED * old.bytes

    @property
    def needs_a_word(self) -> bool:
        """Whether nothing may be written until somebody accepts what was found."""
        return self.is_mass_change or self.unchanging.files > 0
