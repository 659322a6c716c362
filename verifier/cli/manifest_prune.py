"""`verifier manifest prune`, loaded when it is run: removes the oldest of many generations, and says which."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from verifier import relpath
from verifier.cli.setting import Setting
from verifier.errors import ManifestError, UsageError
from verifier.manifest import open_manifest
from verifier.manifest.generations import Generation, beyond, files, read_generation


def prune(arguments: argparse.Namespace, setting: Setting) -> int:
    """Remove the oldest generations beyond those that are kept; one that can't be read is never removed."""
    folder: Path = arguments.folder
    if not folder.is_dir():
        raise UsageError(f"expected a folder of manifests, got none at {_shown(folder)}")
    readable = [one for file in files(folder) if (one := _read(file, setting)) is not None]
    removed = 0
    # The oldest first: whatever stops us, those that are left follow one another.
    for generation in beyond(readable, keep=arguments.keep):
        removed += _remove(generation, setting, dry_run=arguments.dry_run)
    word = "would be removed" if arguments.dry_run else "removed"
    setting.terminal.say(f"{removed:,} {word}, {len(readable) - removed:,} kept in {_shown(folder)}")
    return 0


def _read(file: Path, setting: Setting) -> Generation | None:
    try:
        return read_generation(file)
    except ManifestError as error:
        setting.terminal.warn(f"kept, since it can't be read: {error.message}")
        return None


def _remove(generation: Generation, setting: Setting, *, dry_run: bool) -> bool:
    file = generation.file
    try:
        with open_manifest(file) as manifest:
            manifest.check()  # its last line alone says little: what is damaged inside stays for its owner to look at
        if not dry_run:
            file.unlink()
    except ManifestError as error:
        setting.terminal.warn(f"kept, since it can't be read whole: {error.message}")
        return False
    except OSError as error:
        raise ManifestError(f"can't remove {_shown(file)}: {error.strerror}") from error
    stated = generation.stated
    setting.terminal.put(f"{_shown(file)}: made {generation.header.created}, {stated.files:,} files")
    return True


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))
