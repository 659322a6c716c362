"""A proof's seed, its manifest and its lists → whether the sample is the one that the seed draws.

The files that a drill may draw from are those that the listing showed to be comparable, and the listing isn't kept. But
each file of the manifest with a ticket as low as the drawn ones was either drawn, or drilled for another reason, or is
a finding, or was newer; the newer ones are counted. So a file that was passed over is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from verifier import heartbeat, relpath
from verifier.audit.check import Check, broken, settled, unchecked
from verifier.bundle.folder import BundleFolder
from verifier.entry import Entry
from verifier.errors import UnsafePathError
from verifier.outcome import COUNTED_KINDS
from verifier.patterns import Patterns
from verifier.proof import CopyFacts, Proof
from verifier.sample import ticket
from verifier.spool import Workspace

NAME = "the sample, drawn again"
_SAMPLE = "sample"


def check_draw(
    bundle: BundleFolder, proof: Proof, copy: CopyFacts, entries: Iterable[Entry], workspace: Workspace
) -> Check:
    """Tell whether the sample of a copy is that of the seed.

    Args:
        bundle: the bundle.
        proof: its proof.
        copy: the copy.
        entries: those of the manifest, in order.
        workspace: where paths are sorted.

    Raises:
        BundleError: the bundle's lists can't be read.
    """
    name = f"{NAME}: {relpath.show(copy.name)}"
    if proof.scenario.full:
        return settled(name, [])  # nothing was drawn: everything was meant
    if not copy.planned.files:
        return unchecked(name, "nothing was drawn")
    drawn = list(_paths(bundle, copy.name, only_sample=True))
    if copy.assurance is not None and len(drawn) != copy.assurance.drawn:
        return broken(name, f"expected {copy.assurance.drawn:,} drawn files as the proof says, got {len(drawn):,}")
    if not drawn:
        return unchecked(name, "no file was drawn by lot")
    try:
        seed = bytes.fromhex(proof.drill.seed)
    except ValueError:
        return broken(name, "expected a seed in hex, got something else")
    highest, only = max(ticket(seed, path) for path in drawn), Patterns(proof.drill.only)

    def could_be_drawn(entry: Entry) -> bool:
        is_meant = entry.link is None and entry.path != heartbeat.NAME and (not only or only.match(entry.path))
        return is_meant and ticket(seed, entry.path) <= highest

    told = workspace.sort_on_disk(_told(bundle, copy.name), key=lambda row: row, record_type=tuple[bytes, bool])
    lists = _compare(entries, told, could_be_drawn)
    problems = [] if lists.strange is None else [f"drawn, and not in the manifest: {relpath.show(lists.strange)}"]
    newer = sum(copy.counts[kind].files for kind in copy.counts if kind in COUNTED_KINDS)
    if lists.passed_over > newer:
        problems.append(
            f"expected the lowest tickets, got {lists.passed_over:,} lower ones passed over, as "
            f"{relpath.show(lists.first or b'')}, where only {newer:,} files were newer"
        )
    return settled(name, problems)


@dataclass(slots=True)
class _Compared:
    """How many files could have been drawn and are not spoken of, the first of them, and a drawn path of no file."""

    passed_over: int = 0
    first: bytes | None = None
    strange: bytes | None = None


def _compare(
    entries: Iterable[Entry], told: Iterator[tuple[bytes, bool]], could_be_drawn: Callable[[Entry], bool]
) -> _Compared:
    """Merge the manifest with what the bundle speaks of, both in the order of paths."""
    found = _Compared()
    row = next(told, None)
    for entry in entries:
        while row is not None and row[0] < entry.path:
            found.strange = found.strange or (row[0] if row[1] else None)
            row = next(told, None)
        is_told = row is not None and row[0] == entry.path
        while row is not None and row[0] == entry.path:
            row = next(told, None)
        if not is_told and could_be_drawn(entry):
            found.passed_over += 1
            found.first = found.first or entry.path
    while row is not None:
        found.strange = found.strange or (row[0] if row[1] else None)
        row = next(told, None)
    return found


def _paths(bundle: BundleFolder, copy: str, *, only_sample: bool) -> Iterator[bytes]:
    for record in bundle.records("outcomes.jsonl.zst"):
        if record.get("copy") == copy and (record.get("why") == _SAMPLE) == only_sample:
            yield _path(record)


def _told(bundle: BundleFolder, copy: str) -> Iterator[tuple[bytes, bool]]:
    yield from ((path, True) for path in _paths(bundle, copy, only_sample=True))
    yield from ((path, False) for path in _paths(bundle, copy, only_sample=False))
    for record in bundle.records("findings.jsonl"):
        if record.get("copy") == copy and ("path" in record or "path_b64" in record):
            yield _path(record), False


def _path(record: dict[str, Any]) -> bytes:
    try:
        return relpath.from_json(record.get("path"), record.get("path_b64"))
    except UnsafePathError:
        return b""  # it is in no manifest, so it will be told
