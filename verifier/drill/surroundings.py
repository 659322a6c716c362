"""Where and with what a drill is carried out, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

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
    """What a drill leaves: its verdict, the bytes of its proof, and the folder of its bundle."""

    scenario: str
    verdict: Verdict
    proof_bytes: bytes
    folder: Path
    interrupted: bool
