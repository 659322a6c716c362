"""Which generation a copy is held against, over every order of dates."""

from __future__ import annotations

from generations import SECOND_NS, stated
from hypothesis import given
from hypothesis import strategies as st

from verifier.drill.moment import moment_of, time_text
from verifier.drill.references import choose_generation
from verifier.manifest.generations import in_order
from verifier.manifest.header import parse_time

DAYS = st.integers(min_value=0, max_value=40)
MOMENTS = st.integers(min_value=parse_time("2025-12-30T00:00:00Z"), max_value=parse_time("2026-02-15T00:00:00Z"))


@given(days=st.lists(DAYS, min_size=1, max_size=12), moment_ns=MOMENTS, by_snapshot=st.booleans(), data=st.data())
def test_it_is_the_newest_that_is_older_or_else_the_oldest(
    days: list[int], moment_ns: int, *, by_snapshot: bool, data: st.DataObject
) -> None:
    generations = in_order(map(stated, data.draw(st.permutations(days))))
    moment_ns -= moment_ns % SECOND_NS
    # Where a snapshot is stated the newest file says nothing, whatever its time.
    other_ns = data.draw(st.none() | MOMENTS)
    snapshot = _text(moment_ns) if by_snapshot else data.draw(st.sampled_from([None, "a3f1c9", "2026-01-01", "\n"]))
    chosen, is_older, note = choose_generation(generations, snapshot, other_ns if by_snapshot else moment_ns)

    older = [one.created_ns for one in generations if one.created_ns < moment_ns]
    assert is_older == bool(older)
    assert chosen.created_ns == (max(older) if older else min(one.created_ns for one in generations))
    assert chosen.header.created in note
    assert ("oldest" in note) == (not older)
    assert ("snapshot" in note) == by_snapshot


@given(days=st.lists(DAYS, min_size=1, max_size=12))
def test_a_copy_without_any_time_is_held_against_the_newest(days: list[int]) -> None:
    generations = in_order(map(stated, days))
    chosen, _, note = choose_generation(generations, None, None)
    assert chosen.created_ns == max(one.created_ns for one in generations)
    assert "states no time" in note


def _text(moment_ns: int) -> str:
    return time_text(moment_of(moment_ns))
