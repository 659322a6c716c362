"""A path → an open manifest, in whichever format it is in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from verifier import relpath
from verifier.entry import Entry
from verifier.errors import ManifestError
from verifier.manifest import native, packing
from verifier.manifest.header import Header
from verifier.manifest.native import NativeManifest, Totals

_DETECT_BYTES: Final = 64 * 1024


class Manifest(Protocol):
    """What every format is to the rest of the program."""

    header: Header

    @property
    def identity(self) -> str:
        """The SHA-256 by which the manifest is known; it is read whole where that was not done yet."""
        ...

    def check(self) -> Totals:
        """Read the manifest whole, once, and return what it holds."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in the order of raw path bytes; may be called again."""
        ...

    def entry_blocks(self) -> Iterator[list[Entry]]:
        """Yield every entry as `entries` does, in lists of up to a few thousand."""
        ...


# The formats that are known, each with how it is recognized by its first bytes; the first that does so reads the file.
_FORMATS: Final = ((native.recognizes, NativeManifest),)


@contextmanager
def open_manifest(path: Path) -> Iterator[Manifest]:
    """Open a manifest, plain or packed (`.zst`, `.gz`), for as long as the block lasts.

    Raises:
        ManifestError: it isn't there, is no manifest, or its header can't be read.
    """
    shown = relpath.show(os.fsencode(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ManifestError(f"can't open the manifest {shown}: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ManifestError(f"expected a manifest at {shown}, got something that is no file")
        first_bytes = _first_bytes(descriptor, path)
        for recognizes, opener in _FORMATS:
            if recognizes(first_bytes):
                yield opener(path, descriptor)
                return
        got = "an empty file" if not first_bytes else "something else"
        raise ManifestError(
            f"{shown}:1: expected the header of a manifest, got {got}",
            hint="make one with: verifier manifest create",
        )
    finally:
        os.close(descriptor)


def _first_bytes(descriptor: int, path: Path) -> bytes:
    try:
        with closing(packing.unpacked_blocks(packing.FromStart(descriptor), path.name)) as blocks:
            return next(blocks, b"")[:_DETECT_BYTES]
    except packing.PackingError as error:
        raise ManifestError(f"{relpath.show(os.fsencode(path))}: {error.message}") from error
