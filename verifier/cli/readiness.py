"""A scenario → rows: for each copy, and for each thing that a drill needs, `ready`, or what to do.

All is tried, whatever failed before it: one visit to the cellar should be enough. Nothing is written anywhere;
whoever is to be told of drills gets a test message.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from verifier import deliver, relpath
from verifier.cli.terminal import Terminal, duration, size
from verifier.drill.reference import open_reference
from verifier.errors import (
    BundleError,
    HostKeyError,
    LedgerError,
    ManifestError,
    ScratchError,
    UnreachableError,
    VerifierError,
)
from verifier.manifest import is_list
from verifier.manifest.generations import newest
from verifier.scenario.scenario import Copy, Scenario
from verifier.scratch import default_folder
from verifier.sidecars import may_be_sidecar
from verifier.sources.interface import Failed, Request, Source, SourceFacts
from verifier.sources.table import kind_of, open_source

State = Literal["ready", "look", "to do"]

_STYLES: Final = {"ready": "PASSED", "look": "WARNED", "to do": "FAILED"}
_LOOKED_AT: Final = 1_000
_ROOM_BYTES: Final = 64 * 1024**2
_CLOCK_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one thing. `look` wants attention and keeps no drill from running; `to do` does.

    `exit_code` is that of the error that stands behind `to do`.
    """

    subject: str
    thing: str
    state: State
    words: str
    exit_code: int = 0


def rows(scenario: Scenario, *, reports: Path, state: Path, now: datetime) -> Iterator[Row]:
    """Try all that a drill of the scenario would open; yield what came of it.

    Args:
        scenario: a scenario from a file.
        reports: where drills would leave their bundles.
        state: where the ledger would lie.
        now: an aware time.
    """
    for copy in scenario.copies:
        yield from _copy_rows(copy)
    yield from _manifest_rows(scenario, now)
    yield _tried("scratch", "room", lambda: _room_in_scratch(scenario))
    yield _tried("reports", "room", lambda: _room_to_write(reports, BundleError))
    yield _tried("state", "room", lambda: _room_to_write(state, LedgerError))
    for channel, trial in deliver.test(scenario.delivery, at=now):
        yield _tried(channel, "test message", trial)


def table(found: Iterable[tuple[str, Row]], terminal: Terminal) -> list[str]:
    """Return rows, each with its scenario's name, as lines of aligned columns."""
    cells = [(name, row.subject, row.thing, row.state, row.words) for name, row in found]
    widths = [max((len(cell[column]) for cell in cells), default=0) for column in range(4)]
    lines = []
    for *short, words in cells:
        padded = [cell.ljust(width) for cell, width in zip(short, widths, strict=True)]
        padded[3] = terminal.coloured(padded[3], _STYLES[short[3]])
        lines.append("  ".join([*padded, words]))
    return lines


def exit_code(found: Iterable[Row]) -> int:
    """Return the exit code of what was found.

    What is wrong in itself has to be put right first: trying again helps only where something was out of reach.
    """
    return min((row.exit_code for row in found if row.exit_code), default=0)


def _tried(subject: str, thing: str, attempt: Callable[[], str]) -> Row:
    try:
        return Row(subject=subject, thing=thing, state="ready", words=attempt())
    except VerifierError as error:
        return _wrong(subject, thing, error)


def _wrong(subject: str, thing: str, error: VerifierError) -> Row:
    words = error.message + (f" (hint: {error.hint})" if error.hint else "")
    return Row(subject=subject, thing=thing, state="to do", words=words, exit_code=error.exit_code)


def _copy_rows(copy: Copy) -> Iterator[Row]:
    """Open a copy, list its first files, read one of them, and say what it was found to be."""
    subject = f"copy {copy.name}"
    try:
        with open_source(copy.location) as source:
            yield from _opened_rows(copy, subject, source)
    except HostKeyError as error:
        yield _wrong(subject, "host key", error)
    except VerifierError as error:
        yield _wrong(subject, "opened", error)


def _opened_rows(copy: Copy, subject: str, source: Source) -> Iterator[Row]:
    ready = Row(subject=subject, thing="opened", state="ready", words="")
    marker = os.fsencode(copy.marker) if copy.marker else None
    seen, request, has_marker = 0, None, False
    for listed in source.list():
        has_marker = has_marker or listed.name == marker
        seen += listed.name != marker and not may_be_sidecar(listed.name)
        if listed.kind == "file" and listed.size_bytes:
            request = Request(number=0, listed=listed, length_bytes=1, to_end=False)
        if (seen and request is not None) or seen >= _LOOKED_AT:
            break
    if not seen and not has_marker:
        # An empty folder looks just like a share that isn't mounted, so it is never taken for a copy.
        raise UnreachableError(f"expected files in {relpath.show(copy.at)}, got an empty folder")
    facts = source.facts()
    told = [f"reachable at {relpath.show(facts.address)}", *map(relpath.show, facts.notes)]
    if not seen:
        told.append("nothing but its marker lies there: was it emptied?")
    yield replace(ready, state="ready" if seen else "look", words="; ".join(told))
    if kind_of(copy.at) == "sftp":
        how = "the one that host_key pins" if "host_key" in copy.options else "known from known_hosts"
        yield replace(ready, thing="host key", words=how)
    yield _rights_row(subject, source, request, facts)
    yield _clock_row(copy, subject, facts)


def _rights_row(subject: str, source: Source, request: Request | None, facts: SourceFacts) -> Row:
    row = Row(subject=subject, thing="rights", state="ready", words="it can be listed, and a file was read")
    if request is None:
        words = f"none of the first {_LOOKED_AT:,} names is a file with content, so none was read"
        return replace(row, state="look", words=words)
    for answer in source.restore([request], _Nowhere()):
        if isinstance(answer, Failed):
            return _wrong(subject, "rights", answer.error)
    if facts.warnings:
        return replace(row, state="look", words="; ".join(map(relpath.show, facts.warnings)))
    return row


def _clock_row(copy: Copy, subject: str, facts: SourceFacts) -> Row:
    row = Row(subject=subject, thing="clock", state="ready", words="this machine's own")
    ahead_seconds = facts.ahead_seconds
    if ahead_seconds is None:
        if kind_of(copy.at) is None:
            return row
        return replace(row, words="can't be told: the server states no time, and nothing is written to find out")
    way = "ahead of" if ahead_seconds > 0 else "behind"
    words = f"{duration(abs(ahead_seconds))} {way} this machine's"
    if abs(ahead_seconds) <= _CLOCK_SECONDS:
        return replace(row, words=words)
    return replace(row, state="look", words=f"{words}: ages are told by this machine's clock; set it by NTP")


class _Nowhere:
    """A sink for a byte that is only to be had, not kept."""

    def create(self, number: int) -> None:
        """Make nothing."""

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Keep nothing."""


def _manifest_rows(scenario: Scenario, now: datetime) -> Iterator[Row]:
    if scenario.manifest is None:
        raise AssertionError("a scenario from a file has a manifest")
    try:
        is_folder = scenario.manifest.is_dir() and not is_list(scenario.manifest)
        path = newest(scenario.manifest) if is_folder else scenario.manifest
        with open_reference(scenario, path) as reference:
            facts, created_ns = reference.facts, reference.created_ns
    except ManifestError as error:
        yield _wrong("manifest", "read", error)
        return
    words = f"{facts.files:,} files, {facts.links:,} links, {size(facts.bytes)}, identity {facts.identity}"
    if facts.states_sizes is False:
        words = f"{facts.files:,} files, of sizes that the list does not state, identity {facts.identity}"
    yield Row(subject="manifest", thing="read", state="ready", words=words)
    if facts.created_at is None:
        yield Row(
            subject="manifest", thing="age", state="look", words="not stated: a list that holds no time of its own"
        )
        return
    yield _age_row(now.timestamp() - created_ns / 1e9, scenario.objectives.rpo_seconds)


def _age_row(age_seconds: float, rpo_seconds: int | None) -> Row:
    row = Row(subject="manifest", thing="age", state="ready", words=_days(age_seconds))
    if age_seconds < -_CLOCK_SECONDS:
        return replace(
            row, state="look", words=f"made {duration(-age_seconds)} from now: is this machine's clock right?"
        )
    if rpo_seconds is None or age_seconds <= rpo_seconds:
        return row
    words = f"{row.words}, and rpo is {duration(rpo_seconds)}: make a new one, or what is newer is not proven"
    return replace(row, state="look", words=words)


def _days(seconds: float) -> str:
    days = int(max(0.0, seconds) // 86_400)
    return "made today" if days < 1 else f"{days:,} {'day' if days == 1 else 'days'} old"


def _room_in_scratch(scenario: Scenario) -> str:
    """Compare what scratch may grow to with the free space where it lies.

    Raises:
        ScratchError: there is less.
    """
    folder = scenario.scratch_path or default_folder()
    shown = relpath.show(os.fsencode(folder))
    try:
        free_bytes = shutil.disk_usage(_nearest(folder)).free
    except OSError as error:
        raise ScratchError(f"expected a folder for scratch at {shown}, got: {error.strerror}") from error
    if free_bytes < scenario.scratch_bytes:
        wanted, free = size(scenario.scratch_bytes), size(free_bytes)
        raise ScratchError(f"expected {wanted} free at {shown}, got {free}", hint="lower bytes in [scratch]")
    return f"{size(free_bytes)} free at {shown}, up to {size(scenario.scratch_bytes)} wanted"


def _room_to_write(folder: Path, trouble: type[VerifierError]) -> str:
    """Look whether a folder, or what would be made of it, can be written and has some room; raise `trouble` if not."""
    shown = relpath.show(os.fsencode(folder))
    try:
        nearest = _nearest(folder)
        free_bytes = shutil.disk_usage(nearest).free
    except OSError as error:
        raise trouble(f"expected a folder at {shown}, got: {error.strerror}") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise trouble(f"expected a folder that can be written at {shown}, got none")
    if free_bytes < _ROOM_BYTES:
        raise trouble(f"expected {size(_ROOM_BYTES)} free at {shown}, got {size(free_bytes)}")
    return f"{size(free_bytes)} free at {shown}"


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
