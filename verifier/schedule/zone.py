"""The machine's clock on the wall → a time zone, whatever it was set by: a name, a POSIX rule, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class LocalZone(tzinfo):
    """The time zone of this machine, with its summer times, as the C library knows it."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        """Return how far local time is ahead of UTC at a local time; `fold` tells the two of a repeated hour apart."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _moment: datetime | None, /) -> timedelta | None:
        """Return nothing: which part of the offset is summer time, nobody asks."""
        return None

    def tzname(self, moment: datetime | None, /) -> str | None:
        """Return what the zone is called at a local time."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime, /) -> datetime:
        """Return the local time of a moment in UTC."""
        here = moment.replace(tzinfo=UTC).astimezone()
        first = here.replace(tzinfo=self, fold=0)
        return first if first.utcoffset() == here.utcoffset() else first.replace(fold=1)
