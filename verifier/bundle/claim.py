"""A scenario's folder in REPORTS → one drill at a time in it, also from several machines that share the folder.

The lock file says who holds it. Its holder also keeps an flock on it, which ends with the process whatever happens,
so a lock that a dead drill left is told from one that is alive. From another machine that can't be told; there the
file alone counts, and a person decides.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from verifier import relpath
from verifier.bundle.durable import try_lock
from verifier.bundle.place import scenario_folder, shown, trouble
from verifier.errors import BusyError

LOCK: Final = ".drill.lock"
_LONGEST_LOCK_BYTES: Final = 4_096
_TRIES: Final = 10


class _Holder(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a lock file."""

    holder: str
    machine: str
    pid: int
    started: str


@contextlib.contextmanager
def claim(reports: Path, scenario: str, *, holder: str) -> Iterator[None]:
    """Hold REPORTS/<scenario> for as long as the block lasts.

    Args:
        reports: the folder of all reports, made where it is missing.
        scenario: its name, a slug.
        holder: who holds it, for whoever is refused.

    Raises:
        BusyError: another drill holds it; says who.
        BundleError: the lock can't be made.
    """
    path = scenario_folder(reports, scenario) / LOCK
    try:
        descriptor = _take(path, scenario)
    except OSError as error:
        raise trouble("hold the lock", path, error) from error
    try:
        try:
            _sign(descriptor, holder)
        except OSError as error:
            raise trouble("write the lock", path, error) from error
        yield
    finally:
        # Unlinked before the flock ends: who opened the file meanwhile finds that it is no longer under its name.
        with contextlib.suppress(OSError):
            if _is_at(descriptor, path):
                path.unlink()
        os.close(descriptor)


def _take(path: Path, scenario: str) -> int:
    """Return the descriptor of the lock file, which is ours."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for _ in range(_TRIES):
        try:
            descriptor, created = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644), True
        except FileExistsError:
            try:
                descriptor, created = os.open(path, flags), False
            except FileNotFoundError:
                continue  # given up between the two calls
        with contextlib.ExitStack() as closing:
            closing.callback(os.close, descriptor)
            locked = try_lock(descriptor)
            if not _is_at(descriptor, path):
                continue
            if locked is False or not (created or _is_stale(descriptor, locked=locked)):
                raise _busy(descriptor, path, scenario)
            closing.pop_all()
            return descriptor
    raise BusyError(f"expected no other drill of {scenario}, got one that comes and goes", hint="try again")


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one under its name."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _is_stale(descriptor: int, *, locked: bool | None) -> bool:
    """Tell whether the holder is dead. `locked`: we hold the flock now, or (None) there is no such thing here."""
    holder = _read(descriptor)
    if holder is None:
        return locked is True  # killed while signing; without an flock nobody can tell
    if holder.machine != platform.node():
        return False
    return locked is True or not _is_alive(holder.pid)


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _read(descriptor: int) -> _Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, _LONGEST_LOCK_BYTES, 0), type=_Holder)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _sign(descriptor: int, holder: str) -> None:
    started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    signature = _Holder(holder=holder[:500], machine=platform.node(), pid=os.getpid(), started=started)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(signature) + b"\n", 0)
    os.fsync(descriptor)


def _busy(descriptor: int, path: Path, scenario: str) -> BusyError:
    holder = _read(descriptor)
    who = "a holder that left no name"
    if holder is not None:
        who = relpath.show(
            f"{holder.holder} (process {holder.pid} on {holder.machine or 'a machine without a name'}, "
            f"since {holder.started})"
        )
    return BusyError(
        f"expected no other drill of {scenario}, got one by {who}",
        hint=f"wait until it has ended; if it can't be running any more, remove {shown(path)}",
    )
