"""The rule: one more good copy never breaks a digit, and what lies on one device never helps."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from verifier.rule import CopyStanding, check_rule
from verifier.sources.interface import ObjectLock
from verifier.verdict import Result

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MOMENTS = st.one_of(st.none(), st.integers(-10, 120).map(lambda days: NOW - timedelta(days=days)))
LOCKS = st.builds(
    ObjectLock,
    files=st.just(5),
    locked_files=st.integers(0, 5),
    untold_files=st.just(0),
    until=MOMENTS,
)
COPIES = st.builds(
    CopyStanding,
    name=st.sampled_from("abcdefgh"),
    medium=st.sampled_from([None, "ssd", "nas", "cloud"]),
    site=st.sampled_from([None, "home", "office", "offsite"]),
    device=st.sampled_from([None, "1", "2", "3", "4"]),
    live=st.booleans(),
    result=st.sampled_from([None, *Result]),
    shown_at=MOMENTS,
    findings=st.one_of(st.none(), st.integers(0, 2)),
    trouble=st.sampled_from([None, None, None, "the manifest was not made of it"]),
    lock=st.one_of(st.none(), LOCKS),
    immutable=st.booleans(),
    offline=st.booleans(),
)
HOUSEHOLDS = st.lists(COPIES, max_size=6, unique_by=lambda copy: copy.name)
RULES = st.sampled_from(["3-2-1-1-0", "2-1-1-0-1", "1-0-0-1-0", "4-3-2-2-0"])


def _good(copy: CopyStanding) -> CopyStanding:
    return dataclasses.replace(
        copy, name="good", live=False, result=Result.PASSED, shown_at=NOW, findings=0, trouble=None
    )


def _holds(copies: list[CopyStanding], rule: str) -> list[bool | None]:
    return [check.holds for check in check_rule(copies, now=NOW, period_seconds=None, name=rule)]


@given(copies=HOUSEHOLDS, more=COPIES.map(_good), rule=RULES)
def test_one_more_good_copy_breaks_nothing(copies: list[CopyStanding], more: CopyStanding, rule: str) -> None:
    before, after = _holds(copies, rule), _holds([*copies, more], rule)
    assert all(now is True for was, now in zip(before, after, strict=True) if was is True), (before, after)


@given(copies=HOUSEHOLDS, rule=RULES)
def test_what_lies_on_one_device_is_one_copy_on_one_medium(copies: list[CopyStanding], rule: str) -> None:
    together = [dataclasses.replace(copy, device="one") for copy in copies]
    wanted = [int(digit) for digit in rule.split("-")]
    holds = _holds(together, rule)
    assert holds[0] is not True or wanted[0] <= 1
    assert holds[1] is not True or wanted[1] <= 1
    assert holds[2] is not True or wanted[2] == 0 or not any(copy.live for copy in copies)


@given(copies=HOUSEHOLDS, rule=RULES)
def test_a_copy_that_was_never_drilled_adds_nothing(copies: list[CopyStanding], rule: str) -> None:
    never = CopyStanding(
        name="never", medium="tape", site="moon", device="9", live=False, result=None, shown_at=None, immutable=True
    )
    before, after = _holds(copies, rule), _holds([*copies, never], rule)
    assert before[:4] == after[:4]
    assert after[4] is not True
