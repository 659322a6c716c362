"""Everything that a drill knows at its end → the proof, and what the ledger keeps of it."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import UNSET, UnsetType

from verifier import __version__, proof, relpath, rule, signing
from verifier.drill.copy_facts import CopyDrill
from verifier.drill.moment import time_text
from verifier.drill.reference import Reference
from verifier.drill.standing import copy_result, standings
from verifier.ledger import BeginDrill, Head, PastResult, PlannedCopy, UnfinishedDrill
from verifier.scenario.scenario import Scenario
from verifier.scenario.schedule import Schedule
from verifier.verdict import judge_drill

Number = TypeVar("Number", int, float)


def assemble(
    scenario: Scenario,
    references: Sequence[Reference],
    drill: proof.DrillFacts,
    copies: tuple[proof.CopyFacts, ...],
    parts: Sequence[CopyDrill],
    *,
    signer: signing.Signer | None = None,
    past: Iterable[PastResult],
    now: datetime,
) -> proof.Proof:
    """Return the proof of a drill whose copies were all judged.

    `references` are those that copies were held against, each once, the newest first; `past` are the results of
    earlier drills, from the first on, which the rule asks for where this one did not drill a copy.
    """
    shared, *others = [reference.facts for reference in references]
    rule_facts, broken = _rule_facts(scenario, references[0], drill, copies, past=past, now=now)
    verdict = judge_drill({part.copy.name: part.verdict for part in parts if part.verdict is not None}, broken)
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
        rule=rule_facts,
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
        sample_percent=_stated(scenario.sample.percent),
        sample_bytes=_stated(scenario.sample.size_bytes),
        budget_bytes=_stated(scenario.budget.size_bytes),
        budget_seconds=_stated(scenario.budget.seconds),
    )


def _stated(value: Number | None) -> Number | UnsetType:
    return UNSET if value is None else value


def _rule_facts(
    scenario: Scenario,
    reference: Reference,
    drill: proof.DrillFacts,
    copies: Sequence[proof.CopyFacts],
    *,
    past: Iterable[PastResult],
    now: datetime,
) -> tuple[proof.RuleFacts, tuple[str, ...]]:
    """Return the rule's digits, and what of them is to change the verdict."""
    name = scenario.objectives.rule or rule.NAME
    present = {copy.name: copy_result(copy, drill) for copy in copies}
    checks = rule.check_rule(
        standings(scenario, reference, past, present, now=now),
        now=now,
        period_seconds=scenario.objectives.coverage_seconds,
        name=name,
    )
    facts = proof.RuleFacts(
        name=name,
        checks=tuple(proof.RuleCheck(check=one.digit, holds=one.holds, evidence=one.evidence) for one in checks),
    )
    return facts, () if scenario.objectives.rule is None else rule.broken(checks, name=name)


def plan_of(part: CopyDrill) -> PlannedCopy:
    """Return how much is to be restored of a copy, and a text that tells this plan from another."""
    if part.survey is None or part.size is None:
        return PlannedCopy(files=0, fingerprint=part.trouble or "")
    survey, size = part.survey, part.size
    counts = (survey.population.files, survey.population.size_bytes, len(survey.newer), len(survey.moved))
    return PlannedCopy(files=size.sample_files, fingerprint=":".join(map(str, (*counts, size.fingerprint))))
