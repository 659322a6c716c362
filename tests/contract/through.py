"""How a place that a server holds joins the contract: what its copy can do for a test is what the harness can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from contract.harness import HOOKS, TIME_NS, Harness

from verifier.sources.interface import Place

_FILLING = ("remove", "state")


class Through(Harness):
    """Whatever `copy_type` has by the name of a hook, the kind has; it opens the place, too."""

    copy_type: ClassVar[type[Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in (*HOOKS, *_FILLING):
            if hasattr(cls.copy_type, name):
                setattr(cls, name, _handing_on(name))
        if hasattr(cls.copy_type, "put"):
            cls.put = _put  # type: ignore[method-assign]

    def __init__(self, folder: Path, shared: Any = None) -> None:
        super().__init__(folder, shared)
        self.copy = self.cleanup.enter_context(self.copy_type.serving(folder, shared))
        self.secrets = self.copy.secrets

    def open_place(self) -> Place:
        place: Place = self.copy.open_place(needs=self.needs)
        return place


def _handing_on(name: str) -> Callable[..., Any]:
    def hand_on(self: Through, *arguments: bytes) -> Any:
        return getattr(self.copy, name)(*arguments)

    return hand_on


def _put(self: Harness, name: bytes, data: bytes, mtime_ns: int = TIME_NS) -> None:
    assert isinstance(self, Through)
    self.copy.put(name, data, mtime_ns)
