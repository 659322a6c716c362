"""The live copies of a scenario, and a path that a copy lacks → whether the live data lacks it as well.

Only a live folder that is there, and in which at least one file of the manifest is found, can tell: one that is empty,
unmounted, out of reach or another folder proves nothing. Where several copies are live, all of them must agree. A
share that is mounted *inside* the live folder and is away just now looks as if its files had been deleted.
"""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Self

from verifier.entry import Entry
from verifier.errors import SourceError
from verifier.patterns import Patterns
from verifier.scenario.scenario import Copy
from verifier.sources.places.walk import Directories
from verifier.sources.table import folder_of, open_source

_FORMS: Final = ("NFC", "NFD")


class LiveData:
    """The live data, looked into by names alone. Close it, or use it as a context manager.

    Nothing is opened before the first path is asked for.

    Args:
        copies: the live copies.
        known: gives the entries of the manifest, one of which must be there.
        unchanging: where nothing may change: that somebody deleted a file there explains nothing.
    """

    def __init__(self, copies: Sequence[Copy], *, known: Callable[[], Iterable[Entry]], unchanging: Patterns) -> None:
        self._copies = copies
        self._known = known
        self._unchanging = unchanging
        self._folders: list[Directories] | None = None

    def is_gone(self, path: bytes) -> bool:
        """Tell whether the live data is there and lacks this path; False where it can't be told, or must not be."""
        if self._unchanging.match(path):
            return False
        if self._folders is None:
            self._folders = self._open()
        return bool(self._folders) and all(_is_gone(folder, path) for folder in self._folders)

    def _open(self) -> list[Directories]:
        """Return every live folder, or none at all where one of them can't tell."""
        folders: list[Directories] = []
        for copy in self._copies:
            folder = self._open_one(copy)
            if folder is None or not any(_is_there(folder, entry.path) for entry in self._known()):
                for opened in (*folders, folder):
                    if opened is not None:
                        opened.close()
                return []
            folders.append(folder)
        return folders

    def _open_one(self, copy: Copy) -> Directories | None:
        folder = folder_of(copy.at)
        if folder is None:
            return None
        # Opened as a copy first: that is where a mount that is missing and whatever pins the folder are looked at.
        with contextlib.suppress(SourceError, OSError), open_source(copy.location):
            return Directories(os.fsencode(folder))
        return None

    def close(self) -> None:
        """Close every folder; doing so twice is fine."""
        for folder in self._folders or ():
            folder.close()
        self._folders = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _is_there(folder: Directories, path: bytes) -> bool:
    try:
        _look(folder, path)
    except OSError:
        return False
    return True


def _is_gone(folder: Directories, path: bytes) -> bool:
    """Tell whether nothing is at a path, however its letters are composed; whatever else goes wrong is no proof."""
    spellings = [path]
    with contextlib.suppress(UnicodeDecodeError):
        spellings += [unicodedata.normalize(form, path.decode()).encode() for form in _FORMS]
    for spelling in dict.fromkeys(spellings):
        try:
            _look(folder, spelling)
        except FileNotFoundError:
            continue
        except OSError:
            return False
        return False
    return True


def _look(folder: Directories, path: bytes) -> None:
    directory, _, name = path.rpartition(b"/")
    os.stat(name, dir_fd=folder.descriptor(directory), follow_symlinks=False)
