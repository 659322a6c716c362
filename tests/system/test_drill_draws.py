"""Drills whose sample, strata and coverage add up over months, and whose budget cuts coverage alone."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import zstandard
from drilled import Drilled, Place, change, flip, noise, put

from verifier.drill import carry_out
from verifier.plan import coverage_sentence

FILES: Final = 240
FIRST: Final = datetime(2026, 1, 1, 3, tzinfo=UTC)
MONTH: Final = timedelta(days=31)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"{number:03}.jpg": noise(100 + number, number) for number in range(FILES)})
    place.back_up()
    place.know()
    place.now = lambda: FIRST
    return place


def scenario(place: Place, stated: str = "", sample: str = "files = 20") -> str:
    return (
        f'name = "photos"\nmanifest = "{place.manifest}"\n{stated}\n[sample]\n{sample}\n'
        f'[[copy]]\nname = "nas"\nat = "{place.copy}"\n'
    )


def outcomes(drilled: Drilled) -> list[dict[str, Any]]:
    assert drilled.folder is not None
    data = (drilled.folder / "outcomes.jsonl.zst").read_bytes()
    return [json.loads(line) for line in zstandard.ZstdDecompressor().stream_reader(data).read().splitlines()]


def reasons(drilled: Drilled) -> Counter[str]:
    return Counter(line["why"] for line in outcomes(drilled))


def test_a_year_of_drills_at_the_size_that_a_plan_names_proves_every_file(place: Place) -> None:
    said = coverage_sentence(FILES - 6, 20, period_seconds=372 * 86_400, interval_seconds=31 * 86_400)
    (beside,) = re.findall(r"^(\d+) files beside", said)
    text = scenario(place, '[objectives]\ncoverage = "372d"')
    proven: set[str] = set()
    for month in range(12):
        place.now = lambda month=month: FIRST + month * MONTH  # type: ignore[misc]
        drilled = place.drill(text)
        assert (drilled.code, drilled.result) == (0, "PASSED")
        assert drilled.copy.planned.files <= 20 + 6 + int(beside)
        proven |= {line["path"] for line in outcomes(drilled) if line["outcome"] == "match"}
        assert drilled.copy.coverage.proven.files == len(proven)
        assert drilled.copy.coverage.overdue is not None
        if month < 11:
            assert len(proven) < FILES or month > 6, "so few are drilled that it takes its time"
    assert len(proven) == FILES


def test_a_budget_of_bytes_is_filled_and_kept(place: Place) -> None:
    everything = sum(100 + number for number in range(FILES))
    text = scenario(place, '[budget]\nbytes = "20KB"')
    first, second = place.drill(text), place.drill(text)
    for drilled in (first, second):
        assert drilled.result == "PASSED"
        assert 20_000 - 340 < drilled.copy.planned.bytes <= 20_000 < everything
        assert reasons(drilled)["sample"] == 20
        assert len({line["path"] for line in outcomes(drilled)}) == drilled.copy.planned.files == len(outcomes(drilled))
    covered = [{line["path"] for line in outcomes(one) if line["why"] == "coverage"} for one in (first, second)]
    assert not covered[1] & {line["path"] for line in outcomes(first)}, "what was just proven has its turn last"


def test_a_file_beyond_the_budget_is_a_line_of_its_own(place: Place) -> None:
    put(place.live, "film.mkv", noise(30_000, "film"))
    put(place.copy, "film.mkv", noise(30_000, "film"))
    place.know()
    drilled = place.drill(scenario(place, '[budget]\nbytes = "20KB"'))
    assert (drilled.code, drilled.result) == (0, "WARNED")
    assert "1 file cannot be drilled within the budget of 20,000 bytes (30,000 bytes)" in drilled.reasons
    (left,) = drilled.copy.unrestored
    assert (left.reason, left.path) == ("OVER_BUDGET", "film.mkv")
    assert drilled.copy.counts["OVER_BUDGET"].bytes == 30_000
    assert drilled.copy.planned.bytes <= 20_000
    (line,) = (line for line in outcomes(drilled) if line["outcome"] == "OVER_BUDGET")
    assert line["path"] == "film.mkv"
    full = place.drill(scenario(place, '[budget]\nbytes = "20KB"'), "--full")
    assert (full.result, full.copy.proven.files) == ("PASSED", FILES + 1)


def test_a_budget_too_small_for_a_sample_shows_nothing_and_says_so(place: Place) -> None:
    drilled = place.drill(scenario(place, '[budget]\nbytes = "350B"', sample='always = ["000.jpg", "001.jpg"]'))
    assert drilled.result == "WARNED"
    assert f"is too small for a sample: nothing is shown of {FILES - 2} files" in drilled.reasons
    lowered = place.drill(scenario(place, '[budget]\nbytes = "10KB"', sample="files = 100"))
    assert lowered.result == "PASSED"
    assert any("the budget is too small for 100" in note for note in lowered.copy.notes)
    assurance = lowered.copy.assurance
    assert assurance is not None
    assert (assurance.wished, assurance.drawn) == (100, reasons(lowered)["sample"])
    assert 20 < assurance.drawn < 40


class Clock:
    """Time that passes by a second whenever it is asked for."""

    def __init__(self) -> None:
        self._seconds = count()

    def monotonic(self) -> float:
        return float(next(self._seconds))


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "time", Clock())


def test_time_that_is_over_cuts_coverage_and_nobody_is_blamed(place: Place, ticking: None) -> None:
    drilled = place.drill(scenario(place, '[budget]\nduration = "3s"'))
    assert (drilled.code, drilled.result) == (0, "PASSED")
    assert reasons(drilled) == {"sample": 20, "largest": 3, "newest": 3, **_covered(drilled)}
    cut = drilled.copy.counts["OVER_BUDGET"].files
    assert cut == FILES - drilled.copy.planned.files
    assert cut > 0
    assert drilled.copy.planned.files == drilled.copy.proven.files == len(outcomes(drilled))
    assert drilled.copy.unrestored == ()


def _covered(drilled: Drilled) -> dict[str, int]:
    covered = reasons(drilled)["coverage"]
    return {"coverage": covered} if covered else {}


def test_time_that_is_over_within_the_sample_counts_as_bad(place: Place, ticking: None) -> None:
    text = scenario(place, '[budget]\nduration = "2s"', sample="files = 200")
    drilled = place.drill(text)
    assert (drilled.code, drilled.result) == (3, "INCONCLUSIVE")
    lines = [line for line in outcomes(drilled) if line["why"] == "sample"]
    unmet = sum(line["outcome"] == "CANCELLED" for line in lines)
    assurance = drilled.copy.assurance
    assert assurance is not None
    assert (assurance.drawn, assurance.bad, len(lines)) == (200, unmet, 200)
    assert unmet > 0
    assert assurance.at_most_bad_files >= unmet
    assert any("the budget's time was over" in one.detail for one in drilled.copy.unrestored)


def test_what_was_damaged_is_looked_at_until_it_is_whole_and_stands_beside_the_sample(place: Place) -> None:
    text = scenario(place, sample="files = 234")  # all that the lot can fall on
    change(place.copy, "050.jpg", lambda data: flip(data, 3))
    change(place.copy, "239.jpg", lambda data: flip(data, 3))
    first = place.drill(text)
    assert first.counts == {"MISMATCH": 2}
    assert first.copy.assurance is not None
    assert (first.copy.assurance.bad, first.copy.assurance.known_bad.files) == (1, 1)  # type: ignore[union-attr]
    second = place.drill(scenario(place))
    why = {line["path"]: line["why"] for line in outcomes(second) if line["outcome"] == "MISMATCH"}
    assert why == {"050.jpg": "damaged", "239.jpg": "damaged"}
    assert second.copy.assurance is not None
    assert (second.copy.assurance.bad, second.copy.assurance.population) == (0, FILES - 8)
    place.drill(scenario(place), "--only", "1*")
    put(place.copy, "050.jpg", noise(150, 50))
    third, fourth = place.drill(scenario(place)), place.drill(scenario(place))
    assert {line["path"] for line in outcomes(third) if line["why"] == "damaged"} == {"050.jpg", "239.jpg"}
    assert {line["path"] for line in outcomes(fourth) if line["why"] == "damaged"} == {"239.jpg"}


def test_what_is_found_under_another_name_is_known_by_the_ledger_all_the_same(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill({f"{number:03} ä.jpg": noise(100, number) for number in range(40)})
    place.back_up()
    place.know()
    for number in (3, 7, 30):
        (place.copy / f"{number:03} ä.jpg").rename(place.copy / unicodedata.normalize("NFD", f"{number:03} ä.jpg"))
    change(place.copy, unicodedata.normalize("NFD", "007 ä.jpg"), lambda data: flip(data, 3))
    first = place.drill(scenario(place, sample="files = 40"))
    assert first.counts == {"MISMATCH": 1}
    assert sum(first.copy.found_as.values()) == 3
    second = place.drill(scenario(place, sample="files = 5"))
    assert {line["path"] for line in outcomes(second) if line["why"] == "damaged"} == {"007 ä.jpg"}


def test_more_damage_than_the_bound_allows_for_is_not_left_unsaid(place: Place) -> None:
    for number in range(30, 230):
        change(place.copy, f"{number:03}.jpg", lambda data: flip(data, 3))
    text = scenario(place, '[budget]\nbytes = "1GB"', sample="files = 1")
    seeds = (place.drill(text, "--seed", f"{number:02x}" * 32) for number in range(40))
    lucky = next(one for one in seeds if one.copy.assurance is not None and not one.copy.assurance.bad)
    assert lucky.counts == {"MISMATCH": 200}
    assert lucky.copy.assurance is not None
    assert lucky.copy.assurance.at_most_bad_files >= 200 - reasons(lucky)["damaged"]


def test_nothing_is_overdue_before_the_time_has_passed_and_then_all_that_was_not_proven(place: Place) -> None:
    text = scenario(place, '[objectives]\ncoverage = "90d"\n[budget]\nbytes = "3KB"', sample="files = 5")
    for days in (0, 89):
        place.now = lambda days=days: FIRST + timedelta(days=days)  # type: ignore[misc]
        drilled = place.drill(text)
        assert (drilled.result, drilled.copy.coverage.overdue) == ("PASSED", type(drilled.copy.proven)())
    place.now = lambda: FIRST + timedelta(days=91)
    late = place.drill(text)
    assert (late.code, late.result) == (0, "WARNED")
    overdue = late.copy.coverage.overdue
    assert overdue
    before = outcomes(drilled) + outcomes(late)
    assert overdue.files == FILES - len({line["path"] for line in before})
    assert late.copy.counts["OVERDUE"] == overdue
    (finding,) = (one for one in late.copy.findings if one.kind == "OVERDUE")
    assert (finding.path, finding.expected) == (None, "every file proven within 90 days")
    assert finding.detail.count("never proven") + finding.detail.count("last proven 2026-01-01") == 5
    report = (late.folder / "report.md").read_text("utf-8") if late.folder else ""
    assert f"Overdue, since each is to be proven every 90 days: {overdue.files} files" in report


def test_what_was_written_since_is_not_overdue(place: Place) -> None:
    text = scenario(place, '[objectives]\ncoverage = "90d"\n[budget]\nbytes = "1KB"', sample="files = 1")
    place.drill(text)
    young = (FIRST + timedelta(days=60)).timestamp()
    for number in range(200):
        put(place.live, f"new/{number:03}.jpg", b"new", seconds=young)
        put(place.copy, f"new/{number:03}.jpg", b"new", seconds=young)
    place.know()
    place.now = lambda: FIRST + timedelta(days=91)
    late = place.drill(text)
    assert late.copy.coverage.overdue
    assert late.copy.coverage.overdue.files <= FILES < late.copy.coverage.of.files - late.copy.coverage.proven.files


def test_the_report_says_what_the_sample_could_not_have_found(place: Place) -> None:
    change(place.copy, "239.jpg", lambda data: flip(data, 3))
    (place.copy / "100.jpg").unlink()
    drilled = place.drill(scenario(place), "--seed", "07" * 32)
    assert drilled.folder is not None
    plain = place.drill(scenario(place), "--sample", "20")
    report = " ".join((drilled.folder / "report.md").read_text("utf-8").split())
    population = drilled.copy.assurance.population if drilled.copy.assurance else 0
    assert f"10 bad files among {population} would be found by such a drill with a chance of" in report
    assert "The seed was given: given by whoever started the drill, who could therefore know the sample" in report
    assert plain.folder is not None
    assert "The seed was" not in (plain.folder / "report.md").read_text("utf-8")
    assert drilled.copy.assurance is not None
    known = drilled.copy.assurance.known_bad
    assert known
    assert f"for certain: {known.files} file" in report
