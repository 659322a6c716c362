"""A copy and the live data → whether they are one and the same, which would prove nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.drill.reference import Reference
from verifier.errors import SameDataError
from verifier.reconcile import Pair
from verifier.scenario.scenario import Copy
from verifier.sources.table import folder_at

_FIRST: Final = 64
_THEN_EACH: Final = 50


class SameDataWatch:
    """Refuses a copy that is the live data itself: the same files, by device and inode, seen through two paths.

    The first pairs are looked at, and of the others some all along: a part of the copy may be a link, a mount, or a
    tree of hard links.
    """

    def __init__(self, reference: Reference, copy: Copy) -> None:
        self._copy = folder_at(copy.location)
        self._own_name = copy.naming.within.to_copy
        self._live = list(reference.live_folders)
        if self._copy is not None and reference.is_made_from(self._copy):
            # A manifest may be made of a copy and held against it later: that is told as "compared with itself".
            self._live = [folder for folder in self._live if folder != reference.origin_folder]
        self._seen = 0

    def look(self, pair: Pair) -> None:
        """Take in one pair of files, and compare it if it is its turn.

        Raises:
            SameDataError: both are one file.
        """
        self._seen += 1
        if self._seen > _FIRST and self._seen % _THEN_EACH:
            return
        if pair.entry is None or pair.listed is None or self._copy is None:
            return
        own_name = self._own_name(pair.listed.name)
        if own_name is None:
            return
        for live in self._live:
            try:
                original = os.lstat(_under(live, pair.entry.path))
                copied = os.lstat(_under(self._copy, own_name))
            except OSError:
                continue
            if (original.st_dev, original.st_ino) == (copied.st_dev, copied.st_ino):
                raise SameDataError(
                    f"expected a copy, got the live data itself: {relpath.show(pair.entry.path)} is one and the same "
                    f"file in {relpath.show(str(live))} and {relpath.show(str(self._copy))}",
                    hint="a link, a bind mount or the same share is no backup",
                )


def _under(folder: Path, path: bytes) -> bytes:
    return os.fsencode(folder) + b"/" + path
