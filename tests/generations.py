"""Folders of generations of known content and time, for the tests of what chooses among them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from verifier.digest import new_hasher
from verifier.entry import Entry
from verifier.manifest import Header, Origin, write_manifest
from verifier.manifest.generations import Generation
from verifier.manifest.header import write_time
from verifier.manifest.native import Totals

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND_NS = 1_000_000_000


def day(number: float) -> datetime:
    """Return a moment so many days after the first."""
    return START + timedelta(days=number)


def day_ns(number: float) -> int:
    """Return the same moment in nanoseconds since 1970."""
    return int(day(number).timestamp()) * SECOND_NS


def known(files: Mapping[str, bytes], *, mtime_ns: int, times: Mapping[str, int] | None = None) -> list[Entry]:
    """Return the entries of files of this content, all of one time but for `times`."""
    entries = []
    for name, data in files.items():
        hasher = new_hasher("xxh3_128")
        hasher.update(data)
        when = (times or {}).get(name, mtime_ns)
        entries.append(Entry(path=name.encode(), size_bytes=len(data), mtime_ns=when, digest=hasher.hexdigest()))
    return sorted(entries, key=lambda entry: entry.path)


def write_generation(
    file: Path, created: datetime, entries: list[Entry], *, previous: str | None = None, exclude: tuple[str, ...] = ()
) -> str:
    """Write a manifest of these entries; return its identity."""
    header = Header(
        dataset="photos",
        created=write_time(created),
        origin=Origin(address="/photos", machine="elsewhere"),
        digest="xxh3_128",
        exclude=exclude,
        previous=previous,
    )
    return write_manifest(file, header, entries).identity


def stated(number: float, *, files: int = 10, size_bytes: int = 1_000, previous: str | None = None) -> Generation:
    """Return a generation of a day that lies nowhere; its identity is that of its day and counts."""
    return Generation(
        file=Path(f"/nowhere/{number}.jsonl"),
        header=Header(
            dataset="photos",
            created=write_time(day(number)),
            origin=Origin(address="/photos", machine="elsewhere"),
            digest="xxh3_128",
            previous=previous,
        ),
        stated=Totals(files=files, links=0, bytes=size_bytes, identity=identity(number, files, size_bytes)),
    )


def identity(*facts: object) -> str:
    """Return an identity that is another for other facts."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def chain(*counts: tuple[int, int]) -> list[Generation]:
    """Return generations of these files and bytes, a day apart, each following the one before."""
    made: list[Generation] = []
    for number, (files, size_bytes) in enumerate(counts):
        previous = made[-1].identity if made else None
        made.append(stated(number, files=files, size_bytes=size_bytes, previous=previous))
    return made
