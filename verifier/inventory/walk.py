"""A folder → the names of everything in it, in runs, in the order of raw path bytes; links are never followed.

Only names are asked for here, which costs the walker a sixth of what asking for sizes and times would: the workers,
which open each file anyway, ask for those.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from verifier import relpath
from verifier.errors import AccessDeniedError, SourceError
from verifier.inventory import cloud
from verifier.inventory.batch import BATCH_NAMES, LINK_MARK, Run
from verifier.inventory.tally import Tally
from verifier.patterns import Patterns
from verifier.sources.places.walk import Directories, sorted_names

_NAMES_AT_ONCE: Final = 10_000
_LONGEST_FOLDER_BYTES: Final = 32_000  # with a name of 255 bytes still a path that a manifest may hold


class Walk:
    """One walk through a folder.

    Args:
        directories: the folder.
        exclude: what is left out; an excluded folder is only counted.
        tally: takes in what is left out.
    """

    def __init__(self, directories: Directories, exclude: Patterns, tally: Tally) -> None:
        self._directories = directories
        self._exclude = exclude
        self._tally = tally
        self._cleanup = contextlib.ExitStack()

    def runs(self) -> Iterator[Run]:
        """Yield the names of all files and links, up to a batch of them at a time.

        Raises:
            SourceError: a folder could not be listed; the walk never ends early instead.
        """
        with self._cleanup:
            stack = [(b"", self._children(b""))]
            while stack:
                folder, children = stack[-1]
                names: list[bytes] = []
                deeper: bytes | None = None
                for child in children:
                    if child.endswith(b"/"):
                        deeper = folder + child
                        break
                    names.append(child)
                    if len(names) >= BATCH_NAMES:
                        yield Run(folder, names)
                        names = []
                if names:
                    yield Run(folder, names)
                if deeper is None:
                    stack.pop()
                elif not self._is_cloud_only(deeper):
                    stack.append((deeper, self._children(deeper)))

    def _children(self, folder: bytes) -> Iterator[bytes]:
        """Return the names in a folder, sorted: folders with `/` behind, which is where their contents stand."""
        if len(folder) > _LONGEST_FOLDER_BYTES:
            raise SourceError(f"expected paths of at most 32 KiB, got a folder below {relpath.show(folder[:200])}…")
        try:
            with os.scandir(self._directories.descriptor(folder[:-1])) as entries:
                return sorted_names(self._names(entries, folder), self._cleanup)
        except OSError as error:
            raise _listing_error(folder, error) from error

    def _names(self, entries: Iterable[os.DirEntry[str]], folder: bytes) -> Iterator[bytes]:
        """Return the children of a folder as they come, without what is left out."""
        source = iter(entries)
        while block := list(itertools.islice(source, _NAMES_AT_ONCE)):
            files = _encoded([entry.name for entry in block if entry.is_file(follow_symlinks=False)])
            if len(files) < len(block):
                yield from self._rarer([entry for entry in block if not entry.is_file(follow_symlinks=False)], folder)
            if self._exclude.folders_only:
                yield from files
            else:
                yield from self._kept(files, folder)

    def _rarer(self, entries: list[os.DirEntry[str]], folder: bytes) -> Iterator[bytes]:
        """Return folders and links; count the rest."""
        for entry in entries:
            name = os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if self._exclude.match(folder + name + b"/"):
                    self._count_excluded(folder + name)
                else:
                    yield name + b"/"
            elif entry.is_symlink():
                for kept in self._kept([name], folder):
                    yield kept + LINK_MARK
            else:
                self._tally.add("special", folder + name)

    def _kept(self, names: list[bytes], folder: bytes) -> Iterator[bytes]:
        for name in names:
            if self._exclude.match(folder + name):
                self._tally.add("excluded", folder + name, self._size(folder, name))
            else:
                yield name

    def _size(self, folder: bytes, name: bytes) -> int:
        """Return a regular file's size; 0 where it is none or can't be told: it is counted, not judged."""
        try:
            status = os.stat(name, dir_fd=self._directories.descriptor(folder[:-1]), follow_symlinks=False)
        except OSError:
            return 0
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    def _count_excluded(self, top: bytes) -> None:
        """Count what an excluded folder holds, as far as it lets itself be listed."""
        pending = [top + b"/"]
        while pending:
            folder = pending.pop()
            with contextlib.suppress(OSError), os.scandir(self._directories.descriptor(folder[:-1])) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(folder + name + b"/")
                    else:
                        self._tally.add("excluded", folder + name, self._size(folder, name))

    def _is_cloud_only(self, folder: bytes) -> bool:
        """Tell, and count, a folder whose very listing is in the cloud: asking for it would fetch it."""
        if not cloud.IS_TOLD_HERE:
            return False
        parent, _, name = folder[:-1].rpartition(b"/")
        status = os.stat(name, dir_fd=self._directories.descriptor(parent), follow_symlinks=False)
        if not cloud.is_cloud_only(status):
            return False
        self._tally.add("cloud_only", folder[:-1])
        return True


def _encoded(names: list[str]) -> list[bytes]:
    """Return raw names; at once, since that is ten times as fast as one by one."""
    return os.fsencode("\0".join(names)).split(b"\0") if names else []


def _listing_error(folder: bytes, error: OSError) -> SourceError:
    kind = AccessDeniedError if isinstance(error, PermissionError) else SourceError
    shown = relpath.show(folder[:-1]) if folder else "the folder itself"
    return kind(
        f"can't list {shown}: {error.strerror}; no manifest was made",
        hint="give the account that runs this the right to list it, or leave it out with --exclude",
    )
