from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from verifier.drill import draw as drawing
from verifier.drill.draw import Size, draw, draw_size, undrawn
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed
from verifier.outcome import FindingKind
from verifier.scenario.scenario import Copy, Sample
from verifier.sources.interface import Location, SourceFacts
from verifier.spool import Workspace

SEED = bytes(range(32))
MakeSurvey = Callable[..., Survey]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path / "tables")
    yield workspace
    workspace.close()


def item(path: str, why: str, *, newer: str | None = None) -> Item:
    entry = Entry(path=path.encode(), size_bytes=10, digest="00")
    return Item(entry=entry, listed=Listed(name=path.encode(), size_bytes=10), why=why, newer=newer)  # type: ignore[arg-type]


@pytest.fixture
def make(workspace: Workspace) -> MakeSurvey:
    def survey(*, sample: int = 0, always: int = 0, moved: int = 0, changed: int = 0, edited: int = 0) -> Survey:
        made = Survey(
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
        for number in range(sample):
            made.comparable.append(item(f"s{number:05}", "sample"))
        for number in range(always):
            made.comparable.append(item(f"x{number:05}", "always"))
        for number in range(moved):
            made.moved.append(item(f"m{number:05}", "moved"))
        for number in range(changed):
            made.newer.append(item(f"c{number:05}", "newest", newer=FindingKind.CHANGED))
        for number in range(edited):
            made.newer.append(item(f"e{number:05}", "newest", newer=FindingKind.EDITED))
        for one in made.comparable:
            made.population.add(one.entry.size_bytes)
        return made

    return survey


def lowest(prefix: str, of: int, count: int) -> list[bytes]:
    paths = [f"{prefix}{number:05}".encode() for number in range(of)]
    return sorted(paths, key=lambda path: hashlib.sha256(SEED + path).digest())[:count]


def test_what_is_always_drawn_stands_beside_the_sample(make: MakeSurvey) -> None:
    survey = make(sample=100, always=5)
    sample = draw_size(survey, Sample(files=10, always=("x*",)))
    assert sample == Size(full=False, population_files=100, sample_files=10, always_files=5)
    full = draw_size(survey, Sample(full=True, always=("x*",)))
    assert full == Size(full=True, population_files=105, sample_files=105, always_files=0)
    assert draw_size(make(sample=3), Sample(files=10)).sample_files == 3
    assert draw_size(make(), Sample()) == Size(full=False, population_files=0, sample_files=0, always_files=0)


@pytest.mark.parametrize("in_memory", [50_000, 3])
def test_a_sample_is_the_lowest_tickets_and_what_stands_beside_them(
    make: MakeSurvey, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(drawing, "_TICKETS_IN_MEMORY", in_memory)
    monkeypatch.setattr(drawing, "INSPECTED_FILES", 4)
    monkeypatch.setattr(drawing, "MOVED_IN_A_SAMPLE", 2)
    survey = make(sample=50, always=2, moved=3, changed=9, edited=6)
    size = draw_size(survey, Sample(files=7, always=("x*",)))
    drawn = draw(survey, size, seed=SEED, workspace=workspace)
    paths = [one.entry.path for one in drawn.items]
    beside = [b"x00000", b"x00001", b"m00000", b"m00001"]
    assert paths == [*lowest("s", 50, 7), *beside, *lowest("c", 9, 4)]
    assert (drawn.amount.files, drawn.amount.size_bytes) == (len(paths), 10 * len(paths))
    left = {one.entry.path for one in undrawn(survey, drawn)}
    told = {one.entry.path for table in (survey.moved, survey.newer) for one in table}
    assert left == told - set(paths)
    assert len(left) == 1 + 5 + 6, "each that is not restored is told once by the listing"


def test_a_full_drill_draws_everything_that_the_copy_has(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=4, always=2, moved=3, changed=2, edited=1)
    drawn = draw(survey, draw_size(survey, Sample(full=True, always=("x*",))), seed=SEED, workspace=workspace)
    why = [(one.entry.path[:1], one.why) for one in drawn.items]
    assert why == [
        *[(b"s", "full")] * 4,
        *[(b"x", "full")] * 2,
        *[(b"c", "newest")] * 2,
        (b"e", "newest"),
        *[(b"m", "moved")] * 3,
    ]
    assert list(undrawn(survey, drawn)) == []


def test_another_seed_draws_another_sample(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=200)
    size = draw_size(survey, Sample(files=20))
    draws = [
        [one.entry.path for one in draw(survey, size, seed=seed, workspace=workspace).items]
        for seed in (SEED, SEED, bytes(32))
    ]
    assert draws[0] == draws[1] != draws[2]
