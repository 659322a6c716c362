"""Everything that a drill knows at its end → the proof, and what the ledger keeps of it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET

from verifier import __version__, proof, relpath, rule, signing
from verifier.drill.copy_facts import CopyDrill
from verifier.drill.moment import time_text
from verifier.drill.reference import Reference
from verifier.ledger import BeginDrill, CopyResult, Head, PlannedCopy, UnfinishedDrill
from verifier.scenario.scenario import Scenario
from verifier.scenario.schedule import Schedule
from verifier.verdict import judge_drill


def assemble(
    scenario: Scenario,
    references: Sequence[Reference],
    drill: proof.DrillFacts,
    copies: tuple[proof.CopyFacts, ...],
    parts: Sequence[CopyDrill],
    *,
    signer: signing.Signer | None = None,
) -> proof.Proof:
    """Return the proof of a drill whose copies were all judged.

    `references` are those that copies were held against, each once, the newest first.
    """
    shared, *others = [reference.facts for reference in references]
    verdict = judge_drill({part.copy.name: part.verdict for part in parts if part.verdict is not None})
    return proof.Proof(
        proof=proof.FORMAT,
        tool=proof.ToolFacts(
            name="restore-verifier",
            version=__version__,
            python=platform.python_version(),
            platform=platform.platform(),
        ),
        drill=drill,
        scenario=_scenario_facts(scenario),
        manifest=shared,
        manifests=tuple(others) if others else UNSET,
        copies=copies,
        rule=_rule_facts(scenario, parts),
        verdict=proof.VerdictFacts(result=verdict.result.value, reasons=verdict.reasons),
        signer=None if signer is None else proof.SignerFacts(kind=signer.kind, fingerprint=signer.fingerprint),
    )


def drill_facts(
    begun: BeginDrill,
    head: Head | None,
    abandoned: Sequence[UnfinishedDrill],
    *,
    machine: str,
    now: datetime,
    interrupted: bool,
    only: tuple[str, ...],
    schedule: Schedule | None,
) -> proof.DrillFacts:
    """Return which drill this is, and its place in the chain behind `head`."""
    return proof.DrillFacts(
        id=begun.id,
        number=1 if head is None else head.number + 1,
        previous=None if head is None else head.proof_sha256,
        machine=machine,
        started_at=begun.started_at,
        finished_at=time_text(now),
        seed=begun.seed.hex(),
        seed_source=begun.seed_source,
        abandoned=tuple(
            proof.AbandonedDrill(id=one.id, started_at=one.started_at, seed=one.seed.hex()) for one in abandoned
        ),
        interrupted=interrupted,
        only=tuple(map(relpath.as_text, only)),
        schedule=None if schedule is None else str(schedule),
    )


def _scenario_facts(scenario: Scenario) -> proof.ScenarioFacts:
    return proof.ScenarioFacts(
        name=scenario.name,
        sha256=scenario.sha256,
        full=scenario.sample.full,
        sample_files=scenario.sample.files,
        confidence=scenario.sample.confidence,
        tolerable=scenario.sample.tolerable,
        changed_share=scenario.objectives.changed_share,
        unchanging=scenario.unchanging,
    )


def _rule_facts(scenario: Scenario, parts: Sequence[CopyDrill]) -> proof.RuleFacts:
    drilled = {part.copy.name: part for part in parts}
    standings = []
    for copy in scenario.copies:
        part = drilled.get(copy.name)
        survey = None if part is None else part.survey
        standings.append(
            rule.CopyStanding(
                name=copy.name,
                medium=copy.medium,
                site=copy.site,
                device=None if survey is None else survey.facts.device,
                live=copy.live,
                immutable=copy.immutable,
                result=None if part is None or part.verdict is None else part.verdict.result,
            )
        )
    checks = rule.check_rule(standings)
    return proof.RuleFacts(
        name=rule.NAME,
        checks=tuple(proof.RuleCheck(check=one.digit, holds=one.holds, evidence=one.evidence) for one in checks),
    )


def plan_of(part: CopyDrill) -> PlannedCopy:
    """Return how much is to be restored of a copy, and a text that tells this plan from another."""
    if part.survey is None or part.size is None:
        return PlannedCopy(files=0, fingerprint=part.trouble or "")
    survey, size = part.survey, part.size
    counts = (survey.population.files, survey.population.size_bytes, len(survey.newer), len(survey.moved))
    files = size.population_files if size.full else size.sample_files
    return PlannedCopy(files=files, fingerprint=":".join(map(str, (*counts, size.always_files))))


def copy_result(part: CopyDrill) -> CopyResult:
    """Return what the ledger keeps of a copy's part of the drill."""
    if part.verdict is None:
        raise AssertionError("a copy is judged before its result is kept")
    tally = part.account.tally
    return CopyResult(
        copy=part.copy.name,
        verdict=part.verdict.result.value,
        planned_files=tally.planned.files,
        planned_bytes=tally.planned.size_bytes,
        proven_files=tally.proven.files,
        proven_bytes=tally.proven.size_bytes,
    )
