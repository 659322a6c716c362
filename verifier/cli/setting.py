"""What a command is handed instead of asking the world: the clock, the environment, and the terminal to speak to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from verifier.cli.terminal import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The world around one command. `now` returns the time as an aware datetime in UTC."""

    now: Callable[[], datetime]
    environment: Mapping[str, str]
    terminal: Terminal
