"""What a copy holds besides the reference → that, without the files that systems put there by themselves."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from verifier.drill.surveyed import Survey
from verifier.entry import Listed
from verifier.sidecars import doubled, is_sidecar
from verifier.spool import Table, Workspace

_AT_ONCE = 100_000


def set_sidecars_aside(survey: Survey, workspace: Workspace) -> None:
    """Take sidecars out of what is unexpected, and count them; one that the reference has is no such file.

    An AppleDouble is one only beside the file or folder that it belongs to.
    """
    kept: Table[Listed] = workspace.table(Listed)
    doubles: Table[Listed] = workspace.table(Listed)
    for listed in survey.unexpected:
        if is_sidecar(listed.name):
            _set_aside(listed, survey)
        else:
            (kept if doubled(listed.name) is None else doubles).append(listed)
    others = len(kept)
    rest = iter(doubles)
    while batch := list(itertools.islice(rest, _AT_ONCE)):
        names = itertools.chain(
            (item.listed.name for item in survey.pairs), (one.name for one in itertools.islice(kept, others))
        )
        present = _present({doubled(one.name) or b"" for one in batch}, names)
        for listed in batch:
            if doubled(listed.name) in present:
                _set_aside(listed, survey)
            else:
                kept.append(listed)
    doubles.close()
    survey.unexpected.close()
    survey.unexpected = kept


def _set_aside(listed: Listed, survey: Survey) -> None:
    survey.sidecars.add(listed.size_bytes)
    if listed.kind == "file":
        survey.listed.files -= 1
        survey.listed.size_bytes -= listed.size_bytes


def _present(wanted: set[bytes], names: Iterable[bytes]) -> set[bytes]:
    """Return which of the wanted files and folders are there, by the names of all files."""
    return wanted.intersection(_with_folders(names))


def _with_folders(names: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for name in names:
        yield name
        folder = name.rpartition(b"/")[0]
        if folder != last:
            last = folder
            while folder:
                yield folder
                folder = folder.rpartition(b"/")[0]
