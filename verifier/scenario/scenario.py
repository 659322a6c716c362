"""What a scenario says, once it was found to be right. Made by `scenario.load`, or by `prove` from its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from verifier.scenario.delivery import Delivery
from verifier.scenario.schedule import Schedule
from verifier.secret import SecretReference
from verifier.sources.interface import Location
from verifier.sources.naming import Naming


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One place that holds the dataset. A `live` copy is counted by the rule, not drilled.

    `mount` (a mount point that must be mounted), `marker` (a file that must exist in the copy) and `filesystem` (its
    file-system id, as `findmnt -o UUID` prints it) pin a copy, so that an empty mount point is never taken for it.
    `immutable` and `offline` state that nobody can change it, and that it isn't connected but while it is written.
    `keeps_times` false says that the copy's modification times are not the source's. `options` are the place's own.
    `naming` says where in the copy the dataset lies, and how the copy names its files.
    """

    name: str
    at: str
    live: bool = False
    medium: str | None = None
    site: str | None = None
    immutable: bool = False
    offline: bool = False
    mount: Path | None = None
    marker: str | None = None
    filesystem: str | None = None
    keeps_times: bool | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)

    @property
    def location(self) -> Location:
        """Where to open the copy: its address, its place's options, what pins it, and how it names files."""
        pins = {"mount": self.mount, "marker": self.marker, "filesystem": self.filesystem}
        stated = {name: str(pin) for name, pin in pins.items() if pin is not None}
        return Location(address=self.at, options={**self.options, **stated}, naming=self.naming)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What the owner wants to hold. `changed_share` is the part of the manifest's files that may be newer in a copy.

    Without a `rule` the copies are held against 3-2-1-1-0, and no verdict changes by it.
    """

    rpo_seconds: int | None = None
    rto_seconds: int | None = None
    coverage_seconds: int | None = None
    rule: str | None = None
    changed_share: float = 0.20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How much to restore: everything, a fixed number of files, or enough to find `tolerable` bad files.

    `files`, `percent` (of the files), `size_bytes` (as many files as are expected to have these) and `full` override
    `tolerable`; `always` are gitignore-style patterns of files that are restored in every drill. Beside them stand some
    of the largest, some of the newest, and what coverage asks for, but where the sample stands `alone`.
    """

    full: bool = False
    files: int | None = None
    percent: float | None = None
    size_bytes: int | None = None
    confidence: float = 0.95
    tolerable: float = 0.01
    always: tuple[str, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a sample drill of each copy may cost: the bytes that it restores, and the time that it takes for that.

    A full drill is what it is called, whatever the budget.
    """

    size_bytes: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A dataset's manifest, its copies, and what a drill of them shall be like.

    `sha256` is that of the scenario file's bytes (of the canonical options, for `prove`); where it has something from
    `verifier.toml`, that of two lines: the SHA-256 in hex of its bytes, and that of `verifier.toml`. Exactly one of
    `manifest` and `against` (the live folder that serves as the reference) is set; `digest` says which checksums a list
    holds that can't say it itself. `only` are patterns that limit the drill. `not_drilled` are copies that it was told
    to leave out: the rule counts them by what earlier drills showed. `sign` is the SSH key that signs the bundle,
    `sign_passphrase` where the passphrase of a locked one is.
    """

    name: str
    sha256: str
    copies: tuple[Copy, ...]
    not_drilled: tuple[Copy, ...] = ()
    manifest: Path | None = None
    digest: str | None = None
    against: Path | None = None
    newer_seconds: int | None = None
    unchanging: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    objectives: Objectives = field(default_factory=Objectives)
    sample: Sample = field(default_factory=Sample)
    budget: Budget = field(default_factory=Budget)
    scratch_path: Path | None = None
    scratch_bytes: int = 20 * 1024**3
    formats: tuple[str, ...] = ("html", "markdown")
    sign: Path | None = None
    sign_passphrase: SecretReference | None = None
    delivery: Delivery = field(default_factory=Delivery)
    schedule: Schedule | None = None
    path: Path | None = None
