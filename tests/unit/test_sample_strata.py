"""Which files stand beside the sample: from manifest and ledger alone, in any order, each once, within the budget."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.sample import Candidate, Strata, StrataWish, choose_strata

TEN = [Candidate(path=b"%d" % n, size_bytes=n * 10, mtime_ns=1_000 - n) for n in range(10)]


def _told(candidates: Iterable[Candidate], wish: StrataWish, budget: int | None = None) -> dict[bytes, str]:
    candidates = list(candidates)
    strata = choose_strata(iter(candidates), wish, budget)
    told = {candidate.path: strata.stratum(candidate) for candidate in candidates}
    return {path: stratum for path, stratum in told.items() if stratum is not None}


def test_the_largest_and_the_newest() -> None:
    told = _told(TEN, StrataWish(largest_files=2, largest_among=2, newest_files=3))
    assert told == {b"9": "largest", b"8": "largest", b"0": "newest", b"1": "newest", b"2": "newest"}
    assert _told(TEN, StrataWish(largest_files=0, largest_among=0, newest_files=0)) == {}
    assert _told([], StrataWish()) == {}
    assert set(_told(TEN, StrataWish(largest_files=0, largest_among=5, newest_files=1)).values()) == {"newest"}
    assert set(_told(TEN, StrataWish(largest_files=1, largest_among=5, newest_files=0)).values()) == {"largest"}


def test_equals_are_told_apart_by_path_and_not_by_order() -> None:
    same = [Candidate(path=b"%d" % n, size_bytes=7, mtime_ns=7) for n in range(8)]
    wish = StrataWish(largest_files=2, largest_among=3, newest_files=2)
    expected = {b"0": "largest", b"1": "largest", b"2": "newest", b"3": "newest"}
    assert _told(same, wish) == expected
    assert _told(reversed(same), wish) == expected


def test_the_largest_take_turns_by_age_of_proof() -> None:
    ages = {9: 50, 8: None, 7: 40, 6: 0, 5: None, 4: None}
    candidates = [Candidate(path=b"%d" % n, size_bytes=n * 10, last_proven_seconds=ages.get(n, 1)) for n in range(10)]

    def largest(files: int, among: int) -> set[bytes]:
        return set(_told(candidates, StrataWish(largest_files=files, largest_among=among, newest_files=0)))

    assert largest(1, 4) == {b"8"}
    assert largest(1, 5) == {b"8"}  # of two that were never proven the larger
    assert largest(2, 5) == {b"8", b"5"}
    assert largest(2, 4) == {b"8", b"6"}
    assert largest(3, 4) == {b"8", b"6", b"7"}
    assert largest(4, 4) == {b"8", b"6", b"7", b"9"}


def test_the_first_second_of_all_is_before_the_next() -> None:
    candidates = [Candidate(path=b"%d" % n, size_bytes=n, last_proven_seconds=n) for n in range(2)]
    assert _told(candidates, StrataWish(largest_files=1, largest_among=2)) == {b"0": "largest"}


def test_every_one_of_the_largest_gets_its_turn() -> None:
    last: dict[bytes, int | None] = {b"%02d" % n: None for n in range(50)}
    wish = StrataWish(largest_files=3, largest_among=36)
    drilled: list[bytes] = []
    for month in range(12):
        candidates = [Candidate(path=path, size_bytes=int(path), last_proven_seconds=last[path]) for path in last]
        chosen = choose_strata(candidates, wish).largest
        last |= dict.fromkeys(chosen, month)
        drilled += chosen
    assert sorted(drilled) == [b"%02d" % n for n in range(14, 50)]


def test_marked_files_are_told_by_their_mark_and_take_nobodys_place() -> None:
    marked = [
        Candidate(path=b"a", size_bytes=5_000, mtime_ns=9_000, mark="always"),
        Candidate(path=b"d", size_bytes=6_000, mtime_ns=8_000, mark="damaged"),
    ]
    told = _told([*marked, *TEN], StrataWish(largest_files=1, largest_among=1, newest_files=1))
    assert told == {b"a": "always", b"d": "damaged", b"9": "largest", b"0": "newest"}


def test_the_newest_that_are_the_largest_make_room_for_others() -> None:
    rising = [Candidate(path=b"%d" % n, size_bytes=n, mtime_ns=n) for n in range(10)]
    told = _told(rising, StrataWish(largest_files=3, largest_among=3, newest_files=2))
    assert told == {b"9": "largest", b"8": "largest", b"7": "largest", b"6": "newest", b"5": "newest"}
    timeless = [Candidate(path=b"%d" % n, size_bytes=n) for n in range(10)]
    assert set(_told(timeless, StrataWish(largest_files=1, largest_among=1)).values()) == {"largest"}


def test_what_is_larger_than_the_budget_is_told() -> None:
    candidates = [
        Candidate(path=b"huge", size_bytes=101),
        Candidate(path=b"always", size_bytes=101, mark="always"),
        Candidate(path=b"fits", size_bytes=100, mark="damaged"),
        Candidate(path=b"small", size_bytes=1, mtime_ns=1),
    ]
    told = _told(candidates, StrataWish(), 100)
    assert told == {b"huge": "over_budget", b"always": "over_budget", b"fits": "damaged", b"small": "largest"}
    assert Strata().stratum(candidates[0]) is None


def test_the_largest_leave_room_for_the_sample() -> None:
    candidates = [Candidate(path=b"%02d" % n, size_bytes=n, mtime_ns=n) for n in range(1, 41)]
    wish = StrataWish(largest_files=3, largest_among=3, newest_files=2)
    told = _told(candidates, wish, 120)  # a quarter of it is three files of ten bytes, or two of fifteen
    assert sorted(path for path, why in told.items() if why == "largest") == [b"08", b"09", b"10"]
    assert sorted(path for path, why in told.items() if why == "newest") == [b"14", b"15"]
    assert b"40" not in told


@given(st.data())
def test_every_file_has_one_place_whatever_the_order(data: st.DataObject) -> None:
    candidates = [
        Candidate(
            path=b"%d" % number,
            size_bytes=data.draw(st.integers(0, 30)),
            mtime_ns=data.draw(st.none() | st.integers(0, 5)),
            mark=data.draw(st.sampled_from([None, None, None, "always", "damaged"])),
            last_proven_seconds=data.draw(st.none() | st.integers(0, 4)),
        )
        for number in range(data.draw(st.integers(0, 25)))
    ]
    among = data.draw(st.integers(0, 8))
    wish = StrataWish(
        largest_among=among,
        largest_files=data.draw(st.integers(0, among)),
        newest_files=data.draw(st.integers(0, 8)),
    )
    budget = data.draw(st.none() | st.integers(0, 60))

    told = _told(candidates, wish, budget)

    shuffled = data.draw(st.permutations(candidates))
    assert _told(shuffled, wish, budget) == told
    unmarked = {c.path: c for c in candidates if c.mark is None}
    for stratum, files in (("largest", wish.largest_files), ("newest", wish.newest_files)):
        chosen = [unmarked[path].size_bytes for path, why in told.items() if why == stratum]
        assert len(chosen) <= files
        assert budget is None or sum(chosen) * 4 <= budget
    assert {c.path for c in candidates if c.mark and told[c.path] != "over_budget"} == {
        path for path, why in told.items() if why in {"always", "damaged"}
    }
    assert {path for path, why in told.items() if why == "over_budget"} == {
        c.path for c in candidates if budget is not None and c.size_bytes > budget
    }


def test_what_is_wished_for_without_saying_so() -> None:
    assert StrataWish() == StrataWish(largest_files=3, largest_among=36, newest_files=3)


def test_wishes_that_memory_could_not_hold_are_refused() -> None:
    for wish in ({"largest_files": -1}, {"newest_files": 5_001}, {"largest_among": 5_001}):
        with pytest.raises(ValueError, match="expected 0 to 5,000 files"):
            StrataWish(**wish)
    with pytest.raises(ValueError, match="expected at most 3 files to take turns, got 4"):
        StrataWish(largest_files=4, largest_among=3)
    assert StrataWish(largest_files=5_000, largest_among=5_000, newest_files=0).largest_files == 5_000


def test_memory_is_bounded_whatever_the_dataset() -> None:
    chance = random.Random(1)
    stream = (
        Candidate(path=b"%d" % n, size_bytes=chance.randrange(1 << 30), mtime_ns=chance.randrange(1 << 60))
        for n in range(60_000)
    )
    tracemalloc.start()
    try:
        choose_strata(stream, StrataWish())
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 200_000
