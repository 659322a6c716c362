"""The kinds of places that need no server join the contract."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from contract import memory
from contract.harness import TIME_NS, Harness
from contract.rights import without_rights_over_all_files

from verifier.errors import UnreachableError
from verifier.sources.formats.plain import PlainFiles
from verifier.sources.interface import Place, Source
from verifier.sources.named import Named
from verifier.sources.naming import Translation
from verifier.sources.places.folder import Folder


class OnDisk(Harness):
    """A folder of this machine, whatever opens it."""

    cannot_hold = frozenset({"case", "normal forms", "not UTF-8"}) if sys.platform == "darwin" else frozenset()

    def __init__(self, folder: Path, shared: object = None) -> None:
        super().__init__(folder, shared)
        self.root = folder / "copy"
        self.root.mkdir()

    def path(self, name: bytes) -> Path:
        return self.root / os.fsdecode(name)

    def put(self, name: bytes, data: bytes, mtime_ns: int = TIME_NS) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_bytes(data)
        os.utime(self.path(name), ns=(mtime_ns, mtime_ns))

    def remove(self, name: bytes) -> None:
        self.path(name).unlink()

    def link(self, name: bytes, target: bytes) -> None:
        self.path(name).symlink_to(os.fsdecode(target))

    def pipe(self, name: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.remove(name)
        os.mkfifo(self.path(name))

    def socket(self, name: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(self.root):
            listening.bind(name)

    def outside(self, data: bytes) -> bytes:
        (self.folder / "outside").write_bytes(data)
        return b"../outside"

    def forbid(self, name: bytes) -> None:
        self.path(name).chmod(0)
        self.cleanup.enter_context(without_rights_over_all_files())

    def break_listing(self) -> None:
        self.put(b"zz/file", b"hidden from a listing that goes on")
        self.cleanup.callback(self.path(b"zz").chmod, 0o700)
        self.forbid(b"zz")

    def state(self) -> object:
        found: list[object] = []
        for path in sorted((self.root, *self.root.rglob("*"))):
            status = path.lstat()
            found.append((path, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
            if path.is_file():
                found.append(path.read_bytes())
        return found


class FolderHarness(OnDisk):
    """A folder, opened as one."""

    kind = "folder"
    leaves_out: ClassVar = {
        "offer": "no file system lists a name with a slash in it",
        "hiccup": "the system itself tries again; what it gives up stays so",
        "impersonate": "a folder is pinned by its own options, which a scenario may leave out",
        "fall_silent": "a hung disk holds the worker in the kernel, where its parent ends it",
    }

    def open_place(self) -> Place:
        return Folder(self.root, {})

    def damage(self, name: bytes) -> None:
        self._read_by(name, _failing(errno.EIO))

    def cut(self, name: bytes) -> None:
        self._read_by(name, _failing(errno.ESTALE))

    def reply_short(self) -> None:
        self._read_by(None, lambda real, descriptor, buffer, offset: real(descriptor, [buffer[:1_000_000]], offset))

    def go_away(self) -> None:
        self.root.rename(self.folder / "unplugged")

    def _read_by(self, name: bytes | None, read: _Read) -> None:
        """Have reads of a file, or of all, made by `read`: a disk can't be made to fail otherwise."""
        inode = None if name is None else self.path(name).stat().st_ino
        real = os.preadv

        def preadv(descriptor: int, buffers: Sequence[memoryview], offset: int, flags: int = 0) -> int:
            if flags or inode not in (None, os.fstat(descriptor).st_ino):
                return real(descriptor, buffers, offset, flags)
            return read(real, descriptor, memoryview(buffers[0]), offset)

        os.preadv = preadv
        self.cleanup.callback(setattr, os, "preadv", real)


class NamedHarness(FolderHarness):
    """A folder that names its files otherwise, below `C/Ana`, beside others that are not meant."""

    kind = "named"

    def __init__(self, folder: Path, shared: object = None) -> None:
        super().__init__(folder, shared)
        self.root = self.root / "C" / "Ana"
        self.root.mkdir(parents=True)
        (self.root.parent / "Anastasia").write_bytes(b"somebody else's")

    def open_place(self) -> Place:
        return Folder(self.root.parent.parent, {}, b"C/Ana")

    def open(self) -> Source:
        translation = Translation(pairs=((b"C/Ana", b""),))
        return Named(PlainFiles(Folder(self.root.parent.parent, {})), translation, where=b"", nothing=_nothing)

    def go_away(self) -> None:
        self.root.parent.parent.rename(self.folder / "unplugged")


def _nothing(outside: Sequence[bytes]) -> UnreachableError:
    return UnreachableError(f"expected files of ours, got {len(outside)} others")


_Read = Callable[[Callable[..., int], int, memoryview, int], int]


def _failing(code: int) -> _Read:
    """Return a read that fails with an error of the system behind the first MiB."""

    def read(real: Callable[..., int], descriptor: int, buffer: memoryview, offset: int) -> int:
        if offset:
            raise OSError(code, os.strerror(code))
        return real(descriptor, [buffer], offset)

    return read


class MemoryHarness(Harness):
    """The place in memory."""

    kind = "memory"
    limit_seconds = 2.0

    def __init__(self, folder: Path, shared: object = None) -> None:
        super().__init__(folder, shared)
        self.store = memory.Store()

    def open_place(self) -> Place:
        return memory.Memory(self.store)

    def put(self, name: bytes, data: bytes, mtime_ns: int = TIME_NS) -> None:
        self.store.entries[name] = memory.Stored(data=data, mtime_ns=mtime_ns)

    def remove(self, name: bytes) -> None:
        del self.store.entries[name]

    def state(self) -> object:
        return dict(self.store.entries)

    def link(self, name: bytes, target: bytes) -> None:
        self.store.entries[name] = memory.Stored(kind="link", link=target, mtime_ns=TIME_NS)

    def pipe(self, name: bytes) -> None:
        self.store.entries[name] = memory.Stored(kind="other", mtime_ns=TIME_NS)

    socket = pipe

    def offer(self, name: bytes) -> None:
        self.put(name, b"offered")

    def outside(self, data: bytes) -> bytes:
        del data
        return b"../outside"

    def break_listing(self) -> None:
        self.store.listing_breaks = True

    def forbid(self, name: bytes) -> None:
        self.store.forbidden.add(name)

    def damage(self, name: bytes) -> None:
        self.store.damaged.add(name)

    def cut(self, name: bytes) -> None:
        self.store.cuts[name] = 1_000

    def hiccup(self, name: bytes) -> None:
        self.store.cuts[name] = 1

    def reply_short(self) -> None:
        self.store.most_reply_bytes = 1_000

    def go_away(self) -> None:
        self.store.gone = True

    def fall_silent(self) -> None:
        self.store.silent = True

    def impersonate(self) -> None:
        self.store.impostor = True
