"""Numbers of a proof → numbers that a person reads, the same on every machine."""

from __future__ import annotations

import re
from typing import Final

_UNIT: Final = 1024
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MOMENT: Final = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|\+00:00)\Z")


def number(value: int) -> str:
    """Return `1,234,567`."""
    return f"{value:,}"


def size(size_bytes: int) -> str:
    """Return `0 B`, `17.0 KiB`, `1.2 GiB`."""
    amount = float(size_bytes)
    if amount < _UNIT:
        return f"{size_bytes} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        amount /= _UNIT
        if amount < _UNIT:
            return f"{amount:.1f} {unit}"
    return f"{amount / _UNIT:,.1f} PiB"


def duration(seconds: float) -> str:
    """Return `0.4 s`, `12 s`, `4 min 10 s`, `3 h 20 min`, `12 days 4 h`."""
    whole = round(seconds)
    if seconds < 10:  # noqa: PLR2004 - below this a tenth still says something
        return f"{seconds:.1f} s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < 2 * _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} days {whole % _DAY // _HOUR} h"


def moment(text: str) -> str:
    """Return an RFC 3339 time in UTC as `2026-11-22 18:30:00 UTC`; any other text as it is."""
    match = _MOMENT.match(text)
    return f"{match[1]} {match[2]} UTC" if match else text


def percent(share: float) -> str:
    """Return `95 %`, `99.9 %`."""
    return f"{share * 100:.10g} %"
