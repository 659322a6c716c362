"""A function and tasks → answers in order of completion, by workers that die alone.

Promised: every task that was pulled gets exactly one answer, `Done`, `Lost` or `Cancelled`, unless the function has a
bug, which is raised; a worker that is killed, hangs or runs out of memory costs the attempt that it was at and nothing
else; a worker and any tool that it started end with their parent. Not promised: the order of answers, and that a task
is worked on only once (its second attempt begins from nothing).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verifier.engine.answer import Cancelled, Done, Lost
    from verifier.engine.engine import Engine

__all__ = ["Cancelled", "Done", "Engine", "Lost"]


def __getattr__(name: str) -> object:
    """Load what is asked for: `starting` is called before anything else is loaded."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "engine" if name == "Engine" else "answer"
    return getattr(importlib.import_module(f"verifier.engine.{room}"), name)
