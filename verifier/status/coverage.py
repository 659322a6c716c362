"""The bundles of a scenario's drills → how much of each copy was ever proven, as the newest proof states it.

A proof is believed only where its bytes are those that the ledger knows. One of a drill that patterns limited is passed
over: its coverage is of what the patterns left.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from verifier import proof
from verifier.errors import BundleError
from verifier.ledger import Asked, Attempt

_LARGEST_PROOF_BYTES: Final = 256 * 1024 * 1024


class CopyCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a manifest was ever proven from a copy with its present content, as one drill's proof states it."""

    proven_files: int
    proven_bytes: int
    of_files: int
    of_bytes: int
    oldest_proven_at: str | None


def read_coverage(scenario: str, attempts: Iterable[Attempt], reports: Path) -> Mapping[str, CopyCoverage]:
    """Return the coverage of each copy, by its name; of one whose newest proof isn't in REPORTS, none."""
    newest: dict[str, Attempt] = {}
    for attempt in attempts:
        asked = Asked.from_text(attempt.options)
        if asked is not None and not asked.only:
            newest.update(dict.fromkeys(asked.copies, attempt))
    found = {}
    for attempt in {attempt.id: attempt for attempt in newest.values()}.values():
        facts = _proof(scenario, attempt, reports)
        for copy in () if facts is None else facts.copies:
            if newest.get(copy.name) is attempt:
                found[copy.name] = _of(copy.coverage)
    return found


def _of(facts: proof.CoverageFacts) -> CopyCoverage:
    return CopyCoverage(
        proven_files=facts.proven.files,
        proven_bytes=facts.proven.bytes,
        of_files=facts.of.files,
        of_bytes=facts.of.bytes,
        oldest_proven_at=facts.oldest_proven_at,
    )


def _proof(scenario: str, attempt: Attempt, reports: Path) -> proof.Proof | None:
    pattern = f"{glob.escape(scenario)}/*-{glob.escape(attempt.id)}/proof.json"
    for file in reports.glob(pattern) if "/" not in scenario + attempt.id else ():
        if not file.is_file():
            continue
        try:
            with file.open("rb") as opened:
                data = opened.read(_LARGEST_PROOF_BYTES)
            if hashlib.sha256(data).hexdigest() == attempt.proof_sha256:
                return proof.from_bytes(data)
        except (OSError, BundleError):
            continue
    return None
