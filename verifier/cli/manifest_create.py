"""`verifier manifest create`, loaded when it is run; it loads no more than it needs to begin."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.cli.setting import Setting
from verifier.cli.terminal import size
from verifier.errors import UsageError
from verifier.inventory import NAS_FOLDERS, Inventory, exclude_output, take_inventory
from verifier.manifest.placing import check_target

REASONS: Final = {
    "excluded": "left out as asked",
    "unreadable": "unreadable",
    "cloud_only": "in the cloud only, so not backed up here",
    "changing": "changing while they were read",
    "special": "pipes, sockets and devices",
}
"""Why files are left out, in words: the fields of a header's `left_out`."""

_HARMLESS: Final = frozenset({"excluded", "special"})
_NAMES_SHOWN: Final = 20


def create(arguments: argparse.Namespace, setting: Setting) -> int:
    """Read a folder and write its manifest."""
    created = setting.now()
    folder, target = folder_at(arguments.address), arguments.output
    check_target(target)
    exclude = [*NAS_FOLDERS, *arguments.exclude]
    own = exclude_output(folder, target)
    if own is not None:
        exclude.append(own)
        setting.terminal.say("the manifest lies in the folder itself, so it leaves itself out")
    with take(
        folder,
        setting,
        created=created,
        exclude=exclude,
        digest=arguments.digest,
        workers=arguments.workers,
        dataset=arguments.dataset,
    ) as inventory:
        totals = inventory.write(target)
        tell_left_out(inventory, setting)
    if not totals.files:
        setting.terminal.warn("the folder holds no file, so nothing can ever be proven by this manifest")
    links = f" and {totals.links:,} links" if totals.links else ""
    shown = relpath.show(os.fsencode(target))
    setting.terminal.say(f"{totals.files:,} files{links}, {size(totals.bytes)} in {shown}; its identity:")
    setting.terminal.put(totals.identity)
    return 0


def take(
    folder: Path,
    setting: Setting,
    *,
    created: datetime,
    exclude: Sequence[str],
    digest: str | None,
    workers: int | None,
    dataset: str | None,
) -> Inventory:
    """Read a folder, showing how far it is."""
    with setting.terminal.progress("reading") as update:
        return take_inventory(
            folder,
            created=created,
            machine=platform.node(),
            digest=digest,
            exclude=exclude,
            dataset=dataset,
            workers=workers,
            on_progress=lambda files, files_total, size_bytes: update(files, files_total, size_bytes, None),
        )


def folder_at(address: str) -> Path:
    """Return the folder that an address names.

    Raises:
        UsageError: the address names another kind of place.
    """
    folder = Path(address).expanduser()
    if not folder.exists() and (":" in address.partition("/")[0]):
        raise UsageError(f"expected a folder, got the address {relpath.show(address)}")
    return folder


def tell_left_out(inventory: Inventory, setting: Setting) -> None:
    """Say what is not in the inventory, and why: what was asked for quietly, what was not so that nobody misses it."""
    left_out = inventory.header.left_out
    for reason, words in REASONS.items():
        left = getattr(left_out, reason)
        if not left.files:
            continue
        speak = setting.terminal.say if reason in _HARMLESS else setting.terminal.warn
        speak(f"{left.files:,} files, {size(left.bytes)}: {words}")
        for path, detail in inventory.tally.first(reason)[:_NAMES_SHOWN]:
            speak(f"  {relpath.show(path)}" + (f": {detail}" if detail else ""))
