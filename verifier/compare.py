"""A restored file against its entry → Match, Finding or Unrestored.

`read_back` hashes what landed in scratch; `judge` decides, opens nothing and reads no clock. The order of the
questions in `judge` is DESIGN's, section 4, "Judging one file".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from verifier import digest, progress
from verifier.encryption_signs import HEAD_BYTES, looks_encrypted
from verifier.entry import Entry
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored

NEWER_NS: Final = 2_000_000_000
"""Times closer than this are equal: FAT keeps them to 2 s, others round to 1 s."""

_CHUNK_BYTES: Final = 1024 * 1024
_buffer: Final = memoryview(bytearray(_CHUNK_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the file, or the piece of it, is held against. `digest` is lower-case hex of `algorithm`.

    Without `size_known` the size is the listing's, which the manifest doesn't state, and nothing says that it is right.
    """

    path: bytes
    size_bytes: int
    digest: str
    mtime_ns: int | None
    unchanging: bool = False
    size_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What landed in scratch, read back from there. `head` are its first bytes, up to 64 KiB."""

    size_bytes: int
    digest: str
    mtime_ns: int | None
    changed_during: bool
    head: bytes = b""
    only_zeros: bool = False
    attempts: int = 1


def read_back(descriptor: int, algorithm: str) -> tuple[int, str]:
    """Read a file from scratch and return its size and its digest.

    A file that fits the buffer is hashed in one call, which for small files is most of the speed.
    """
    count = os.preadv(descriptor, [_buffer], 0)
    if count < _CHUNK_BYTES and not os.preadv(descriptor, [_buffer[count:]], count):
        return count, digest.one_shot(algorithm)(_buffer[:count])
    hasher = digest.new_hasher(algorithm)
    size_bytes = 0
    for chunk in chunks(descriptor):
        hasher.update(chunk)
        size_bytes += len(chunk)
    return size_bytes, hasher.hexdigest()


def chunks(descriptor: int) -> Iterator[memoryview]:
    """Yield the bytes of a file in scratch from its start, in chunks of up to 1 MiB of one buffer.

    Raises:
        CancelledError: the parent asked to stop.
    """
    position = 0
    while count := os.preadv(descriptor, [_buffer], position):
        yield _buffer[:count]
        position += count
        progress.meter().beat()


def first_bytes(descriptor: int) -> tuple[bytes, bool]:
    """Return the first bytes of a file in scratch, up to 64 KiB, and whether the whole file is zeros."""
    head = os.pread(descriptor, HEAD_BYTES, 0)
    return head, bool(head) and not any(any(chunk) for chunk in chunks(descriptor))


def judge(reference: Reference, restored: Restored, *, keeps_times: bool) -> Outcome:
    """Decide what became of a file that landed in scratch."""
    if restored.size_bytes == reference.size_bytes and restored.digest == reference.digest:
        return Match(path=reference.path, size_bytes=reference.size_bytes, attempts=restored.attempts)
    if restored.changed_during:
        detail = "the copy's file changed between its listing and its restore"
        return Unrestored(
            path=reference.path,
            reason=Reason.CHANGED_DURING,
            size_bytes=reference.size_bytes,
            detail=detail,
            attempts=restored.attempts,
        )
    newer = keeps_times and is_newer(restored.mtime_ns, reference.mtime_ns)
    newer = newer and not is_emptied(reference.size_bytes, restored.size_bytes)
    kind = FindingKind.CHANGED if newer else size_kind(reference.size_bytes, restored.size_bytes)
    encrypted = looks_encrypted(reference.path, restored.head)
    return Finding(
        path=reference.path,
        kind=kind,
        size_bytes=reference.size_bytes,
        expected=f"{stated_size(reference)}, {reference.digest}",
        actual=f"{restored.size_bytes} bytes, {restored.digest}",
        detail="; ".join(_details(reference, restored, newer=newer, encrypted=encrypted)),
        attempts=restored.attempts,
        encrypted=encrypted,
        unchanging=newer and reference.unchanging,
    )


def is_newer(mtime_ns: int | None, than_ns: int | None) -> bool:
    """Tell whether one time is later than another by more than file systems round; False where either is unknown."""
    return mtime_ns is not None and than_ns is not None and mtime_ns - than_ns > NEWER_NS


def stated_size(reference: Reference | Entry) -> str:
    """Return what the manifest states of a file's size, as findings show it."""
    return f"{reference.size_bytes} bytes" if reference.size_known else "a file of an unstated size"


def is_emptied(expected_bytes: int, actual_bytes: int) -> bool:
    """Tell whether a file has lost all its bytes: what a full disk leaves under a new time, and nobody's work."""
    return actual_bytes == 0 < expected_bytes


def size_kind(expected_bytes: int, actual_bytes: int) -> FindingKind:
    """Return the kind of a file whose bytes differ though nobody changed it since."""
    if actual_bytes < expected_bytes:
        return FindingKind.TRUNCATED
    return FindingKind.GROWN if actual_bytes > expected_bytes else FindingKind.MISMATCH


def _details(reference: Reference, restored: Restored, *, newer: bool, encrypted: bool) -> Iterator[str]:
    if newer and reference.unchanging:
        yield "newer than the manifest, in a place where nothing may change"
    elif newer:
        yield "newer than the manifest"
    elif is_newer(reference.mtime_ns, restored.mtime_ns):
        yield "an older version: its time is before the manifest's"
    if restored.only_zeros:
        yield "nothing but zeros"
    if encrypted:
        yield "looks encrypted"
