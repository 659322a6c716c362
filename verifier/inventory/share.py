"""A manifest's lines → which of them an update reads again though nothing shows that they changed.

The longest ago hashed come first, those of one date in the order of a hash of the path, until they hold the asked share
of all bytes. A file counts one more than its bytes, so that empty ones get their turn, too. Since each update reads at
least its share, and nothing twice before everything once, thirty updates with a share of 1/30 read everything.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

import xxhash

from verifier.errors import ManifestError
from verifier.manifest import lines
from verifier.manifest.native import Totals

TICKETS: Final = 4096
_AFTER_ALL: Final = "9999-12-31T23:59:60"
_MOST_DATES: Final = 1_000  # 32 KiB each; an update a day with the default share makes some thirty
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z\Z", re.ASCII)
_PLAIN: Final = re.compile(
    rb'^\{"path":"([^"\\]*)","size":(\d{1,18})(?:,"mtime":"[^"]*")?,"digest":"[^"]*"(?:,"hashed":"([^"]*)")?\}$',
    re.MULTILINE,
)
Weights = dict[str, list[int]]


def ticket_of(path: bytes) -> int:
    """Return where among those hashed at one time a path stands: 0 to `TICKETS` - 1, each as likely."""
    return xxhash.xxh3_64_intdigest(path) % TICKETS


def comparable(date: str, now: str) -> str:
    """Return a date such that the order of texts is that of times; empty, the oldest, where it is none or to come."""
    match = _DATE.match(date)
    if match is None:
        return ""
    text = f"{match[1]}.{(match[2] or '').ljust(9, '0')}"
    return text if not now or text <= comparable(now, "") else ""


class Ages:
    """What a manifest holds, by when it was hashed.

    Args:
        created: when the manifest was made: what states no date of its own was hashed then.
        now: when the new one is made.
    """

    def __init__(self, *, algorithm: str, created: str, now: str) -> None:
        self._algorithm = algorithm
        self._created = created
        self._now = now
        self._weights: Weights = {}
        self._of_date: dict[bytes, list[int]] = {}
        self.files = self.links = self.bytes = 0
        self.stated = Totals(files=0, links=0, bytes=0, identity="")

    def add(self, block: bytes) -> None:
        """Count a block of whole lines.

        Raises:
            ManifestError: a line can't be in a manifest.
        """
        found = _PLAIN.findall(block)
        count = block.count(b"\n")
        if len(found) != count:
            self._add_decoded(block)
            return
        self.files += count
        for path, size_text, date in found:
            size_bytes = int(size_text)
            self.bytes += size_bytes
            weights = self._of_date.get(date) or self._weights_of(date)
            weights[xxhash.xxh3_64_intdigest(path) % TICKETS] += size_bytes + 1

    def _add_decoded(self, block: bytes) -> None:
        try:
            entries = lines.decode(block, algorithm=self._algorithm, after=b"")
        except lines.LineError as error:
            raise ManifestError(f"the manifest has a line that is none: {error.message}") from error
        for entry in entries:
            if entry.link is not None:
                self.links += 1
                continue
            self.files += 1
            self.bytes += entry.size_bytes
            self._weights_of((entry.hashed_at or "").encode())[ticket_of(entry.path)] += entry.size_bytes + 1

    def _weights_of(self, date: bytes) -> list[int]:
        text = comparable(date.decode("utf-8", "replace") or self._created, self._now)
        if text not in self._weights and len(self._weights) >= _MOST_DATES:
            text = min(self._weights)
        weights = self._weights.setdefault(text, [0] * TICKETS)
        if len(self._of_date) < 2 * _MOST_DATES:
            self._of_date[date] = weights
        return weights

    def hold_against(self, stated: Totals) -> None:
        """Keep what the manifest's last line states.

        Raises:
            ManifestError: it is not what was counted.
        """
        self.stated = stated
        counted = (self.files, self.links, self.bytes)
        if counted != (stated.files, stated.links, stated.bytes):
            expected = f"{stated.files} files, {stated.links} links and {stated.bytes} bytes"
            raise ManifestError(
                f"expected {expected} as the manifest's end line states, got {self.files}, {self.links}, {self.bytes}"
            )

    def due(self, share: Fraction, read_anyway: int) -> tuple[str, int]:
        """Return the date and the last ticket of it that are due; everything before that date is, too.

        Args:
            share: the part of all bytes, from 0 to 1.
            read_anyway: the weight of what each update reads since its digest is kept from before: it takes nobody
                else's turn.
        """
        if share >= 1:
            return _AFTER_ALL, 0
        wanted = share * sum(map(sum, self._weights.values())) + (read_anyway if share else 0)
        for date in sorted(self._weights):
            for ticket, weight in enumerate(self._weights[date]):
                if wanted <= 0:
                    return date, ticket - 1
                wanted -= weight
        return _AFTER_ALL, 0
