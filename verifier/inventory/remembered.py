"""The marks of a manifest's entries ↔ a file of the state folder: what its format has no place for.

`STATE/marks/<identity>.marks`: one line of JSON, then sixteen bytes for each entry in the order of the manifest: change
time in ns and inode, as unsigned integers in this machine's order; zeros where nothing is known, as of links and of
files that keep an old digest. It is no more than a help: without it size and time decide alone, so it is not synced,
and one that is not whole is as none. At most `_MOST_FILES` are kept, those written last.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import msgspec

from verifier.errors import LedgerError
from verifier.inventory.batch import MARK_BYTES
from verifier.ledger.state import make_private_folder

FOLDER: Final = "marks"
_VERSION: Final = "verifier/1"
_MOST_FILES: Final = 64
_LONGEST_HEAD_BYTES: Final = 4096


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. `read_anyway` is the weight of those that every update reads, since they keep an old digest."""

    marks: str
    manifest: str
    entries: int
    order: str
    read_anyway: int


class Remembered:
    """The marks of one manifest's entries, open. Close it, or use it as a context manager."""

    def __init__(self, descriptor: int, start: int, read_anyway: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self.read_anyway = read_anyway

    @classmethod
    def open(cls, state: Path, identity: str, entries: int) -> Self | None:
        """Return the marks of a manifest with so many entries; None where none are remembered, or not all."""
        try:
            descriptor = os.open(_place(state, identity), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        with contextlib.ExitStack() as closing:
            closing.callback(os.close, descriptor)
            first = os.pread(descriptor, _LONGEST_HEAD_BYTES, 0).partition(b"\n")[0]
            try:
                head = msgspec.json.decode(first, type=_Head)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return None
            expected = (_VERSION, identity, entries, sys.byteorder)
            start = len(first) + 1
            whole = os.fstat(descriptor).st_size == start + entries * MARK_BYTES
            if not whole or (head.marks, head.manifest, head.entries, head.order) != expected or head.read_anyway < 0:
                return None
            closing.pop_all()
        return cls(descriptor, start, head.read_anyway)

    def marks(self, first: int, count: int) -> bytes:
        """Return the marks of so many entries from this one on."""
        return os.pread(self._descriptor, count * MARK_BYTES, self._start + first * MARK_BYTES)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def remember(state: Path, identity: str, *, entries: int, marks: Iterable[bytes], read_anyway: int = 0) -> None:
    """Keep the marks of a manifest's entries, in their order.

    Raises:
        LedgerError: the state folder can't be made, or written to.
    """
    place = _place(state, identity)
    make_private_folder(place.parent)
    head = _Head(marks=_VERSION, manifest=identity, entries=entries, order=sys.byteorder, read_anyway=read_anyway)
    partial = place.with_name(f".{identity}.{secrets.token_hex(6)}.partial")
    try:
        with partial.open("xb") as file:
            file.write(msgspec.json.encode(head) + b"\n")
            file.writelines(marks)
        partial.replace(place)
    except OSError as error:
        raise LedgerError(f"can't write to the state folder: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    _forget_the_oldest(place.parent)


def forget(state: Path, identity: str) -> None:
    """Remove the marks of a manifest that is no more; nothing happens where there are none."""
    with contextlib.suppress(OSError):
        _place(state, identity).unlink()


def _place(state: Path, identity: str) -> Path:
    return state / FOLDER / f"{identity}.marks"


def _forget_the_oldest(folder: Path) -> None:
    with contextlib.suppress(OSError):
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-_MOST_FILES]:
            path.unlink()
