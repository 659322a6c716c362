"""An address → a manifest of what is there: every file read once, and written down what was not."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verifier.inventory.inventory import NAS_FOLDERS, Inventory, exclude_output, take_inventory
    from verifier.inventory.taking import Progress

__all__ = ["NAS_FOLDERS", "Inventory", "Progress", "exclude_output", "take_inventory"]


def __getattr__(name: str) -> object:
    """Load what is asked for: a worker, which needs `survey` alone, begins twice as soon without the rest."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "taking" if name == "Progress" else "inventory"
    return getattr(importlib.import_module(f"verifier.inventory.{room}"), name)
