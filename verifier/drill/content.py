"""An entry of the reference → a number that changes with the content that it states."""

from __future__ import annotations

import xxhash

from verifier.entry import Entry


def content_mark(entry: Entry) -> int:
    """Return a signed 64-bit number that changes with the content that the reference states.

    A size that is the listing's is no part of it.
    """
    size = entry.size_bytes if entry.size_known else ""
    stated = f"{size}:{entry.digest or entry.mtime_ns}".encode()
    return xxhash.xxh3_64_intdigest(stated) - 2**63
