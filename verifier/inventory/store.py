"""What workers answer, in any order → lines in theirs, large files by size, and what could not be told, all on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from verifier.inventory.batch import Large

if TYPE_CHECKING:
    from verifier.manifest.difference import Difference
    from verifier.manifest.writer import Draft
    from verifier.spool import Table, Workspace


class Store:
    """Where lines and names are gathered, on disk.

    Made only when the first workers are starting: what it loads takes as long as they do to start.

    Args:
        parent: the folder that its own is made in; the system's place if it is None.
    """

    def __init__(self, parent: Path | None) -> None:
        from verifier.entry import PIECE_BYTES  # noqa: PLC0415 - see above
        from verifier.manifest.writer import Draft  # noqa: PLC0415 - see above
        from verifier.spool import Workspace  # noqa: PLC0415 - see above

        self.piece_bytes = PIECE_BYTES
        self._folder = tempfile.TemporaryDirectory(prefix="verifier-", dir=parent)
        folder = Path(self._folder.name)
        self.draft: Draft = Draft(folder)
        self.marks: Draft = Draft(folder)
        self.workspace: Workspace = Workspace(folder)
        self._untold: Table[bytes] = self.workspace.table(bytes)
        self._large: Table[Large] = self.workspace.table(Large)

    @cached_property
    def differences(self) -> Table[Difference]:
        """What differs from an old manifest, where there is one."""
        from verifier.manifest.difference import Difference  # noqa: PLC0415 - see above; only an update needs it

        return self.workspace.table(Difference)

    def leave_untold(self, path: bytes) -> None:
        """Keep the path of a file of which nothing can be said."""
        self._untold.append(path)

    def untold(self) -> Iterator[bytes]:
        """Yield such paths in order."""
        return self.workspace.sort_on_disk(self._untold, key=bytes, record_type=bytes)

    def keep_large(self, large: Large) -> None:
        """Keep a large file for later."""
        self._large.append(large)

    @property
    def has_large(self) -> bool:
        """Whether there are large files that were not taken out."""
        return len(self._large) > 0

    def take_large(self) -> Iterator[Large]:
        """Take the large files out, the largest first."""
        large, self._large = self._large, self.workspace.table(Large)
        yield from self.workspace.sort_on_disk(large, key=lambda file: -file.size_bytes, record_type=Large)
        large.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.draft.close()
        self.marks.close()
        self.workspace.close()
        self._folder.cleanup()
