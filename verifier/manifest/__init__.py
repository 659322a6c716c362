"""Lists of what is known good: native and foreign formats ↔ entries; a line that can't be read is an error."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from verifier.manifest.foreign.opening import is_list
    from verifier.manifest.header import Header, Left, LeftOut, Origin
    from verifier.manifest.native import Totals
    from verifier.manifest.reading import Manifest, open_manifest
    from verifier.manifest.writer import Draft, write_manifest

__all__ = [
    "Draft",
    "Header",
    "Left",
    "LeftOut",
    "Manifest",
    "Origin",
    "Totals",
    "is_list",
    "open_manifest",
    "write_manifest",
]

_HOMES: Final = {
    "Draft": "writer",
    "Header": "header",
    "Left": "header",
    "LeftOut": "header",
    "Manifest": "reading",
    "Origin": "header",
    "Totals": "native",
    "is_list": "foreign.opening",
    "open_manifest": "reading",
    "write_manifest": "writer",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: a worker that makes lines of a manifest needs a tenth of this room, at once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"verifier.manifest.{_HOMES[name]}"), name)
