"""Whatever a copy holds, whatever was proven of it, whatever a drill may cost: each file is drawn once, or named."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from verifier.drill.content import content_mark
from verifier.drill.draw import Draw, draw
from verifier.drill.size import Size, draw_size
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed
from verifier.ledger import ProvenMark
from verifier.outcome import FindingKind
from verifier.sample import Candidate
from verifier.scenario.scenario import Budget, Copy, Objectives, Sample, Scenario
from verifier.sources.interface import Location, SourceFacts
from verifier.spool import Workspace

SEEDS: Final = st.binary(min_size=32, max_size=32)
SIZES: Final = st.one_of(st.integers(0, 50), st.integers(0, 5_000))
_PATHS: Final = st.binary(min_size=1, max_size=3)
# Of a few files nothing is set apart, so half of the datasets are no such.
FILES: Final = st.dictionaries(_PATHS, SIZES, max_size=40) | st.dictionaries(_PATHS, SIZES, min_size=60, max_size=90)
WISHES: Final = st.builds(
    Sample,
    files=st.none() | st.integers(1, 60),
    percent=st.none() | st.floats(0.1, 100),
    size_bytes=st.none() | st.integers(1, 5_000),
    alone=st.booleans(),
)
BUDGETS: Final = st.builds(
    Budget, size_bytes=st.none() | st.integers(1, 20_000), seconds=st.none() | st.integers(1, 100)
)


@contextmanager
def _survey(files: dict[bytes, int], data: st.DataObject) -> Iterator[tuple[Survey, Workspace]]:
    with tempfile.TemporaryDirectory() as folder, closing(Workspace(Path(folder) / "tables")) as workspace:
        survey = Survey(
            copy=Copy(name="nas", at="/nas"),
            location=Location(address="/nas"),
            facts=SourceFacts(address="/nas"),
            keeps_times=True,
            reference=None,  # type: ignore[arg-type]  # a draw does not look at it
            pairs=workspace.table(Item),
            missing=workspace.table(Entry),
            unexpected=workspace.table(Listed),
            comparable=workspace.table(Item),
            newer=workspace.table(Item),
            moved=workspace.table(Item),
            findings=workspace.table(object),
        )
        for path, size_bytes in sorted(files.items()):
            entry = Entry(path=path, size_bytes=size_bytes, mtime_ns=data.draw(st.integers(0, 9)), digest="00")
            listed = Listed(name=path, size_bytes=size_bytes)
            kind = data.draw(st.sampled_from(["sample"] * 8 + ["always", "moved", "newer"]))
            if kind == "moved":
                survey.moved.append(Item(entry=entry, listed=listed, why="moved"))
            elif kind == "newer":
                survey.newer.append(Item(entry=entry, listed=listed, why="newest", newer=FindingKind.CHANGED))
            else:
                survey.comparable.append(Item(entry=entry, listed=listed, why=kind))  # type: ignore[arg-type]
        yield survey, workspace


def _rows(survey: Survey, data: st.DataObject) -> list[ProvenMark]:
    seconds = {item.entry.path: data.draw(st.none() | st.integers(0, 99)) for item in survey.comparable}
    return [
        ProvenMark(path=one.entry.path, mark=content_mark(one.entry), proven_at_seconds=at, drill_number=1)
        for one in survey.comparable
        if (at := seconds[one.entry.path]) is not None
    ]


def _paths(drawn: Draw, *reasons: str) -> list[bytes]:
    items = [*drawn.items, *drawn.coverage, *drawn.over_budget]
    return [item.entry.path for item in items if not reasons or (item.why in reasons and not item.newer)]


def _population(size: Size) -> list[Candidate]:
    return [one for one in size.candidates if size.strata.stratum(one) is None]


@given(files=FILES, wish=WISHES, budget=BUDGETS, period=st.none() | st.integers(1, 400), seed=SEEDS, data=st.data())
def test_each_file_is_drawn_once_within_the_budget_and_the_sample_is_the_lot_alone(
    files: dict[bytes, int], wish: Sample, budget: Budget, period: int | None, seed: bytes, data: st.DataObject
) -> None:
    with _survey(files, data) as (survey, workspace):
        objectives = Objectives(coverage_seconds=None if period is None else period * 86_400)
        scenario = Scenario(name="x", sha256="", copies=(), sample=wish, budget=budget, objectives=objectives)
        damaged = sorted(path for path in files if data.draw(st.integers(0, 9)) == 0)
        size = draw_size(survey, scenario, workspace, proven=_rows(survey, data), damaged=damaged)
        drawn = draw(survey, size, seed=seed, workspace=workspace)

        assert len(_paths(drawn)) == len(set(_paths(drawn))), "no file twice"
        assert drawn.amount.files == len(drawn.items) + len(drawn.coverage)
        population = {one.path: one.size_bytes for one in _population(size)}
        tickets = sorted(population, key=lambda path: hashlib.sha256(seed + path).digest())
        assert _paths(drawn, "sample") == tickets[: size.sample_files]
        assert size.population_files == len(population)
        beside = {item.entry.path for item in survey.comparable} - set(population)
        apart = [item.entry.path for item in drawn.items if item.why not in ("sample", "moved") and not item.newer]
        assert {*apart, *(item.entry.path for item in drawn.over_budget)} == beside
        assert {item.entry.path for item in drawn.coverage} <= set(tickets[size.sample_files :])
        if budget.size_bytes is not None:
            required = sum(item.entry.size_bytes for item in drawn.items)
            assert drawn.amount.size_bytes <= max(required, budget.size_bytes), "coverage fits into what is left"
            assert all(item.entry.size_bytes <= budget.size_bytes for item in drawn.items)
            assert all(item.entry.size_bytes > budget.size_bytes for item in drawn.over_budget)


@given(files=FILES, wish=WISHES, budget=BUDGETS, seed=SEEDS, data=st.data())
def test_the_ledger_moves_the_sample_by_the_strata_alone(
    files: dict[bytes, int], wish: Sample, budget: Budget, seed: bytes, data: st.DataObject
) -> None:
    """One seed, two ledgers: where these set the same files apart, size and sample are the same."""
    with _survey(files, data) as (survey, workspace):
        scenario = Scenario(name="x", sha256="", copies=(), sample=wish, budget=budget)
        draws = []
        for _ in range(2):
            size = draw_size(survey, scenario, workspace, proven=_rows(survey, data))
            draws.append(draw(survey, size, seed=seed, workspace=workspace))
        one, other = draws
        apart = [set(_paths(drawn, "largest", "newest", "damaged", "always")) for drawn in draws]
        if apart[0] == apart[1]:
            assert _paths(one, "sample") == _paths(other, "sample")
        shared = {path.path for path in _population(one.size)} & {path.path for path in _population(other.size)}
        orders = [[path for path in _paths(drawn, "sample") if path in shared] for drawn in draws]
        least = min(map(len, orders))
        assert orders[0][:least] == orders[1][:least]
