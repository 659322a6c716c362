"""A timer's file → where the system finds it, and away again; what we have not written is never touched."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import UsageError
from verifier.schedule.timers.job import MARK, TimerFile

_LARGEST_BYTES: Final = 1024 * 1024


def put_file(folder: Path, file: TimerFile) -> Path:
    """Write a file, whole or not at all, and return its path; the folder is made where it is missing.

    Raises:
        UsageError: something that we have not written has its name, or it can't be written.
    """
    path = folder / file.name
    _is_ours(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(prefix=f".{file.name}.", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(file.text.encode())
                os.fchmod(opened.fileno(), 0o644)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink()
            raise
    except OSError as error:
        raise _refused("write", path, error) from error
    return path


def remove_file(folder: Path, name: str) -> Path | None:
    """Remove a file that we have written and return its path; None where there is none.

    Raises:
        UsageError: we have not written it, or it can't be removed.
    """
    path = folder / name
    if not _is_ours(path):
        return None
    try:
        path.unlink()
    except OSError as error:
        raise _refused("remove", path, error) from error
    return path


def _is_ours(path: Path) -> bool:
    """Tell whether a file of ours is there, from nothing at all.

    Raises:
        UsageError: something else is there.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            marked = False
        else:
            with path.open("rb") as file:
                marked = MARK.encode() in file.read(_LARGEST_BYTES)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused("read", path, error) from error
    if not marked:
        shown = relpath.show(os.fsencode(path))
        raise UsageError(f"expected a file that `verifier schedule` wrote, got another: {shown}", hint="move it away")
    return True


def _refused(doing: str, path: Path, error: OSError) -> UsageError:
    shown = relpath.show(os.fsencode(path))
    return UsageError(
        f"expected to {doing} {shown}, got: {error.strerror}", hint="name another folder with --into, or use show"
    )
