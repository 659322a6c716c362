"""A file's bytes as they are written → the file in its place, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from verifier import relpath
from verifier.errors import VerifierError

_BUFFER_BYTES: Final = 1024 * 1024
_LONGEST_PREFIX_BYTES: Final = 200


class WriteError(VerifierError):
    """The manifest could not be written; what was there before is as it was."""


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of `target` when the block ends well, and leaves no trace otherwise.

    It is written beside its place, synced and renamed, and the folder is synced.

    Raises:
        WriteError: it could not be written.
    """
    place = check_target(target)
    prefix = os.fsdecode(os.fsencode(place.name)[:_LONGEST_PREFIX_BYTES])
    partial = place.with_name(f".{prefix}.{secrets.token_hex(6)}.partial")
    try:
        try:
            with partial.open("xb", buffering=_BUFFER_BYTES) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(place.parent)
    except OSError as error:
        raise WriteError(f"can't write {relpath.show(os.fsencode(target))}: {error.strerror}") from error


def check_target(target: Path) -> Path:
    """Return where a file written to `target` comes to lie: where that is a link, at the link's end.

    Raises:
        WriteError: something that is no file is there, or its folder is not.
    """
    place = Path(os.path.realpath(target))
    shown = relpath.show(os.fsencode(target))
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        if not place.parent.is_dir():
            raise WriteError(f"expected a folder to write {shown} into, got none") from None
    except OSError as error:
        raise WriteError(f"can't write {shown}: {error.strerror}") from error
    else:
        if not stat.S_ISREG(mode):
            raise WriteError(f"expected a file or nothing at {shown}, got something else")
    return place


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Some network file systems can't sync a folder; the rename is theirs to keep then.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
