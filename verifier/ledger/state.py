"""The platform's state folder, or the one asked for → a private folder on disk.

What lies in it: `ledger.sqlite` with its two companions (`-wal`, `-shm`), and `locks/`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import LedgerError

LEDGER_NAME: Final = "ledger.sqlite"
LOCKS_NAME: Final = "locks"


def default_state() -> Path:
    """Return where this platform keeps the state of programs (`~/.local/state/restore-verifier` on Linux)."""
    import platformdirs  # noqa: PLC0415 - not needed where --state is given

    return Path(platformdirs.user_state_dir("restore-verifier"))


def make_private_folder(folder: Path) -> None:
    """Make a folder, and what is missing above it, for this user alone (0700); one that exists keeps its mode.

    Each new name is synced to the disk: a seed is not durable in a folder whose name a power failure can take away.

    Raises:
        LedgerError: it can't be made, or is no folder.
    """
    missing: list[Path] = []
    above = folder
    try:
        while not above.exists():
            missing.append(above)
            above = above.parent
        for new in reversed(missing):
            new.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(new.parent)
        # The last one may be a dangling link or a file, which `mkdir` tells and `exists` does not.
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"expected a folder for the state that can be written, got {relpath.show(os.fsencode(folder))}: "
            f"{error.strerror}",
            hint="name another folder with --state",
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
