"""How processes are started: with signals held, without a look at the working folder, and, where wanted, ahead of need.

It loads little, so that a command can begin with it and load the rest meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Final

PARENTS_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What only the parent acts on: it asks its workers to stop in its own time."""

_SAFE_PATH: Final = "PYTHONSAFEPATH"


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Start processes with signals held back, and without a look at the working folder.

    A new worker has the signals held that only the parent acts on until it has its own way with them
    (`worker.begin`), the server that it is forked from for good: Ctrl-C, or the end of a whole control group, would
    otherwise kill them. And a new interpreter would import modules from the working folder before its own library's:
    from a copy, perhaps, in which anybody may have put a `signal.py`.
    """
    from multiprocessing import resource_tracker  # noqa: PLC0415 - not every command has workers

    safe_before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PARENTS_SIGNALS)
    try:
        # The library's own tracker, which is started with the first process, lets go of signals that were held: so it
        # comes first, and they are held again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, PARENTS_SIGNALS)
        yield
    finally:
        if safe_before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = safe_before
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def modules(preload: Sequence[str]) -> list[str]:
    """Return all that the server imports from which workers are forked."""
    return ["verifier.engine.worker", *preload]


def start_ahead(preload: Sequence[str]) -> None:
    """Begin to start what an engine with this `preload` forks its workers from, without waiting for it.

    Called while a command still loads and lists, it saves the time that the server takes to import. Where workers are
    not forked, nothing happens; where it can't be started, the engine will say so.
    """
    if sys.platform != "linux":
        return
    from multiprocessing import forkserver  # noqa: PLC0415 - not every command has workers

    with contextlib.suppress(OSError), starting():
        forkserver.set_forkserver_preload(modules(preload))
        forkserver.ensure_running()
