"""How much at once, and how long to wait for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much at once, and how long to wait for what.

    An answer is given up when nothing came for `silence_seconds`, or less than `slowest_bytes` in `window_seconds`; a
    part after so many `tries`; everything, when no connection could be made in as many. Waits between tries double
    from `first_wait_seconds` on; a server that asks for more than `longest_wait_seconds` is told as unreachable.
    """

    connections: int = 16
    part_bytes: int = 16 * 1024 * 1024
    tries: int = 5
    connect_seconds: float = 15.0
    silence_seconds: float = 30.0
    window_seconds: float = 60.0
    slowest_bytes: int = 64 * 1024
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 60.0
