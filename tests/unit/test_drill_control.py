"""The drill's test of itself: what it asks a copy for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from verifier.drill.control import plant_damage
from verifier.engine import Engine
from verifier.entry import Entry, Item, Listed
from verifier.restore import Batch, Job
from verifier.sources.interface import Location


class _Recording:
    """An engine that keeps what it is given and does none of it."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def map(self, function: Callable[..., Any], tasks: Iterable[tuple[int, Batch]]) -> Iterator[Any]:
        del function
        self.batches += [batch for _, batch in tasks]
        return iter(())


def test_the_name_that_exists_nowhere_is_asked_for_beside_a_file_that_is_there() -> None:
    """A copy that maps `a/b` alone would answer for any other name by itself, without being asked."""
    engine = _Recording()
    item = Item(
        entry=Entry(path=b"a/b/c", size_bytes=3, digest="0" * 32),
        listed=Listed(name=b"a/b/c", size_bytes=3, locator="of a file that is there"),
    )
    job = Job(
        location=Location(address="/x"), batches=Path("/x"), share_bytes=1, algorithm="xxh3_128", keeps_times=True
    )

    assert plant_damage(cast("Engine", engine), job, item, absent=b"no-such-entry") == "not run"

    (batch,) = engine.batches
    assert [(one.listed.name, one.listed.locator) for one in batch.items[1:2]] == [(b"a/b/no-such-entry", None)]
    assert batch.items[1].entry.path == b"no-such-entry"
