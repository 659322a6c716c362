"""`verifier manifest show`, `verify` and `diff`, loaded when one is run."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import msgspec

from verifier import relpath
from verifier.cli.manifest_create import REASONS, folder_at, take, tell_left_out
from verifier.cli.setting import Setting
from verifier.cli.terminal import size
from verifier.errors import UsageError
from verifier.manifest import Header, LeftOut, Totals, open_manifest
from verifier.manifest.difference import Difference, DifferenceKind, differences, with_moves, with_untold
from verifier.spool import Workspace

_EQUAL, _DIFFERS, _UNTOLD = 0, 1, 3
_NAMES_SHOWN: Final = 20
_KINDS: Final = {
    DifferenceKind.SILENT: "other content under an unchanged time: damage does this, editing does not",
    DifferenceKind.CHANGED: "changed",
    DifferenceKind.REMOVED: "removed",
    DifferenceKind.ADDED: "added",
    DifferenceKind.MOVED: "moved",
    DifferenceKind.UNTOLD: "can't be told, since they could not be read",
}


def show(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print what a manifest says of itself, having read it whole."""
    with open_manifest(arguments.file, digest=arguments.digest) as manifest:
        header, totals, states_sizes = manifest.header, manifest.check(), manifest.states_sizes
    if arguments.json:
        facts = msgspec.to_builtins(header) | {"totals": msgspec.to_builtins(totals)}
        setting.terminal.put(msgspec.json.encode(facts).decode())
        return _EQUAL
    for line in _description(header, totals, states_sizes=states_sizes):
        setting.terminal.put(line)
    return _EQUAL


def verify(arguments: argparse.Namespace, setting: Setting) -> int:
    """Read a manifest whole and, where a folder is given, read that again and compare."""
    with ExitStack() as stack:
        manifest = stack.enter_context(open_manifest(arguments.file, digest=arguments.digest))
        totals = manifest.check()
        amount = _amount(totals, states_sizes=manifest.states_sizes)
        if arguments.folder is None:
            setting.terminal.put(f"{_shown(arguments.file)}: whole; {amount}, identity {totals.identity}")
            return _EQUAL
        header = manifest.header
        inventory = stack.enter_context(
            take(
                folder_at(str(arguments.folder)),
                setting,
                created=setting.now(),
                exclude=header.exclude,
                digest=header.digest,
                workers=arguments.workers,
                dataset=header.dataset,
            )
        )
        tell_left_out(inventory, setting)
        found = with_untold(differences(manifest.entries(), inventory.entries()), inventory.untold())
        return _put_differences(found, setting, equal=f"{amount}, all as in {_shown(arguments.file)}")


def diff(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print what changed from one manifest to another."""
    old, new, digest = arguments.old, arguments.new, arguments.digest
    with open_manifest(old, digest=digest) as before, open_manifest(new, digest=digest) as after:
        if before.header.digest != after.header.digest:
            raise UsageError(
                f"expected two manifests of one digest, got {before.header.digest} and {after.header.digest}",
                hint="make the newer one with --digest of the older",
            )
        # Both are read whole first: nothing may be concluded from one that turns out to be cut off.
        sides = (before.check(), after.check())
        held = tuple(
            _amount(totals, states_sizes=side.states_sizes) for side, totals in zip((before, after), sides, strict=True)
        )
        with tempfile.TemporaryDirectory(prefix="verifier-") as name, closing(Workspace(Path(name))) as workspace:
            found = with_moves(differences(before.entries(), after.entries()), workspace)
            code = _put_differences(found, setting, equal=f"{held[1]}, the same in both")
        if code != _EQUAL:
            setting.terminal.put(f"before: {held[0]}\nnow: {held[1]}")
            _warn_of_drops(*sides, setting, bytes_known=before.states_sizes and after.states_sizes)
        return code


def _warn_of_drops(before: Totals, after: Totals, setting: Setting, *, bytes_known: bool) -> None:
    """Say loudly that there is less than there was: what is in no manifest is proven by no drill."""
    if after.files < before.files:
        lost, part = before.files - after.files, (before.files - after.files) / before.files
        setting.terminal.warn(f"{lost:,} files fewer than before: {part:.1%} of them")
    if bytes_known and after.bytes < before.bytes:
        lost, part = before.bytes - after.bytes, (before.bytes - after.bytes) / before.bytes
        setting.terminal.warn(f"{size(lost)} less than before: {part:.1%} of all bytes")


def _description(header: Header, totals: Totals, *, states_sizes: bool) -> Iterator[str]:
    yield f"dataset   {relpath.show(header.dataset)}"
    origin = f"{relpath.show(header.origin.address)} on {relpath.show(header.origin.machine)}"
    yield f"holds     {_amount(totals, states_sizes=states_sizes)}"
    yield f"created   {header.created or 'not stated'}"
    yield f"origin    {origin if header.origin.machine else 'not stated'}"
    yield f"digest    {header.digest or 'none: names, sizes and times only'}"
    yield f"exclude   {', '.join(map(relpath.show, header.exclude)) or 'nothing'}"
    yield f"left out  {_left_out_words(header.left_out)}"
    yield f"previous  {header.previous or 'none'}"
    yield f"identity  {totals.identity}"


def _left_out_words(left_out: LeftOut) -> str:
    parts = [
        f"{left.files:,} files, {size(left.bytes)} {words}"
        for reason, words in REASONS.items()
        if (left := getattr(left_out, reason)).files
    ]
    return "; ".join(parts) or "nothing"


def _put_differences(found: Iterator[Difference], setting: Setting, *, equal: str) -> int:
    """Print differences by kind, with files, bytes and the first names; return the exit code."""
    files = dict.fromkeys(_KINDS, 0)
    size_bytes = dict.fromkeys(_KINDS, 0)
    first: dict[DifferenceKind, list[Difference]] = {kind: [] for kind in _KINDS}
    for difference in found:
        kind = difference.kind
        files[kind] += 1
        size_bytes[kind] += difference.size_bytes
        if len(first[kind]) < _NAMES_SHOWN:
            first[kind].append(difference)
    for kind, words in _KINDS.items():
        if not files[kind]:
            continue
        setting.terminal.put(f"{files[kind]:,} files, {size(size_bytes[kind])}: {words}")
        for difference in first[kind]:
            setting.terminal.put(f"  {_name(difference)}")
        if files[kind] > len(first[kind]):
            setting.terminal.put(f"  … and {files[kind] - len(first[kind]):,} more")
    untold = files.pop(DifferenceKind.UNTOLD)
    if any(files.values()):
        return _DIFFERS
    if untold:
        return _UNTOLD
    setting.terminal.put(equal)
    return _EQUAL


def _name(difference: Difference) -> str:
    name = relpath.show(difference.path)
    if difference.kind is DifferenceKind.MOVED and difference.new is not None:
        return f"{name} → {relpath.show(difference.new.path)}"
    return name


def _amount(totals: Totals, *, states_sizes: bool) -> str:
    links = f" and {totals.links:,} links" if totals.links else ""
    known = size(totals.bytes) if states_sizes or totals.bytes else "of sizes that it does not state"
    return f"{totals.files:,} files{links}, {known}"


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))
