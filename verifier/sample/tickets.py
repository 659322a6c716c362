"""A seed and the paths of a population → which of them are drawn, and in which order.

The draw is Rivest's consistent sampling ("Consistent Sampling with Replacement", 2018, section 2, without
replacement): each path's ticket is a hash of seed and path, and the lowest are drawn, so that anyone who has the seed
and the manifest can draw it again.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

SEED_BYTES: Final = 32

Drawn = TypeVar("Drawn")


def ticket(seed: bytes, path: bytes) -> bytes:
    """Return SHA-256 of the 32 bytes of the seed followed by the path's bytes; the lowest is drawn first."""
    return hashlib.sha256(seed + path).digest()


def lowest_tickets(items: Iterable[Drawn], count: int, *, seed: bytes, path: Callable[[Drawn], bytes]) -> list[Drawn]:
    """Return the `count` items of the lowest tickets, in the order of their tickets; memory holds twice as many.

    Of equal tickets, which only equal paths have, the first to come is before.
    """
    if count < 1:
        return []
    sha256, by_ticket = hashlib.sha256, operator.itemgetter(0)
    kept: list[tuple[bytes, Drawn]] = []
    # Written out, not by a heap with a key: of five million tickets all but some thousands cost one comparison alone.
    highest: bytes | None = None
    for item in items:
        drawn = sha256(seed + path(item)).digest()
        if highest is None or drawn < highest:
            kept.append((drawn, item))
            if len(kept) >= 2 * count:
                kept.sort(key=by_ticket)
                del kept[count:]
                highest = kept[-1][0]
    kept.sort(key=by_ticket)
    return [item for _, item in kept[:count]]
