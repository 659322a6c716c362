"""Copies and what was last shown of each → the 3-2-1-1-0 rule, digit by digit, each with its evidence. Pure.

Three copies, on two media, one of them off-site, one immutable or offline, no findings. A copy counts while the last
drill of it PASSED or WARNED and is not overdue; the live data while the manifest that was made of it isn't. What lies
on one device, host share or bucket counts once, and what nobody can tell holds for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from verifier import relpath
from verifier.sources.interface import ObjectLock
from verifier.verdict import Result

NAME: Final = "3-2-1-1-0"
COVERAGE_SECONDS: Final = 90 * 86_400
"""How long a drill counts where the scenario states no time for coverage: nothing counts for ever."""

AHEAD: Final = timedelta(hours=1)
"""How far in the future a time may be, for clocks that differ; what is later is not relied on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyStanding:
    """What the rule asks of one copy. `device` names the disk, share or bucket; None where it isn't known.

    `result` is what its last drill came to, `shown_at` when it was last drilled with nothing left out on purpose (of
    the live data, when the manifest was made of it, on `read_on` where that is another machine), `findings` how many
    discrepancies that drill saw; None: never. `trouble` says why the copy doesn't count whatever the others say.
    `immutable` and `offline` are what the scenario states.
    """

    name: str
    medium: str | None
    site: str | None
    device: str | None
    live: bool
    result: Result | None
    shown_at: datetime | None
    read_on: str | None = None
    findings: int | None = None
    trouble: str | None = None
    lock: ObjectLock | None = None
    immutable: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The digits of a rule: so many copies, media, copies elsewhere, copies that nobody can change, and findings."""

    copies: int
    media: int
    away: int
    fixed: int
    findings: int

    @classmethod
    def of(cls, name: str) -> Wanted:
        """Return the digits that a rule's name states, as `3-2-1-1-0`."""
        copies, media, away, fixed, findings = map(int, name.split("-"))
        return cls(copies=copies, media=media, away=away, fixed=fixed, findings=findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One digit: whether it holds, and by what evidence. None: nobody can tell."""

    digit: str
    holds: bool | None
    evidence: str


def check_rule(
    copies: Sequence[CopyStanding], *, now: datetime, period_seconds: int | None, name: str = NAME
) -> tuple[Check, ...]:
    """Return the five digits of the rule for all copies that a scenario names.

    Args:
        copies: whether or not this drill restored from them.
        now: the time of the judgement.
        period_seconds: how long a drill counts; None: for `COVERAGE_SECONDS`.
        name: the digits that are wanted.
    """
    period = timedelta(seconds=COVERAGE_SECONDS if period_seconds is None else period_seconds)
    reasons = {copy.name: _why_not(copy, now, period) for copy in copies}
    counting = [copy for copy in copies if reasons[copy.name] is None]
    others = [f"{copy.name} ({reasons[copy.name]})" for copy in copies if reasons[copy.name] is not None]
    wanted = Wanted.of(name)
    return (
        _copies(counting, others, wanted.copies),
        _media(counting, wanted.media),
        _away(copies, counting, wanted.away),
        _fixed(counting, wanted.fixed, now),
        _findings(copies, wanted.findings, now, period),
    )


def broken(checks: Iterable[Check], *, name: str = NAME) -> tuple[str, ...]:
    """Return a sentence for each digit that does not hold, or of which nobody can tell."""
    told = {False: "does not hold", None: "can't be told"}
    return tuple(
        f"the rule {name}: {check.digit} {told[check.holds]}: {check.evidence}"
        for check in checks
        if check.holds is not True
    )


def _why_not(copy: CopyStanding, now: datetime, period: timedelta) -> str | None:
    """Return why a copy doesn't count; None where it does."""
    if copy.trouble is not None:
        return copy.trouble
    if copy.result not in (None, Result.PASSED, Result.WARNED):
        return f"its last drill {copy.result}"
    if copy.shown_at is None:
        never = "never drilled" if copy.result is None else "never drilled as a whole"
        return "no manifest says when it was read" if copy.live else never
    what = f"{'its manifest is of' if copy.live else 'last drilled'} {_day(copy.shown_at)}"
    if copy.shown_at > now + AHEAD:
        return f"{what}, which is in the future"
    return f"{what}, over {period.days:,} days ago" if now - copy.shown_at > period else None


def _copies(counting: Sequence[CopyStanding], others: Sequence[str], wanted: int) -> Check:
    fewest, most = _devices(counting)
    named = [f"{copy.name} ({_shown(copy)})" for copy in counting]
    evidence = f"{_named(named)}; on {fewest:,} {'device' if fewest == 1 else 'devices'}"
    if most > fewest:
        evidence += f", or up to {most:,}: which one it is isn't known of all"
    if others:
        evidence += f"; not counted: {_named(others)}"
    return Check(
        digit=f"{wanted} {'copy' if wanted == 1 else 'copies'}",
        holds=_between(fewest, most, wanted),
        evidence=evidence,
    )


def _devices(copies: Sequence[CopyStanding]) -> tuple[int, int]:
    """Return on how many devices copies lie at least, and at most: those that aren't known may be any of them."""
    known = {copy.device for copy in copies if copy.device is not None}
    unknown = sum(copy.device is None for copy in copies)
    return len(known) or min(unknown, 1), len(known) + unknown


def _media(counting: Sequence[CopyStanding], wanted: int) -> Check:
    stated = sorted({copy.medium for copy in counting if copy.medium})
    silent = [copy.name for copy in counting if not copy.medium]
    fewest, most = _devices(counting)
    # One device is one medium, whatever the copies on it state.
    holds = _between(min(len(stated), fewest), min(len(stated) + len(silent), most), wanted)
    evidence = f"as stated: {_named(stated)}"
    if len(stated) > fewest:
        evidence += f"; on {fewest:,} {'device' if fewest == 1 else 'devices'}"
    if silent:
        evidence += f"; not stated of {_named(silent)}"
    return Check(digit=f"{wanted} media", holds=holds, evidence=evidence)


def _away(copies: Sequence[CopyStanding], counting: Sequence[CopyStanding], wanted: int) -> Check:
    digit = f"{wanted} off-site"
    live = [copy for copy in copies if copy.live]
    home = {copy.site for copy in live if copy.site}
    if not home or len(home) < len({copy.site for copy in live}):
        return Check(digit=digit, holds=None if wanted else True, evidence="no live copy states its site")
    here = {copy.device for copy in live if copy.device is not None}
    away = [copy for copy in counting if copy.site and copy.site not in home and copy.device not in here]
    fewest, most = _devices(away)
    silent = [copy.name for copy in counting if not copy.site]
    places = _named([f"{copy.name} at {copy.site}" for copy in away])
    evidence = f"as stated: {places}; the live data at {_named(sorted(home))}"
    if silent:
        evidence += f"; not stated of {_named(silent)}"
    return Check(digit=digit, holds=_between(fewest, most + len(silent), wanted), evidence=evidence)


def _fixed(counting: Sequence[CopyStanding], wanted: int, now: datetime) -> Check:
    fixed, said = [], []
    for copy in counting:
        holds, evidence = immutability(copy, now)
        if holds:
            fixed.append(copy)
        if evidence is not None:
            said.append(f"{copy.name}: {evidence}")
    fewest, most = _devices(fixed)
    return Check(
        digit=f"{wanted} immutable or offline", holds=_between(fewest, most, wanted), evidence="; ".join(said) or "none"
    )


def immutability(copy: CopyStanding, now: datetime) -> tuple[bool, str | None]:
    """Tell whether nobody can change a copy, and by what evidence; None where nothing speaks for it.

    What was seen comes before what is stated: a copy that is stated to be immutable, and whose files were seen to have
    no lock, is not. That one is offline nobody but its owner can see.
    """
    lock = copy.lock
    told = 0 if lock is None else lock.files - lock.untold_files
    if lock is not None and lock.until is not None and lock.locked_files == lock.files and lock.until > now:
        modes = f", {' and '.join(lock.modes)}" if lock.modes else ""
        until = lock.until.strftime("%Y-%m-%dT%H:%M:%SZ")
        return True, f"Object Lock seen on all of {lock.files:,} files, the shortest until {until}{modes}"
    if copy.offline:
        return True, "as stated, offline: no drill can see that"
    if lock is not None and told and (copy.immutable or lock.locked_files):
        stated = "stated as immutable, but " if copy.immutable else ""
        if lock.locked_files < told:
            return False, f"{stated}Object Lock is on {lock.locked_files:,} of {told:,} files"
        if lock.until is not None and lock.until <= now:
            return False, f"{stated}the first Object Lock ended {_day(lock.until)}"
    if copy.immutable:
        untold = "" if lock is None or not lock.untold_files else f" of {lock.untold_files:,} of {lock.files:,} files"
        return True, f"as stated, immutable: no lock could be seen{untold}"
    return False, None


def _findings(copies: Sequence[CopyStanding], allowed: int, now: datetime, period: timedelta) -> Check:
    found, clean, silent = [], [], []
    total = 0
    for copy in copies:
        if copy.live:
            continue
        findings = _found(copy)
        total += findings
        if findings:
            found.append(f"{copy.name} {findings:,}")
        elif _why_not(copy, now, period) is None and copy.findings is not None:
            clean.append(copy.name)
        else:
            silent.append(f"{copy.name} ({_why_not(copy, now, period)})")
    holds: bool | None = total <= allowed
    if holds and (silent or not (found or clean)):
        holds = None
    parts = [f"in the last drill of {_named(found)}"] if found else []
    parts += [f"none in the last drill of {_named(clean)}"] if clean else []
    parts += [f"not told of {_named(silent)}"] if silent else []
    digit = f"{allowed} {'finding' if allowed == 1 else 'findings'}"
    return Check(digit=digit, holds=holds, evidence="; ".join(parts) or "no copy was drilled")


def _found(copy: CopyStanding) -> int:
    """Return how many findings there are of a copy; one that FAILED has one at least, whatever was counted."""
    return max(copy.findings or 0, int(copy.result is Result.FAILED))


def _between(fewest: int, most: int, wanted: int) -> bool | None:
    """Tell whether there are as many as wanted, of a number that is only known to be between two."""
    if fewest >= wanted:
        return True
    return None if most >= wanted else False


def _shown(copy: CopyStanding) -> str:
    day = "" if copy.shown_at is None else _day(copy.shown_at)
    if not copy.live:
        return f"{copy.result}, {day}"
    return f"live, its manifest of {day}" + (f" made on {relpath.show(copy.read_on)}" if copy.read_on else "")


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
