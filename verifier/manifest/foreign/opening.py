"""A path → the list that lies there, in whichever format it is in; certain, or an error that says what was tried."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from verifier import relpath
from verifier.digest import HEX_LENGTH
from verifier.errors import ManifestError
from verifier.manifest.foreign import bag, checksum_lines, chkbit, hashdeep, powershell
from verifier.manifest.foreign.list_file import ListFile
from verifier.manifest.foreign.manifest import ForeignManifest, Format
from verifier.manifest.foreign.row import Relative

TRIED: Final = (
    "our own, lines of sha256sum, md5sum, xxhsum, b3sum or rclone hashsum, hashdeep, Get-FileHash | Export-Csv, "
    "chkbit, a BagIt manifest"
)
"""What an error says that a list could have been."""

_LOOKED_AT_LINES: Final = 10_000


def is_list(path: Path) -> bool:
    """Tell whether a folder is addressed in place of a list: a bag, or a tree with indexes of chkbit."""
    return bag.is_bag(path) or (path / chkbit.INDEX).is_file()


@contextmanager
def open_folder(
    path: Path, *, digest: str | None, relative: Relative | None, folder: Path | None
) -> Iterator[ForeignManifest]:
    """Open the list that a folder holds, for as long as the block lasts.

    Raises:
        ManifestError: it can't be read whole.
    """
    if bag.is_bag(path):
        manifests = bag.payload_manifests(path)
        if digest is not None and digest not in manifests:
            raise ManifestError(f"expected a payload manifest of {digest} in the bag, got {', '.join(manifests)}")
        chosen = manifests[digest or next(iter(manifests))]
        descriptor = os.open(chosen, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with open_list(chosen, descriptor, b"", digest=digest, relative=relative, folder=folder) as manifest:
                yield manifest
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix="chkbit-") as together:
        chkbit.put_together(path, cast("BinaryIO", together))
        name = Path(together.name)
        with open_list(
            name, together.fileno(), chkbit.WHOLE, digest=digest, relative=relative, folder=folder, origin=path
        ) as manifest:
            yield manifest


@contextmanager
def open_list(
    path: Path,
    descriptor: int,
    first_bytes: bytes,
    *,
    digest: str | None,
    relative: Relative | None,
    folder: Path | None,
    origin: Path | None = None,
) -> Iterator[ForeignManifest]:
    """Open a list for as long as the block lasts.

    Args:
        path: where it is.
        descriptor: the open file, which stays the caller's.
        first_bytes: its first unpacked bytes.
        digest: the algorithm, where the list can't say it.
        relative: makes an absolute path one of the dataset; without it such a path is refused.
        folder: a private place for tables; the system's without it.
        origin: what the list was put together from, where it is a file of ours.

    Raises:
        ManifestError: it is none that we know, or can't be read whole.
    """
    file = ListFile(path, descriptor, origin=origin)
    if digest is not None and digest not in HEX_LENGTH:
        raise ManifestError(f"expected one of {', '.join(HEX_LENGTH)} as digest, got {relpath.show(digest)}")
    form = _form(file, first_bytes, digest=digest, relative=relative)
    with tempfile.TemporaryDirectory(dir=folder, prefix="list-") as tables:
        named = os.fsencode((origin or path).name).decode("utf-8", "replace")
        with closing(ForeignManifest(file, form, dataset=named, folder=Path(tables))) as manifest:
            yield manifest


def _form(file: ListFile, first_bytes: bytes, *, digest: str | None, relative: Relative | None) -> Format:
    if bag.is_payload_manifest(file.path):
        known = bag.payload_manifests(file.path.parent)
        algorithm = next((algorithm for algorithm, path in known.items() if path.name == file.path.name), None)
        if algorithm is None or digest not in (None, algorithm):
            raise ManifestError(f"{file.shown}: expected a payload manifest of {digest or 'a known algorithm'}")
        return bag.Bag(file, algorithm)
    if chkbit.recognizes(first_bytes):
        return chkbit.Chkbit(file, asked=digest, relative=relative)
    first, content = _first_lines(file)
    if first.startswith(hashdeep.MAGIC):
        return hashdeep.Hashdeep(file, asked=digest, relative=relative)
    if powershell.recognizes([first, content]):
        return powershell.FileHashes(file, asked=digest, relative=relative)
    if checksum_lines.recognizes(content):
        return checksum_lines.ChecksumLines(file, asked=digest, relative=relative)
    got = "something else" if first_bytes else "an empty file"
    raise ManifestError(
        f"{file.shown}:1: expected the header of a manifest or a checksum list, got {got}; tried: {TRIED}",
        hint="make one with: verifier manifest create",
    )


def _first_lines(file: ListFile) -> tuple[bytes, bytes]:
    """Return the first line, and the first that is no comment; empty where there is none."""
    first = b""
    for number, line in file.lines(may_end_open=True):
        first = first or line
        if not checksum_lines.is_comment(line):
            return first, line
        if number >= _LOOKED_AT_LINES:
            break
    return first, b""
