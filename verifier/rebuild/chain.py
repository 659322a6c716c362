"""Proofs of one scenario, as they were found → the chain that they make, and those that belong to another.

A chain is followed from its last proof back: each names the one before. Where that one's bundle is gone the chain goes
on, behind the gap, with what is left of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProof:
    """Where a proof lies, and its place in the chain."""

    folder: Path
    number: int
    previous: str | None
    sha256: str
    finished_at: str


def choose_chain(proofs: Sequence[FoundProof], known: Mapping[int, str]) -> list[FoundProof]:
    """Return the chain of the highest number that contradicts nothing known, from its first proof on.

    Several chains are there when a state was lost and drills began anew; of two that reach the same number it is the
    one that was finished last.

    Args:
        proofs: in any order.
        known: the SHA-256 of proofs that the ledger holds, by number: whatever differs is of another chain.
    """
    behind = sorted(proofs, key=lambda proof: (proof.number, proof.finished_at, proof.sha256), reverse=True)
    by_sha256 = {proof.sha256: proof for proof in behind}
    fitting = [proof for proof in behind if _fits(proof, known)]
    for last in fitting:
        chain = _followed(last, by_sha256, fitting, known)
        if chain is not None:
            return chain[::-1]
    return []


def _fits(proof: FoundProof, known: Mapping[int, str]) -> bool:
    before = known.get(proof.number - 1, proof.previous) if proof.number > 1 else None
    return known.get(proof.number, proof.sha256) == proof.sha256 and before == proof.previous


def _followed(
    last: FoundProof, by_sha256: Mapping[str, FoundProof], fitting: Sequence[FoundProof], known: Mapping[int, str]
) -> list[FoundProof] | None:
    """Return a chain from its last proof back; None where it leads to one that contradicts what is known.

    `fitting` are those that don't, the highest number first.
    """
    chain: list[FoundProof] = []
    here: FoundProof | None = last
    while here is not None:
        if not _fits(here, known):
            return None
        chain.append(here)
        number = here.number
        named = by_sha256.get(here.previous or "")
        if named is not None and named.number == number - 1:
            here = named
        else:
            # Whatever else stands where the missing one stood is of another chain.
            here = next((proof for proof in fitting if proof.number < number - 1), None)
    return chain


def gaps(chain: Sequence[FoundProof], known: Mapping[int, str]) -> list[tuple[int, int]]:
    """Return the first and last number of each part of the chain of which there is neither a proof nor knowledge."""
    there = sorted({proof.number for proof in chain} | set(known))
    return [(before + 1, number - 1) for before, number in itertools.pairwise([0, *there]) if number > before + 1]
