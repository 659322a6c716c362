"""A folder on this machine → everything under it, in the order of raw path bytes, links never followed.

Directories are opened by descriptor, one component at a time and without following links, so that neither a link that
is swapped in meanwhile nor a path longer than the system allows leads astray.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

_DIRECTORY_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_DIRECTORIES: Final = 64
_NAMES_IN_MEMORY: Final = 200_000


class Found(NamedTuple):
    """Something that is not a directory. `parent` is a descriptor that is open until the next one is asked for."""

    path: bytes
    name: bytes
    parent: int
    status: os.stat_result


class Directories:
    """Directories under a root by path, a bounded number of them open at a time.

    Args:
        root: a folder; it may be a link, for it was named by the user. Nothing below it may.
        below: the folder in `root` that paths are relative to; empty for `root` itself.
    """

    def __init__(self, root: bytes, below: bytes = b"") -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if below:
            top = self._root
            try:
                self._root = _descend(top, below.split(b"/"))
            finally:
                os.close(top)
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self._closed = False

    @property
    def root(self) -> int:
        """The root's descriptor."""
        return self._root

    def descriptor(self, path: bytes) -> int:
        """Return a descriptor of the directory at `path` (empty for the root), valid until a few dozen later calls.

        Raises:
            OSError: it is not there, is no directory, or is reached through a link.
        """
        if not path:
            return self._root
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
            return known
        current, start = self._root, 0
        cut = path.rfind(b"/")
        if cut > 0 and path[:cut] in self._open:
            current, start = self._open[path[:cut]], cut + 1
        descriptor = _descend(current, path[start:].split(b"/"))
        self._open[path] = descriptor
        if len(self._open) > _OPEN_DIRECTORIES:
            os.close(self._open.popitem(last=False)[1])
        return descriptor

    def close(self) -> None:
        """Close every descriptor; doing so twice is fine."""
        if self._closed:
            return
        self._closed = True
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        os.close(self._root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _descend(start: int, names: list[bytes]) -> int:
    current = start
    try:
        for name in names:
            following = os.open(name, _DIRECTORY_FLAGS, dir_fd=current)
            if current != start:
                os.close(current)
            current = following
    except OSError:
        if current != start:
            os.close(current)
        raise
    return current


def walk(directories: Directories) -> Iterator[Found]:
    """Yield everything that is not a directory, in the order of the raw bytes of the whole path.

    Within a directory names are sorted with `/` behind those of directories: that is where their contents stand in the
    order of whole paths (`a.txt` before `a/b`, since `.` sorts before `/`). Memory holds the names of one directory of
    each level, and of a huge one not even those.

    Raises:
        OSError: a directory could not be listed, with its path as `filename`; the walk never ends early instead.
    """
    with contextlib.ExitStack() as cleanup:
        stack = [(b"", _children(directories, b"", cleanup))]
        while stack:
            directory, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                continue
            if child.endswith(b"/"):
                path = (directory + b"/" + child if directory else child)[:-1]
                stack.append((path, _children(directories, path, cleanup)))
                continue
            parent = directories.descriptor(directory)
            try:
                status = os.stat(child, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted since its directory was read: it is not there
            yield Found(directory + b"/" + child if directory else child, child, parent, status)


def _children(directories: Directories, path: bytes, cleanup: contextlib.ExitStack) -> Iterator[bytes]:
    """Return the names in a directory, those of directories with `/` behind them, sorted."""
    try:
        with os.scandir(directories.descriptor(path)) as entries:
            return sorted_names(_names(entries), cleanup)
    except OSError as error:
        error.filename = path or b"."
        raise


def sorted_names(names: Iterator[bytes], cleanup: contextlib.ExitStack) -> Iterator[bytes]:
    """Return the names of one directory, all read and sorted; those of a huge one lie on disk until `cleanup`."""
    first = list(itertools.islice(names, _NAMES_IN_MEMORY))
    if len(first) < _NAMES_IN_MEMORY:
        first.sort()
        return iter(first)
    from verifier.spool import Workspace  # noqa: PLC0415 - only the largest directories need what it loads

    folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="verifier-"))
    workspace = cleanup.enter_context(contextlib.closing(Workspace(Path(folder))))
    return workspace.sort_on_disk(itertools.chain(first, names), key=bytes, record_type=bytes)


def _names(entries: Iterable[os.DirEntry[str]]) -> Iterator[bytes]:
    for entry in entries:
        name = os.fsencode(entry.name)
        yield name + b"/" if entry.is_dir(follow_symlinks=False) else name
