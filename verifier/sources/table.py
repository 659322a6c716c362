"""An address → the source behind it: the one table of all kinds of copies."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import AbsentError, SourceError, UnreachableError, UsageError
from verifier.sources.interface import Location, Place, Source
from verifier.sources.places.b2 import address as b2
from verifier.sources.places.sftp import address as sftp

_NOT_YET: Final = {
    "smb": "SMB",
    "rclone": "rclone",
    "restic": "restic",
    "borg": "borg",
}
_PLACES: Final[dict[str, Callable[[str], str | None]]] = {"b2": b2.problem, "sftp": sftp.problem}
"""What an address may begin with, and what says why one that does can't be opened."""

_SLOW_MODULES: Final = {"b2": "verifier.sources.places.b2.bucket", "sftp": "verifier.sources.places.sftp.place"}
_NAMES_SHOWN: Final = 5
_HINT: Final = "does the dataset lie there? root, map and prefix say where in the copy"
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]+):(//)?", re.IGNORECASE)


def address_problem(address: str) -> str | None:
    """Return why this version can't open an address, as got-and-expected; None where it can."""
    if not address or "\0" in address:
        return "expected a folder, got an empty address" if not address else "expected a folder, got a NUL character"
    scheme = _SCHEME.match(address)
    if scheme is None:
        return None
    kind = scheme[1].lower()
    if kind in _PLACES:
        return _PLACES[kind](address)
    if kind in _NOT_YET:
        return f"expected a folder, got an address of {_NOT_YET[kind]}, which this version can't read yet"
    if scheme.group(2):
        return f"expected a folder, got an address of an unknown kind, {kind}"
    return None


def folder_of(address: str) -> Path | None:
    """Return the local folder that an address names, absolute, with links as they are; None for any other kind."""
    if address_problem(address) is not None or kind_of(address) in _PLACES:
        return None
    try:
        return Path(address).expanduser().absolute()
    except RuntimeError:  # `~nobody`: a folder of that very name, as the shell takes it
        return Path(address).absolute()


def folder_at(location: Location) -> Path | None:
    """Return the local folder that holds a copy's part of the dataset, absolute; None for any other kind of place."""
    folder = folder_of(location.address)
    return None if folder is None else folder / os.fsdecode(location.naming.below)


def kind_of(address: str) -> str | None:
    """Return what an address begins with, as `sftp`; None where it is a folder's."""
    scheme = _SCHEME.match(address)
    return None if scheme is None else scheme.group(1).lower()


def module_of(address: str) -> str | None:
    """Return the module that opens such an address where loading it takes a while, so that workers may begin early."""
    return _SLOW_MODULES.get(kind_of(address) or "")


def open_source(location: Location) -> Source:
    """Open a copy, ready to list and to restore from.

    Raises:
        UsageError: the address is of no kind that this version knows.
        SourceError: the copy is not there, refuses us, or is not what the scenario pinned.
    """
    problem = address_problem(location.address)
    if problem is not None:
        raise UsageError(problem)
    from verifier.sources.formats.plain import PlainFiles  # noqa: PLC0415 - loaded when a copy is opened

    naming = location.naming
    if not naming:
        return PlainFiles(_open_place(location, b""))
    from verifier.sources.named import Named  # noqa: PLC0415 - loaded when a copy is opened

    try:
        place = _open_place(location, naming.below)
    except AbsentError as error:
        raise _nothing_there(location, ()) from error
    nothing = functools.partial(_nothing_there, location)
    return Named(PlainFiles(place), naming.within, where=naming.below, nothing=nothing)


def _nothing_there(location: Location, outside: Sequence[bytes]) -> SourceError:
    """Return the error for a copy without a file of the dataset; it says what lies there instead."""
    below = location.naming.below
    where = f"{relpath.show(below)} of {relpath.show(location.address)}" if below else relpath.show(location.address)
    if outside:
        others = _listed_in_words(outside)
        return UnreachableError(
            f"expected files in what the scenario maps of {where}, got none but others: {others}", hint=_HINT
        )
    folders = below.split(b"/") if below else []
    for depth in reversed(range(len(folders))):
        above = b"/".join(folders[:depth])
        try:
            with contextlib.closing(_open_place(location, above)) as place:
                names = place.first_names(_NAMES_SHOWN + 1)
        except AbsentError:
            continue
        except UnreachableError as error:
            return error  # the copy as a whole, or what leads there, is something else
        except SourceError:
            break
        if names or not depth:
            others = f"in {relpath.show(above or location.address)} there is {_listed_in_words(names)}"
            return UnreachableError(f"expected files in {where}, got none: {others}", hint=_HINT)
    return UnreachableError(f"expected files in {where}, got none", hint="is the disk or share mounted?")


def _listed_in_words(names: Sequence[bytes]) -> str:
    if not names:
        return "nothing"
    return ", ".join(map(relpath.show, names[:_NAMES_SHOWN])) + (", …" if len(names) > _NAMES_SHOWN else "")


def _open_place(location: Location, below: bytes) -> Place:
    if kind_of(location.address) == "sftp":
        from verifier.sources.places.sftp.place import Sftp  # noqa: PLC0415 - loaded when a copy is opened

        return Sftp(location.address, location.options, below=below)
    if kind_of(location.address) == "b2":
        from verifier.sources.places.b2.bucket import B2Bucket  # noqa: PLC0415 - loaded when a copy is opened

        return B2Bucket(b2.parse(location.address).below(below), location.options)
    folder = folder_of(location.address)
    if folder is None:
        raise UsageError("expected an address")
    from verifier.sources.places.folder import Folder  # noqa: PLC0415 - loaded when a copy is opened

    return Folder(folder, location.options, below)
