"""A disk that takes its time, and remembers: with this folder in PYTHONPATH each read and each look into a folder waits
a while, and the names of the files that were read are written down.

The interpreter loads this by itself, in the workers of a drill, too; so what the drill does is real, only slower.
"""

from __future__ import annotations

import os
import time
from typing import Any

_read_seconds = float(os.environ.get("VERIFIER_TEST_READ_SECONDS", "0"))
_list_seconds = float(os.environ.get("VERIFIER_TEST_LIST_SECONDS", "0"))
_read_names = os.environ.get("VERIFIER_TEST_READ_NAMES")
_preadv = os.preadv
_scandir = os.scandir


def _slow_preadv(descriptor: int, *arguments: Any) -> int:
    time.sleep(_read_seconds)
    if _read_names and len(arguments) == 2:  # with flags it asks what memory holds, and reads nothing
        name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - nothing more is loaded into each process
        with open(_read_names, "ab", buffering=0) as names:  # noqa: PTH123 - as above, and in one write
            names.write(os.fsencode(name) + b"\n")
    return _preadv(descriptor, *arguments)


def _slow_scandir(*arguments: Any) -> Any:
    time.sleep(_list_seconds)
    return _scandir(*arguments)


if _read_seconds or _read_names:
    os.preadv = _slow_preadv
if _list_seconds:
    os.scandir = _slow_scandir
