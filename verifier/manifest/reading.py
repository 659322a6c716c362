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
from verifier.manifest.foreign import opening
from verifier.manifest.foreign.row import Relative
from verifier.manifest.header import Header
from verifier.manifest.native import NativeManifest, Totals

_DETECT_BYTES: Final = 64 * 1024


class Manifest(Protocol):
    """What every format is to the rest of the program."""

    header: Header
    own_file: Path
    """The file whose unpacked bytes are the manifest: of a bag, its payload manifest."""

    @property
    def states_sizes(self) -> bool:
        """Whether each entry's size is the manifest's own; elsewhere the listing's is taken."""
        ...

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


@contextmanager
def open_manifest(
    path: Path, *, digest: str | None = None, relative: Relative | None = None, folder: Path | None = None
) -> Iterator[Manifest]:
    """Open a manifest, plain or packed (`.zst`, `.gz`), or another program's list, for as long as the block lasts.

    Args:
        path: a manifest, a checksum list, or the folder of a bag or of a tree with indexes of chkbit.
        digest: the algorithm of a list that can't say it itself; of our own, what it must have.
        relative: makes a list's absolute path one of the dataset; without it such a path is refused.
        folder: a private place for what a list is sorted in; the system's own without it.

    Raises:
        ManifestError: it isn't there, is no manifest, its header can't be read, or, of a list, a line can't.
    """
    shown = relpath.show(os.fsencode(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ManifestError(f"can't open the manifest {shown}: {error.strerror}") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode) and opening.is_list(path):
            with opening.open_folder(path, digest=digest, relative=relative, folder=folder) as bag:
                yield bag
            return
        if not stat.S_ISREG(mode):
            raise ManifestError(f"expected a manifest at {shown}, got something that is no file")
        first_bytes = _first_bytes(descriptor, path)
        if native.recognizes(first_bytes):
            yield _native(path, descriptor, digest)
            return
        with opening.open_list(
            path, descriptor, first_bytes, digest=digest, relative=relative, folder=folder
        ) as foreign:
            yield foreign
    finally:
        os.close(descriptor)


def _native(path: Path, descriptor: int, digest: str | None) -> NativeManifest:
    manifest = NativeManifest(path, descriptor)
    if digest is not None and digest != manifest.header.digest:
        got = manifest.header.digest or "none"
        raise ManifestError(f"expected checksums of {relpath.show(digest)} as was said, got {got}")
    return manifest


def _first_bytes(descriptor: int, path: Path) -> bytes:
    try:
        with closing(packing.unpacked_blocks(packing.FromStart(descriptor), path.name)) as blocks:
            return next(blocks, b"")[:_DETECT_BYTES]
    except packing.PackingError as error:
        raise ManifestError(f"{relpath.show(os.fsencode(path))}: {error.message}") from error
