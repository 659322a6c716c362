from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from verifier.drill import draw as drawing
from verifier.drill import size as sizing
from verifier.drill.content import content_mark
from verifier.drill.draw import Draw, draw, undrawn, undrawn_bytes
from verifier.drill.size import Coverage, Size, draw_size
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed
from verifier.ledger import ProvenMark
from verifier.outcome import FindingKind
from verifier.scenario import load
from verifier.scenario.scenario import Budget, Copy, Objectives, Sample, Scenario
from verifier.sources.interface import Location, SourceFacts
from verifier.spool import Workspace

SEED = bytes(range(32))
MakeSurvey = Callable[..., Survey]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path / "tables")
    yield workspace
    workspace.close()


def item(path: str, why: str, *, newer: str | None = None, size_bytes: int = 10, mtime_ns: int | None = None) -> Item:
    entry = Entry(path=path.encode(), size_bytes=size_bytes, digest="00", mtime_ns=mtime_ns)
    return Item(entry=entry, listed=Listed(name=path.encode(), size_bytes=size_bytes), why=why, newer=newer)  # type: ignore[arg-type]


def scenario(
    sample: Sample | None = None, budget: Budget | None = None, coverage_seconds: int | None = None
) -> Scenario:
    return Scenario(
        name="photos",
        sha256="",
        copies=(),
        sample=sample or Sample(),
        budget=budget or Budget(),
        objectives=Objectives(coverage_seconds=coverage_seconds),
    )


def alone(**wish: object) -> Scenario:
    return scenario(Sample(alone=True, **wish))  # type: ignore[arg-type]


def proven(item: Item, seconds: int) -> ProvenMark:
    return ProvenMark(path=item.entry.path, mark=content_mark(item.entry), proven_at_seconds=seconds, drill_number=1)


def paths(drawn: Draw, *reasons: str) -> list[bytes]:
    both = [*drawn.items, *drawn.coverage]
    return [one.entry.path for one in both if one.why in reasons and not one.newer]


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


@pytest.fixture
def photos(make: MakeSurvey) -> Survey:
    """Return 100 files p00 … p99: of rising size, the later the older."""
    survey = make()
    for number in range(100):
        survey.comparable.append(
            item(f"p{number:02}", "sample", size_bytes=1_000 + number, mtime_ns=1_000_000 - number)
        )
        survey.population.add(1_000 + number)
    return survey


LARGEST, NEWEST = [b"p97", b"p98", b"p99"], [b"p00", b"p01", b"p02"]


def test_what_is_always_drawn_stands_beside_the_sample(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=100, always=5)
    sample = draw_size(survey, alone(files=10, always=("x*",)), workspace)
    assert (sample.full, sample.population_files, sample.sample_files) == (False, 100, 10)
    assert (sample.beside.files, sample.beside.size_bytes, sample.over_budget.files) == (5, 50, 0)
    full = draw_size(survey, scenario(Sample(full=True, always=("x*",)), Budget(size_bytes=1, seconds=1)), workspace)
    assert (full.full, full.population_files, full.sample_files, full.beside.files) == (True, 105, 105, 0)
    assert full.coverage is None
    assert draw_size(make(sample=3), alone(files=10), workspace).sample_files == 3
    empty = draw_size(make(), alone(), workspace)
    assert (empty.population_files, empty.sample_files) == (0, 0)


@pytest.mark.parametrize("in_memory", [50_000, 3])
def test_a_sample_is_the_lowest_tickets_and_what_stands_beside_them(
    make: MakeSurvey, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(drawing, "_TICKETS_IN_MEMORY", in_memory)
    monkeypatch.setattr(drawing, "INSPECTED_FILES", 4)
    monkeypatch.setattr(sizing, "MOVED_IN_A_SAMPLE", 2)
    survey = make(sample=50, always=2, moved=3, changed=9, edited=6)
    size = draw_size(survey, alone(files=7, always=("x*",)), workspace)
    drawn = draw(survey, size, seed=SEED, workspace=workspace)
    names = [one.entry.path for one in drawn.items]
    beside = [b"x00000", b"x00001", b"m00000", b"m00001"]
    assert names == [*lowest("s", 50, 7), *beside, *lowest("c", 9, 4)]
    assert (drawn.amount.files, drawn.amount.size_bytes) == (len(names), 10 * len(names))
    assert len(drawn.coverage) == 0
    left = {one.entry.path for one in undrawn(survey, drawn)}
    told = {one.entry.path for table in (survey.moved, survey.newer) for one in table}
    assert left == told - set(names)
    assert len(left) == 1 + 5 + 6, "each that is not restored is told once by the listing"


def test_a_full_drill_draws_everything_that_the_copy_has(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=4, always=2, moved=3, changed=2, edited=1)
    size = draw_size(survey, scenario(Sample(full=True, always=("x*",))), workspace)
    drawn = draw(survey, size, seed=SEED, workspace=workspace)
    why = [(one.entry.path[:1], one.why) for one in drawn.items]
    assert why == [
        *[(b"s", "full")] * 4,
        *[(b"x", "full")] * 2,
        *[(b"c", "newest")] * 2,
        (b"e", "newest"),
        *[(b"m", "moved")] * 3,
    ]
    assert list(undrawn(survey, drawn)) == []
    assert list(undrawn_bytes(drawn, seed=SEED)) == []


def test_another_seed_draws_another_sample(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=200)
    size = draw_size(survey, alone(files=20), workspace)
    draws = [
        [one.entry.path for one in draw(survey, size, seed=seed, workspace=workspace).items]
        for seed in (SEED, SEED, bytes(32))
    ]
    assert draws[0] == draws[1] != draws[2]


def test_the_largest_the_newest_and_the_damaged_are_in_neither_population_nor_sample(
    photos: Survey, workspace: Workspace
) -> None:
    size = draw_size(photos, scenario(Sample(files=20)), workspace, damaged=[b"elsewhere", b"p50", b"zzz"])
    drawn = draw(photos, size, seed=SEED, workspace=workspace)
    assert paths(drawn, "largest") == LARGEST
    assert paths(drawn, "newest") == NEWEST
    assert paths(drawn, "damaged") == [b"p50"]
    population = {b"p%02d" % number for number in range(100)} - {*LARGEST, *NEWEST, b"p50"}
    by_ticket = sorted(population, key=lambda path: hashlib.sha256(SEED + path).digest())
    assert paths(drawn, "sample") == by_ticket[:20]
    assert (size.population_files, size.beside.files) == (93, 7)
    assert sorted(undrawn_bytes(drawn, seed=SEED)) == sorted(1_000 + int(path[1:]) for path in by_ticket[20:])


def test_of_a_few_files_the_lot_keeps_most(make: MakeSurvey, workspace: Workspace) -> None:
    for files, beside in ((19, 0), (20, 1), (40, 2), (60, 3), (200, 3)):
        survey = make()
        for number in range(files):
            survey.comparable.append(item(f"{number:04}", "sample", size_bytes=number))
        size = draw_size(survey, scenario(Sample(files=1)), workspace)
        assert size.beside.files == beside, "without times there is no newest"


def test_the_largest_take_turns_by_the_age_of_their_proof(photos: Survey, workspace: Workspace) -> None:
    known = {one.entry.path: one for one in photos.comparable}
    rows = [proven(known[path], 500) for path in LARGEST]
    changed = proven(known[b"p96"], 600)
    stale = ProvenMark(path=b"p95", mark=changed.mark + 1, proven_at_seconds=700, drill_number=1)
    size = draw_size(photos, scenario(Sample(files=20)), workspace, proven=sorted([*rows, stale], key=lambda r: r.path))
    assert size.strata.largest == {b"p96", b"p95", b"p94"}, "a proof of other content is no proof"


def test_the_fresh_sample_does_not_look_at_the_ledger(photos: Survey, workspace: Workspace) -> None:
    """Of equal strata, the same seed gives the same sample, whatever was proven when; others exclude theirs alone."""
    everything = list(photos.comparable)
    wish = scenario(Sample(files=20), Budget(size_bytes=60_000))
    samples, covered = [], []
    for rows in ([], [proven(one, 500) for one in everything[:64]], [proven(one, 500) for one in everything[5:60]]):
        drawn = draw(photos, draw_size(photos, wish, workspace, proven=rows), seed=SEED, workspace=workspace)
        assert drawn.size.strata.largest == set(LARGEST)
        samples.append(paths(drawn, "sample"))
        covered.append(paths(drawn, "coverage"))
    assert samples[0] == samples[1] == samples[2]
    assert covered[0] != covered[1]
    other = draw(photos, draw_size(photos, wish, workspace, damaged=samples[0][:1]), seed=SEED, workspace=workspace)
    assert paths(other, "sample")[:19] == samples[0][1:]


def test_coverage_is_what_was_not_proven_for_longest_within_the_bytes_that_are_left(
    photos: Survey, workspace: Workspace
) -> None:
    everything = list(photos.comparable)
    rows = [proven(one, 1_000 - number) for number, one in enumerate(everything) if number % 2]
    wish = scenario(Sample(files=10), Budget(size_bytes=80_000))
    drawn = draw(photos, draw_size(photos, wish, workspace, proven=rows), seed=SEED, workspace=workspace)
    taken = paths(drawn, "coverage")
    required = paths(drawn, "sample", "largest", "newest")
    left = [one for one in everything if one.entry.path not in required]
    never = {one.entry.path for one in left if int(one.entry.path[1:]) % 2 == 0}
    assert set(taken[: len(never)]) == never
    assert taken[: len(never)] == sorted(never, key=lambda path: hashlib.sha256(SEED + path).digest())
    oldest = sorted((one.entry.path for one in left if one.entry.path not in never), reverse=True)
    assert taken[len(never) :] == oldest[: len(taken) - len(never)]
    assert 80_000 - 1_100 < drawn.amount.size_bytes <= 80_000


def test_without_a_budget_or_an_objective_nothing_is_covered(photos: Survey, workspace: Workspace) -> None:
    day = 86_400
    assert draw_size(photos, scenario(Sample(files=10)), workspace).coverage is None
    asked = draw_size(photos, scenario(Sample(files=10), coverage_seconds=93 * day), workspace)
    assert asked.coverage == Coverage(files=28), "three drills a month apart prove the 94 - 10 that are left"
    drawn = draw(photos, asked, seed=SEED, workspace=workspace)
    assert len(drawn.coverage) == 28
    hopeless = draw_size(photos, scenario(Sample(files=10), coverage_seconds=20 * day), workspace)
    assert hopeless.coverage == Coverage()
    assert len(draw(photos, hopeless, seed=SEED, workspace=workspace).coverage) == 84
    timed = draw_size(photos, scenario(Sample(files=10), Budget(seconds=5)), workspace)
    assert timed.coverage == Coverage()
    just = draw_size(photos, scenario(Sample(files=10, alone=True), Budget(size_bytes=80_000)), workspace)
    assert just.coverage is None


def test_a_budget_lowers_the_sample_and_leaves_out_what_is_larger(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=300)
    for name in ("y-huge", "z-huge"):
        survey.comparable.append(item(name, "always" if name[0] == "y" else "sample", size_bytes=5_000))
    size = draw_size(survey, scenario(Sample(files=200), Budget(size_bytes=1_000)), workspace)
    assert (size.over_budget.files, size.over_budget.size_bytes) == (2, 10_000)
    assert (size.population_files, size.beside.files) == (297, 3)
    assert (size.sample.wished_files, size.sample_files) == (200, (1_000 - 30) // 10)
    drawn = draw(survey, size, seed=SEED, workspace=workspace)
    assert [one.entry.path for one in drawn.over_budget] == [b"y-huge", b"z-huge"]
    assert drawn.amount.size_bytes <= 1_000
    named = [one.entry.path for table in (drawn.items, drawn.coverage, drawn.over_budget) for one in table]
    assert len(named) == len(set(named))


def test_what_may_have_moved_and_what_changed_take_a_part_of_the_budget(make: MakeSurvey, workspace: Workspace) -> None:
    survey = make(sample=100, moved=50, changed=50)
    size = draw_size(survey, scenario(Sample(files=100), Budget(size_bytes=800)), workspace)
    drawn = draw(survey, size, seed=SEED, workspace=workspace)
    assert len(paths(drawn, "moved")) == 10
    assert sum(one.newer is not None for one in drawn.items) == 10
    assert size.sample_files == (800 - 2 * 100 - 10 * size.beside.files) // 10
    assert drawn.amount.size_bytes <= 800
    assert sum(1 for _ in undrawn(survey, drawn)) == 40 + 40


def test_a_size_of_other_facts_has_another_fingerprint(photos: Survey, workspace: Workspace) -> None:
    everything = list(photos.comparable)
    rows = [proven(everything[99], 5)]
    sizes: list[Size] = [
        draw_size(photos, wish, workspace, damaged=damaged, proven=known)
        for wish, damaged, known in (
            (scenario(Sample(files=10)), [], []),
            (scenario(Sample(files=11)), [], []),
            (scenario(Sample(files=10)), [b"p50"], []),
            (scenario(Sample(files=10)), [b"p51"], []),
            (scenario(Sample(files=10)), [], rows),
            (scenario(Sample(files=10), Budget(seconds=5)), [], []),
            (scenario(Sample(files=10), Budget(size_bytes=10**9)), [], []),
        )
    ]
    assert len({size.fingerprint for size in sizes}) == len(sizes)
    for one in (b"p50", b"p51"):  # that are as large as each other
        photos.comparable.append(item(f"q{one.decode()}", "sample", size_bytes=1))
    apart = [draw_size(photos, scenario(Sample(files=10)), workspace, damaged=[path]) for path in (b"qp50", b"qp51")]
    assert apart[0].spread == apart[1].spread
    assert apart[0].fingerprint != apart[1].fingerprint
    again = draw_size(photos, scenario(Sample(files=10)), workspace, damaged=[b"qp50"])
    assert again.fingerprint == apart[0].fingerprint


def test_a_scenario_says_how_much_and_at_what_cost(tmp_path: Path) -> None:
    head = (
        'name = "photos"\nmanifest = "m"\n[objectives]\ncoverage = "90d"\n[budget]\nbytes = "20GiB"\nduration = "2h"\n'
    )
    for stated, sample in (("percent = 5", Sample(percent=5)), ('bytes = "1KiB"', Sample(size_bytes=1_024))):
        file = tmp_path / "photos.toml"
        file.write_text(f'{head}[sample]\n{stated}\n[[copy]]\nname = "nas"\nat = "nas"\n', encoding="utf-8")
        loaded = load(file)
        assert loaded.sample == sample
        assert loaded.budget == Budget(size_bytes=20 * 1024**3, seconds=7_200)
        assert loaded.objectives.coverage_seconds == 90 * 86_400


def test_percent_and_bytes_are_of_the_population(photos: Survey, workspace: Workspace) -> None:
    assert draw_size(photos, scenario(Sample(percent=10)), workspace).sample_files == 10  # of 94
    assert draw_size(photos, scenario(Sample(size_bytes=10_600)), workspace).sample_files == 10
