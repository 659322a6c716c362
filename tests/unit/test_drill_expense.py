"""What a drill takes and costs, from drills of the past and from how a place charges."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from verifier.drill.expense import duration, money, past_drills, past_restores
from verifier.drill.surveyed import Survey
from verifier.ledger import PastResult, Seen
from verifier.scenario.scenario import Copy
from verifier.sources.interface import SourceFacts
from verifier.verdict import Amount

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
B2 = Copy(name="b2", at="b2://bucket/photos")
GB = 10**9


def past(
    *, day: int = 1, month: int = 11, copy: str = "b2", address: str = "b2://bucket/photos", **seen: Any
) -> PastResult:
    stated = {"restored_files": 100, "restored_bytes": GB, "seconds": 60.0, "listing_seconds": 2.0, **seen}
    return PastResult(
        copy=copy,
        verdict="PASSED",
        planned_files=1,
        planned_bytes=1,
        proven_files=1,
        proven_bytes=1,
        seen=Seen(address=address, whole=True, findings=0, **stated),
        number=day,
        finished_at=f"2026-{month:02d}-{day:02d}T18:30:00Z",
    )


def survey(copy: Copy = B2, *, versions: int | None = 2_500, stored_bytes: int = 100 * GB) -> Survey:
    facts = SourceFacts(address=copy.at, versions=versions)
    # Only what money is counted from: a whole survey is tables on disk.
    made = SimpleNamespace(copy=copy, facts=facts, listed=Amount(1_000, stored_bytes), heartbeat_listed=None)
    return cast("Survey", made)


def test_only_drills_of_the_copy_where_it_is_now_tell_of_it() -> None:
    here, elsewhere, other = past(day=1), past(day=2, address="b2://old"), past(day=3, copy="nas")
    assert past_drills(B2, [here, elsewhere, other]) == [here]
    assert past_restores(B2, [here]) == ()
    assert [one.restore_seconds for one in past_restores(B2, [here, past(day=4, full_seconds=7.5)])] == [7.5]


def test_a_drill_of_the_same_size_takes_as_long() -> None:
    took = duration(Amount(100, GB), [past(day=day) for day in (1, 2, 3)])
    assert took is not None
    assert (took.drills, took.seconds) == (3, 62.0)
    assert (took.low_seconds, took.high_seconds) == (pytest.approx(62 / 1.1), pytest.approx(62 * 1.1))


def test_a_larger_drill_takes_longer_by_files_and_by_bytes() -> None:
    took = duration(Amount(400, 9 * GB), [past()])
    assert took is not None
    assert (took.low_seconds, took.seconds, took.high_seconds) == (2 + 240, 2 + 360, 2 + 540)


def test_the_last_five_that_restored_anything_tell() -> None:
    nothing = past(day=20, restored_files=0, seconds=9_999.0)
    took = duration(Amount(100, GB), [past(day=1, seconds=6_000.0), *(past(day=day) for day in range(2, 7)), nothing])
    assert took is not None
    assert (took.drills, took.seconds) == (5, 62.0)


def test_without_a_past_or_anything_to_restore_nothing_is_told() -> None:
    assert duration(Amount(100, GB), []) is None
    assert duration(Amount(100, GB), [past(seconds=0.0)]) is None
    assert duration(Amount(), [past()]) is None


def test_empty_files_are_told_by_their_number() -> None:
    took = duration(Amount(200, 0), [past(restored_bytes=0)])
    assert took is not None
    assert took.seconds == 122.0


def test_the_last_full_restore_and_how_it_changed() -> None:
    took = duration(
        Amount(100, GB),
        [
            past(month=month, full_seconds=1_000.0 * 1.1**month, population_files=10, population_bytes=10)
            for month in range(1, 11)
        ],
    )
    assert took is not None
    assert took.full_seconds == pytest.approx(1_000 * 1.1**10)
    assert took.is_slower
    assert took.pace_share == pytest.approx(0.1, abs=0.01)


def test_money_is_asked_for_by_b2_alone() -> None:
    assert money(survey(Copy(name="nas", at="/mnt/nas")), Amount(1, 1), [], workers=4, now=NOW) is None


def test_calls_and_egress_of_a_drill() -> None:
    asked = money(survey(), Amount(300, 2 * GB), [], workers=4, now=NOW)
    assert asked is not None
    # 300 files and a call more for each 16 MiB, three for the test of itself; five that sign in, three pages of names.
    assert (asked.class_b_calls, asked.class_c_calls) == (300 + 2 * GB // 2**24 + 3, 2 * 5 + 3)
    assert (asked.egress_bytes, asked.free_egress_bytes, asked.charged_egress_bytes) == (2 * GB, 300 * GB, 0)
    assert (asked.dollars, asked.storage_dollars_per_month) == (Decimal(0), Decimal("0.6255"))


def test_what_left_this_month_is_no_more_free() -> None:
    drills = [past(day=2, restored_bytes=200 * GB), past(day=28, month=10, restored_bytes=200 * GB)]
    asked = money(survey(), Amount(300, 150 * GB), drills, workers=1, now=NOW)
    assert asked is not None
    assert (asked.egress_before_bytes, asked.charged_egress_bytes) == (200 * GB, 50 * GB)
    assert asked.dollars == Decimal("0.50")
