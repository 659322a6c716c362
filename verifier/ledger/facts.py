"""What the ledger holds, as values: drills begun, links of the chain, results, proven files.

Each is checked when it is read back (by msgspec, against the types and bounds here) because the file on disk is
nobody's friend, and before it is written, so that nothing is written that could not be read. The fields stand in the
order of the columns that they are read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from verifier.trend import PastRestore

_SEED_BYTES: Final = 32

Result = Literal["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"]
SeedSource = Literal["fresh", "public", "given"]
Seed = Annotated[bytes, msgspec.Meta(min_length=_SEED_BYTES, max_length=_SEED_BYTES)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
LATEST_SECONDS: Final = 253_402_300_799  # the end of the year 9999
Seconds = Annotated[int, msgspec.Meta(ge=0, le=LATEST_SECONDS)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Time = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
    ),
]
"""RFC 3339, with seconds and an offset."""


class PlannedCopy(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """How many files of a copy are to be restored, and a text that tells this plan from another."""

    files: Natural
    fingerprint: str


class BeginDrill(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is written down before the first byte moves.

    `id` is random hex; `options` a text that is equal for two drills of which one may resume the other; `planned` has
    the names of the copies as keys.
    """

    scenario: str
    id: str
    started_at: Time
    seed: Seed
    seed_source: SeedSource = "fresh"
    planned: Mapping[str, PlannedCopy]
    options: str


class UnfinishedDrill(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A drill that was begun, left no proof, and was not yet named as abandoned in another's proof."""

    scenario: str
    id: str
    started_at: Time
    seed: Seed
    seed_source: SeedSource
    planned: Mapping[str, PlannedCopy]
    options: str


class Head(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The last link of a scenario's chain: the next proof names both."""

    number: Positive
    proof_sha256: Sha256


class Link(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One proof in the chain: its number, the one before it (None for number 1), its own SHA-256."""

    number: Positive
    previous: Sha256 | None
    proof_sha256: Sha256
    finished_at: Time
    verdict: Result


class SeenLock(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy's place stated of Object Lock: see `ObjectLock` of the sources."""

    files: Natural
    locked_files: Natural
    untold_files: Natural
    until: Time | None = None
    modes: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the 3-2-1-1-0 rule and later plans ask of a copy's part of a drill.

    `address` is where the copy lay then: of another place it says nothing. `whole` says that no part was left out on
    purpose; `findings` how many discrepancies there were. `seconds` passed restoring `restored_files`;
    `full_seconds` is how long a full restore of `population_files` takes, measured or projected.
    """

    address: str
    whole: bool
    findings: Natural
    device: str | None = None
    lock: SeenLock | None = None
    listing_seconds: Amount = 0.0
    seconds: Amount = 0.0
    restored_files: Natural = 0
    restored_bytes: Natural = 0
    population_files: Natural = 0
    population_bytes: Natural = 0
    full_seconds: Amount | None = None


class CopyResult(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a finished drill found of one copy."""

    copy: str
    verdict: Result
    planned_files: Natural
    planned_bytes: Natural
    proven_files: Natural
    proven_bytes: Natural
    seen: Seen | None = None


class PastDrill(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A drill that left a proof, as `status` wants it."""

    number: Positive
    finished_at: Time
    verdict: Result


class Attempt(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A drill that left a proof, as whoever asks what is due wants it; `options` are as in `BeginDrill`."""

    number: Positive
    id: str
    started_at: Time
    verdict: Result
    proof_sha256: Sha256
    options: str


class PastResult(CopyResult, frozen=True, kw_only=True, array_like=True):
    """What the drill of this number found of one copy."""

    number: Positive
    finished_at: Time

    @property
    def full_restore(self) -> PastRestore | None:
        """How long a full restore takes by this drill; None where it didn't tell."""
        if self.seen is None or self.seen.full_seconds is None:
            return None
        return PastRestore(
            at_seconds=datetime.fromisoformat(self.finished_at).timestamp(),
            restore_seconds=self.seen.full_seconds,
            files=self.seen.population_files,
            size_bytes=self.seen.population_bytes,
        )


class ProvenRow(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """A file that was proven: `mark` identifies the content that it had, `proven_at` is RFC 3339 in UTC."""

    path: bytes
    mark: int
    proven_at: str
    drill_number: int


class ProvenMark(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """A `ProvenRow` as it lies on the disk: its time in seconds since 1970."""

    path: bytes
    mark: int
    proven_at_seconds: Seconds
    drill_number: Positive


class SavedBatch(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """The outcomes of one batch of a running drill."""

    batch: int
    outcomes: bytes


def check(fact: msgspec.Struct) -> None:
    """Refuse what could not be read back.

    Raises:
        ValueError: a field is not of its type or outside its bounds.
    """
    try:
        msgspec.convert(msgspec.to_builtins(fact, builtin_types=(bytes,)), type(fact), builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ValueError(f"{type(fact).__name__}: {error}") from error
