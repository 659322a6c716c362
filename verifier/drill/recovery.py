"""Drills that were killed between their bundle and the ledger → the links of the chain that their bundles are.

A bundle is written before the chain's head moves, so that the chain never names a proof that isn't there. A drill that
dies in between has left a whole proof: it is no abandoned drill, and its number is taken.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from verifier import proof
from verifier.drill.standing import copy_result
from verifier.errors import BundleError, LedgerError
from verifier.ledger import Ledger, UnfinishedDrill


def recover(book: Ledger, scenario: str, reports: Path) -> None:
    """Put the proofs of unfinished drills that left a bundle into the chain, where they belong at its end."""
    for unfinished in book.unfinished(scenario):
        for file in sorted((reports / scenario).glob(f"*-{unfinished.id}/proof.json")):
            _take_up(book, scenario, unfinished, file)


def _take_up(book: Ledger, scenario: str, unfinished: UnfinishedDrill, file: Path) -> None:
    try:
        proof_bytes = file.read_bytes()
        facts = proof.from_bytes(proof_bytes)
    except (OSError, BundleError):
        return  # no proof of ours: the drill stays what the ledger says, unfinished
    drill = facts.drill
    if (facts.scenario.name, drill.id, drill.seed) != (scenario, unfinished.id, unfinished.seed.hex()):
        return
    try:
        book.finish(
            drill.id,
            number=drill.number,
            previous=drill.previous,
            proof_sha256=hashlib.sha256(proof_bytes).hexdigest(),
            finished_at=drill.finished_at,
            verdict=facts.verdict.result,
            copies=[copy_result(copy, drill) for copy in facts.copies],
            abandoned=[one.id for one in drill.abandoned],
        )
    except LedgerError:
        return  # not the next link of this chain: named as abandoned by the next proof
