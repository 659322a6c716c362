"""A scenario's copies, what this drill and the ledger showed of each → how each stands before the 3-2-1-1-0 rule."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import UNSET

from verifier import proof, relpath, rule
from verifier.drill.moment import time_text
from verifier.drill.reference import Reference
from verifier.ledger import CopyResult, PastResult, Seen, SeenLock
from verifier.outcome import COUNTED_KINDS, FindingKind
from verifier.rule import CopyStanding
from verifier.scenario.scenario import Copy, Scenario
from verifier.sources.interface import ObjectLock
from verifier.sources.places.mounts import mount_of
from verifier.sources.table import folder_at
from verifier.verdict import Result

_NO_FINDINGS = frozenset(kind.value for kind in COUNTED_KINDS)


def copy_result(copy: proof.CopyFacts, drill: proof.DrillFacts) -> CopyResult:
    """Return what the ledger keeps of a copy's part of a drill, from the proof."""
    return CopyResult(
        copy=copy.name,
        verdict=copy.verdict.result,
        planned_files=copy.planned.files,
        planned_bytes=copy.planned.bytes,
        proven_files=copy.proven.files,
        proven_bytes=copy.proven.bytes,
        seen=_seen(copy, drill),
    )


def _seen(copy: proof.CopyFacts, drill: proof.DrillFacts) -> Seen:
    kinds = [kind.value for kind in FindingKind if kind.value not in _NO_FINDINGS]
    measured = copy.measured
    full = measured.get("full_seconds", measured.get("projected_full_seconds"))
    return Seen(
        address=copy.address,
        whole=not drill.only,
        findings=sum(copy.counts[kind].files for kind in kinds if kind in copy.counts),
        device=None if copy.device is UNSET else copy.device,
        lock=None if copy.lock is UNSET else _seen_lock(copy.lock),
        listing_seconds=_number(measured.get("listing_seconds")),
        seconds=_number(measured.get("seconds")),
        restored_files=copy.planned.files,
        restored_bytes=int(_number(measured.get("bytes_restored"))),
        population_files=copy.population.files,
        population_bytes=copy.population.bytes,
        full_seconds=None if full is None else _number(full),
    )


def _number(value: object) -> float:
    return max(0.0, float(value)) if isinstance(value, int | float) else 0.0


def _seen_lock(lock: proof.LockFacts) -> SeenLock:
    return SeenLock(
        files=lock.files,
        locked_files=lock.locked_files,
        untold_files=lock.untold_files,
        until=lock.until,
        modes=lock.modes,
    )


def lock_facts(lock: ObjectLock) -> proof.LockFacts:
    """Return what a place states of Object Lock as the proof holds it."""
    return proof.LockFacts(
        files=lock.files,
        locked_files=lock.locked_files,
        untold_files=lock.untold_files,
        until=None if lock.until is None else time_text(lock.until),
        modes=lock.modes,
    )


def lock_warning(copy: Copy, lock: ObjectLock | None, *, now: datetime) -> Iterator[str]:
    """Yield what is wrong with a copy that is stated to be immutable and was seen not to be."""
    if not copy.immutable:
        return
    seen = CopyStanding(
        name=copy.name,
        medium=None,
        site=None,
        device=None,
        live=False,
        result=None,
        shown_at=None,
        lock=lock,
        immutable=True,
    )
    holds, evidence = rule.immutability(seen, now)
    if not holds and evidence is not None:
        yield evidence


def standings(
    scenario: Scenario,
    reference: Reference,
    past: Iterable[PastResult],
    present: Mapping[str, CopyResult],
    *,
    now: datetime,
) -> list[CopyStanding]:
    """Return how each copy of a scenario stands, those that this drill was told to leave out among them.

    Args:
        scenario: names the copies.
        reference: the newest that copies were held against; it tells when the live data was read.
        past: what earlier drills of the scenario found, from the first on.
        present: what this one found, by copy.
        now: when this one ended.
    """
    histories: dict[str, list[tuple[CopyResult, datetime]]] = {}
    for result in past:
        # Of each copy its last two matter at most: the last one, and the last that left nothing out.
        kept = histories.setdefault(result.copy, [])
        kept.append((result, _moment(result.finished_at)))
        histories[result.copy] = _last(kept)
    for name, found in present.items():
        histories[name] = _last([*histories.get(name, []), (found, now)])
    everything = [*scenario.copies, *scenario.not_drilled]
    sole = sum(copy.live for copy in everything) == 1
    return [
        _live(copy, reference, sole=sole) if copy.live else _drilled(copy, histories.get(copy.name, []))
        for copy in everything
    ]


def _last(results: Sequence[tuple[CopyResult, datetime]]) -> list[tuple[CopyResult, datetime]]:
    whole = [one for one in results if one[0].seen is not None and one[0].seen.whole][-1:]
    return [*whole, *(one for one in results[-1:] if one not in whole)]


def _drilled(copy: Copy, history: Sequence[tuple[CopyResult, datetime]]) -> CopyStanding:
    address = relpath.as_text(copy.at)
    # What was drilled at another place, under the same name, says nothing of this one.
    seen_ones = [(result, result.seen, at) for result, at in history if result.seen is not None]
    here = [one for one in seen_ones if one[1].address == address]
    whole = [one for one in here if one[1].whole]
    last, seen, _ = here[-1] if here else (None, None, None)
    trouble = None
    if whole and last is not whole[-1][0] and whole[-1][0].verdict not in (Result.PASSED, Result.WARNED):
        trouble = f"the last drill of all of it {whole[-1][0].verdict}"
    return CopyStanding(
        name=copy.name,
        medium=copy.medium,
        site=copy.site,
        device=None if seen is None else seen.device,
        live=False,
        result=None if last is None else Result(last.verdict),
        shown_at=whole[-1][2] if whole else None,
        findings=max(one.findings for _, one, _ in here) if here else None,
        trouble=trouble,
        lock=None if seen is None or seen.lock is None else _object_lock(seen.lock),
        immutable=copy.immutable,
        offline=copy.offline,
    )


def _object_lock(lock: SeenLock) -> ObjectLock:
    return ObjectLock(
        files=lock.files,
        locked_files=lock.locked_files,
        untold_files=lock.untold_files,
        until=None if lock.until is None else _moment(lock.until),
        modes=lock.modes,
    )


def _live(copy: Copy, reference: Reference, *, sole: bool) -> CopyStanding:
    """Return how live data stands: it was read when the manifest was made of it.

    On another machine nobody here can see that it was the same folder: the origin's own word is taken where there is
    one live copy.
    """
    facts = reference.facts
    folder = folder_at(copy.location)
    elsewhere = facts.origin.machine != socket.gethostname()
    if reference.live is not None:
        made_of_it = folder is not None and os.path.realpath(folder) == os.path.realpath(reference.live)
    elif elsewhere:
        made_of_it = bool(facts.origin.machine) and sole
    else:
        made_of_it = folder is not None and reference.is_made_from(folder)
    return CopyStanding(
        name=copy.name,
        medium=copy.medium,
        site=copy.site,
        device=_device(folder) or (f"machine:{facts.origin.machine}" if folder and elsewhere and made_of_it else None),
        live=True,
        result=None,
        shown_at=_moment(facts.created_at) if facts.created_at else None,
        read_on=facts.origin.machine if elsewhere and made_of_it else None,
        trouble=None if made_of_it else "the manifest was not made of it",
        immutable=copy.immutable,
        offline=copy.offline,
    )


def _device(folder: Path | None) -> str | None:
    with contextlib.suppress(OSError):
        if folder is not None and folder.exists():
            return mount_of(folder).device
    return None


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)  # of the right form, and no time: as good as never
