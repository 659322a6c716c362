"""What a drill is handed in, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from verifier.errors import SignatureError
from verifier.scenario.scenario import Scenario
from verifier.scratch import Scratch
from verifier.sources.table import folder_at
from verifier.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where and with what a drill is carried out; whatever is not repeatable is handed in.

    `new_seed` gives 32 bytes and says where they are from; it is asked once the size of every draw is fixed. `preload`
    are modules that workers import before their first batch.
    """

    reports: Path
    state: Path
    scratch: Path
    workers: int
    machine: str
    now: Callable[[], datetime]
    new_seed: Callable[[], tuple[bytes, Literal["fresh", "public", "given"]]]
    new_id: Callable[[], str]
    resume: bool = False
    stall_seconds: float = 120.0
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DrillResult:
    """What a drill leaves: its verdict, the bytes of its proof, and the folder of its bundle.

    `unsigned` says why the key that was to sign the bundle did not.
    """

    scenario: str
    verdict: Verdict
    proof_bytes: bytes
    folder: Path
    interrupted: bool
    unsigned: SignatureError | None = None


def claim_scratch(scenario: Scenario, surroundings: Surroundings) -> Scratch:
    """Claim the scratch area of a drill, which lies on no copy and in no live folder.

    Raises:
        ScratchError: it can't be used, or somebody else has it.
    """
    folders = [folder_at(copy.location) for copy in scenario.copies]
    forbidden = [folder for folder in (*folders, scenario.against) if folder is not None]
    return Scratch.claim(
        scenario.scratch_path or surroundings.scratch,
        state=surroundings.state,
        size_bytes=scenario.scratch_bytes,
        forbidden=forbidden,
    )
