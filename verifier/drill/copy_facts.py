"""What became of one copy → its part of the proof."""

from __future__ import annotations

import heapq
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from verifier import relpath
from verifier.drill.account import Account, count
from verifier.drill.carry_out import Work
from verifier.drill.draw import Draw, Size
from verifier.drill.moment import moment_of, time_text
from verifier.drill.reference import Reference
from verifier.drill.surveyed import Survey
from verifier.outcome import Finding, FindingKind
from verifier.proof import Assurance, CopyFacts, Count, CoverageFacts, FoundName, NameFacts, VerdictFacts
from verifier.sample import at_most_bad
from verifier.scenario.scenario import Copy, Scenario
from verifier.sources.table import folder_at
from verifier.verdict import Evidence, Verdict, judge_copy

_FEW_CACHED: Final = 0.1


@dataclass(kw_only=True)
class CopyDrill:
    """One copy on its way through the drill; what is None has not been reached, `trouble` says why it never was."""

    copy: Copy
    account: Account
    trouble: str | None = None
    survey: Survey | None = None
    size: Size | None = None
    drawn: Draw | None = None
    work: Work | None = None
    control: Literal["detected", "undetected", "not run"] = "not run"
    restore_seconds: float = 0.0
    listing_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    verdict: Verdict | None = None


def judge(part: CopyDrill, scenario: Scenario, reference: Reference, *, now: datetime, interrupted: bool) -> Verdict:
    """Hold a copy against the scenario's objectives, and return its verdict."""
    objectives = scenario.objectives
    newest = None if part.survey is None else part.survey.newest_mtime_ns
    if objectives.rpo_seconds is not None and newest is not None:
        age = now - moment_of(newest)
        if age > timedelta(seconds=objectives.rpo_seconds):
            part.account.note(_objective(FindingKind.STALE, objectives.rpo_seconds, age.total_seconds()))
    projected = _projected_seconds(part)
    if objectives.rto_seconds is not None and projected is not None and projected > objectives.rto_seconds:
        part.account.note(_objective(FindingKind.SLOW, objectives.rto_seconds, projected))
    return judge_copy(
        Evidence(
            tally=part.account.tally,
            manifest_files=reference.facts.files if part.survey is None else part.survey.expected_files,
            population_files=0 if part.survey is None else part.survey.population.files,
            changed_share=objectives.changed_share,
            control=part.control,
            trouble=part.trouble,
            interrupted=interrupted,
            warnings=tuple(_warnings(part, reference)),
        )
    )


def _objective(kind: FindingKind, allowed_seconds: float, actual_seconds: float) -> Finding:
    what = "the newest file's age" if kind == FindingKind.STALE else "a full restore, projected"
    return Finding(
        path=b"",
        kind=kind,
        expected=f"at most {timedelta(seconds=round(allowed_seconds))}",
        actual=f"{timedelta(seconds=round(actual_seconds))}",
        detail=what,
    )


def _warnings(part: CopyDrill, reference: Reference) -> list[str]:
    warnings = [] if part.survey is None else [*part.survey.facts.warnings, *part.survey.warnings]
    folder = folder_at(part.copy.location)
    if folder is not None and reference.is_made_from(folder):
        itself = "compared with itself: the manifest was made from this very copy, so damage before then is not seen"
        warnings.append(itself)
    return warnings


def copy_facts(
    part: CopyDrill, scenario: Scenario, covered: CoverageFacts, *, shared: Reference, reference: Reference
) -> CopyFacts:
    """Return the part of the proof of a copy that was judged.

    `reference` is what the copy was held against; it is stated where it is not the `shared` one that the proof states.
    """
    own = None if reference.facts == shared.facts else reference.facts
    survey, account, verdict = part.survey, part.account, part.verdict
    if verdict is None:
        raise AssertionError("a copy is judged before its facts are written")
    newest = None if survey is None else survey.newest_mtime_ns
    stated = None if survey is None else survey.facts.snapshot
    return CopyFacts(
        name=part.copy.name,
        address=relpath.as_text(part.copy.at),
        medium=part.copy.medium,
        site=part.copy.site,
        manifest=UNSET if own is None else own.identity,
        manifest_created_at=UNSET if own is None else own.created_at,
        snapshot=stated or (None if newest is None else time_text(moment_of(newest))),
        snapshot_is="the copy's own" if stated else ("unknown" if newest is None else "newest modification time"),
        depth="restored" if account.tally.proven.files else "listed",
        read_from=_read_from(part),
        keeps_times=survey is not None and survey.keeps_times,
        verdict=VerdictFacts(result=verdict.result.value, reasons=verdict.reasons),
        listed=Count() if survey is None else count(survey.listed),
        population=Count() if survey is None else count(survey.population),
        planned=count(account.tally.planned),
        proven=count(account.tally.proven),
        counts=account.counts(),
        findings=account.findings(),
        counted=account.counted(),
        unrestored=account.unrestored_facts(),
        found_as={} if survey is None else survey.found_as,
        found_names=_found_names(survey),
        assurance=_assurance(part, scenario),
        coverage=covered,
        control=part.control,
        notes=tuple(_notes(part, scenario)),
        measured=_measured(part),
    )


def _found_names(survey: Survey | None) -> tuple[FoundName, ...] | UnsetType:
    if survey is None or not survey.found_names:
        return UNSET
    return tuple(
        FoundName(how=how, entry=NameFacts(**relpath.to_json(path)), listed=NameFacts(**relpath.to_json(name)))
        for path, name, how in survey.found_names
    )


def _read_from(part: CopyDrill) -> str:
    if part.survey is None:
        return "nothing read"
    stated = part.survey.facts.read_from
    cached_files = 0 if part.work is None else part.work.cached_files
    # A few pages stay by chance, another number of them in each drill; how many files is told among what was measured.
    many = cached_files > _FEW_CACHED * part.account.tally.planned.files
    return "cache possible" if stated == "device" and many else stated


def _assurance(part: CopyDrill, scenario: Scenario) -> Assurance | None:
    """Return what the draw proves of what was not drawn, from the counts of the fresh sample alone."""
    if part.survey is None or part.size is None or part.drawn is None or not part.size.population_files:
        return None
    population, drawn = part.size.population_files, part.account.sample_drawn
    bad = part.account.sample_bad
    confidence = scenario.sample.confidence
    most = at_most_bad(population, drawn=drawn, bad=bad.files, confidence=confidence)
    return Assurance(
        confidence=confidence,
        population=population,
        drawn=drawn,
        bad=bad.files,
        at_most_bad_files=most,
        at_most_bad_bytes=bad.size_bytes + _largest_undrawn(part.survey, part.drawn, most - bad.files),
    )


def _largest_undrawn(survey: Survey, drawn: Draw, files: int) -> int:
    """Return the bytes of the largest so many files that were not drawn: the most that could be bad unseen."""
    if not files:
        return 0
    chosen = {item.entry.path for item in drawn.items}
    sizes = (item.entry.size_bytes for item in survey.comparable if item.entry.path not in chosen)
    return sum(heapq.nlargest(files, sizes))


def _holds_manifest(copy: Copy, scenario: Scenario) -> bool:
    """Tell whether a copy that is a folder here holds the manifest that it is held against."""
    folder = folder_at(copy.location)
    if folder is None or scenario.manifest is None:
        return False
    return Path(os.path.realpath(scenario.manifest)).is_relative_to(os.path.realpath(folder))


def _notes(part: CopyDrill, scenario: Scenario) -> list[str]:
    notes = list(part.notes)
    if scenario.newer_seconds is not None:
        age = timedelta(seconds=scenario.newer_seconds)
        notes.append(f"limited to live files that were changed in the last {age}")
    survey = part.survey
    if survey is None:
        return notes
    notes += [*survey.facts.notes, *survey.notes]
    if _holds_manifest(part.copy, scenario):
        notes.append("the manifest lies in the copy itself: what changes the copy's files can change it as well")
    if survey.left_out.files:
        left = survey.left_out
        notes.append(f"left out by the manifest's own patterns: {left.files:,} files, {left.size_bytes:,} bytes")
    if survey.sidecars.files:
        aside = survey.sidecars
        notes.append(
            f"left out, for systems put such files beside the data by themselves (thumbnails, indexes, recycle bins): "
            f"{aside.files:,} files, {aside.size_bytes:,} bytes"
        )
    if survey.special_files:
        notes.append(f"pipes, sockets and devices, which hold no bytes and were passed over: {survey.special_files:,}")
    if survey.equal_links:
        notes.append(f"symbolic links whose target is the manifest's, by the listing: {survey.equal_links:,}")
    if survey.unheld_links:
        notes.append(f"symbolic links, which such a place can't hold and a restore would lack: {survey.unheld_links:,}")
    notes += [f"found under another name, by {how}: {files:,}" for how, files in survey.found_as.items()]
    return notes


def _projected_seconds(part: CopyDrill) -> float | None:
    """Return how long a full restore would take: by bytes or by files, whichever is the longer."""
    planned, survey = part.account.tally.planned, part.survey
    if survey is None or not planned.files or not part.restore_seconds:
        return None
    whole = survey.population
    shares = [whole.files / planned.files]
    if planned.size_bytes:
        shares.append(whole.size_bytes / planned.size_bytes)
    return part.restore_seconds * max(1.0, *shares)


def _measured(part: CopyDrill) -> dict[str, float | int | str | None]:
    seconds = round(part.restore_seconds, 3)
    moved = 0 if part.work is None else part.work.bytes_moved
    projected = _projected_seconds(part)
    return {
        "seconds": seconds,
        "listing_seconds": round(part.listing_seconds, 3),
        "bytes_restored": moved,
        "files_maybe_from_memory": 0 if part.work is None else part.work.cached_files,
        "bytes_per_second": round(moved / seconds) if seconds else None,
        "projected_full_seconds": None if projected is None else round(projected, 3),
    }
