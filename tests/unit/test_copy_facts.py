"""What a copy's part of the proof claims of its sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.drill.account import Account
from verifier.drill.copy_facts import CopyDrill, _assurance
from verifier.drill.draw import draw
from verifier.drill.size import draw_size
from verifier.drill.surveyed import Survey
from verifier.entry import Entry, Item, Listed
from verifier.outcome import Finding, FindingKind, Match, Reason, Unrestored
from verifier.proof import Assurance, Count
from verifier.sample import at_most_bad
from verifier.scenario.scenario import Budget, Copy, Sample, Scenario
from verifier.sources.interface import Location, SourceFacts
from verifier.spool import Workspace

SEED = bytes(range(32))
FILES = 300
WISH = Scenario(name="x", sha256="", copies=(), sample=Sample(files=150), budget=Budget(size_bytes=10**9))


@pytest.fixture
def part(tmp_path: Path) -> Iterator[CopyDrill]:
    workspace = Workspace(tmp_path / "tables")
    copy = Copy(name="nas", at="/nas")
    survey = Survey(
        copy=copy,
        location=Location(address="/nas"),
        facts=SourceFacts(address="/nas"),
        keeps_times=True,
        reference=None,  # type: ignore[arg-type]  # nothing here looks at it
        pairs=workspace.table(Item),
        missing=workspace.table(Entry),
        unexpected=workspace.table(Listed),
        comparable=workspace.table(Item),
        newer=workspace.table(Item),
        moved=workspace.table(Item),
        findings=workspace.table(object),
    )
    for number in range(FILES):
        path = b"%03d" % number
        entry = Entry(path=path, size_bytes=1_000 + number, digest="00")
        survey.comparable.append(Item(entry=entry, listed=Listed(name=path)))
    size = draw_size(survey, WISH, workspace)
    drawn = draw(survey, size, seed=SEED, workspace=workspace)
    yield CopyDrill(copy=copy, account=Account.open("nas", workspace), survey=survey, size=size, drawn=drawn)
    workspace.close()


def closed(part: CopyDrill, bad: set[bytes]) -> Assurance:
    assert part.drawn is not None
    for item in [*part.drawn.items, *part.drawn.coverage]:
        path = item.entry.path
        part.account.close(
            item, Finding(path=path, kind=FindingKind.MISMATCH) if path in bad else Match(path=path, size_bytes=1)
        )
    assurance = _assurance(part, WISH, SEED)
    assert assurance is not None
    return assurance


def paths(part: CopyDrill, why: str) -> list[bytes]:
    assert part.drawn is not None
    return [item.entry.path for item in [*part.drawn.items, *part.drawn.coverage] if item.why == why]


def test_a_bound_comes_from_the_sample_alone_and_its_bytes_are_the_largest_of_the_others(part: CopyDrill) -> None:
    bad = set(paths(part, "sample")[:2])
    assurance = closed(part, bad)
    population = FILES - 3
    most = at_most_bad(population, drawn=150, bad=2, confidence=0.95)
    assert (assurance.population, assurance.drawn, assurance.bad) == (population, 150, 2)
    assert assurance.at_most_bad_files == most
    others = sorted((1_000 + int(path) for path in paths(part, "coverage")), reverse=True)
    assert assurance.at_most_bad_bytes == sum(1_000 + int(path) for path in bad) + sum(others[: most - 2])
    assert (assurance.few_bad, assurance.wished) == (10, 150)
    assert assurance.chance_of_few == pytest.approx(0.999, abs=0.001)


def test_what_coverage_finds_bad_beyond_the_bound_raises_it(part: CopyDrill) -> None:
    assurance = closed(part, set(paths(part, "coverage")[:100]))
    assert (assurance.bad, assurance.at_most_bad_files) == (0, 100)
    assert assurance.at_most_bad_bytes >= sum(1_000 + int(path) for path in paths(part, "coverage")[:100])


def test_what_a_drill_did_not_come_to_is_bad_in_its_sample_alone(part: CopyDrill) -> None:
    assert part.drawn is not None
    for item in [*part.drawn.items, *part.drawn.coverage]:
        path = item.entry.path
        part.account.close(item, Unrestored(path=path, reason=Reason.CANCELLED))
    assurance = _assurance(part, WISH, SEED)
    assert assurance is not None
    assert (assurance.drawn, assurance.bad, assurance.known_bad) == (150, 150, Count())
    assert (part.account.coverage_bad.files, len(part.account.damaged_rows)) == (0, 0)


def test_what_coverage_finds_bad_within_the_bound_changes_nothing(part: CopyDrill) -> None:
    most = at_most_bad(FILES - 3, drawn=150, bad=0, confidence=0.95)
    assert closed(part, set(paths(part, "coverage")[: most - 1])).at_most_bad_files == most


def test_what_is_bad_beside_the_sample_is_known_and_no_part_of_the_bound(part: CopyDrill) -> None:
    part.account.note(Finding(path=b"gone", kind=FindingKind.MISSING, size_bytes=7))
    part.account.note(Finding(path=b"surplus", kind=FindingKind.UNEXPECTED, size_bytes=7))
    part.account.note(Finding(path=b"", kind=FindingKind.STALE))
    assurance = closed(part, set(paths(part, "largest")))
    assert assurance.bad == 0
    assert assurance.known_bad == Count(files=4, bytes=7 + 1_297 + 1_298 + 1_299)
