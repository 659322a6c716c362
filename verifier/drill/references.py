"""A scenario's manifest, folder of manifests or live data → the reference that each of its copies is held against.

Of a folder each copy has the newest generation that is older than its snapshot, or, where it states none, than its
newest file: what was known good before the copy was made. Each generation that is needed is opened once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

from verifier import relpath
from verifier.drill.moment import moment_of, time_text
from verifier.drill.reference import Reference, list_live, open_reference
from verifier.errors import ManifestError
from verifier.inventory import Progress
from verifier.manifest import is_list, open_manifest
from verifier.manifest.acceptance import read_accepted
from verifier.manifest.generations import Generation, older_than, read_generations
from verifier.manifest.header import parse_time
from verifier.manifest.succession import doubts, silent_changes
from verifier.patterns import Patterns
from verifier.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one copy is held against, and sentences for its report; `warnings` make its verdict WARNED."""

    reference: Reference
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class References(Protocol):
    """What the copies of one drill are held against."""

    @property
    def by_age(self) -> bool:
        """Whether it depends on the copy's age, so that its newest file must be known first."""
        ...

    @property
    def exclude(self) -> Patterns:
        """What is no part of a copy when its age is told."""
        ...

    def choose(self, *, snapshot: str | None, newest_mtime_ns: int | None) -> Choice:
        """Return what a copy is held against, of which these times are known.

        Raises:
            ManifestError: the manifest that fits can't be read whole.
        """
        ...

    def newest(self) -> Reference:
        """Return the reference that a copy would be held against if it were of this moment."""
        ...


@contextlib.contextmanager
def open_references(
    scenario: Scenario, *, now: datetime, folder: Path, on_progress: Progress | None = None
) -> Iterator[References]:
    """Open what a scenario's copies are held against, so that what is broken is told before anything else.

    Args:
        scenario: names a manifest, a folder of them, or the live folder.
        now: the time that live data is listed at.
        folder: a private place for the listing of live data.
        on_progress: is told how far that listing is; what it raises ends it.

    Raises:
        ManifestError: the manifest can't be read whole, or one of the folder can't be read.
        SourceError: the live data can't be listed.
    """
    with ExitStack() as stack:
        if scenario.manifest is not None and scenario.manifest.is_dir() and not is_list(scenario.manifest):
            yield _Generations(
                scenario=scenario,
                generations=read_generations(scenario.manifest),
                accepted=read_accepted(scenario.manifest),
                stack=stack,
            )
            return
        file = scenario.manifest
        if file is None:
            file = list_live(scenario, now=now, folder=folder, on_progress=on_progress)
        yield _One(reference=stack.enter_context(open_reference(scenario, file)))


@dataclass(frozen=True, kw_only=True)
class _One:
    """One reference for all copies."""

    reference: Reference
    by_age: bool = False

    @property
    def exclude(self) -> Patterns:
        return self.reference.exclude

    def choose(self, *, snapshot: str | None, newest_mtime_ns: int | None) -> Choice:
        del snapshot, newest_mtime_ns
        return Choice(reference=self.reference)

    def newest(self) -> Reference:
        return self.reference


@dataclass(kw_only=True)
class _Generations:
    """A folder of manifests, the oldest first; those that are needed stay open until `stack` is closed."""

    scenario: Scenario
    generations: Sequence[Generation]
    accepted: Mapping[str, str]
    stack: ExitStack
    by_age: bool = True
    _opened: dict[Path, Reference] = field(default_factory=dict)
    _silent: dict[Path, str | None] = field(default_factory=dict)

    @cached_property
    def exclude(self) -> Patterns:
        return Patterns(self.generations[-1].header.exclude)

    def newest(self) -> Reference:
        return self._open(self.generations[-1])

    def choose(self, *, snapshot: str | None, newest_mtime_ns: int | None) -> Choice:
        chosen, is_older, note = choose_generation(self.generations, snapshot, newest_mtime_ns)
        newest = self.generations[-1]
        notes, warnings = [note], self._warnings(chosen)
        if chosen is not newest:
            notes.append(f"the newest manifest, of {newest.header.created}, has {_growth(chosen, newest)}")
        if not is_older and _has_grown(chosen, newest, self.scenario.objectives.changed_share):
            warnings.append(
                f"the copy seems older than every manifest, and the newest one has {_growth(chosen, newest)}: "
                "that the copy holds what came since is not shown; make a new backup"
            )
        if chosen.identity in self.accepted:
            at = self.accepted[chosen.identity]
            notes.append(f"the manifest of {chosen.header.created} was accepted as it is at {at}")
        return Choice(reference=self._open(chosen), notes=tuple(notes), warnings=tuple(warnings))

    def _warnings(self, chosen: Generation) -> list[str]:
        found = [doubt.sentence for doubt in doubts(self.generations, self.accepted)]
        for before, after in itertools.pairwise(self.generations):
            if after in (chosen, self.generations[-1]) and after.identity not in self.accepted:
                silent = self._silent_changes(before, after)
                if silent is not None:
                    found.append(silent)
        return found

    def _silent_changes(self, before: Generation, after: Generation) -> str | None:
        if after.file not in self._silent:
            with open_manifest(before.file) as old, open_manifest(after.file) as new:
                self._silent[after.file] = silent_changes(old, new)
        return self._silent[after.file]

    def _open(self, generation: Generation) -> Reference:
        file = generation.file
        if file not in self._opened:
            held = self._held_open(file)
            reference = replace(self.stack.enter_context(open_reference(self.scenario, file)), file=held)
            if reference.facts.identity != generation.identity:
                shown = relpath.show(os.fsencode(file))
                raise ManifestError(f"expected the manifest that was there before, got another meanwhile: {shown}")
            self._opened[file] = reference
        return self._opened[file]

    def _held_open(self, file: Path) -> Path:
        """Return another name of a file, by which it can be kept beside the proof though it is pruned meanwhile."""
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            shown = relpath.show(os.fsencode(file))
            raise ManifestError(f"can't open the manifest {shown}: {error.strerror}") from error
        self.stack.callback(os.close, descriptor)
        return Path(f"/dev/fd/{descriptor}")


def choose_generation(
    generations: Sequence[Generation], snapshot: str | None, newest_mtime_ns: int | None
) -> tuple[Generation, bool, str]:
    """Return the generation that fits a copy, whether it is older than the copy, and the note that says why.

    `generations` are in their order, the oldest first, at least one. `snapshot` is RFC 3339 in UTC if it is a time at
    all; what is none is passed over.
    """
    moment_ns, of_what = _parsed(snapshot), "snapshot"
    if moment_ns is None:
        moment_ns, of_what = newest_mtime_ns, "newest file"
    if moment_ns is None:
        newest = generations[-1]
        return newest, True, f"the copy states no time, so it is held against the newest manifest, {_made(newest)}"
    stated = f"the copy's {of_what}, of {time_text(moment_of(moment_ns))}"
    older = older_than(generations, moment_ns)
    if older is None:
        oldest = generations[0]
        return oldest, False, f"no manifest is older than {stated}, so it is held against the oldest, {_made(oldest)}"
    return older, True, f"held against the newest manifest that is older than {stated}: {_made(older)}"


def _parsed(snapshot: str | None) -> int | None:
    if snapshot is None:
        return None
    with contextlib.suppress(ManifestError):
        return parse_time(snapshot)
    return None


def _made(generation: Generation) -> str:
    return f"made at {generation.header.created}"


def _growth(chosen: Generation, newest: Generation) -> str:
    """Return by how much one generation differs from another, as it follows on `has`."""
    files, size_bytes = newest.stated.files - chosen.stated.files, newest.stated.bytes - chosen.stated.bytes
    parts: dict[str, list[str]] = {}
    for more, what in ((files, "file" if abs(files) == 1 else "files"), (size_bytes, "bytes")):
        if more:
            parts.setdefault("grown" if more > 0 else "shrunk", []).append(f"{abs(more):,} {what}")
    told = [f"{how} by {' and '.join(amounts)}" for how, amounts in parts.items()]
    return " and ".join(told) or "as many files and bytes"


def _has_grown(chosen: Generation, newest: Generation, share: float) -> bool:
    pairs = ((newest.stated.files, chosen.stated.files), (newest.stated.bytes, chosen.stated.bytes))
    return any(now - then > share * then for now, then in pairs)
