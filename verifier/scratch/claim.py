"""A folder → a `Scratch` that is ours alone for as long as a drill lasts.

In the folder lie a lock file (held with `flock`; it says who holds it), a marker with a random id, `batches` and
`tables`. The state holds the same id, in `scratch-<hash of the folder's path>.id`: only a folder whose marker the state
knows is swept, so a scratch that moved, or a folder that merely looks like one, loses nothing. When the scratch is
closed in good order nothing is left in the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import platformdirs

from verifier import relpath
from verifier.errors import ScratchError, ScratchFullError
from verifier.scratch.lock import Lock
from verifier.scratch.removal import remove_tree
from verifier.scratch.slot import SPARED_BYTES
from verifier.spool import Workspace

LOCK: Final = "restore-verifier.lock"
MARKER: Final = "restore-verifier.scratch"
BATCHES: Final = "batches"
TABLES: Final = "tables"
_LEAST_BYTES: Final = 64 * 1024 * 1024
_OURS: Final = frozenset({MARKER, BATCHES, TABLES})
_PRIVATE: Final = 0o700
_OTHERS: Final = 0o077
_ID_BYTES: Final = 16
_WRITE_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_ANOTHER: Final = "name another folder for scratch"


def default_folder() -> Path:
    """Return the platform's cache folder for scratch."""
    return platformdirs.user_cache_path("restore-verifier", appauthor=False) / "scratch"


class Scratch:
    """A claimed folder. Made by `claim`; close it, or use it as a context manager."""

    def __init__(self, folder: Path, *, lock: Lock, known_id: Path, size_bytes: int) -> None:
        self._folder = folder
        self._lock = lock
        self._known_id = known_id
        self._size_bytes = size_bytes
        self._workspaces: list[Workspace] = []

    @classmethod
    def claim(cls, folder: Path, *, state: Path, size_bytes: int, forbidden: Sequence[Path]) -> Self:
        """Make or take over `folder`, sweep what a killed drill left in it, and hold it until `close`.

        Args:
            folder: where; made with its parents if it isn't there.
            state: the folder of the state.
            size_bytes: how much may be used; less where the disk has less free.
            forbidden: the copies' and live folders: scratch may be neither on, nor inside, nor around any of them.

        Raises:
            ScratchError: the folder can't be made or used, or isn't ours to use.
            ScratchFullError: too little is free on its disk.
            BusyError: another drill is using it.
        """
        folder = _settled(folder)
        _refuse_forbidden(folder, forbidden)
        _make(folder)
        _refuse_strangers(folder)
        with contextlib.ExitStack() as undo:
            lock = undo.enter_context(contextlib.closing(Lock(folder / LOCK)))
            marked = _refuse_strangers(folder)
            known_id = state / f"scratch-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.id"
            if marked:
                _refuse_another_state(folder, known_id)
            else:
                _mark(folder, known_id)
            scratch = cls(folder, lock=lock, known_id=known_id, size_bytes=0)
            undo.callback(scratch.close)
            scratch._sweep()
            scratch._size_bytes = _usable(folder, size_bytes)
            with _told(folder):
                (folder / BATCHES).mkdir(mode=_PRIVATE)
                (folder / TABLES).mkdir(mode=_PRIVATE)
            undo.pop_all()
        return scratch

    @property
    def size_bytes(self) -> int:
        """How many bytes restored files may take, all together."""
        return self._size_bytes

    @property
    def batches(self) -> Path:
        """The folder for the folders of batches (`Slot`)."""
        return self._folder / BATCHES

    def share(self, slots: int) -> int:
        """Return how many bytes each of `slots` workers may use."""
        return self._size_bytes // max(1, slots)

    def workspace(self) -> Workspace:
        """Return a new place for tables, which goes with the scratch. Tables don't count as restored bytes."""
        workspace = Workspace(self._folder / TABLES / f"{len(self._workspaces):06d}")
        self._workspaces.append(workspace)
        return workspace

    def close(self) -> None:
        """Empty the folder and let go of it. Doing so twice is fine.

        Raises:
            ScratchError: something can't be removed; it stays marked, and is swept at the next claim.
        """
        if self._lock.closed:
            return
        try:
            for workspace in self._workspaces:
                workspace.close()
            self._sweep()
            with _told(self._folder):
                # In this order: a marker that no state knows would be refused for ever.
                (self._folder / MARKER).unlink(missing_ok=True)
                self._known_id.unlink(missing_ok=True)
                self._lock.remove()
        finally:
            self._lock.close()

    def _sweep(self) -> None:
        for name in (BATCHES, TABLES):
            left = remove_tree(self._folder / name)
            if left:
                path = os.path.join(os.fsencode(self._folder / name), left[0].path)  # noqa: PTH118 - bytes
                raise ScratchError(
                    f"can't empty scratch: {relpath.show(path)}: {left[0].why}", hint="take it away, then try again"
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        try:
            self.close()
        except ScratchError as trouble:
            if error is None:
                raise
            error.add_note(str(trouble))


def _show(path: Path) -> str:
    return relpath.show(os.fsencode(path))


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what the system says of a folder into a ScratchError."""
    try:
        yield
    except OSError as error:
        raise ScratchError(f"can't use {_show(folder)} as scratch: {error.strerror}", hint=_ANOTHER) from error


def _settled(folder: Path) -> Path:
    """Return the folder's path with the links above it resolved; the folder itself must be none.

    Raises:
        ScratchError: it is a link, or the links above it lead nowhere.
    """
    if "\0" in str(folder):
        raise ScratchError(f"can't use {_show(folder)} as scratch: no path holds a NUL", hint=_ANOTHER)
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.resolve would follow the folder itself
    if folder.is_symlink():
        raise ScratchError(f"expected a folder for scratch, got a link: {_show(folder)}", hint=_ANOTHER)
    try:
        return folder.parent.resolve() / folder.name
    except (OSError, RuntimeError) as error:  # RuntimeError: Python 3.11 and 3.12 say so of links in a circle
        raise ScratchError(f"can't use {_show(folder)} as scratch: {error}", hint=_ANOTHER) from error


def _refuse_forbidden(folder: Path, forbidden: Sequence[Path]) -> None:
    """Refuse a folder on, inside or around a forbidden one, whatever path leads there (links, bind mounts, case)."""
    for other in forbidden:
        real = Path(os.path.realpath(other))
        if _is_within(folder, real) or _is_within(real, folder):
            raise ScratchError(
                f"expected scratch apart from every copy and live folder, got {_show(folder)} and {_show(real)}",
                hint=_ANOTHER,
            )


def _is_within(inner: Path, outer: Path) -> bool:
    if inner.is_relative_to(outer):
        return True
    identity = _identity(outer)
    return identity is not None and any(_identity(folder) == identity for folder in (inner, *inner.parents))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _make(folder: Path) -> None:
    """Make the folder, or see that it is a folder of ours, and private."""
    with _told(folder):
        os.makedirs(folder.parent, mode=_PRIVATE, exist_ok=True)  # noqa: PTH103 - beside os.open, one way of speaking
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=_PRIVATE)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            facts = os.fstat(descriptor)
            if facts.st_uid != os.geteuid():
                raise ScratchError(
                    f"expected a scratch folder of our own, got one of user {facts.st_uid}: {_show(folder)}",
                    hint=_ANOTHER,
                )
            if stat.S_IMODE(facts.st_mode) != _PRIVATE and not _contents(folder)[1]:
                os.fchmod(descriptor, _PRIVATE)
                facts = os.fstat(descriptor)
                if stat.S_IMODE(facts.st_mode) & _OTHERS:  # some file systems have no modes
                    raise ScratchError(f"expected a folder that can be private, got {_show(folder)}", hint=_ANOTHER)
        finally:
            os.close(descriptor)


def _contents(folder: Path) -> tuple[bool, list[str]]:
    """Return whether the folder has our marker, and a few names in it that are none of ours.

    Without a marker only the lock is ours. The marker is the first to come and the last to go, and is looked for again
    after the names were read: a drill that begins or ends meanwhile doesn't make its own files look like a stranger's.
    """
    with os.scandir(folder) as scan:
        names = list(itertools.islice((entry.name for entry in scan if entry.name != LOCK), len(_OURS) + 1))
    marked = MARKER in names or os.path.lexists(folder / MARKER)
    return marked, [name for name in names if not (marked and name in _OURS)]


def _refuse_strangers(folder: Path) -> bool:
    """Refuse a folder that holds anything of somebody else's; tell whether it has our marker."""
    with _told(folder):
        marked, strangers = _contents(folder)
    if strangers:
        raise ScratchError(
            f"expected an empty folder for scratch, got one that holds {relpath.show(strangers[0])}: {_show(folder)}",
            hint=_ANOTHER,
        )
    return marked


def _refuse_another_state(folder: Path, known_id: Path) -> None:
    with _told(folder):
        found = _read_id(folder / MARKER)
        if found is None or found != _read_id(known_id):
            raise ScratchError(
                f"this scratch belongs to another state: {_show(folder)}",
                hint="if no other drill uses it, remove that folder by hand",
            )


def _read_id(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
        text = file.read(2 * _ID_BYTES + 2)
    return text if len(text) == 2 * _ID_BYTES + 1 else None


def _mark(folder: Path, known_id: Path) -> None:
    """Write a new id to the state, then to the folder: after a crash in between the folder is merely empty."""
    text = f"{secrets.token_hex(_ID_BYTES)}\n".encode("ascii")
    with _told(known_id.parent):
        os.makedirs(known_id.parent, mode=_PRIVATE, exist_ok=True)  # noqa: PTH103 - as above
    for path in (known_id, folder / MARKER):
        with _told(path), open(os.open(path, _WRITE_NEW, 0o600), "wb") as file:  # noqa: PTH123 - private from the start
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def _usable(folder: Path, size_bytes: int) -> int:
    """Return how much of `size_bytes` the disk can give."""
    with _told(folder):
        disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    usable = min(size_bytes, free - SPARED_BYTES)
    least = min(size_bytes, _LEAST_BYTES)
    if usable < least:
        raise ScratchFullError(
            f"expected at least {least + SPARED_BYTES} bytes free for {_show(folder)}, got {free}",
            hint="make room there, or name another folder for scratch",
        )
    return usable
