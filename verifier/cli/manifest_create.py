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
from verifier.errors import LedgerError, UsageError
from verifier.inventory import NAS_FOLDERS, Inventory, exclude_output, take_inventory
from verifier.manifest import Totals
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
    folder, target, previous = folder_at(arguments.address), arguments.output, None
    exclude = [*NAS_FOLDERS, *arguments.exclude]
    # All generations are left out of each of them: they come and go, and are not the data.
    own = exclude_output(folder, target)
    if target.is_dir():
        target, previous = _next_generation(target, created)
        own = exclude_output(folder, target) if own is None else f"{own}/"
    check_target(target)
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
        previous=previous,
    ) as inventory:
        totals = inventory.write(target)
        keep_marks(inventory, totals, arguments.state, setting)
        tell_left_out(inventory, setting)
    if not totals.files:
        setting.terminal.warn("the folder holds no file, so nothing can ever be proven by this manifest")
    links = f" and {totals.links:,} links" if totals.links else ""
    shown = relpath.show(os.fsencode(target))
    setting.terminal.say(f"{totals.files:,} files{links}, {size(totals.bytes)} in {shown}; its identity:")
    setting.terminal.put(totals.identity)
    if arguments.output.is_dir():
        _tell_doubts(arguments.output, totals.identity, setting)
    return 0


def _next_generation(folder: Path, created: datetime) -> tuple[Path, str | None]:
    """Return where a new generation comes to lie, and the identity of the one that it follows.

    Raises:
        ManifestError: one that is there can't be read.
    """
    from verifier.manifest import generations  # noqa: PLC0415 - loaded where the output is a folder

    has_one = any(generations.is_generation(path.name) for path in folder.iterdir())
    previous = generations.read_generation(generations.newest(folder)).identity if has_one else None
    return generations.next_name(folder, created), previous


def _tell_doubts(folder: Path, identity: str, setting: Setting) -> None:
    """Say at once what each drill would warn of."""
    from verifier.manifest.acceptance import read_accepted  # noqa: PLC0415 - loaded where the output is a folder
    from verifier.manifest.generations import read_generations  # noqa: PLC0415 - the same
    from verifier.manifest.succession import doubts  # noqa: PLC0415 - the same

    for doubt in doubts(read_generations(folder), read_accepted(folder)):
        if doubt.generation.identity == identity:
            shown = relpath.show(os.fsencode(folder))
            setting.terminal.warn(f"{doubt.sentence}; if that is meant: verifier manifest accept {shown}")


def keep_marks(
    inventory: Inventory, totals: Totals, state: Path | None, setting: Setting, *, read_anyway: int = 0
) -> None:
    """Keep in the state folder what lets an update see more; where that can't be, the manifest is as good without."""
    from verifier.ledger.state import default_state  # noqa: PLC0415 - not before the reading has begun

    try:
        inventory.remember(state or default_state(), totals, read_anyway=read_anyway)
    except LedgerError as error:
        setting.terminal.say(f"an update of this manifest will go by size and time alone: {error.message}")


def take(
    folder: Path,
    setting: Setting,
    *,
    created: datetime,
    exclude: Sequence[str],
    digest: str | None,
    workers: int | None,
    dataset: str | None,
    previous: str | None = None,
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
            previous=previous,
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
