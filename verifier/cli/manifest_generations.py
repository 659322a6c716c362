"""`verifier manifest show FOLDER` and `accept`, loaded when one is run: generations, and what is doubtful in them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from verifier import relpath
from verifier.cli.setting import Setting
from verifier.cli.terminal import size
from verifier.errors import UsageError
from verifier.manifest.acceptance import accept as write_accepted
from verifier.manifest.acceptance import read_accepted
from verifier.manifest.generations import Generation, read_generations
from verifier.manifest.succession import doubts


def show(folder: Path, setting: Setting, *, as_json: bool) -> int:
    """Print the generations of a folder, the oldest first, each with what it has more or less than the one before."""
    generations = read_generations(folder)
    accepted = read_accepted(folder)
    before: Generation | None = None
    for one in generations:
        if as_json:
            facts = msgspec.to_builtins(one.header) | {"totals": msgspec.to_builtins(one.stated)}
            name = relpath.to_json(os.fsencode(one.file.name))
            setting.terminal.put(msgspec.json.encode(name | facts | {"accepted": accepted.get(one.identity)}).decode())
        else:
            setting.terminal.put(_line(one, before, is_accepted=one.identity in accepted))
        before = one
    for doubt in doubts(generations, accepted):
        setting.terminal.warn(doubt.sentence)
    return 0


def _line(one: Generation, before: Generation | None, *, is_accepted: bool) -> str:
    stated = one.stated
    amount = f"{one.header.created}  {stated.files:>11,} files  {size(stated.bytes):>10}"
    changed = "" if before is None else f"  {stated.files - before.stated.files:+,} files"
    if before is not None:
        changed += f", {stated.bytes - before.stated.bytes:+,} bytes"
    mark = "  accepted" if is_accepted else ""
    return f"{amount}{changed}{mark}  {relpath.show(os.fsencode(one.file.name))}"


def accept(folder: Path, setting: Setting) -> int:
    """Write down that every generation that the folder holds now is meant as it is."""
    if not folder.is_dir():
        raise UsageError(f"expected a folder of manifests, got none at {relpath.show(os.fsencode(folder))}")
    generations = read_generations(folder)
    for doubt in doubts(generations, read_accepted(folder)):
        setting.terminal.say(f"accepted: {doubt.sentence}")
    write_accepted(folder, [one.identity for one in generations], at=setting.now())
    newest = generations[-1]
    setting.terminal.say(
        f"{len(generations):,} manifests are accepted as they are; the newest, {newest.header.created}:"
    )
    setting.terminal.put(newest.identity)
    return 0
