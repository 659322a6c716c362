"""One thing that an audit looked at, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What came of a look. Only `HOLDS` is green; `UNCHECKED` says that nobody could look."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, and why it does not hold, or could not be told. Names in it are escaped already."""

    name: str
    state: State
    detail: str = ""


def holds(name: str, detail: str = "") -> Check:
    """Return that something was looked at and is as it should be."""
    return Check(name=name, state=State.HOLDS, detail=detail)


def broken(name: str, detail: str) -> Check:
    """Return that something is not as it should be; `detail` says what was expected and what came."""
    return Check(name=name, state=State.BROKEN, detail=detail)


def unchecked(name: str, detail: str) -> Check:
    """Return that something could not be looked at, and why."""
    return Check(name=name, state=State.UNCHECKED, detail=detail)


def settled(name: str, problems: list[str]) -> Check:
    """Return that something holds unless there are problems, of which the first few are named."""
    if not problems:
        return holds(name)
    more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
    return broken(name, "; ".join(problems[:_NAMED]) + more)


_NAMED = 5
