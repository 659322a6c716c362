"""A place that holds the dataset's files as they are, under their own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from verifier.entry import Listed
from verifier.sources.interface import Failed, Landed, Place, Request, Sink, Source, SourceFacts


class PlainFiles(Source):
    """Files as they are: the copy's listing is the place's."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.ordered = place.ordered
        self.keeps_times = place.keeps_times
        self.holds_links = place.holds_links
        self.at_once = place.at_once

    def facts(self) -> SourceFacts:
        """Say what the place was found to be."""
        return self._place.facts()

    def folds_case(self, listed: Listed) -> bool:
        """Tell whether the place finds `listed` under its name in another case, too."""
        return self._place.folds_case(listed)

    def close(self) -> None:
        """Close the place."""
        self._place.close()

    def _list(self) -> Iterator[Listed]:
        return self._place.list()

    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        return self._place.fetch(requests, sink)
