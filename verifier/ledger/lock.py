"""A scenario's name → the right to drill it, held by one process at a time and given up when that process dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import BusyError, LedgerError
from verifier.ledger.state import LOCKS_NAME, make_private_folder

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\Z")
_LONGEST_HOLDER_BYTES: Final = 500
_TAKEN: Final = frozenset({errno.EACCES, errno.EAGAIN})


def describe_holder(*, since: str) -> str:
    """Return what a lock says of this process: `process 4711 on nas since 2026-11-22T18:30:00Z`."""
    return f"process {os.getpid()} on {platform.node() or 'a machine without a name'} since {since}"


@contextlib.contextmanager
def claim_scenario(state: Path, scenario: str, *, holder: str) -> Iterator[None]:
    """Hold the lock of a scenario for as long as the block lasts.

    Args:
        state: the state folder, made where it is missing.
        scenario: a slug: letters, digits, `.`, `_`, `-`.
        holder: who holds it, for whoever is refused; see `describe_holder`.

    Raises:
        BusyError: another process holds it; says who.
        LedgerError: the lock can't be made.
    """
    if not _FILE_NAME.match(scenario):
        raise LedgerError(f"expected a scenario's name of letters, digits, . _ and -, got {relpath.show(scenario)}")
    folder = state / LOCKS_NAME
    make_private_folder(folder)
    path = folder / f"{scenario}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _take(descriptor, path, scenario)
        # The file stays when the lock is given up: removing it would let two hold locks on two files of one name.
        _name_holder(descriptor, path, holder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # only a courtesy: the lock itself is given up below
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, scenario: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise _unusable(path, error) from error
        holder = relpath.show(os.pread(descriptor, _LONGEST_HOLDER_BYTES, 0)) or "another process"
        raise BusyError(
            f"expected no other drill of {scenario}, got one by {holder}",
            hint="wait until it has ended, or end it",
        ) from error


def _name_holder(descriptor: int, path: Path, holder: str) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode("utf-8", "backslashreplace")[:_LONGEST_HOLDER_BYTES], 0)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        f"expected a lock that can be held, got {relpath.show(os.fsencode(path))}: {error.strerror}",
        hint="put the state on a local disk, with --state",
    )
