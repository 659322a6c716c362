"""`verifier manifest update`, loaded when it is run: a manifest is brought up to date, and what changed is said."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.cli.manifest_create import keep_marks, tell_left_out
from verifier.cli.setting import Setting
from verifier.cli.terminal import size
from verifier.errors import UsageError, VerifierError
from verifier.inventory import exclude_output
from verifier.inventory.account import MOST_CHANGED, Account, Kind
from verifier.inventory.remembered import forget
from verifier.inventory.update import Update, update_inventory
from verifier.ledger.state import default_state
from verifier.manifest import Header, Totals, open_manifest
from verifier.manifest.acceptance import accept
from verifier.manifest.difference import Difference, DifferenceKind
from verifier.manifest.generations import newest, next_name
from verifier.manifest.native import NativeManifest
from verifier.manifest.placing import check_target
from verifier.patterns import Patterns

_WRITTEN, _DAMAGED, _NEEDS_A_WORD = 0, 1, 3
_WORDS: Final = {
    DifferenceKind.ADDED: "added",
    DifferenceKind.REMOVED: "removed",
    DifferenceKind.CHANGED: "changed",
    DifferenceKind.MOVED: "moved",
}


def update(arguments: argparse.Namespace, setting: Setting) -> int:
    """Bring a manifest up to date; return 0, 1 where the data itself is damaged, 3 where somebody must accept."""
    created = setting.now()
    place: Path = arguments.file
    source = newest(place) if place.is_dir() else place
    target = next_name(place, created) if place.is_dir() else place
    check_target(target)
    unchanging, share = Patterns(_unchanging(arguments)), _share(arguments.reread)
    state: Path = arguments.state or default_state()
    with ExitStack() as stack:
        manifest = stack.enter_context(open_manifest(source))
        if not isinstance(manifest, NativeManifest):
            raise UsageError(
                f"expected a manifest of our own format, got another: {_shown(source)}",
                hint="make one with: verifier manifest create",
            )
        folder = _folder(manifest.header, arguments.data)
        found = _look(
            stack, manifest, folder, arguments, setting, created=created, state=state, target=target, share=share
        )
        account = Account(found.old, unchanging)
        for difference in found.differences():
            account.add(difference)
        tell_left_out(found.inventory, setting)
        _tell(found, account, setting, accepted=arguments.accept)
        damaged = account.kinds[DifferenceKind.SILENT].files > 0 and not arguments.accept
        if account.needs_a_word and not arguments.accept:
            setting.terminal.fail(_refusal(account, found.old))
            return _DAMAGED if damaged else _NEEDS_A_WORD
        totals = found.inventory.write(target)
        if arguments.accept and place.is_dir():
            accept(place, [totals.identity], at=created)
        keep_marks(found.inventory, totals, state, setting, read_anyway=found.read_anyway)
        if target == source and totals.identity != found.old.identity:
            forget(state, found.old.identity)
    setting.terminal.say(f"{_amount(totals)} in {_shown(target)}; its identity:")
    setting.terminal.put(totals.identity)
    return _DAMAGED if damaged else _WRITTEN


def _look(
    stack: ExitStack,
    manifest: NativeManifest,
    folder: Path,
    arguments: argparse.Namespace,
    setting: Setting,
    *,
    created: datetime,
    state: Path,
    target: Path,
    share: Fraction,
) -> Update:
    """Look at the folder again, showing how far that is."""
    with setting.terminal.progress("updating") as tell:
        return stack.enter_context(
            update_inventory(
                manifest,
                folder,
                created=created,
                machine=platform.node(),
                exclude=_exclude(manifest.header, folder, arguments.file, target),
                share=share,
                accept=arguments.accept,
                state=state,
                workers=arguments.workers,
                on_progress=lambda files, files_total, size_bytes: tell(files, files_total, size_bytes, None),
            )
        )


def _unchanging(arguments: argparse.Namespace) -> list[str]:
    """Return the patterns of where nothing may change: those asked for, and the scenario's."""
    if arguments.scenario is None:
        return list(arguments.unchanging)
    from verifier.scenario.file import load  # noqa: PLC0415 - few ask for it

    return [*arguments.unchanging, *load(arguments.scenario).unchanging]


def _folder(header: Header, data: Path | None) -> Path:
    """Return where the manifest's data is.

    Raises:
        UsageError: it was made on another machine, and nobody says where the data is here.
    """
    if data is not None:
        return data.expanduser()
    origin = header.origin
    made = f"it was made of {relpath.show(origin.address)} on {relpath.show(origin.machine)}"
    hint = f"{made}; --from FOLDER names where the data is now"
    if origin.machine != platform.node():
        here = relpath.show(platform.node())
        raise UsageError(f"expected a manifest of this machine, {here}, got one of another", hint=hint)
    folder = Path(origin.address)
    if not folder.is_dir():
        raise _GoneError(f"expected the manifest's folder at {relpath.show(origin.address)}, got none", hint=hint)
    return folder


class _GoneError(VerifierError):
    """The folder that the manifest was made of is not there."""


class _UnacceptedError(VerifierError):
    """So much changed, or at such a place, that somebody has to say that it is right."""


def _exclude(header: Header, folder: Path, place: Path, target: Path) -> tuple[str, ...]:
    """Return the old manifest's patterns, and one for where manifests lie if that is in the data itself."""
    own = exclude_output(folder, place)
    if place.is_dir():
        own = f"{own}/" if own else exclude_output(folder, target)
    return header.exclude if own is None or own in header.exclude else (*header.exclude, own)


def _tell(found: Update, account: Account, setting: Setting, *, accepted: bool) -> None:
    """Say what was found: damage so that nobody misses it."""
    if not found.remembered:
        setting.terminal.say("change times and inodes of this manifest's files are not known, so size and time decide")
    damaged = account.kinds[DifferenceKind.SILENT]
    if damaged.files:
        becomes = "accepted: their new digests are taken over" if accepted else "the manifest keeps their old digests"
        setting.terminal.warn(
            f"SOURCE_DAMAGED: {_count(damaged)}: other bytes under an unchanged time, in the live data; {becomes}"
        )
        _tell_names(damaged, setting.terminal.warn)
    kept = account.kinds[DifferenceKind.UNTOLD]
    if kept.files:
        setting.terminal.warn(f"{_count(kept)}: could not be read now; kept with the digest and the date of before")
        _tell_names(kept, setting.terminal.warn)
    speak = setting.terminal.warn if account.needs_a_word and not accepted else setting.terminal.say
    for kind, words in _WORDS.items():
        if account.kinds[kind].files:
            speak(f"{_count(account.kinds[kind])}: {words}")
            _tell_names(account.kinds[kind], speak)
    again = found.read_again
    setting.terminal.say(f"{again.files:,} files, {size(again.bytes)}: read again, and as they were")


def _tell_names(kind: Kind, speak: Callable[[str], None]) -> None:
    for difference in kind.first:
        speak(f"  {_name(difference)}")
    if kind.files > len(kind.first):
        speak(f"  … and {kind.files - len(kind.first):,} more")


def _name(difference: Difference) -> str:
    name = relpath.show(difference.path)
    if difference.kind is DifferenceKind.MOVED and difference.new is not None:
        name += f" → {relpath.show(difference.new.path)}"
    return f"{name}: {difference.detail}" if difference.detail else name


def _refusal(account: Account, old: Totals) -> _UnacceptedError:
    """Return what stands in the way of writing, with counts, bytes and the first names."""
    reasons = []
    if account.is_mass_change:
        reasons.append(
            f"expected at most {float(MOST_CHANGED):.0%} changed or vanished, got {account.lost_files:,} of "
            f"{old.files + old.links:,} files, {size(account.lost_bytes)} of {size(old.bytes)}"
        )
    if account.unchanging.files:
        names = ", ".join(map(_name, account.unchanging.first))
        reasons.append(f"expected nothing changed under unchanging, got {_count(account.unchanging)}: {names}")
    return _UnacceptedError(
        f"{'; '.join(reasons)}; nothing was written",
        hint="encryption by malware or a missing disk looks like this; if it is right, run it again with --accept",
    )


def _count(kind: Kind) -> str:
    return f"{kind.files:,} files, {size(kind.size_bytes)}"


def _amount(totals: Totals) -> str:
    links = f" and {totals.links:,} links" if totals.links else ""
    return f"{totals.files:,} files{links}, {size(totals.bytes)}"


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))


def _share(text: str) -> Fraction:
    """Return a part from 0 to 1, written as `1/30`, `0.05` or `0`.

    Raises:
        UsageError: it is none.
    """
    try:
        part = Fraction(text)
    except (ValueError, ZeroDivisionError):
        part = Fraction(-1)
    if not 0 <= part <= 1:
        raise UsageError(f"expected a part from 0 to 1 like 1/30 for --reread, got {relpath.show(text)}")
    return part
