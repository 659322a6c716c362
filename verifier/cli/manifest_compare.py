"""`verifier manifest show`, `verify` and `diff`, loaded when one is run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from verifier import relpath
from verifier.cli.manifest_create import REASONS, folder_at, take, tell_left_out
from verifier.cli.setting import Setting
from verifier.cli.terminal import size
from verifier.errors import UsageError
from verifier.manifest import Header, LeftOut, Totals, open_manifest
from verifier.manifest.difference import Difference, DifferenceKind, differences, with_untold

_EQUAL, _DIFFERS, _UNTOLD = 0, 1, 3
_NAMES_SHOWN: Final = 20
_KINDS: Final = {
    DifferenceKind.SILENT: "other content under an unchanged time: damage does this, editing does not",
    DifferenceKind.CHANGED: "changed",
    DifferenceKind.REMOVED: "removed",
    DifferenceKind.ADDED: "added",
    DifferenceKind.UNTOLD: "can't be told, since they could not be read",
}


def show(path: Path, setting: Setting, *, as_json: bool) -> int:
    """Print what a manifest says of itself, having read it whole."""
    with open_manifest(path) as manifest:
        header, totals = manifest.header, manifest.check()
    if as_json:
        facts = msgspec.to_builtins(header) | {"totals": msgspec.to_builtins(totals)}
        setting.terminal.put(msgspec.json.encode(facts).decode())
        return _EQUAL
    for line in _description(header, totals):
        setting.terminal.put(line)
    return _EQUAL


def verify(arguments: argparse.Namespace, setting: Setting) -> int:
    """Read a manifest whole and, where a folder is given, read that again and compare."""
    with ExitStack() as stack:
        manifest = stack.enter_context(open_manifest(arguments.file))
        totals = manifest.check()
        if arguments.folder is None:
            setting.terminal.put(f"{_shown(arguments.file)}: whole; {_amount(totals)}, identity {totals.identity}")
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
        return _put_differences(found, setting, equal=f"{_amount(totals)}, all as in {_shown(arguments.file)}")


def diff(old: Path, new: Path, setting: Setting) -> int:
    """Print what changed from one manifest to another."""
    with open_manifest(old) as before, open_manifest(new) as after:
        if before.header.digest != after.header.digest:
            raise UsageError(
                f"expected two manifests of one digest, got {before.header.digest} and {after.header.digest}",
                hint="make the newer one with --digest of the older",
            )
        # Both are read whole first: nothing may be concluded from one that turns out to be cut off.
        before.check()
        totals = after.check()
        found = differences(before.entries(), after.entries())
        return _put_differences(found, setting, equal=f"{_amount(totals)}, the same in both")


def _description(header: Header, totals: Totals) -> Iterator[str]:
    yield f"dataset   {relpath.show(header.dataset)}"
    yield f"holds     {_amount(totals)}"
    yield f"created   {header.created}"
    yield f"origin    {relpath.show(header.origin.address)} on {relpath.show(header.origin.machine)}"
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
    first: dict[DifferenceKind, list[bytes]] = {kind: [] for kind in _KINDS}
    for difference in found:
        kind = difference.kind
        files[kind] += 1
        size_bytes[kind] += difference.size_bytes
        if len(first[kind]) < _NAMES_SHOWN:
            first[kind].append(difference.path)
    for kind, words in _KINDS.items():
        if not files[kind]:
            continue
        setting.terminal.put(f"{files[kind]:,} files, {size(size_bytes[kind])}: {words}")
        for path in first[kind]:
            setting.terminal.put(f"  {relpath.show(path)}")
        if files[kind] > len(first[kind]):
            setting.terminal.put(f"  … and {files[kind] - len(first[kind]):,} more")
    untold = files.pop(DifferenceKind.UNTOLD)
    if any(files.values()):
        return _DIFFERS
    if untold:
        return _UNTOLD
    setting.terminal.put(equal)
    return _EQUAL


def _amount(totals: Totals) -> str:
    links = f" and {totals.links:,} links" if totals.links else ""
    return f"{totals.files:,} files{links}, {size(totals.bytes)}"


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))
