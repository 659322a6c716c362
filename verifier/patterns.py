"""Patterns as in a .gitignore → whether a path is meant. Source: gitignore(5), as the library pathspec reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from verifier.errors import UsageError

if TYPE_CHECKING:
    import pathspec

# A pattern that names a folder and nothing else, as the defaults do: found in a path a hundred times as fast as by the
# library, which matters where each of a million paths is asked for.
_FOLDER_NAME: Final = re.compile(r"[^!\s/\\*?\[\]#][^/\\*?\[\]]*/\Z|\\#[^/\\*?\[\]]*/\Z")


class Patterns:
    """Patterns, the later ones over the earlier, `!` taking back; matched against whole relative paths.

    Raises:
        UsageError: a pattern is none.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        takes_back = any(line.startswith("!") for line in lines)
        folders = [line for line in lines if not takes_back and _FOLDER_NAME.match(line)]
        others = [line for line in lines if line not in folders]
        self._folders = [b"/" + folder.removeprefix("\\").encode("utf-8", "surrogateescape") for folder in folders]
        self._spec = _specification(others) if others else None

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def folders_only(self) -> bool:
        """Whether only folders need to be asked about: no pattern means a file by itself."""
        return self._spec is None

    def match(self, path: bytes) -> bool:
        """Tell whether the patterns mean this path, or a folder that it lies in."""
        if self._folders:
            rooted = b"/" + path
            if any(folder in rooted for folder in self._folders):
                return True
        if self._spec is None:
            return False
        # The library's expressions stop at a newline, which no pattern can hold anyway.
        return self._spec.match_file(path.decode("utf-8", "surrogateescape").replace("\n", "\ufffd"))


def _specification(lines: Sequence[str]) -> pathspec.GitIgnoreSpec:
    import pathspec  # noqa: PLC0415 - the default patterns don't need it, and loading it costs 35 ms

    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise UsageError(f"expected patterns as in a .gitignore, got one that is none: {error}") from error
