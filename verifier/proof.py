"""All facts of one drill ↔ canonical JSON bytes.

Canonical: keys sorted by code point, no insignificant space, UTF-8, a final newline; integers beyond 2⁵³ as strings;
no NaN. What varies between equal drills stands under `measured`, in `drill`, or is a time. Everything that a report
says is read from here, parsed back from the bytes that were written (and signed).
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from verifier.errors import BundleError

FORMAT: Final = "verifier/1"
_LARGEST_EXACT: Final = 2**53

Result = Literal["PASSED", "WARNED", "FAILED", "INCONCLUSIVE"]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Files and their bytes, which never part."""

    files: int = 0
    bytes: int = 0


class VerdictFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and the sentences that led to it."""

    result: Result
    reasons: tuple[str, ...]


class ToolFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The program that made the proof."""

    name: str
    version: str
    python: str
    platform: str


class AbandonedDrill(msgspec.Struct, frozen=True, kw_only=True):
    """A drill that was begun and left no proof."""

    id: str
    started_at: str
    seed: str


class DrillFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which drill this was, and its place in the chain of its scenario.

    `schedule` is the one that the drill counts for; None without one, and where it was limited to less than all.
    """

    id: str
    number: int
    previous: str | None
    machine: str
    started_at: str
    finished_at: str
    seed: str
    seed_source: Literal["fresh", "public", "given"]
    abandoned: tuple[AbandonedDrill, ...] = ()
    interrupted: bool = False
    only: tuple[str, ...] = ()
    schedule: str | None = None


class ScenarioFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    name: str
    sha256: str
    full: bool
    sample_files: int | None
    confidence: float
    tolerable: float
    changed_share: float
    unchanging: tuple[str, ...] = ()
    sample_percent: float | UnsetType = UNSET
    sample_bytes: int | UnsetType = UNSET
    budget_bytes: int | UnsetType = UNSET
    budget_seconds: int | UnsetType = UNSET


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a manifest was made."""

    address: str
    machine: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is not in a manifest, by reason, so that no exclusion hides a loss."""

    excluded: Count = Count()
    unreadable: Count = Count()
    cloud_only: Count = Count()
    changing: Count = Count()
    special: Count = Count()


class ManifestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the copies were held against. `live` says that it was the live data itself, read during the drill.

    `states_sizes` is false for a list of names and checksums alone, and unset elsewhere; `bytes` is 0 then, or what the
    list says of all.
    """

    identity: str
    created_at: str | None
    origin: Origin
    digest: str
    files: int
    links: int
    bytes: int
    live: bool = False
    states_sizes: bool | msgspec.UnsetType = msgspec.UNSET
    signed_by: str | None = None
    exclude: tuple[str, ...] = ()
    left_out: LeftOut = LeftOut()


class FindingFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding. Names from outside stand here raw; whoever shows them escapes them (`relpath.show`)."""

    kind: str
    path: str | None = None
    path_b64: str | None = None
    size_bytes: int = 0
    expected: str = ""
    actual: str = ""
    detail: str = ""


class UnrestoredFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One planned entry that could not be told."""

    reason: str
    path: str | None = None
    path_b64: str | None = None
    size_bytes: int = 0
    detail: str = ""


class Assurance(msgspec.Struct, frozen=True, kw_only=True):
    """What the sample proves of what was not drawn: at most this many files are bad, at this confidence.

    `population` is what the lot could fall on: the comparable files but those restored in every drill. `wished` is how
    many were to be drawn but for the budget. `known_bad` are lost or damaged files outside the population, as the
    listing or a restore beside the sample showed. Were only `few_bad` of the population bad, the chance that one was
    drawn is `chance_of_few`. What is unset is so in proofs that did not state it.
    """

    confidence: float
    population: int
    drawn: int
    bad: int
    at_most_bad_files: int
    at_most_bad_bytes: int
    population_bytes: int | UnsetType = UNSET
    wished: int | UnsetType = UNSET
    known_bad: Count | UnsetType = UNSET
    few_bad: int | UnsetType = UNSET
    chance_of_few: float | UnsetType = UNSET


class NameFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name from outside, raw; whoever shows it escapes it (`relpath.show`)."""

    path: str | None = None
    path_b64: str | None = None


class FoundName(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that the copy has under another name, and how the two names were joined."""

    how: str
    entry: NameFacts
    listed: NameFacts


class CoverageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Over time: how much of the manifest was ever proven from this copy with its present content.

    `objective_seconds` is how long ago each file may have been proven, and `overdue` what was not since; both are unset
    where nothing of the kind is wanted.
    """

    proven: Count
    of: Count
    oldest_proven_at: str | None = None
    overdue: Count | UnsetType = UNSET
    objective_seconds: int | UnsetType = UNSET


class LockFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a copy's place states of Object Lock, of all files that it holds; `until` is the earliest end of a lock."""

    files: int
    locked_files: int
    untold_files: int
    until: str | None = None
    modes: tuple[str, ...] = ()


class CopyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One copy's part of the drill.

    `manifest` and `manifest_created_at` stand only where the copy was held against another manifest than the proof's
    `manifest`: one of its `manifests`.
    `listed` is all that the copy holds; `population` the comparable entries, of which the sample is drawn; `planned`
    those that were to be restored; `proven` those restored with every byte equal. `counts` has each finding kind and
    each reason that occurred. `found_as` counts entries found under another name, by how; `found_names` are the first
    of each, and unset where there are none, as in proofs that did not name them. `counted` are examples of the kinds
    that are counted and not held against the copy.
    """

    name: str
    address: str
    medium: str | None
    site: str | None
    snapshot: str | None
    snapshot_is: Literal["the copy's own", "heartbeat", "newest modification time", "unknown"]
    depth: str
    read_from: str
    keeps_times: bool
    verdict: VerdictFacts
    listed: Count
    population: Count
    planned: Count
    proven: Count
    counts: dict[str, Count]
    findings: tuple[FindingFacts, ...]
    counted: tuple[FindingFacts, ...]
    unrestored: tuple[UnrestoredFacts, ...]
    found_as: dict[str, int]
    found_names: tuple[FoundName, ...] | msgspec.UnsetType = msgspec.UNSET
    assurance: Assurance | None
    coverage: CoverageFacts
    control: Literal["detected", "undetected", "not run"]
    notes: tuple[str, ...]
    measured: dict[str, float | int | str | None]
    device: str | UnsetType = UNSET
    lock: LockFacts | UnsetType = UNSET
    manifest: str | UnsetType = UNSET
    manifest_created_at: str | UnsetType | None = UNSET


class SignerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The SSH key that was to sign the bundle. Whether it did shows `SHA256SUMS.sig`; whose it is, this can't tell."""

    kind: str
    fingerprint: str


class RuleCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One digit of the rule, whether it holds, and by what evidence. None: this drill can't tell."""

    check: str
    holds: bool | None
    evidence: str


class RuleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The 3-2-1-1-0 rule, digit by digit."""

    name: str
    checks: tuple[RuleCheck, ...]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The complete facts of one drill.

    `manifest` is the newest that a copy was held against, `manifests` the others, where there are any.
    """

    proof: str
    tool: ToolFacts
    drill: DrillFacts
    scenario: ScenarioFacts
    manifest: ManifestFacts
    copies: tuple[CopyFacts, ...]
    rule: RuleFacts
    verdict: VerdictFacts
    signer: SignerFacts | None = None
    manifests: tuple[ManifestFacts, ...] | UnsetType = UNSET

    def manifest_of(self, copy: CopyFacts) -> ManifestFacts:
        """Return the manifest that a copy was held against.

        Raises:
            BundleError: the proof does not state it.
        """
        if copy.manifest is UNSET:
            return self.manifest
        for manifest in self.all_manifests:
            if manifest.identity == copy.manifest:
                return manifest
        raise BundleError("expected each manifest that a copy names to stand in the proof, got one that does not")

    @property
    def all_manifests(self) -> tuple[ManifestFacts, ...]:
        """Every manifest that a copy was held against, the newest first."""
        return (self.manifest,) if self.manifests is UNSET else (self.manifest, *self.manifests)


def to_bytes(proof: Proof) -> bytes:
    """Return the canonical bytes of a proof.

    Raises:
        ValueError: a number in it is not finite, which is a bug in whoever made it.
    """
    return canonical(msgspec.to_builtins(proof))


def canonical(value: object) -> bytes:
    """Return plain values as canonical JSON, with its final newline.

    Raises:
        ValueError: a number is not finite.
    """
    return msgspec.json.encode(_exact(value), order="sorted") + b"\n"


def _exact(value: object) -> object:
    """Return the value with integers beyond 2⁵³ as strings: JSON readers elsewhere hold numbers as doubles."""
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a proof holds finite numbers, got {value}")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST_EXACT:
        return str(value)
    return value


def from_bytes(data: bytes) -> Proof:
    """Return the proof that these bytes hold; the inverse of `to_bytes`.

    Raises:
        BundleError: the bytes are no proof of this version, or not in canonical form.
    """
    try:
        # Not strict, so that integers that were written as strings are read as integers again.
        proof = msgspec.json.decode(data, type=Proof, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"expected a proof as JSON, got {error}") from error
    if proof.proof != FORMAT:
        raise BundleError(f"expected a proof of version {FORMAT}, got {proof.proof!r}")
    for copy in proof.copies:
        proof.manifest_of(copy)
    if to_bytes(proof) != data:
        raise BundleError("expected a proof in canonical form, got bytes that it would not be written as")
    return proof
