"""What a scenario says of a copy's names ↔ where in the copy the dataset lies, and each file's name on either side.

A copy may store whole paths (`root`), paths of another system (`map`), or several computers' data beside each other
(`prefix`). A name is translated one to one both ways, or it is no name of this dataset.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from verifier import relpath

Pair = tuple[bytes, bytes]
"""How the copy names a folder, and how the dataset does; each without slashes at its ends, empty for all of it."""

_WINDOWS = re.compile(r"[A-Za-z]:(?:[\\/]|\Z)|\\\\[^\\]")


def folder_name(text: str) -> bytes:
    r"""Return a folder as somebody wrote it, `/home/ana/` or `C:\\Users\\Ana\\`, without the slashes at its ends.

    Raises:
        UnsafePathError: it climbs out, or names nothing twice.
    """
    if _WINDOWS.match(text):
        text = text.replace("\\", "/")
    name = text.strip("/").encode("utf-8", "surrogateescape")
    if name:
        relpath.check(name)
    return name


def overlap(pairs: Sequence[Pair]) -> tuple[int, str] | None:
    """Return which pair can't be told from an earlier one, and why; None where each name has one translation."""
    for index, (left, right) in enumerate(pairs):
        for other_left, other_right in pairs[:index]:
            for side, other in ((left, other_left), (right, other_right)):
                if _within(side, other) or _within(other, side):
                    shown = relpath.show(side + b"/"), relpath.show(other + b"/")
                    return index, f"expected folders apart from those of the other pairs, got {shown[0]} and {shown[1]}"
    return None


def _within(name: bytes, folder: bytes) -> bool:
    return not folder or name == folder or name.startswith(folder + b"/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Names of a copy ↔ names of the dataset, by folders of which none lies in another."""

    pairs: tuple[Pair, ...]

    @property
    def is_identity(self) -> bool:
        """Whether every name is the same on both sides."""
        return self.pairs == ((b"", b""),)

    def to_dataset(self, own: bytes) -> bytes | None:
        """Return what the dataset calls a file of the copy; None where it is none of the dataset's."""
        for left, right in self.pairs:
            if _within(own, left):
                return _moved(own, left, right)
        return None

    def to_copy(self, name: bytes) -> bytes | None:
        """Return what the copy calls a file of the dataset; None where it has no place for it."""
        for left, right in self.pairs:
            if _within(name, right):
                return _moved(name, right, left)
        return None


def _moved(name: bytes, source: bytes, target: bytes) -> bytes | None:
    # A file can't have the name of a folder that is mapped: it has none inside it.
    if name == source:
        return None
    rest = name[len(source) + 1 :] if source else name
    return target + b"/" + rest if target else rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What a scenario says of a copy's names; all empty: the copy names its files as the dataset does.

    `prefix` and `root` are folders without slashes at their ends, `map` pairs of such (`folder_name`, `overlap`).
    """

    prefix: bytes = b""
    root: bytes = b""
    map: tuple[Pair, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.prefix or self.root or self.map)

    @property
    def below(self) -> bytes:
        """The folder of the copy in which all of the dataset lies; empty where that is the copy itself."""
        return b"/".join(part for part in (self.prefix, self.root, self._common) if part)

    @property
    def _common(self) -> bytes:
        if not self.map:
            return b""
        folders = [left.split(b"/") if left else [] for left, _ in self.map]
        shared = []
        for parts in zip(*folders, strict=False):
            if len(set(parts)) > 1:
                break
            shared.append(parts[0])
        return b"/".join(shared)

    @property
    def within(self) -> Translation:
        """How names relative to `below` are translated."""
        if not self.map:
            return Translation(pairs=((b"", b""),))
        skipped = len(self._common) + 1 if self._common else 0
        return Translation(pairs=tuple((left[skipped:], right) for left, right in self.map))
