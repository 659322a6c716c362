"""An address → the source behind it: the one table of all kinds of copies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from verifier.errors import UsageError
from verifier.sources.interface import Location, Source

_NOT_YET: Final = {
    "sftp": "SFTP",
    "smb": "SMB",
    "b2": "Backblaze B2",
    "rclone": "rclone",
    "restic": "restic",
    "borg": "borg",
}
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+):(//)?", re.IGNORECASE)


def address_problem(address: str) -> str | None:
    """Return why this version can't open an address, as got-and-expected; None where it can."""
    if not address or "\0" in address:
        return "expected a folder, got an empty address" if not address else "expected a folder, got a NUL character"
    scheme = _SCHEME.match(address)
    if scheme is None:
        return None
    kind = scheme.group(1).lower()
    if kind in _NOT_YET:
        return f"expected a folder, got an address of {_NOT_YET[kind]}, which this version can't read yet"
    if scheme.group(2):
        return f"expected a folder, got an address of an unknown kind, {kind}"
    return None


def folder_of(address: str) -> Path | None:
    """Return the local folder that an address names, absolute, with links as they are; None for any other kind."""
    if address_problem(address) is not None:
        return None
    try:
        return Path(address).expanduser().absolute()
    except RuntimeError:  # `~nobody`: a folder of that very name, as the shell takes it
        return Path(address).absolute()


def open_source(location: Location) -> Source:
    """Open a copy, ready to list and to restore from.

    Raises:
        UsageError: the address is of no kind that this version knows.
        SourceError: the copy is not there, refuses us, or is not what the scenario pinned.
    """
    problem = address_problem(location.address)
    folder = folder_of(location.address)
    if problem is not None or folder is None:
        raise UsageError(problem or "expected an address")
    from verifier.sources.formats.plain import PlainFiles  # noqa: PLC0415 - loaded when a copy is opened
    from verifier.sources.places.folder import Folder  # noqa: PLC0415 - loaded when a copy is opened

    return PlainFiles(Folder(folder, location.options))
