"""One drill: scenario → listing → plan → restore → compare → verdict → proof → bundle. Composes every stage, cleans up.

What is promised: the seed is in the ledger before the first byte moves; each planned entry has exactly one outcome; a
bundle is left whatever happens after that, short of the process being killed; scratch is empty at the end. What is not:
that a copy which changes meanwhile is judged as of one instant.
"""

from __future__ import annotations

import contextlib
import hashlib
import operator
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import msgspec

from verifier import bundle, ledger, proof, relpath, signing
from verifier.drill.account import Account, settle
from verifier.drill.apart import refuse_inside_copies
from verifier.drill.carry_out import Work
from verifier.drill.control import plant_damage
from verifier.drill.copy_facts import CopyDrill, copy_facts, judge
from verifier.drill.covered import Promise, coverage, first_drilled
from verifier.drill.draw import draw
from verifier.drill.expense import past_restores
from verifier.drill.moment import time_text
from verifier.drill.proving import assemble, drill_facts, plan_of
from verifier.drill.recovery import recover
from verifier.drill.reference import Reference
from verifier.drill.references import References, open_references
from verifier.drill.size import Size, draw_size
from verifier.drill.standing import copy_result
from verifier.drill.surroundings import DrillResult, Surroundings, claim_scratch
from verifier.drill.survey import Rules, take_survey
from verifier.drill.surveyed import Survey
from verifier.drill.watching import Interruption, Watcher
from verifier.engine import Engine
from verifier.entry import Listed
from verifier.errors import SameDataError, SignatureError, SourceError
from verifier.ledger import Asked, BeginDrill, Ledger, UnfinishedDrill
from verifier.progress import CancelledError
from verifier.proof import CoverageFacts
from verifier.restore import Job, close_sources, open_ahead
from verifier.scenario.scenario import Scenario
from verifier.scratch import Scratch
from verifier.sources.interface import Location
from verifier.spool import Workspace
from verifier.verdict import Result, Verdict

_TELL_EVERY = 500


def drill(
    scenario: Scenario, surroundings: Surroundings, *, watcher: Watcher, interruption: Interruption
) -> DrillResult:
    """Carry out one drill of a scenario and leave its bundle.

    Raises:
        VerifierError: the drill could not begin (its leaf says why and has the exit code), or left no bundle.
    """
    refuse_inside_copies(scenario.copies, reports=surroundings.reports, state=surroundings.state)
    started = time_text(surroundings.now())
    holder = ledger.describe_holder(since=started)
    with contextlib.ExitStack() as stack:
        book = stack.enter_context(Ledger.open(surroundings.state))
        stack.enter_context(ledger.claim_scenario(surroundings.state, scenario.name, holder=holder))
        stack.enter_context(bundle.claim(surroundings.reports, scenario.name, holder=holder))
        signer = stack.enter_context(_signer(scenario))
        reservation = stack.enter_context(bundle.reserve(surroundings.reports))
        scratch = stack.enter_context(claim_scratch(scenario, surroundings))
        workspace = scratch.workspace()
        watcher.stage("reading the reference")
        references = stack.enter_context(open_references(scenario, now=surroundings.now(), folder=workspace.folder))
        stack.callback(close_sources)
        machine = stack.enter_context(
            Engine(
                workers=surroundings.workers,
                stall_seconds=surroundings.stall_seconds,
                preload=surroundings.preload,
            )
        )
        under_way = _Drill(
            scenario=scenario,
            surroundings=surroundings,
            book=book,
            workspace=workspace,
            references=references,
            watcher=watcher,
            interruption=interruption,
            signer=signer,
            machine=machine,
            parts=_parts(scenario, workspace),
        )
        under_way.survey()
        under_way.begin(started)
        under_way.restore(scratch)
        proof_bytes, verdict = under_way.prove()
        reservation.release()
        return under_way.leave(proof_bytes, verdict)


def _parts(scenario: Scenario, workspace: Workspace) -> list[CopyDrill]:
    return [
        CopyDrill(copy=copy, account=Account.open(copy.name, workspace)) for copy in scenario.copies if not copy.live
    ]


def _signer(scenario: Scenario) -> contextlib.AbstractContextManager[signing.Signer | None]:
    """Open the key that will sign, before anything else: one that can't be had is told now, not after hours."""
    if scenario.sign is None:
        return contextlib.nullcontext()
    return signing.open_signer(scenario.sign, passphrase=scenario.sign_passphrase)


@dataclass(kw_only=True)
class _Drill:
    """What one drill knows while it is under way."""

    scenario: Scenario
    surroundings: Surroundings
    book: Ledger
    workspace: Workspace
    references: References
    watcher: Watcher
    interruption: Interruption
    machine: Engine
    signer: signing.Signer | None
    parts: list[CopyDrill]
    abandoned: list[UnfinishedDrill] = field(default_factory=list)
    interrupted: bool = False
    opened_ahead: bool = False

    def __post_init__(self) -> None:
        self.begun: BeginDrill

    def survey(self) -> None:
        """List every copy; one that can't be listed has its trouble noted, and the others go on."""
        rules = Rules.of(self.scenario)
        for part in self.parts:
            began = time.monotonic()
            self.watcher.stage(f"listing {part.copy.name}")
            try:
                part.survey = take_survey(
                    part.copy,
                    self.references,
                    rules,
                    workspace=self.workspace,
                    watch=self._watched,
                    when_open=self._open_ahead,
                )
                part.size = self._size(part.copy.name, part.survey)
            except SameDataError:
                raise
            except SourceError as error:
                part.trouble = f"{type(error).__name__.removesuffix('Error').upper()}: {error.message}"
            except CancelledError as error:
                part.trouble = error.message
            part.listing_seconds = time.monotonic() - began

    def _size(self, copy: str, survey: Survey) -> Size:
        name = self.scenario.name
        return draw_size(
            survey,
            self.scenario,
            self.workspace,
            proven=self.book.proven_marks(name, copy),
            damaged=self.book.damaged(name, copy),
        )

    def _open_ahead(self, location: Location) -> None:
        """Let the workers connect while the first copy is listed: that one is restored first.

        Not before we are in ourselves: a server that refuses us is not asked once more by each worker.
        """
        if not self.opened_ahead:
            self.opened_ahead = True
            self.machine.begin_ahead(open_ahead, location)

    def _watched(self, listing: Iterable[Listed]) -> Iterator[Listed]:
        size_bytes = 0
        for files, listed in enumerate(self.interruption.watch(listing)):
            size_bytes += listed.size_bytes
            if files % _TELL_EVERY == 0:
                self.watcher.progress(files, None, size_bytes, None)
            yield listed

    def begin(self, started: str) -> None:
        """Fix the sizes, then have the seed, and write both down; or take up an unfinished drill of the same plan."""
        planned = {part.copy.name: plan_of(part) for part in self.parts}
        options = self._options()
        recover(self.book, self.scenario.name, self.surroundings.reports)
        unfinished = self.book.unfinished(self.scenario.name)
        seed, seed_source = self.surroundings.new_seed()
        same = [
            one
            for one in unfinished
            if (one.options, one.planned) == (options, planned) and (seed_source != "given" or one.seed == seed)
        ]
        resumed = same[-1] if same and self.surroundings.resume else None
        self.abandoned = [one for one in unfinished if one is not resumed]
        if resumed is not None:
            self.begun = BeginDrill(
                scenario=resumed.scenario,
                id=resumed.id,
                started_at=resumed.started_at,
                seed=resumed.seed,
                seed_source=resumed.seed_source,
                planned=resumed.planned,
                options=resumed.options,
            )
            return
        self.begun = BeginDrill(
            scenario=self.scenario.name,
            id=self.surroundings.new_id(),
            started_at=started,
            seed=seed,
            seed_source=seed_source,
            planned=planned,
            options=options,
        )
        self.book.begin(self.begun)

    def _options(self) -> str:
        """Return a text that is equal for two drills of which one may take up the other."""
        scenario = self.scenario
        return Asked(
            scenario_sha256=scenario.sha256,
            references=tuple(self._against(part) for part in self.parts),
            only=tuple(map(relpath.as_text, scenario.only)),
            sample=msgspec.to_builtins(scenario.sample),
            copies=tuple(copy.name for copy in scenario.copies),
        ).to_text()

    def _against(self, part: CopyDrill) -> str | None:
        if part.survey is None:
            return None
        reference = part.survey.reference
        return relpath.as_text(str(reference.live)) if reference.live else reference.facts.identity

    def _reference(self, part: CopyDrill) -> Reference:
        """Return what a copy was held against; of one that could not be listed, what the proof states for all."""
        return self._used[0] if part.survey is None else part.survey.reference

    @cached_property
    def _used(self) -> list[Reference]:
        """What copies were held against, each once, the newest first; at least one, whatever became of the copies."""
        used = {id(part.survey.reference): part.survey.reference for part in self.parts if part.survey is not None}
        return sorted(used.values(), key=lambda one: -one.created_ns) or [self.references.newest()]

    def restore(self, scratch: Scratch) -> None:
        """Restore what is drawn of each copy, one copy after the other, and let the drill test itself."""
        with self.machine as machine:
            self.interruption.attach(machine.stop)
            for part in self.parts:
                if part.survey is None or part.size is None:
                    continue
                part.drawn = draw(part.survey, part.size, seed=self.begun.seed, workspace=self.workspace)
                job = Job(
                    location=part.survey.location,
                    batches=scratch.batches,
                    share_bytes=scratch.share(self.surroundings.workers),
                    algorithm=part.survey.reference.algorithm,
                    keeps_times=part.survey.keeps_times,
                    live=part.survey.reference.live,
                )
                part.work = Work(
                    drill_id=self.begun.id,
                    copy=part.copy.name,
                    job=job,
                    drawn=part.drawn,
                    ledger=self.book,
                    budget_seconds=None if part.size.full else self.scenario.budget.seconds,
                )
                self._restore(part, part.work, machine)
        # From here on nothing is left to interrupt: the proof is written whatever the user wishes now.
        self.interrupted = self.interruption.requested

    def _restore(self, part: CopyDrill, work: Work, machine: Engine) -> None:
        began = time.monotonic()
        self.watcher.stage(f"restoring from {part.copy.name}")
        work.carry_out(machine, self.watcher, self.interruption)
        part.restore_seconds = time.monotonic() - began
        if part.survey is None:
            raise AssertionError
        settle(part.account, part.survey, work, scenario=self.scenario.name)
        if not self.interruption.requested:
            absent = part.survey.reference.absent_path
            part.control = plant_damage(machine, work.job, part.account.control.item, absent=absent)
        if part.survey.control_missed:
            part.control = "undetected"

    def prove(self) -> tuple[bytes, Verdict]:
        """Judge every copy and the drill, and return the proof's canonical bytes."""
        self.watcher.stage("writing the proof")
        now, interrupted = self.surroundings.now(), self.interrupted
        past = list(self.book.past_results(self.scenario.name))
        for part in self.parts:
            part.past_restores = past_restores(part.copy, past)
            part.covered = self._coverage(part, now)
            part.verdict = judge(part, self.scenario, self._reference(part), now=now, interrupted=interrupted)
        head = self.book.chain_head(self.scenario.name)
        facts = assemble(
            self.scenario,
            self._used,
            drill_facts(
                self.begun,
                head,
                self.abandoned,
                machine=self.surroundings.machine,
                now=now,
                interrupted=interrupted,
                only=self.scenario.only,
                schedule=self.scenario.schedule,
            ),
            tuple(self._facts(part) for part in self.parts),
            self.parts,
            signer=self.signer,
            past=past,
            now=now,
        )
        return proof.to_bytes(facts), Verdict(result=Result(facts.verdict.result), reasons=facts.verdict.reasons)

    def _facts(self, part: CopyDrill) -> proof.CopyFacts:
        reference = self._reference(part)
        return copy_facts(part, self.scenario, seed=self.begun.seed, shared=self._used[0], reference=reference)

    def _coverage(self, part: CopyDrill, now: datetime) -> CoverageFacts:
        """Return what was proven over time, and note what was not for longer than the scenario allows."""
        name, objective_seconds = self.scenario.name, self.scenario.objectives.coverage_seconds
        first = first_drilled(self.book, name, part.copy.name)
        promise = None if objective_seconds is None else Promise(seconds=objective_seconds, first_drilled=first)
        covered = coverage(
            self._reference(part),
            self.book.proven_marks(name, part.copy.name),
            self._proven_by_path(part),
            now=now,
            promise=promise,
        )
        part.account.note_overdue(covered)
        return covered.facts()

    def _proven_by_path(self, part: CopyDrill) -> Iterator[tuple[bytes, int]]:
        rows = part.account.proven_rows
        return self.workspace.sort_on_disk(rows, key=operator.itemgetter(0), record_type=tuple[bytes, int])

    def leave(self, proof_bytes: bytes, verdict: Verdict) -> DrillResult:
        """Write the bundle, make it the chain's head, and note what was proven."""
        scenario = self.scenario
        unsigned: list[SignatureError] = []
        folder = bundle.write_bundle(
            self.surroundings.reports,
            proof_bytes,
            findings=(line for part in self.parts for line in part.account.finding_lines),
            outcomes=(line for part in self.parts for line in part.account.outcome_lines),
            manifests={reference.facts.identity: reference.file for reference in self._used},
            formats=scenario.formats,
            signer=self.signer,
            when_unsigned=unsigned.append,
        )
        facts = proof.from_bytes(proof_bytes)
        written = facts.drill
        self.book.finish(
            written.id,
            number=written.number,
            previous=written.previous,
            proof_sha256=hashlib.sha256(proof_bytes).hexdigest(),
            finished_at=written.finished_at,
            verdict=verdict.result.value,
            copies=[copy_result(copy, written) for copy in facts.copies],
            abandoned=[one.id for one in self.abandoned],
        )
        for part in self.parts:
            self.book.record_proven(
                scenario.name,
                part.copy.name,
                self._proven_by_path(part),
                proven_at=written.finished_at,
                drill_number=written.number,
                damaged=part.account.damaged_rows,
            )
        return DrillResult(
            scenario=scenario.name,
            verdict=verdict,
            proof_bytes=proof_bytes,
            folder=folder,
            interrupted=self.interrupted,
            unsigned=unsigned[0] if unsigned else None,
        )
