"""A folder of manifests → its generations in the order of `created`, and which of them a copy is held against.

A generation is any `*.jsonl`, `*.jsonl.zst` or `*.jsonl.gz` in the folder that isn't hidden. What orders them is the
time in the header, taken before the first byte was read; the name is for people. One that can't be read is an error,
never passed over: the newest could be the one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import ManifestError
from verifier.manifest.header import Header
from verifier.manifest.native import NativeManifest, Totals
from verifier.manifest.reading import open_manifest

SUFFIXES: Final = (".jsonl", ".jsonl.zst", ".jsonl.gz")
"""How the names of generations end."""

_HINT: Final = "make one with: verifier manifest create ADDRESS -o FOLDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One manifest of a folder: its file, its header, and what its last line states.

    `stated` was not held against the lines before it; whoever relies on the entries reads the manifest whole.
    """

    file: Path
    header: Header
    stated: Totals

    @property
    def identity(self) -> str:
        """The SHA-256 by which the manifest says that it is known."""
        return self.stated.identity

    @property
    def created_ns(self) -> int:
        """When it was made, in nanoseconds since 1970."""
        return self.header.created_ns


def newest(folder: Path) -> Path:
    """Return the file of the generation that was made last.

    Raises:
        ManifestError: there is none, or the header of one can't be read.
    """
    return max(files(folder), key=lambda file: (_created_ns(file), file.name))


def next_name(folder: Path, created: datetime) -> Path:
    """Return the path of a new generation of this time, which nothing is at yet: `20261122T183000Z.jsonl.zst`."""
    stem = created.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    path, number = folder / f"{stem}.jsonl.zst", 1
    while os.path.lexists(path):
        number += 1
        path = folder / f"{stem}-{number}.jsonl.zst"
    return path


def is_generation(name: str) -> bool:
    """Tell whether a file of this name is one of a folder's generations."""
    return name.endswith(SUFFIXES) and not name.startswith(".")


def files(folder: Path) -> list[Path]:
    """Return the files of all generations, by name.

    Raises:
        ManifestError: the folder can't be listed, or holds none.
    """
    shown = relpath.show(os.fsencode(folder))
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise ManifestError(f"can't list the generations in {shown}: {error.strerror}") from error
    found = [folder / name for name in names if is_generation(name)]
    if not found:
        raise ManifestError(f"expected a manifest (*{', *'.join(SUFFIXES)}) in {shown}, got none", hint=_HINT)
    return found


def read_generations(folder: Path) -> tuple[Generation, ...]:
    """Return every generation, the oldest first: at least one.

    Raises:
        ManifestError: there is none, or the first or last line of one can't be read; it is named.
    """
    return in_order(read_generation(file) for file in files(folder))


def in_order(generations: Iterable[Generation]) -> tuple[Generation, ...]:
    """Return generations as they were made, the oldest first; of one time, by name."""
    return tuple(sorted(generations, key=lambda one: (one.created_ns, one.file.name)))


def beyond(generations: Iterable[Generation], *, keep: int) -> tuple[Generation, ...]:
    """Return the oldest generations beyond the `keep` newest, the oldest first; `keep` is at least 1."""
    return in_order(generations)[: -max(keep, 1)]


def read_generation(file: Path) -> Generation:
    """Return the generation in one file.

    Raises:
        ManifestError: its first or last line can't be read.
    """
    with open_manifest(file) as manifest:
        if not isinstance(manifest, NativeManifest):
            shown = relpath.show(os.fsencode(file))
            raise ManifestError(f"expected a manifest of our own format as a generation, got another: {shown}")
        return Generation(file=file, header=manifest.header, stated=manifest.stated())


def _created_ns(file: Path) -> int:
    with open_manifest(file) as manifest:
        return manifest.header.created_ns


def older_than(generations: Sequence[Generation], moment_ns: int) -> Generation | None:
    """Return the newest of some generations, in their order, that was made before a moment; None where none was."""
    return next((one for one in reversed(generations) if one.created_ns < moment_ns), None)
