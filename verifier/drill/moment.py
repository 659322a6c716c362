"""Times of files, in nanoseconds → moments and texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_LAST_SECOND: Final = 253_402_300_799  # of the year 9999


def moment_of(time_ns: int) -> datetime:
    """Return a time in nanoseconds since 1970 as a moment in UTC, to the second.

    A hostile or broken time is brought back into the years that a datetime holds.
    """
    return datetime.fromtimestamp(min(max(time_ns // 1_000_000_000, 0), _LAST_SECOND), UTC)


def time_text(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
