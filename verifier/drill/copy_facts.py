"""What became of one copy → its part of the proof."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from verifier import relpath
from verifier.drill.account import Account, count
from verifier.drill.carry_out import Work
from verifier.drill.draw import Draw, undrawn_bytes
from verifier.drill.moment import time_text
from verifier.drill.objectives import (
    RestoreTime,
    Snapshot,
    missed,
    notes,
    restore_time,
    snapshot_of,
    warnings,
)
from verifier.drill.reference import Reference
from verifier.drill.size import Size
from verifier.drill.standing import lock_facts, lock_warning
from verifier.drill.surveyed import Survey
from verifier.outcome import Reason
from verifier.proof import Assurance, CopyFacts, Count, CoverageFacts, FoundName, NameFacts, VerdictFacts
from verifier.sample import at_most_bad, bad_bytes_bound, chance_of_finding
from verifier.scenario.scenario import Copy, Scenario
from verifier.sources.table import folder_at
from verifier.trend import PastRestore, trend
from verifier.verdict import Evidence, Verdict, judge_copy

_FEW_CACHED: Final = 0.1
FEW_BAD: Final = 10
"""So many bad files are what a proof states the chance of, had there been no more: most samples would miss them."""


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
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(is_="unknown"))
    verdict: Verdict | None = None
    covered: CoverageFacts | None = None
    past_restores: tuple[PastRestore, ...] = ()
    judged_at: datetime | None = None


def judge(part: CopyDrill, scenario: Scenario, reference: Reference, *, now: datetime, interrupted: bool) -> Verdict:
    """Hold a copy against the scenario's objectives, and return its verdict."""
    objectives = scenario.objectives
    snapshot, time = snapshot_of(part.survey, now=now), _restore_time(part)
    for finding in missed(objectives, snapshot, time, now=now):
        part.account.note(finding)
    part.snapshot, part.judged_at = snapshot, now
    part.notes += notes(objectives, part.survey, time)
    warned = [*_warnings(part, reference, now), *warnings(objectives, part.survey, snapshot, time, now=now)]
    return judge_copy(
        Evidence(
            tally=part.account.tally,
            manifest_files=reference.facts.files if part.survey is None else part.survey.expected_files,
            population_files=0 if part.survey is None else part.survey.population.files,
            changed_share=objectives.changed_share,
            control=part.control,
            trouble=part.trouble,
            interrupted=interrupted,
            warnings=tuple(warned),
        )
    )


def _warnings(part: CopyDrill, reference: Reference, now: datetime) -> list[str]:
    found = [] if part.survey is None else [*part.survey.facts.warnings, *part.survey.warnings]
    if part.survey is not None:
        found += lock_warning(part.copy, part.survey.facts.lock, now=now)
    folder = folder_at(part.copy.location)
    if folder is not None and reference.is_made_from(folder):
        itself = "compared with itself: the manifest was made from this very copy, so damage before then is not seen"
        found.append(itself)
    if part.size is not None:
        found += _budget_warnings(part.size)
    return found


def _budget_warnings(size: Size) -> Iterator[str]:
    too_large, budget_bytes = size.over_budget, size.budget_bytes
    if too_large.files:
        files = "1 file" if too_large.files == 1 else f"{too_large.files:,} files"
        yield (
            f"{files} cannot be drilled within the budget of {budget_bytes:,} bytes ({too_large.size_bytes:,} bytes)"
        )
    if size.population_files and not size.sample_files:
        yield (
            f"the budget of {budget_bytes:,} bytes is too small for a sample: nothing is shown of "
            f"{size.population_files:,} files"
        )


def copy_facts(
    part: CopyDrill, scenario: Scenario, *, seed: bytes, shared: Reference, reference: Reference
) -> CopyFacts:
    """Return the part of the proof of a copy that was judged.

    `reference` is what the copy was held against; it is stated where it is not the `shared` one that the proof states.
    """
    own = None if reference.facts == shared.facts else reference.facts
    survey, account, verdict = part.survey, part.account, part.verdict
    if verdict is None or part.covered is None:
        raise AssertionError("a copy is judged before its facts are written")
    snapshot = part.snapshot
    return CopyFacts(
        name=part.copy.name,
        address=relpath.as_text(part.copy.at),
        medium=part.copy.medium,
        site=part.copy.site,
        manifest=UNSET if own is None else own.identity,
        manifest_created_at=UNSET if own is None else own.created_at,
        device=UNSET if survey is None or survey.facts.device is None else survey.facts.device,
        lock=UNSET if survey is None or survey.facts.lock is None else lock_facts(survey.facts.lock),
        snapshot=snapshot.stated or (None if snapshot.at is None else time_text(snapshot.at)),
        snapshot_is=snapshot.is_,
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
        assurance=_assurance(part, scenario, seed),
        coverage=part.covered,
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


def _assurance(part: CopyDrill, scenario: Scenario, seed: bytes) -> Assurance | None:
    """Return what the draw proves of what was not drawn, from the counts of the fresh sample alone.

    What coverage shows beside it bounds nothing, but more bad files than the bound allows for are not left unsaid.
    """
    size, account = part.size, part.account
    if size is None or part.drawn is None or not size.population_files:
        return None
    population, drawn, bad = size.population_files, account.sample_drawn, account.sample_bad
    confidence = scenario.sample.confidence
    most = at_most_bad(population, drawn=drawn, bad=bad.files, confidence=confidence)
    most = max(most, bad.files + account.coverage_bad.files)
    stake = bad_bytes_bound(
        bad_bytes=bad.size_bytes,
        more_files=most - bad.files,
        undrawn_bytes=undrawn_bytes(part.drawn, seed=seed),
        population_bytes=size.spread.size_bytes,
    )
    few = min(FEW_BAD, population)
    return Assurance(
        confidence=confidence,
        population=population,
        population_bytes=size.spread.size_bytes,
        wished=size.sample.wished_files,
        drawn=drawn,
        bad=bad.files,
        at_most_bad_files=most,
        at_most_bad_bytes=stake.at_most_bad_bytes,
        known_bad=count(account.known_bad),
        few_bad=few,
        chance_of_few=chance_of_finding(population, few, drawn),
    )


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
    if part.size is not None and not part.size.full and part.size.population_files:
        notes.append(part.size.sample.sentence())
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


def _restore_time(part: CopyDrill) -> RestoreTime | None:
    if part.survey is None:
        return None
    tally = part.account.tally
    return restore_time(
        part.work,
        full=part.size is not None and part.size.full,
        complete=not any(reason.value in tally.counts for reason in Reason),
        seconds=part.restore_seconds,
        whole=part.survey.population,
    )


def _measured(part: CopyDrill) -> dict[str, float | int | str | None]:
    seconds = round(part.restore_seconds, 3)
    moved = 0 if part.work is None else part.work.bytes_moved
    return {
        "seconds": seconds,
        "listing_seconds": round(part.listing_seconds, 3),
        "bytes_restored": moved,
        "files_maybe_from_memory": 0 if part.work is None else part.work.cached_files,
        "bytes_per_second": round(moved / seconds) if seconds else None,
        **_phases(part.work),
        **_full_restore(_restore_time(part)),
        **_change(part, _restore_time(part)),
    }


def _change(part: CopyDrill, time: RestoreTime | None) -> dict[str, float | int | str | None]:
    """Return how a full restore's time changed over this drill and those before it, where that can be told."""
    if time is None or part.survey is None or part.judged_at is None:
        return {}
    population = part.survey.population
    present = PastRestore(
        at_seconds=part.judged_at.timestamp(),
        restore_seconds=time.seconds,
        files=population.files,
        size_bytes=population.size_bytes,
    )
    changed = trend([*part.past_restores, present])
    if changed is None:
        return {}
    return {
        "restore_change_percent": round(100 * changed.restore_share, 1),
        "pace_change_percent": round(100 * changed.pace_share, 1),
    }


def _phases(work: Work | None) -> dict[str, float | int | str | None]:
    timings = [] if work is None else [batch.timing for batch in work.timed]
    if not timings:
        return {}
    return {
        "connect_seconds": round(max(one.connect_seconds for one in timings), 3),
        "first_byte_seconds": round(statistics.median(one.first_byte_seconds for one in timings), 4),
        "verify_seconds": round(sum(one.verify_seconds for one in timings), 3),
    }


def _full_restore(time: RestoreTime | None) -> dict[str, float | int | str | None]:
    if time is None:
        return {"projected_full_seconds": None}
    if not time.projected:
        return {"full_seconds": round(time.seconds, 3)}
    return {
        "projected_full_seconds": round(time.seconds, 3),
        "projected_full_low_seconds": round(time.low_seconds, 3),
        "projected_full_high_seconds": round(time.high_seconds, 3),
    }
