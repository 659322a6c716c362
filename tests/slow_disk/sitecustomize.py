"""A disk that takes its time, remembers, and makes trouble, for drills that have this folder in their PYTHONPATH.

Each read and each look into a folder waits a while; the names of the files that were read are written down; at one file
a process dies, hangs or finds no memory, as often as is asked for.

The interpreter loads this by itself, in the workers of a drill, too; so what the drill does is real, only slower.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

_read_seconds = float(os.environ.get("VERIFIER_TEST_READ_SECONDS", "0"))
_list_seconds = float(os.environ.get("VERIFIER_TEST_LIST_SECONDS", "0"))
_read_names = os.environ.get("VERIFIER_TEST_READ_NAMES")
_trouble = os.environ.get("VERIFIER_TEST_TROUBLE", "")
_trouble_at = os.environ.get("VERIFIER_TEST_TROUBLE_AT", "")
_trouble_times = os.environ.get("VERIFIER_TEST_TROUBLE_TIMES", "")
_preadv = os.preadv
_scandir = os.scandir


def _slow_preadv(descriptor: int, *arguments: Any) -> int:
    time.sleep(_read_seconds)
    if (_read_names or _trouble) and len(arguments) == 2:  # with flags it asks what memory holds, and reads nothing
        name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - nothing more is loaded into each process
        if _read_names:
            with open(_read_names, "ab", buffering=0) as names:  # noqa: PTH123 - as above, and in one write
                names.write(os.fsencode(name) + b"\n")
        if _trouble and name.endswith(_trouble_at) and _is_due():
            _TROUBLES[_trouble]()
    return _preadv(descriptor, *arguments)


def _is_due() -> bool:
    """Tell whether there is to be trouble once more: the file holds a byte for each time."""
    times = os.path.getsize(_trouble_times)  # noqa: PTH202 - as above
    if times:
        os.truncate(_trouble_times, times - 1)
    return times > 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    time.sleep(600)


def _want_memory() -> None:
    bytearray(1 << 50)  # no machine has it, so this raises MemoryError


_TROUBLES = {"die": _die, "hang": _hang, "want memory": _want_memory}


def _slow_scandir(*arguments: Any) -> Any:
    time.sleep(_list_seconds)
    return _scandir(*arguments)


if _read_seconds or _read_names or _trouble:
    os.preadv = _slow_preadv
if _list_seconds:
    os.scandir = _slow_scandir
