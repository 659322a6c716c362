"""A fresh process → a worker: in its own session, private, deaf to the terminal's signals, and gone with its parent.

All of this runs in the worker process.
"""

from __future__ import annotations

import importlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, MutableSequence, Sequence
from typing import TypeVar

from verifier import progress
from verifier.engine.answer import Count, Counted
from verifier.engine.starting import PARENTS_SIGNALS

Payload = TypeVar("Payload")
Answer = TypeVar("Answer")


def begin(cells: MutableSequence[int], preload: Sequence[str]) -> None:
    """Make this process a worker: called once, before its first task."""
    os.umask(0o077)
    os.setsid()
    for number in PARENTS_SIGNALS:
        # A handler that does nothing rather than SIG_IGN, which tools that a worker starts would inherit: they could
        # then not be ended by `terminate`.
        signal.signal(number, _ignore)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PARENTS_SIGNALS)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    for name in preload:
        importlib.import_module(name)
    meter = progress.Meter(cells)
    progress.use_meter(meter)
    meter.process_id = os.getpid()


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing about a signal."""


def _end_with_parent() -> None:
    """Wait until the parent is gone, then kill this process and every tool in its group.

    The sentinel is a pipe whose other end only the parent holds, so it fires however the parent ends, SIGKILL too.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os.killpg(os.getpgrp(), signal.SIGKILL)


def count(function: Callable[[Payload], Answer], payload: Payload) -> Counted[Answer]:
    """Call the function; return its answer with what the meter of this process counted meanwhile."""
    before = Count.on(progress.meter())
    answer = function(payload)
    return Counted(answer=answer, count=Count.on(progress.meter()) - before)


def perform(function: Callable[[Payload], Answer], payload: Payload) -> Counted[Answer]:
    """Call the function as `count` does; whatever it raises can cross to the parent.

    An exception that is raised in the parent when it is unpickled there would look like the worker's death.
    """
    try:
        return count(function, payload)
    except BaseException as error:
        if isinstance(error, Exception) and _crosses(error):
            raise
        told = "".join(traceback.format_exception(error))
        raise RuntimeError(f"the worker raised what can't be handed over:\n{told}") from None


def _crosses(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - these are our own bytes, made a moment ago
    except Exception:  # noqa: BLE001 - an exception's own methods may raise anything
        return False
    return True
