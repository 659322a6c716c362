"""A folder → nothing: our own remover.

The standard library's deletes live files through a bind mount and fails at a depth of some 2,000. This one works by
directory descriptor and without recursion, holds one descriptor however deep the tree is, unlinks links and never
follows them, and leaves another mount alone.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import ScratchError

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMES_AT_ONCE: Final = 1_000
_OURS: Final = 0o700
_MOUNT_ID: Final = re.compile(rb"^mnt_id:\s*(\d+)$", re.MULTILINE)
_FACTS_BYTES: Final = 4096
_NO_FOLDER: Final = frozenset({errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Something that was not removed: its path below the folder (empty for the folder itself), and why."""

    path: bytes
    why: str


@dataclass(slots=True)
class _Level:
    """A folder on the way down: its name in its parent, who it is, its subfolders still to do, what stays in it."""

    name: bytes
    identity: tuple[int, int]
    folders: list[bytes] = field(default_factory=list)
    staying: set[bytes] = field(default_factory=set)


def remove_tree(folder: Path) -> tuple[Left, ...]:
    """Remove a folder with everything in it; return what had to be left: other mounts, and what the system refuses.

    Raises:
        ScratchError: the folder is a link or no folder, or somebody moves folders about while they are removed.
    """
    try:
        parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ScratchError(f"can't remove {_show(folder)}: {error.strerror}") from error
    try:
        return _Removal(folder, parent).run()
    except OSError as error:
        raise ScratchError(f"can't remove {_show(folder)}: {error.strerror}") from error
    finally:
        os.close(parent)


def _show(folder: Path) -> str:
    return relpath.show(os.fsencode(folder))


class _Removal:
    """One removal under way: the levels above, and one descriptor, that of the innermost level."""

    def __init__(self, folder: Path, parent: int) -> None:
        self._folder = folder
        self._parent = parent
        # The folder itself may be a mount: what it holds is then not ours either.
        self._mount = (os.fstat(parent).st_dev, _mount_id(parent))
        self._levels: list[_Level] = []
        self._left: list[Left] = []
        self._descriptor = -1

    def run(self) -> tuple[Left, ...]:
        """Remove the folder and all in it; return what had to stay, with why.

        Raises:
            ScratchError: it is no folder, or can't be gone into or emptied.
        """
        name = os.fsencode(self._folder.name)
        try:
            self._enter(self._parent, name)
        except FileNotFoundError:
            return ()
        except OSError as error:
            if error.errno == errno.EXDEV:
                return (Left(path=b"", why=_why(error)),)
            wanted = "expected a folder" if error.errno in _NO_FOLDER else "can't remove"
            raise ScratchError(f"{wanted}, got {_show(self._folder)}: {error.strerror}") from error
        try:
            while self._levels:
                self._step()
        except OSError as error:
            raise ScratchError(f"can't empty {_show(self._folder)}: {error.strerror}") from error
        finally:
            os.close(self._descriptor)
        if not self._left:
            try:
                os.rmdir(name, dir_fd=self._parent)
            except OSError as error:
                self._left.append(Left(path=b"", why=_why(error)))
        return tuple(self._left)

    def _step(self) -> None:
        """Do one thing in the innermost level: go into its next subfolder, clear more of it, or leave it."""
        level = self._levels[-1]
        if level.folders:
            self._go_down(level, level.folders.pop())
        elif not self._clear(level):
            self._go_up()

    def _clear(self, level: _Level) -> bool:
        """Unlink up to 1,000 things in the level and note its subfolders; tell whether there were any.

        A folder is read anew after things in it were removed: where they are removed while it is read, a file system
        may skip some.
        """
        with os.scandir(self._descriptor) as scan:
            found = (
                (os.fsencode(entry.name), entry.is_dir(follow_symlinks=False))
                for entry in scan
                if os.fsencode(entry.name) not in level.staying
            )
            batch = list(itertools.islice(found, _NAMES_AT_ONCE))
        for name, is_folder in batch:
            if is_folder:
                level.folders.append(name)
            else:
                self._remove(level, name, os.unlink)
        return bool(batch)

    def _remove(self, level: _Level, name: bytes, remove: Callable[..., None]) -> None:
        try:
            remove(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._leave(level, name, _why(error))

    def _leave(self, level: _Level, name: bytes, why: str) -> None:
        level.staying.add(name)
        path = b"/".join([*(above.name for above in self._levels[1:]), name])
        self._left.append(Left(path=path, why=why))

    def _go_down(self, level: _Level, name: bytes) -> None:
        try:
            self._enter(self._descriptor, name)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in _NO_FOLDER:  # it was put in the folder's place a moment ago; it is unlinked, not followed
                self._remove(level, name, os.unlink)
            else:
                self._leave(level, name, _why(error))

    def _enter(self, parent: int, name: bytes) -> None:
        """Make `name` the innermost level.

        Raises:
            OSError: it can't be opened, or is no folder, or is another mount (EXDEV).
        """
        try:
            descriptor = os.open(name, _FOLDER, dir_fd=parent)
        except PermissionError:
            _make_ours(parent, name)
            descriptor = os.open(name, _FOLDER, dir_fd=parent)
        try:
            facts = os.fstat(descriptor)
            self._check_mount(facts.st_dev, descriptor)
            if stat.S_IMODE(facts.st_mode) & _OURS != _OURS:
                os.fchmod(descriptor, _OURS)
        except BaseException:
            os.close(descriptor)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._levels.append(_Level(name, (facts.st_dev, facts.st_ino)))

    def _check_mount(self, device: int, descriptor: int) -> None:
        if (device, _mount_id(descriptor)) != self._mount:
            raise OSError(errno.EXDEV, "another file system is mounted here")

    def _go_up(self) -> None:
        """Leave the innermost level and remove it where nothing stays in it."""
        done = self._levels.pop()
        if not self._levels:
            return
        level = self._levels[-1]
        above = os.open("..", _FOLDER, dir_fd=self._descriptor)
        os.close(self._descriptor)
        self._descriptor = above
        facts = os.fstat(above)
        if (facts.st_dev, facts.st_ino) != level.identity:
            raise ScratchError(f"somebody moves folders in {_show(self._folder)} while it is emptied")
        if done.staying:
            level.staying.add(done.name)
        else:
            self._remove(level, done.name, os.rmdir)


def _why(error: OSError) -> str:
    return error.strerror or "unknown error"


def _make_ours(parent: int, name: bytes) -> None:
    """Let us into a folder that refuses us; never by way of a link.

    Raises:
        OSError: it isn't ours to change.
    """
    with contextlib.suppress(NotImplementedError):
        os.chmod(name, _OURS, dir_fd=parent, follow_symlinks=False)
        return
    # Linux (before 6.6) can't change a mode without following a link, unless by a descriptor that opens nothing.
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{descriptor}").chmod(_OURS)
    finally:
        os.close(descriptor)


def _mount_id(descriptor: int) -> int:
    """Return what tells mounts apart that have one device number, as bind mounts do.

    Only Linux has those; there it is read from /proc, and without /proc nothing is removed rather than too much.
    """
    if sys.platform != "linux":
        return 0
    try:
        facts = os.open(f"/proc/self/fdinfo/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(errno.ENOTSUP, "mounts can't be told apart without /proc") from error
    try:
        match = _MOUNT_ID.search(os.read(facts, _FACTS_BYTES))
    finally:
        os.close(facts)
    if match is None:
        raise OSError(errno.ENOTSUP, "mounts can't be told apart by /proc/self/fdinfo")
    return int(match[1])
