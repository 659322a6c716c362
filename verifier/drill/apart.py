"""The folders that a drill writes to, and its copies → a refusal where one lies in the other: a copy is only read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from verifier import relpath
from verifier.errors import UsageError
from verifier.scenario.scenario import Copy
from verifier.sources.table import folder_at


def refuse_inside_copies(copies: Sequence[Copy], *, reports: Path, state: Path) -> None:
    """Refuse reports or a state that would lie in a copy: the next drill would find them there, as files of nobody.

    Raises:
        UsageError: says which, and where.
    """
    for copy in copies:
        folder = None if copy.live else folder_at(copy.location)
        if folder is None:
            continue
        inside = os.path.realpath(folder)
        for place, option in ((reports, "--reports"), (state, "--state")):
            if Path(os.path.realpath(place)).is_relative_to(inside):
                shown = f"{relpath.show(os.fsencode(place))} in {relpath.show(os.fsencode(folder))}"
                raise UsageError(
                    f"expected {option.removeprefix('--')} apart from every copy, got {shown}",
                    hint=f"name another folder with {option}",
                )
