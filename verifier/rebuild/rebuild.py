"""REPORTS → a ledger that knows again what its bundles and manifests tell, scenario by scenario, and what they don't.

What can't be known: a drill that left no proof and that no later proof names; what a drill had planned and was asked
for, as far as it served to take it up again; how far one that was under way had come.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from verifier import proof, relpath
from verifier.bundle import BundleFolder, bundle_folders, bundle_name
from verifier.bundle.folder import SUMS
from verifier.drill.standing import copy_result
from verifier.errors import BundleError, LedgerError, ManifestError
from verifier.ledger import Asked, BeginDrill, Ledger, Link, PastProof, ProvenBefore, claim_scenario
from verifier.proof import Proof
from verifier.rebuild.chain import FoundProof, choose_chain, gaps
from verifier.rebuild.evidence import Evidence
from verifier.spool import Workspace

_PROOF: Final = "proof.json"
_LARGEST: Final = 2**63 - 1


@dataclass(kw_only=True)
class Rebuilt:
    """What came of one scenario: how many drills its chain in REPORTS has, how many of them were new to the ledger.

    `head` is the number of the last drill that the ledger knows now; `abandoned` how many were named as such.
    `problems` are sentences, each with the bundle that it is about.
    """

    scenario: str
    drills: int = 0
    added: int = 0
    abandoned: int = 0
    head: int | None = None
    problems: list[str] = field(default_factory=list)


def rebuild(reports: Path, state: Path, *, holder: str) -> Iterator[Rebuilt]:
    """Take into the ledger of `state` what the bundles in `reports` tell; yield what came of each scenario.

    It may be done again at any time: what the ledger knows stays.

    Args:
        reports: the folder of all reports.
        state: the state folder, made where it is missing.
        holder: who does it, for whoever wants to drill meanwhile; see `ledger.describe_holder`.

    Raises:
        BundleError: REPORTS can't be listed.
        BusyError: a scenario is being drilled.
        LedgerError: the ledger can't be read or written.
    """
    found: dict[str, list[FoundProof]] = defaultdict(list)
    problems: dict[str, list[str]] = defaultdict(list)
    for folder in bundle_folders(reports):
        try:
            found[folder.parent.name].append(_found(folder))
        except BundleError as error:
            problems[folder.parent.name].append(_told(folder, error.message))
    if not found and not problems:
        return  # and no state is made for nothing
    with Ledger.open(state) as book:
        for scenario in sorted(found.keys() | problems.keys()):
            with claim_scenario(state, scenario, holder=holder):
                rebuilt = Rebuilt(scenario=scenario, problems=problems[scenario])
                _rebuild_scenario(book, reports, state, found[scenario], rebuilt)
                yield rebuilt


def _found(folder: Path) -> FoundProof:
    data, facts = _read(BundleFolder(folder))
    return FoundProof(
        folder=folder,
        number=facts.drill.number,
        previous=facts.drill.previous,
        sha256=hashlib.sha256(data).hexdigest(),
        finished_at=facts.drill.finished_at,
    )


def _read(folder: BundleFolder) -> tuple[bytes, Proof]:
    """Return the proof of a bundle that lies where such a one belongs.

    Raises:
        BundleError: it is none, was changed since, or belongs elsewhere.
    """
    data = folder.whole(_PROOF)
    if folder.sums().get(_PROOF) != hashlib.sha256(data).hexdigest():
        raise BundleError(f"expected {_PROOF} as {SUMS} states it, got another")
    try:
        facts = proof.from_bytes(data)
    except BundleError as error:
        raise BundleError(relpath.show(error.message)) from error
    belongs = (facts.scenario.name, bundle_name(facts.drill))
    if belongs != (folder.path.parent.name, folder.path.name):
        raise BundleError(f"expected the proof of this folder, got that of {relpath.show('/'.join(belongs))}")
    return data, facts


def _rebuild_scenario(book: Ledger, reports: Path, state: Path, found: list[FoundProof], rebuilt: Rebuilt) -> None:
    known = book.known_links(rebuilt.scenario)
    chain = choose_chain(found, known)
    rebuilt.problems += [
        _told(one.folder, f"drill {one.number} is of another chain than the last one, and was left out")
        for one in sorted(found, key=lambda one: (one.number, one.folder))
        if one not in chain
    ]
    rebuilt.problems += [
        f"{rebuilt.scenario}: of drills {first} to {last} there is no bundle" for first, last in gaps(chain, known)
    ]
    for one in chain:
        rebuilt.drills += 1
        try:
            _take_in(book, reports, state, one, rebuilt)
        except (BundleError, LedgerError) as error:
            rebuilt.problems.append(_told(one.folder, error.message))
        except ValueError as error:
            rebuilt.problems.append(
                _told(one.folder, f"expected a proof that the ledger can hold, got {relpath.show(str(error))}")
            )
    head = book.chain_head(rebuilt.scenario)
    rebuilt.head = None if head is None else head.number


def _take_in(book: Ledger, reports: Path, state: Path, one: FoundProof, rebuilt: Rebuilt) -> None:
    folder = BundleFolder(one.folder)
    data, facts = _read(folder)
    if hashlib.sha256(data).hexdigest() != one.sha256:
        raise BundleError("expected the proof that was read before, got one that was changed meanwhile")
    past = _past_proof(facts, one.sha256)
    with _workspace(state) as workspace:
        evidence = Evidence(reports, folder, facts, workspace)
        proven: list[ProvenBefore] = []
        for copy in facts.copies:
            try:
                proven.append(evidence.proven(copy))
            except (BundleError, ManifestError) as error:
                name = relpath.show(copy.name)
                rebuilt.problems.append(_told(one.folder, f"what was proven of {name} is not known: {error.message}"))
        rebuilt.added += book.restore(past, proven)
    rebuilt.abandoned += len(past.abandoned)


@contextlib.contextmanager
def _workspace(state: Path) -> Iterator[Workspace]:
    """Give room to sort in, beside the ledger, which must have as much anyway."""
    with tempfile.TemporaryDirectory(dir=state, prefix=".rebuild-") as folder:
        workspace = Workspace(Path(folder))
        try:
            yield workspace
        finally:
            workspace.close()


def _past_proof(facts: Proof, sha256: str) -> PastProof:
    """Return a proof as the ledger takes it in.

    Raises:
        ValueError: a value in it is none that a ledger could hold.
    """
    drill = facts.drill
    copies = [copy_result(copy, drill) for copy in facts.copies]
    amounts = [amount for copy in copies for amount in (copy.planned_files, copy.planned_bytes, copy.proven_bytes)]
    if not all(0 <= amount <= _LARGEST for amount in (drill.number, *amounts)):
        raise ValueError("a number that is too large, or negative")
    return PastProof(
        begun=BeginDrill(
            scenario=facts.scenario.name,
            id=drill.id,
            started_at=drill.started_at,
            seed=bytes.fromhex(drill.seed),
            seed_source=drill.seed_source,
            planned={},
            options=_asked(facts).to_text(),
        ),
        link=Link(
            number=drill.number,
            previous=drill.previous,
            proof_sha256=sha256,
            finished_at=drill.finished_at,
            verdict=facts.verdict.result,
        ),
        copies=copies,
        abandoned=[
            BeginDrill(
                scenario=facts.scenario.name,
                id=other.id,
                started_at=other.started_at,
                seed=bytes.fromhex(other.seed),
                planned={},
                options="",
            )
            for other in drill.abandoned
        ],
    )


def _asked(facts: Proof) -> Asked:
    """Return what a proof tells of what was asked for: a drill of a part must never look like one of everything.

    How large the sample was to be is not among it, unless it was everything.
    """
    return Asked(
        scenario_sha256=facts.scenario.sha256,
        references=tuple(facts.manifest_of(copy).identity for copy in facts.copies),
        only=facts.drill.only,
        sample={"full": facts.scenario.full},
        copies=tuple(copy.name for copy in facts.copies),
    )


def _told(folder: Path, what: str) -> str:
    return f"{relpath.show(os.fsencode(Path(folder.parent.name) / folder.name))}: {what}"
