"""What is only on one side of the join → findings, and the candidates for having been moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from verifier.compare import is_newer, stated_size
from verifier.drill.deleted import LiveData
from verifier.drill.reference import Reference
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed, sized_as
from verifier.outcome import Finding, FindingKind
from verifier.patterns import Patterns
from verifier.reconcile import rejoin
from verifier.scenario.scenario import Copy
from verifier.spool import Table, Workspace

_Keys = tuple[Callable[[Entry], Any], Callable[[Listed], Any]]


def tell_absences(
    survey: Survey, reference: Reference, workspace: Workspace, *, live_copies: Sequence[Copy], unchanging: Patterns
) -> None:
    """Tell what is missing, what is there besides, and which of the two may be one file that was moved.

    What is missing in the copy is looked for in the scenario's `live_copies`: it may have been deleted there,
    which is told as such but where nothing may change.
    """
    with LiveData(live_copies, known=reference.entries, unchanging=unchanging) as live:
        _tell(survey, reference, workspace, live)


def _tell(survey: Survey, reference: Reference, workspace: Workspace, live: LiveData) -> None:
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
            survey.findings.append(absence(entry, survey, reference, live))
    unexpected = survey.unexpected
    for entry_key, listed_key in _LIKENESS:
        if len(missing) and len(unexpected):
            missing, unexpected = _pair_moved(
                survey, missing, unexpected, (entry_key, listed_key), workspace=workspace, live=live
            )
    for entry in missing:
        survey.findings.append(absence(entry, survey, reference, live))
    if not reference.partial:
        for listed in unexpected:
            survey.findings.append(surplus(listed, survey))


def _pair_moved(
    survey: Survey,
    missing: Table[Entry],
    unexpected: Table[Listed],
    keys: _Keys,
    *,
    workspace: Workspace,
    live: LiveData,
) -> tuple[Table[Entry], Table[Listed]]:
    """Note the pairs that meet one to one by these keys as candidates; return what is left on both sides."""
    missing_still: Table[Entry] = workspace.table(Entry)
    unexpected_still: Table[Listed] = workspace.table(Listed)
    for pair in rejoin(missing, unexpected, workspace, *keys):
        if pair.entry is not None and pair.listed is not None:
            gone = live.is_gone(pair.entry.path)
            entry = sized_as(pair.entry, pair.listed)
            survey.moved.append(Item(entry=entry, listed=pair.listed, why="moved", deleted=gone))
        elif pair.entry is not None:
            missing_still.append(pair.entry)
        elif pair.listed is not None:
            unexpected_still.append(pair.listed)
    return missing_still, unexpected_still


def absence(entry: Entry, survey: Survey, reference: Reference, live: LiveData) -> Finding:
    """Return what an entry without a listed is: missing, deleted at the source, or, of live data, not backed up yet."""
    if reference.live is not None and is_newer(entry.mtime_ns, survey.holds_until_ns):
        return replace(
            missing_entry(entry, "newer than everything in the copy", deleted=False), kind=FindingKind.NOT_YET
        )
    return missing_entry(entry, "", deleted=live.is_gone(entry.path))


def missing_entry(entry: Entry, detail: str, *, deleted: bool) -> Finding:
    """Return that an entry is not in the copy; `deleted` says that it is gone from the live data as well."""
    if deleted:
        detail = f"gone from the live data, too; {detail}" if detail else "gone from the live data, too"
    return Finding(
        path=entry.path,
        kind=FindingKind.DELETED_AT_SOURCE if deleted else FindingKind.MISSING,
        size_bytes=entry.size_bytes,
        expected=_stated(entry),
        actual="nothing",
        detail=detail,
    )


def _stated(entry: Entry) -> str:
    if entry.link is not None:
        return "a symbolic link"
    return stated_size(entry)


def surplus(listed: Listed, survey: Survey) -> Finding:
    """Return what a listed without an entry is: new since the manifest was made, or unexpected."""
    new = survey.keeps_times and listed.mtime_ns is not None and listed.mtime_ns > survey.reference.created_ns
    detail = "newer than the manifest" if new else "not in the manifest, and not newer than it"
    if survey.reference.facts.created_at is None:
        detail = "not in the manifest, which does not state when it was made"
    return Finding(
        path=listed.name,
        kind=FindingKind.NEW if new else FindingKind.UNEXPECTED,
        size_bytes=listed.size_bytes,
        expected="nothing",
        actual="a symbolic link" if listed.kind == "link" else f"{listed.size_bytes} bytes",
        detail=detail,
    )


def _size_and_name(entry: Entry) -> tuple[int, bytes]:
    return _entry_size(entry), entry.path.rpartition(b"/")[2]


def _listed_size_and_name(listed: Listed) -> tuple[int, bytes]:
    return _file_size(listed), listed.name.rpartition(b"/")[2]


def _size_and_time(entry: Entry) -> tuple[int, int]:
    return _entry_size(entry), entry.mtime_ns or 0


def _listed_size_and_time(listed: Listed) -> tuple[int, int]:
    return _file_size(listed), listed.mtime_ns or 0


def _name_alone(entry: Entry) -> tuple[int, bytes]:
    return int(entry.size_known), entry.path.rpartition(b"/")[2]


def _listed_name_alone(listed: Listed) -> tuple[int, bytes]:
    return (0 if listed.kind == "file" else -1), listed.name.rpartition(b"/")[2]


def _entry_size(entry: Entry) -> int:
    # That of no file where none is stated, or each such entry would be like every empty file.
    return entry.size_bytes if entry.size_known else -2


def _file_size(listed: Listed) -> int:
    return listed.size_bytes if listed.kind == "file" else -1


_LIKENESS: Final[tuple[_Keys, ...]] = (
    (_size_and_name, _listed_size_and_name),
    (_size_and_time, _listed_size_and_time),
    (_name_alone, _listed_name_alone),
)
"""By what a missing entry and an unexpected file may be one that was moved, one to one; only its bytes will tell."""
