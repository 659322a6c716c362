"""REPORTS, whom to trust, and anchors from outside → what holds of each drill and chain, and what nobody could tell."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from verifier.audit import bundle_checks
from verifier.audit.chain import Head, Link, check_chain, check_end
from verifier.audit.check import Check, State, broken
from verifier.audit.silence import Sign, check_silence
from verifier.bundle import BundleFolder, bundle_folders
from verifier.errors import BundleError
from verifier.signing import AllowedSigners
from verifier.spool import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillAudit:
    """One bundle: which drill it says that it is, and what was looked at."""

    scenario: str
    folder: str
    number: int | None
    result: str | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainAudit:
    """All drills of one scenario, as a chain."""

    scenario: str
    drills: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What holds in a folder of reports, and what doesn't."""

    drills: tuple[DrillAudit, ...]
    chains: tuple[ChainAudit, ...]
    anchors: tuple[Check, ...]

    def checks(self) -> Iterator[Check]:
        """Yield everything that was looked at."""
        for drill in self.drills:
            yield from drill.checks
        for chain in self.chains:
            yield from chain.checks
        yield from self.anchors

    @property
    def is_broken(self) -> bool:
        """Whether anything is not as it should be."""
        return any(check.state == State.BROKEN for check in self.checks())


def audit_reports(
    reports: Path,
    *,
    allowed: AllowedSigners | None,
    heads: Sequence[Head],
    workspace: Workspace,
    now: datetime | None = None,
) -> Audit:
    """Look at every bundle in REPORTS.

    Args:
        reports: the folder; nothing in it is written.
        allowed: whose signatures are trusted; None where nobody said.
        heads: anchors from outside: numbers of drills and the SHA-256 of their proofs.
        workspace: where paths are sorted.
        now: up to when silence counts, an aware time; the present by default.

    Raises:
        BundleError: the folder can't be listed, or holds no bundle.
    """
    drills: list[DrillAudit] = []
    links: dict[str, list[Link]] = defaultdict(list)
    signs: dict[str, list[Sign]] = defaultdict(list)
    for folder in bundle_folders(reports):
        drill, link, sign = _audit_drill(reports, BundleFolder(folder), allowed, workspace)
        drills.append(drill)
        links[drill.scenario] += [link] if link is not None else []
        signs[drill.scenario] += [sign] if sign is not None else []
    if not drills:
        raise BundleError("expected a folder of reports with at least one bundle, got none")
    chains = [
        _audit_chain(name, drills, (links[name], signs[name]), heads, now or datetime.now(UTC))
        for name in sorted({drill.scenario for drill in drills})
    ]
    everywhere = [link for chain in links.values() for link in chain]
    anchors = [
        _unheld(head)
        for head in heads
        if not any((it.number, it.sha256) == (head.number, head.sha256) for it in everywhere)
    ]
    return Audit(drills=tuple(drills), chains=tuple(chains), anchors=tuple(anchors))


def _unheld(head: Head) -> Check:
    return broken("an anchor", f"no drill {head.number} here has a proof of SHA-256 {head.sha256}")


def _audit_chain(
    scenario: str,
    drills: Sequence[DrillAudit],
    stated: tuple[Sequence[Link], Sequence[Sign]],
    heads: Sequence[Head],
    now: datetime,
) -> ChainAudit:
    links, signs = stated
    checks = (check_chain(links), check_end(links, heads), *check_silence(signs, now=now))
    return ChainAudit(scenario=scenario, drills=sum(drill.scenario == scenario for drill in drills), checks=checks)


def _audit_drill(
    reports: Path, bundle: BundleFolder, allowed: AllowedSigners | None, workspace: Workspace
) -> tuple[DrillAudit, Link | None, Sign | None]:
    checks = list(bundle_checks.check_sums(bundle))
    scenario, folder = bundle.path.parent.name, bundle.path.name
    try:
        proof, data = bundle_checks.read_proof(bundle)
    except BundleError as error:
        checks += [broken("the proof", error.message), *bundle_checks.check_signature(bundle, None, allowed)]
        return DrillAudit(scenario=scenario, folder=folder, number=None, result=None, checks=tuple(checks)), None, None
    checks += bundle_checks.check_signature(bundle, proof, allowed)
    checks += [bundle_checks.check_place(bundle, proof), bundle_checks.check_verdict(proof)]
    try:
        checks += [bundle_checks.check_reports(bundle, proof, data), bundle_checks.check_lists(bundle, proof)]
    except BundleError as error:
        checks.append(broken("the reports and lists", error.message))
    checks += bundle_checks.check_manifests(reports, bundle, proof, workspace)
    drill = DrillAudit(
        scenario=scenario,
        folder=folder,
        number=proof.drill.number,
        result=proof.verdict.result,
        checks=tuple(checks),
    )
    sha256 = hashlib.sha256(data).hexdigest()
    facts = proof.drill
    sign = (
        None
        if facts.schedule is None
        else Sign(number=facts.number, started_at=facts.started_at, schedule=facts.schedule)
    )
    return drill, Link(number=facts.number, previous=facts.previous, sha256=sha256, folder=folder), sign
