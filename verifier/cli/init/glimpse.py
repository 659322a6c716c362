"""An address → a glimpse of what lies there: the first names, the newest file, and which folder looks like the data.

It is bounded in names and in time, and says so where it did not see all: it proposes, and proves nothing.
"""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.cli.terminal import size
from verifier.errors import UnreachableError
from verifier.sources.interface import Location
from verifier.sources.table import open_source

_LOOKED_AT: Final = 50_000
_SECONDS: Final = 10.0
_NAMES_SHOWN: Final = 8
_DEEPEST: Final = 3
_FOLDERS_KEPT: Final = 2_000
_ALIKE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What was seen. `folder` is the one below the address that looks like the data; empty where the address does.

    `is_all` tells that nothing was left unseen. Names are raw bytes as the copy has them.
    """

    names: tuple[bytes, ...]
    files: int
    size_bytes: int
    newest: bytes | None
    newest_ns: int | None
    folder: bytes
    is_all: bool

    def lines(self) -> list[str]:
        """Return it in words."""
        first = ", ".join(relpath.show(name) for name in self.names[:_NAMES_SHOWN])
        more = ", …" if len(self.names) > _NAMES_SHOWN or not self.is_all else ""
        among = "" if self.is_all else "the first "
        lines = [f"at the top: {first}{more}", f"{among}{self.files:,} files, {size(self.size_bytes)}"]
        if self.newest is not None and self.newest_ns is not None:
            day = datetime.fromtimestamp(self.newest_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M")
            lines.append(f"the newest of them, {day} UTC: {relpath.show(self.newest)}")
        return lines


class _Likeness:
    """How much of what lies under each folder, at most a few deep, has the name of a file of the data."""

    def __init__(self, live: Path) -> None:
        self._live = os.fsencode(live)
        self._seen: dict[bytes, int] = {}
        self._alike: dict[bytes, int] = {}

    def add(self, name: bytes) -> None:
        parts = name.split(b"/")
        for depth in range(min(_DEEPEST, len(parts) - 1) + 1):
            folder = b"/".join(parts[:depth])
            if folder not in self._seen and len(self._seen) >= _FOLDERS_KEPT:
                continue
            self._seen[folder] = self._seen.get(folder, 0) + 1
            if os.path.lexists(b"/".join((self._live, *parts[depth:]))):
                self._alike[folder] = self._alike.get(folder, 0) + 1

    def best(self) -> bytes:
        """Return the folder most like the data, if it is so by half, and the address itself is not."""
        shares = {folder: self._alike.get(folder, 0) / seen for folder, seen in self._seen.items()}
        # Of folders equally alike the one that holds more, then the upper one.
        best = max(shares, key=lambda folder: (shares[folder], self._seen[folder], -len(folder)), default=b"")
        return best if shares.get(best, 0) >= _ALIKE > shares.get(b"", 0) else b""


def glimpse(location: Location, live: Path) -> Glimpse:
    """Look at a copy for a few seconds.

    Args:
        location: the copy.
        live: the folder of the data, whose names it is held against.

    Raises:
        SourceError: it can't be opened or listed, or is empty.
    """
    names: dict[bytes, None] = {}
    files = size_bytes = seen = 0
    newest: tuple[int, bytes] | None = None
    likeness = _Likeness(live)
    end = time.monotonic() + _SECONDS
    with open_source(location) as source:
        for listed in itertools.islice(source.list(), _LOOKED_AT):
            seen += 1
            if len(names) <= _NAMES_SHOWN:
                names[listed.name.partition(b"/")[0]] = None
            if listed.kind == "file":
                files += 1
                size_bytes += listed.size_bytes
                likeness.add(listed.name)
                if listed.mtime_ns is not None and (newest is None or listed.mtime_ns > newest[0]):
                    newest = listed.mtime_ns, listed.name
            if time.monotonic() > end:
                break
        is_all = seen < _LOOKED_AT and time.monotonic() <= end
    if not seen:
        raise UnreachableError(f"expected files in {relpath.show(location.address)}, got an empty folder")
    return Glimpse(
        names=tuple(names),
        files=files,
        size_bytes=size_bytes,
        newest=None if newest is None else newest[1],
        newest_ns=None if newest is None else newest[0],
        folder=likeness.best(),
        is_all=is_all,
    )
