"""One batch's restored files: written by number, read back, freed; bounded, and gone when it closes.

A freed file is emptied and used for the next number rather than unlinked: for files of a few KiB that was measured to
cost 15 µs of system calls a file instead of 30. It is emptied as it is freed, so a file never holds a byte that was not
written to it since it got its number.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import Final, Self

from verifier import relpath
from verifier.errors import ScratchError, ScratchFullError
from verifier.scratch.removal import remove_tree

_MIB: Final = 1024 * 1024
SPARED_BYTES: Final = 64 * _MIB
"""What is left free on the disk for everybody else."""

_CHECK_BYTES: Final = 64 * _MIB
_CHECK_SHARE: Final = 4
_OPEN_FILES: Final = 128
_EMPTY_FILES: Final = 64
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_REOPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _File:
    """A file on disk under its opaque name; closed for a while where too many are open (descriptor -1)."""

    __slots__ = ("descriptor", "name", "size_bytes")

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        self.size_bytes = 0


class Slot:
    """The sink of one batch (`sources.interface.Sink`). Close it, or use it as a context manager.

    Args:
        folder: made here, in a folder that is ours; what a former attempt left under this name is removed.
        size_bytes: how much all files together may hold at any time.

    Attributes:
        first_at: when (`time.monotonic`) the first bytes came; None before.
        first_bytes: how many those were.

    Raises:
        ScratchError: the folder can't be made.
    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._folder = folder
        self._size_bytes = size_bytes
        self._used_bytes = 0
        self._unchecked_bytes = 0
        self._made = 0
        self._files: dict[int, _File] = {}
        self._closable: dict[int, _File] = {}
        self._empty: list[_File] = []
        self.first_at: float | None = None
        self.first_bytes = 0
        self._directory = _make(folder)

    @property
    def used_bytes(self) -> int:
        """What the files hold at the moment."""
        return self._used_bytes

    def create(self, number: int) -> None:
        """Make file `number` empty; what a former try left in it is gone.

        Raises:
            ScratchFullError: the disk has no room for another file.
            ScratchError: the disk fails.
        """
        if number in self._files:
            self.free(number)
        if self._empty:
            file = self._empty.pop()
        else:
            self._made += 1
            name = f"{self._made:06d}"
            file = _File(name, self._open(name, _CREATE))
        self._files[number] = file
        self._closable[number] = file
        if len(self._closable) > _OPEN_FILES:
            self._close_one()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put bytes at an offset of file `number`, which is made at the first call: all of them, or an error.

        Raises:
            ScratchFullError: the bound is reached, or the disk or a quota is full.
            ScratchError: the disk fails.
        """
        if self.first_at is None:
            self.first_at, self.first_bytes = time.monotonic(), len(data)
        file = self._files.get(number)
        if file is None:
            self.create(number)
            file = self._files[number]
        elif file.descriptor < 0:
            self._reopen(number, file)
        length = len(data) if isinstance(data, bytes | bytearray) else data.nbytes
        grown = offset + length - file.size_bytes
        if grown > 0:
            self._claim(grown)
            file.size_bytes += grown
        try:
            written = os.pwrite(file.descriptor, data, offset)
            while written < length:
                written += os.pwrite(file.descriptor, memoryview(data).cast("B")[written:], offset + written)
        except OSError as error:
            raise self._trouble(error) from error

    def open(self, number: int) -> int:
        """Return a descriptor of file `number` for reading and writing: valid until the file is freed, ours to close.

        Raises:
            KeyError: the file was never made, or is freed.
            ScratchError: the disk refuses.
        """
        file = self._files[number]
        if file.descriptor < 0:
            self._reopen(number, file)
        self._closable.pop(number, None)
        return file.descriptor

    def size_of(self, number: int) -> int:
        """Return how many bytes file `number` holds.

        Raises:
            KeyError: the file was never made, or is freed.
        """
        return self._files[number].size_bytes

    def free(self, number: int) -> None:
        """Let go of file `number`, if there is one; its bytes are given back at once.

        Raises:
            ScratchError: the disk refuses.
        """
        file = self._files.pop(number, None)
        if file is None:
            return
        self._closable.pop(number, None)
        self._used_bytes -= file.size_bytes
        try:
            if file.descriptor >= 0 and len(self._empty) < _EMPTY_FILES:
                if file.size_bytes:
                    os.ftruncate(file.descriptor, 0)
                    file.size_bytes = 0
                self._empty.append(file)
                return
            os.unlink(file.name, dir_fd=self._directory)
            _close(file)
        except OSError as error:
            raise self._trouble(error) from error

    def close(self) -> None:
        """Free everything and remove the folder. Doing so twice is fine.

        Raises:
            ScratchError: something is left in the folder.
        """
        if self._directory < 0:
            return
        for file in (*self._files.values(), *self._empty):
            with contextlib.suppress(OSError):  # its bytes are of no use any more
                _close(file)
        self._files.clear()
        self._closable.clear()
        self._empty.clear()
        self._used_bytes = 0
        os.close(self._directory)
        self._directory = -1
        _remove(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _claim(self, size_bytes: int) -> None:
        """Take bytes out of what is allowed; look now and then whether the disk still has them."""
        if self._used_bytes + size_bytes > self._size_bytes:
            raise ScratchFullError(
                f"expected at most {self._size_bytes} bytes of restored files at a time, got more",
                hint="allow scratch more bytes, or use fewer workers",
            )
        if size_bytes > self._unchecked_bytes:
            disk = os.fstatvfs(self._directory)
            spare = disk.f_bavail * disk.f_frsize - SPARED_BYTES
            if size_bytes > spare:
                raise ScratchFullError(
                    f"expected {size_bytes + SPARED_BYTES} bytes free for {self._shown}, got {spare + SPARED_BYTES}",
                    hint="make room there, or name another folder for scratch",
                )
            # Other workers write meanwhile: where little is left, it is looked at more often.
            self._unchecked_bytes = max(size_bytes, min(_CHECK_BYTES, spare // _CHECK_SHARE))
        self._unchecked_bytes -= size_bytes
        self._used_bytes += size_bytes

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(name, flags, 0o600, dir_fd=self._directory)
        except OSError as error:
            raise self._trouble(error) from error

    def _reopen(self, number: int, file: _File) -> None:
        file.descriptor = self._open(file.name, _REOPEN)
        self._closable[number] = file
        if len(self._closable) > _OPEN_FILES:
            self._close_one()

    def _close_one(self) -> None:
        """Close the file that has been open for longest, but for those whose descriptor was handed out."""
        number = next(iter(self._closable))
        try:
            _close(self._closable.pop(number))
        except OSError as error:  # network file systems tell of a full disk as late as here
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> ScratchError:
        if error.errno in _FULL:
            return ScratchFullError(
                f"no room is left for {self._shown}: {error.strerror}",
                hint="make room there, or name another folder for scratch",
            )
        return ScratchError(f"can't use {self._shown}: {error.strerror}")

    @property
    def _shown(self) -> str:
        return relpath.show(os.fsencode(self._folder))


def _close(file: _File) -> None:
    descriptor, file.descriptor = file.descriptor, -1
    if descriptor >= 0:
        os.close(descriptor)


def _make(folder: Path) -> int:
    """Make the folder anew and return its descriptor."""
    _remove(folder)
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102 - beside os.open, one way of speaking
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ScratchError(f"can't make {relpath.show(os.fsencode(folder))}: {error.strerror}") from error


def _remove(folder: Path) -> None:
    left = remove_tree(folder)
    if left:
        shown = relpath.show(os.path.join(os.fsencode(folder), left[0].path))  # noqa: PTH118 - bytes
        raise ScratchError(f"can't remove {shown}: {left[0].why}")
