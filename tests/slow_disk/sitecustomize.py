"""A disk that takes its time: with this folder in PYTHONPATH each read and each look into a folder waits a while.

The interpreter loads this by itself, in the workers of a drill, too; so what the drill does is real, only slower.
"""

from __future__ import annotations

import os
import time
from typing import Any

_read_seconds = float(os.environ.get("VERIFIER_TEST_READ_SECONDS", "0"))
_list_seconds = float(os.environ.get("VERIFIER_TEST_LIST_SECONDS", "0"))
_preadv = os.preadv
_scandir = os.scandir


def _slow_preadv(*arguments: Any) -> int:
    time.sleep(_read_seconds)
    return _preadv(*arguments)


def _slow_scandir(*arguments: Any) -> Any:
    time.sleep(_list_seconds)
    return _scandir(*arguments)


if _read_seconds:
    os.preadv = _slow_preadv
if _list_seconds:
    os.scandir = _slow_scandir
