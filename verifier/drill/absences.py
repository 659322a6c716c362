"""What is only on one side of the join → findings, and the candidates for having been moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from verifier.compare import is_newer
from verifier.drill.reference import Reference
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed
from verifier.outcome import Finding, FindingKind
from verifier.reconcile import rejoin
from verifier.spool import Table, Workspace

_Keys = tuple[Callable[[Entry], Any], Callable[[Listed], Any]]


def tell_absences(survey: Survey, reference: Reference, workspace: Workspace) -> None:
    """Tell what is missing, what is there besides, and which of the two may be one file that was moved."""
    missing: Table[Entry] = workspace.table(Entry)
    survey.control_missed = True
    for entry in survey.missing:
        if entry.path == reference.absent_path:
            survey.control_missed = False
        elif entry.link is None:
            missing.append(entry)
        elif not survey.holds_links:
            survey.unheld_links += 1
        else:
            survey.findings.append(absence(entry, survey, reference))
    unexpected = survey.unexpected
    for entry_key, listed_key in _LIKENESS:
        if len(missing) and len(unexpected):
            missing, unexpected = _pair_moved(survey, missing, unexpected, (entry_key, listed_key), workspace)
    for entry in missing:
        survey.findings.append(absence(entry, survey, reference))
    if not reference.partial:
        for listed in unexpected:
            survey.findings.append(surplus(listed, survey))


def _pair_moved(
    survey: Survey, missing: Table[Entry], unexpected: Table[Listed], keys: _Keys, workspace: Workspace
) -> tuple[Table[Entry], Table[Listed]]:
    """Note the pairs that meet one to one by these keys as candidates; return what is left on both sides."""
    missing_still: Table[Entry] = workspace.table(Entry)
    unexpected_still: Table[Listed] = workspace.table(Listed)
    for pair in rejoin(missing, unexpected, workspace, *keys):
        if pair.entry is not None and pair.listed is not None:
            survey.moved.append(Item(entry=pair.entry, listed=pair.listed, why="moved"))
        elif pair.entry is not None:
            missing_still.append(pair.entry)
        elif pair.listed is not None:
            unexpected_still.append(pair.listed)
    return missing_still, unexpected_still


def absence(entry: Entry, survey: Survey, reference: Reference) -> Finding:
    """Return what an entry without a listed is: missing, or, of live data, not backed up yet."""
    expected = "a symbolic link" if entry.link is not None else f"{entry.size_bytes} bytes"
    not_yet = reference.live is not None and is_newer(entry.mtime_ns, survey.holds_until_ns)
    return Finding(
        path=entry.path,
        kind=FindingKind.NOT_YET if not_yet else FindingKind.MISSING,
        size_bytes=entry.size_bytes,
        expected=expected,
        actual="nothing",
        detail="newer than everything in the copy" if not_yet else "",
    )


def surplus(listed: Listed, survey: Survey) -> Finding:
    """Return what a listed without an entry is: new since the manifest was made, or unexpected."""
    new = survey.keeps_times and listed.mtime_ns is not None and listed.mtime_ns > survey.reference_created_ns
    return Finding(
        path=listed.name,
        kind=FindingKind.NEW if new else FindingKind.UNEXPECTED,
        size_bytes=listed.size_bytes,
        expected="nothing",
        actual="a symbolic link" if listed.kind == "link" else f"{listed.size_bytes} bytes",
        detail="newer than the manifest" if new else "not in the manifest, and not newer than it",
    )


def _size_and_name(entry: Entry) -> tuple[int, bytes]:
    return entry.size_bytes, entry.path.rpartition(b"/")[2]


def _listed_size_and_name(listed: Listed) -> tuple[int, bytes]:
    return _file_size(listed), listed.name.rpartition(b"/")[2]


def _size_and_time(entry: Entry) -> tuple[int, int]:
    return entry.size_bytes, entry.mtime_ns or 0


def _listed_size_and_time(listed: Listed) -> tuple[int, int]:
    return _file_size(listed), listed.mtime_ns or 0


def _file_size(listed: Listed) -> int:
    return listed.size_bytes if listed.kind == "file" else -1


_LIKENESS: Final[tuple[_Keys, ...]] = (
    (_size_and_name, _listed_size_and_name),
    (_size_and_time, _listed_size_and_time),
)
"""By what a missing entry and an unexpected file may be one that was moved, one to one; only its bytes will tell."""
