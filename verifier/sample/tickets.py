"""A seed and the paths of a population → which of them are drawn, and in which order.

The draw is Rivest's consistent sampling ("Consistent Sampling with Replacement", 2018, section 2, without
replacement): each path's ticket is a hash of seed and path, and the lowest are drawn, so that anyone who has the seed
and the manifest can draw it again.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

SEED_BYTES: Final = 32

Drawn = TypeVar("Drawn")


def ticket(seed: bytes, path: bytes) -> bytes:
    """Return SHA-256 of the 32 bytes of the seed followed by the path's bytes; the lowest is drawn first."""
    return hashlib.sha256(seed + path).digest()


def lowest_tickets(items: Iterable[Drawn], count: int, *, seed: bytes, path: Callable[[Drawn], bytes]) -> list[Drawn]:
    """Return the `count` items of the lowest tickets, in the order of their tickets; memory holds only those."""
    return heapq.nsmallest(count, items, key=lambda item: ticket(seed, path(item)))
