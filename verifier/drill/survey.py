"""A copy, opened and listed → what is comparable, what is newer, and what the listing alone already shows.

Everything of the size of the dataset stands in tables on disk; what is kept in memory is counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from verifier import heartbeat, relpath
from verifier.drill.absences import tell_absences
from verifier.drill.reference import Reference
from verifier.drill.references import Choice, References
from verifier.drill.same_data import SameDataWatch
from verifier.drill.sidecars import set_sidecars_aside
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed, sized_as
from verifier.errors import SourceError, UnreachableError
from verifier.outcome import Finding, FindingKind
from verifier.patterns import Patterns
from verifier.plan import TimeEvidence, judge_listed
from verifier.reconcile import Pair, reconcile
from verifier.scenario.scenario import Copy, Scenario
from verifier.sidecars import may_be_sidecar
from verifier.sources.interface import Location, Source
from verifier.sources.table import open_source
from verifier.spool import Table, Workspace


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the scenario says of paths, compiled once: where nothing may change, and what alone is drilled.

    `live_copies` are where a missing file is looked for, to tell whether it was deleted at the source.
    """

    unchanging: Patterns
    only: Patterns
    always: Patterns
    live_copies: tuple[Copy, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Rules:
        """Compile a scenario's patterns."""
        return cls(
            unchanging=Patterns(scenario.unchanging),
            only=Patterns(scenario.only),
            always=Patterns(scenario.sample.always),
            live_copies=tuple(copy for copy in scenario.copies if copy.live),
        )


def take_survey(
    copy: Copy,
    references: References,
    rules: Rules,
    *,
    workspace: Workspace,
    watch: Callable[[Iterable[Listed]], Iterator[Listed]],
    when_open: Callable[[Location], None] | None = None,
) -> Survey:
    """List a copy, choose what it is held against, and hold its listing against that.

    An entry that exists nowhere is held against it, too: the drill's test of itself wants it told as missing. `watch`
    passes the listing on, for as long as nobody wants to stop; `when_open` is told once the copy was opened.

    Raises:
        SourceError: the copy is not there, is empty, refuses us, or is the live data itself.
        ManifestError: the manifest that fits the copy can't be read whole.
    """
    location = copy.location
    with open_source(location) as source:
        if when_open is not None:
            when_open(location)
        choice, listing = _choose(references, source, watch(source.list()), workspace)
        reference = choice.reference
        survey = _empty_survey(copy, location, source, choice, workspace)
        entries = _with_absent(_chosen(reference, rules.only, survey), reference.absent_path)
        counted = _counted(listing, reference.exclude, rules.only, survey)
        joined = reconcile(entries, counted, ordered=source.ordered, folds_case=source.folds_case, workspace=workspace)
        times = _sort_out(joined, survey, SameDataWatch(reference, copy))
        _read_heartbeat(source, survey)
        survey.facts = source.facts()
        survey.keeps_times = source.keeps_times if copy.keeps_times is None else copy.keeps_times
    if not survey.has_files and not len(survey.pairs) and reference.files:
        raise UnreachableError(
            f"expected files in {relpath.show(copy.at)}, got an empty folder",
            hint="is the disk or share mounted?",
        )
    _weigh_times(survey, times)
    told = len(survey.pairs) + len(survey.missing) - 1  # the entry that exists nowhere is no part of the reference
    set_sidecars_aside(survey, workspace)
    _classify(survey, rules, workspace, live=reference.live is not None)
    tell_absences(survey, reference, workspace, live_copies=rules.live_copies, unchanging=rules.unchanging)
    if told != survey.expected_entries:
        survey.control_missed = True
        survey.notes.append(f"{told:,} of {survey.expected_entries:,} entries were told as found or as missing")
    return survey


def _choose(
    references: References, source: Source, listing: Iterator[Listed], workspace: Workspace
) -> tuple[Choice, Iterator[Listed]]:
    """Choose what a copy is held against; return its listing with it, as it may have been read for that."""
    newest_mtime_ns = None
    if references.by_age:
        # What fits depends on the newest file, so the listing lies on disk before the first entry is joined.
        listing, newest_mtime_ns = _laid_down(listing, references.exclude, workspace)
    return references.choose(snapshot=source.facts().snapshot, newest_mtime_ns=newest_mtime_ns), listing


def _laid_down(
    listing: Iterable[Listed], exclude: Patterns, workspace: Workspace
) -> tuple[Iterator[Listed], int | None]:
    """Lay a listing on a table; return it, to be read from there, and the time of the newest file that counts."""
    table: Table[Listed] = workspace.table(Listed)
    newest: int | None = None
    for listed in listing:
        table.append(listed)
        if listed.kind == "file" and listed.mtime_ns is not None and (newest is None or listed.mtime_ns > newest):
            newest = newest if exclude.match(listed.name) or may_be_sidecar(listed.name) else listed.mtime_ns
    return iter(table), newest


def _empty_survey(copy: Copy, location: Location, source: Source, choice: Choice, workspace: Workspace) -> Survey:
    return Survey(
        copy=copy,
        location=location,
        facts=source.facts(),
        keeps_times=source.keeps_times,
        holds_links=source.holds_links,
        reference=choice.reference,
        pairs=workspace.table(Item),
        missing=workspace.table(Entry),
        unexpected=workspace.table(Listed),
        comparable=workspace.table(Item),
        newer=workspace.table(Item),
        moved=workspace.table(Item),
        findings=workspace.table(Finding),
        notes=list(choice.notes),
        warnings=list(choice.warnings),
    )


def _chosen(reference: Reference, only: Patterns, survey: Survey) -> Iterator[Entry]:
    """Yield the entries that are drilled, and count them."""
    if not only:
        survey.expected_files = reference.files
        survey.expected_entries = reference.files + reference.facts.links
        yield from reference.entries()
        return
    for entry in reference.entries():
        if only.match(entry.path):
            survey.expected_entries += 1
            survey.expected_files += entry.link is None
            yield entry


def _with_absent(entries: Iterator[Entry], absent: bytes) -> Iterator[Entry]:
    """Put the entry that exists nowhere into the stream, where it stands in the order of paths."""
    for entry in entries:
        if entry.path > absent:
            yield Entry(path=absent)
            yield entry
            break
        yield entry
    else:
        yield Entry(path=absent)
    yield from entries


def _counted(listing: Iterable[Listed], exclude: Patterns, only: Patterns, survey: Survey) -> Iterator[Listed]:
    """Pass on what of the listing is drilled; count it, and what the manifest's exclusions leave out."""
    for listed in listing:
        if heartbeat.is_one(listed):
            survey.heartbeat_listed = listed
            continue
        if exclude and exclude.match(listed.name):
            survey.left_out.add(listed.size_bytes)
            continue
        _look_for_signs_of_backup(listed, survey)
        if only and not only.match(listed.name):
            continue
        if listed.kind == "unsafe":
            detail = "the name would lead out of the place that it is restored to"
            survey.findings.append(Finding(path=listed.name, kind=FindingKind.UNSAFE_PATH, detail=detail))
            continue
        if listed.kind == "file":
            survey.listed.add(listed.size_bytes)
        yield listed


def _look_for_signs_of_backup(listed: Listed, survey: Survey) -> None:
    """Note that there is a file, and the time of the newest: those alone that no system put there by itself.

    A NAS that made thumbnails today would otherwise hide that the last backup was a year ago, or that nothing is left.
    """
    if listed.kind != "file":
        return
    time_ns, newest_ns = listed.mtime_ns, survey.newest_mtime_ns
    newer = time_ns is not None and (newest_ns is None or time_ns > newest_ns)
    if (newer or not survey.has_files) and not may_be_sidecar(listed.name):
        survey.has_files = True
        survey.newest_mtime_ns = time_ns if newer else newest_ns


def _read_heartbeat(source: Source, survey: Survey) -> None:
    """Read the heartbeat that the copy carries, if it does; one that can't be read is told, and the drill goes on."""
    if survey.heartbeat_listed is None:
        return
    try:
        survey.heartbeat = heartbeat.read(source, survey.heartbeat_listed)
    except ValueError as error:
        survey.heartbeat_trouble = str(error)
    except SourceError as error:
        survey.heartbeat_trouble = error.message


def _sort_out(joined: Iterable[Pair], survey: Survey, watch: SameDataWatch) -> TimeEvidence:
    """Lay what was joined, and what was not, on their tables; return how the times compare."""
    times = TimeEvidence()
    for pair in joined:
        entry, listed, remark = pair
        if entry is not None and listed is not None:
            entry = sized_as(entry, listed)
            survey.pairs.append(Item(entry=entry, listed=listed, found_as=remark))
            if remark is not None:
                survey.note_other_name(entry, listed, remark)
            if entry.link is None and listed.kind == "file":
                times.add(entry, listed)
                watch.look(pair)
        elif entry is not None:
            survey.missing.append(entry)
        elif listed is not None and listed.kind == "other":
            survey.special_files += 1
        elif listed is not None:
            survey.unexpected.append(listed)
    return times


def _weigh_times(survey: Survey, times: TimeEvidence) -> None:
    """Trust no time of a copy whose times say that it does not keep them, but where the scenario says that it does."""
    if survey.keeps_times and survey.copy.keeps_times is None and times.says_not_kept:
        survey.keeps_times = False
        survey.notes.append(
            f"the copy does not keep the files' times ({times.agreeing:,} of {times.pairs:,} agree, at equal sizes), "
            "so every file is judged by its bytes"
        )


def _classify(survey: Survey, rules: Rules, workspace: Workspace, *, live: bool) -> None:
    """Sort pairs into those that are comparable, in the order of paths, those that are newer, and findings."""
    last, ordered = b"", True
    for item in survey.pairs:
        unchanging = rules.unchanging.match(item.entry.path)
        judgement = judge_listed(
            item.entry, item.listed, keeps_times=survey.keeps_times, unchanging=unchanging, live=live
        )
        if judgement.finding is not None:
            survey.findings.append(judgement.finding)
        elif judgement.newer is not None:
            survey.newer.append(msgspec.structs.replace(item, why="newest", newer=judgement.newer))
        elif item.entry.link is not None:
            survey.equal_links += 1
        else:
            survey.population.add(item.entry.size_bytes)
            why = "always" if rules.always.match(item.entry.path) else "sample"
            survey.comparable.append(msgspec.structs.replace(item, unchanging=unchanging, why=why))
            ordered = ordered and last <= item.entry.path
            last = item.entry.path
    survey.pairs.close()
    if not ordered:  # what was found under another name comes after all others
        by_path = workspace.sort_on_disk(survey.comparable, key=lambda item: item.entry.path, record_type=Item)
        survey.comparable = workspace.table(Item).extend(by_path)
