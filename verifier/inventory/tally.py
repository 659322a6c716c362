"""Files that are left out, one by one → what the manifest's header says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from verifier import relpath

if TYPE_CHECKING:
    from verifier.manifest.header import LeftOut

_NAMES_KEPT: Final = 100


class Tally:
    """Counts what was left out, by reason, and keeps the first names of each and what was said of them."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._first: dict[str, list[tuple[bytes, str]]] = {}

    def add(self, reason: str, path: bytes, size_bytes: int = 0, detail: str = "") -> None:
        """Count one file under a reason, which is a field of `LeftOut`."""
        self._files[reason] = self._files.get(reason, 0) + 1
        self._bytes[reason] = self._bytes.get(reason, 0) + size_bytes
        first = self._first.setdefault(reason, [])
        if len(first) < _NAMES_KEPT:
            first.append((path, detail))

    def first(self, reason: str) -> list[tuple[bytes, str]]:
        """Return the first names that were left out for a reason, in order, each with what was said of it."""
        return sorted(self._first.get(reason, ()))

    def left_out(self) -> LeftOut:
        """Return the counts as they stand in a header."""
        from verifier.manifest.header import Left, LeftOut, Name  # noqa: PLC0415 - see `inventory`: loaded meanwhile

        return LeftOut(
            **{
                reason: Left(
                    files=files,
                    bytes=self._bytes[reason],
                    paths=tuple(Name(**relpath.to_json(path)) for path, _ in self.first(reason)),
                )
                for reason, files in self._files.items()
            }
        )
