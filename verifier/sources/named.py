"""A copy under its own names → the same copy under the dataset's; what lies outside is left out and counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from verifier import relpath
from verifier.entry import Listed
from verifier.errors import AbsentError, SourceError
from verifier.sources.interface import Failed, Landed, Request, Sink, Source, SourceFacts
from verifier.sources.naming import Translation

_NAMES_SHOWN = 5


class Named(Source):
    """A source whose names are translated: listed under the dataset's, asked by its own.

    Args:
        source: lists and restores by the copy's own names.
        translation: between those and the dataset's.
        where: the folder of the copy that `source` begins at; empty where that is the copy itself.
        nothing: makes the error for a copy that lists nothing of the dataset, from the first names that it does list.
    """

    def __init__(
        self,
        source: Source,
        translation: Translation,
        *,
        where: bytes,
        nothing: Callable[[Sequence[bytes]], SourceError],
    ) -> None:
        self._source = source
        self._translation = translation
        self._where = where
        self._nothing = nothing
        self._outside_files = self._outside_bytes = 0
        self.ordered = source.ordered and len(translation.pairs) == 1
        self.keeps_times = source.keeps_times
        self.holds_links = source.holds_links

    def facts(self) -> SourceFacts:
        """Say what the copy was found to be, and what of it is not this dataset."""
        facts = self._source.facts()
        notes = list(facts.notes)
        if self._where:
            where = relpath.show(self._where)
            notes.append(f"the dataset lies in {where} of the copy, and what lies beside that was not looked at")
        if self._outside_files:
            notes.append(
                f"left out, for it lies outside of what the scenario maps to the dataset: {self._outside_files:,} "
                f"files, {self._outside_bytes:,} bytes"
            )
        return dataclasses.replace(facts, notes=tuple(notes))

    def folds_case(self, listed: Listed) -> bool:
        """Tell whether the copy finds `listed` under its name in another case, too."""
        own = self._translation.to_copy(listed.name)
        return own is not None and self._source.folds_case(replace(listed, name=own))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _list(self) -> Iterator[Listed]:
        self._outside_files = self._outside_bytes = 0
        outside: list[bytes] = []
        found = False
        for listed in self._source.list():
            # A name that leads out of the copy has no translation, and is told under the one that it has.
            same = self._translation.is_identity or listed.kind == "unsafe"
            name = listed.name if same else self._translation.to_dataset(listed.name)
            if name is None:
                self._outside_files += 1
                self._outside_bytes += listed.size_bytes
                if len(outside) < _NAMES_SHOWN:
                    outside.append(listed.name)
                continue
            found = True
            yield listed if name == listed.name else replace(listed, name=name)
        if not found:
            raise self._nothing(outside)

    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        asked = []
        for request in requests:
            own = self._translation.to_copy(request.listed.name)
            if own is None:
                shown = relpath.show(request.listed.name)
                error = AbsentError(f"expected a name that the scenario maps, got {shown}, which the copy can't hold")
                yield Failed(number=request.number, error=error)
            else:
                asked.append(replace(request, listed=replace(request.listed, name=own)))
        if asked:
            yield from self._source.restore(asked, sink)
