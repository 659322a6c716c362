"""A bundle and the manifests that it was held against → what its drill had proven of each copy, as the ledger keeps it.

A sample drill names each file that it proved. A full one names those that it did not prove; the others are the
manifest's. Either way as many files, of as many bytes, must come out as the proof states, or nothing of the copy does.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from verifier import heartbeat, relpath
from verifier.bundle import BundleFolder, kept_manifest
from verifier.bundle.folder import SUMS
from verifier.drill.account import DAMAGED_KEPT, OWN_DOING
from verifier.drill.content import content_mark
from verifier.entry import Entry
from verifier.errors import BundleError, UnsafePathError
from verifier.ledger import ProvenBefore
from verifier.manifest import Manifest, open_manifest
from verifier.outcome import FAILING_KINDS
from verifier.patterns import Patterns
from verifier.proof import CopyFacts, FindingFacts, Proof
from verifier.spool import Table, Workspace

OUTCOMES: Final = "outcomes.jsonl.zst"
FINDINGS: Final = "findings.jsonl"

_MATCH: Final = "match"
_DAMAGE: Final = frozenset(kind.value for kind in FAILING_KINDS) | frozenset(reason.value for reason in OWN_DOING)


class Evidence:
    """What one bundle shows of its drill beside the proof.

    Args:
        reports: the folder of all reports, where the manifests lie.
        folder: the bundle.
        facts: its proof.
        workspace: where paths are sorted.
    """

    def __init__(self, reports: Path, folder: BundleFolder, facts: Proof, workspace: Workspace) -> None:
        self._reports = reports
        self._folder = folder
        self._facts = facts
        self._workspace = workspace
        self._sums = folder.sums()
        self._checked: set[str] = set()

    def proven(self, copy: CopyFacts) -> ProvenBefore:
        """Return what the drill had proven of a copy.

        Raises:
            BundleError: it can't be told from what lies there.
            ManifestError: the manifest can't be read whole.
        """
        damaged = self._sorted(itertools.islice(self._damaged(copy), DAMAGED_KEPT))
        if not copy.proven.files:
            return ProvenBefore(copy=copy.name, rows=(), damaged=damaged)
        full = self._facts.scenario.full
        named = self._sorted(self._unproven(copy) if full else self._matches(copy))
        rows: Table[tuple[bytes, int]] = self._workspace.table(tuple[bytes, int])
        stated = self._facts.manifest_of(copy)
        size_bytes = 0
        file = kept_manifest(self._reports, stated.identity)
        digest = stated.digest if file.name.endswith(".list.zst") else None
        with open_manifest(file, digest=digest, folder=self._workspace.folder) as manifest:
            for entry in _chosen(manifest, Patterns(self._facts.drill.only), named, wanted=not full):
                rows.append((entry.path, content_mark(entry)))
                size_bytes += entry.size_bytes
            if manifest.identity != stated.identity:
                raise BundleError(f"expected the manifest {stated.identity}, got {manifest.identity}")
            got_bytes = size_bytes if manifest.states_sizes else copy.proven.bytes
        if (len(rows), got_bytes) != (copy.proven.files, copy.proven.bytes):
            raise BundleError(
                f"expected {copy.proven.files} files of {copy.proven.bytes} bytes proven, as the proof states,"
                f" got {len(rows)} of {got_bytes}"
            )
        return ProvenBefore(copy=copy.name, rows=rows, damaged=damaged)

    def _sorted(self, paths: Iterable[bytes]) -> Iterator[bytes]:
        return self._workspace.sort_on_disk(paths, key=lambda path: path, record_type=bytes)

    def _matches(self, copy: CopyFacts) -> Iterator[bytes]:
        return (_path(line) for line in self._lines(OUTCOMES, copy) if line.get("outcome") == _MATCH)

    def _unproven(self, copy: CopyFacts) -> Iterator[bytes]:
        """Yield the path of all that a full drill did not prove: found by the listing, counted, or restored in vain."""
        yield from (_path(line) for line in self._lines(OUTCOMES, copy) if line.get("outcome") != _MATCH)
        for finding in itertools.chain(self._lines(FINDINGS, copy), map(_as_line, copy.counted)):
            if finding.get("path") is not None or finding.get("path_b64") is not None:
                yield _path(finding)

    def _damaged(self, copy: CopyFacts) -> Iterator[bytes]:
        for line in self._lines(OUTCOMES, copy):
            if line.get("outcome") in _DAMAGE and line.get("why") != "moved":
                yield _path(line)

    def _lines(self, name: str, copy: CopyFacts) -> Iterator[dict[str, Any]]:
        if name not in self._checked:
            stated = self._sums.get(name)
            if stated is None or self._folder.sha256(name) != stated:
                raise BundleError(f"expected {name} as {SUMS} states it, got another")
            self._checked.add(name)
        return (line for line in self._folder.records(name) if line.get("copy") == copy.name)


def _chosen(manifest: Manifest, only: Patterns, named: Iterator[bytes], *, wanted: bool) -> Iterator[Entry]:
    """Yield the regular files of a manifest that the drill was about and that are named, or (not `wanted`) are not.

    `named` comes in the order of paths. A heartbeat is a clock, and never drilled.
    """
    name = next(named, None)
    for entry in manifest.entries():
        while name is not None and name < entry.path:
            name = next(named, None)
        if entry.link is not None or entry.path == heartbeat.NAME or (name == entry.path) is not wanted:
            continue
        if not only or only.match(entry.path):
            yield entry


def _as_line(finding: FindingFacts) -> dict[str, Any]:
    return {"path": finding.path, "path_b64": finding.path_b64}


def _path(line: dict[str, Any]) -> bytes:
    path, path_b64 = line.get("path"), line.get("path_b64")
    if not isinstance(path, str | None) or not isinstance(path_b64, str | None):
        raise BundleError("expected paths as text, got something else")
    try:
        return relpath.from_json(path, path_b64)
    except UnsafePathError as error:
        raise BundleError(error.message) from error
