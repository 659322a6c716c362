"""What the listing says of a pair, when a copy keeps times, how much is drawn, and how it is cut into batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.entry import PIECE_BYTES, Entry, Item, Kind, Listed
from verifier.outcome import Finding, FindingKind, Match, Reason, Unrestored
from verifier.plan import (
    BatchSize,
    FittedSample,
    TimeEvidence,
    as_newer,
    batches,
    coverage_sentence,
    fit_sample,
    judge_listed,
    newer_finding,
    percent,
    sample_files,
)
from verifier.sample import SizeSpread, tolerable_of
from verifier.scenario.scenario import Sample

SECOND = 1_000_000_000
THEN = 100 * SECOND
ENTRY = Entry(path=b"p", size_bytes=9, mtime_ns=THEN, digest="aa")


def _listed(size_bytes: int = 9, mtime_ns: int | None = THEN, kind: Kind = "file", link: bytes | None = None) -> Listed:
    return Listed(name=b"p", size_bytes=size_bytes, mtime_ns=mtime_ns, kind=kind, link=link)


def _judged(
    listed: Listed, entry: Entry = ENTRY, *, keeps: bool = True, unchanging: bool = False, live: bool = False
) -> str:
    """Return in a word what the listing says: comparable, newer in whose sense, or the finding."""
    judgement = judge_listed(entry, listed, keeps_times=keeps, unchanging=unchanging, live=live)
    assert judgement.finding is None or judgement.newer is None
    if judgement.finding is not None:
        assert judgement.finding.path == b"p"
        return ("damage " if not judgement.finding.is_counted else "") + judgement.finding.kind.value
    return "comparable" if judgement.newer is None else f"maybe {judgement.newer.value}"


def test_a_pair_of_files() -> None:
    newer, older = THEN + 2 * SECOND + 1, THEN - 2 * SECOND - 1
    assert _judged(_listed()) == "comparable"
    assert _judged(_listed(mtime_ns=None)) == "comparable"
    assert _judged(_listed(mtime_ns=THEN + 2 * SECOND)) == "comparable"
    assert _judged(_listed(mtime_ns=older)) == "comparable"
    assert _judged(_listed(size_bytes=8)) == "damage TRUNCATED"
    assert _judged(_listed(size_bytes=0)) == "damage TRUNCATED"
    assert _judged(_listed(size_bytes=10)) == "damage GROWN"
    assert _judged(_listed(size_bytes=8, mtime_ns=older)) == "damage TRUNCATED"
    assert _judged(_listed(size_bytes=8, mtime_ns=None)) == "damage TRUNCATED"
    for size_bytes in (1, 8, 9, 10):
        assert _judged(_listed(size_bytes, newer)) == "maybe CHANGED"
    assert _judged(_listed(0, newer)) == "damage TRUNCATED"  # what a full disk leaves is nobody's work
    assert _judged(_listed(0, newer), unchanging=True) == "damage TRUNCATED"
    assert _judged(_listed(0, newer), Entry(path=b"p", mtime_ns=THEN, digest="aa")) == "maybe CHANGED"
    assert _judged(_listed(mtime_ns=newer), keeps=False) == "comparable"
    assert _judged(_listed(8, newer), keeps=False) == "damage TRUNCATED"
    assert _judged(_listed(8, newer), Entry(path=b"p", size_bytes=9, digest="aa")) == "damage TRUNCATED"


def test_where_nothing_may_change() -> None:
    newer = THEN + 2 * SECOND + 1
    assert _judged(_listed(mtime_ns=newer), unchanging=True) == "comparable"
    assert _judged(_listed(10, newer), unchanging=True) == "damage CHANGED"
    assert _judged(_listed(8, newer), unchanging=True) == "damage CHANGED"
    assert _judged(_listed(8), unchanging=True) == "damage TRUNCATED"
    assert _judged(_listed(8, newer), unchanging=True, keeps=False) == "damage TRUNCATED"


def test_live_data() -> None:
    edited = Entry(path=b"p", size_bytes=9, mtime_ns=THEN + 2 * SECOND + 1)
    assert _judged(_listed(), edited, live=True) == "maybe EDITED"
    assert _judged(_listed(3), edited, live=True) == "maybe EDITED"
    assert _judged(_listed(), edited) == "comparable"
    assert _judged(_listed(3), edited) == "damage TRUNCATED"
    assert _judged(_listed(3), live=True) == "damage TRUNCATED"
    assert _judged(_listed(mtime_ns=THEN + 9 * SECOND), live=True) == "maybe CHANGED"


def test_what_is_no_file_and_what_is_a_link() -> None:
    link = Entry(path=b"p", link=b"there", mtime_ns=THEN)
    assert _judged(_listed(kind="link", link=b"there", mtime_ns=THEN + 9 * SECOND), link) == "comparable"
    assert _judged(_listed(kind="link", link=b"elsewhere"), link) == "damage MISMATCH"
    assert _judged(_listed(), link) == "damage MISSING"
    assert _judged(_listed(kind="other"), link) == "damage MISSING"
    assert _judged(_listed(kind="link", link=b"p2", mtime_ns=THEN + 9 * SECOND)) == "damage MISSING"
    assert _judged(_listed(kind="other")) == "damage MISSING"


kinds = st.sampled_from(["file", "link", "other"])
seconds = st.none() | st.integers(95, 105).map(lambda value: value * SECOND)


@given(st.integers(0, 2), seconds, st.integers(0, 2), seconds, kinds, st.booleans(), st.booleans(), st.booleans())
def test_only_a_newer_file_escapes_comparison(
    expected_bytes: int,
    known_ns: int | None,
    actual_bytes: int,
    seen_ns: int | None,
    kind: Kind,
    keeps: bool,  # noqa: FBT001 - drawn
    unchanging: bool,  # noqa: FBT001 - drawn
    live: bool,  # noqa: FBT001 - drawn
) -> None:
    entry = Entry(path=b"p", size_bytes=expected_bytes, mtime_ns=known_ns, digest="aa")
    word = _judged(_listed(actual_bytes, seen_ns, kind), entry, keeps=keeps, unchanging=unchanging, live=live)

    known = known_ns is not None and seen_ns is not None
    newer = known and keeps and (seen_ns or 0) - (known_ns or 0) > 2 * SECOND
    newer = newer and (actual_bytes > 0 or expected_bytes == 0)
    edited = known and live and (known_ns or 0) - (seen_ns or 0) > 2 * SECOND
    if kind != "file":
        assert word == "damage MISSING"
    elif word == "maybe EDITED":
        assert edited
    elif word == "maybe CHANGED":
        assert newer
        assert not unchanging
    else:
        assert not edited
        assert not newer or unchanging
        assert (word == "comparable") == (actual_bytes == expected_bytes)


def test_a_newer_file_that_was_restored_is_what_its_bytes_are() -> None:
    item = Item(entry=ENTRY, listed=_listed(10, THEN + 9 * SECOND), newer="CHANGED")
    for kind in ("MISMATCH", "TRUNCATED", "GROWN", "CHANGED"):
        outcome = as_newer(Finding(path=b"p", kind=FindingKind(kind), detail="d"), item)
        assert isinstance(outcome, Finding)
        assert (outcome.kind, outcome.detail) == (FindingKind.CHANGED, "d")
    unaltered = [
        Match(path=b"p", size_bytes=9),
        Finding(path=b"p", kind=FindingKind.UNREADABLE),
        Finding(path=b"p", kind=FindingKind.MISSING),
        Unrestored(path=b"p", reason=Reason.INTERRUPTED),
    ]
    assert [as_newer(outcome, item) for outcome in unaltered] == unaltered
    damage = Finding(path=b"p", kind=FindingKind.MISMATCH)
    assert as_newer(damage, Item(entry=ENTRY, listed=_listed())) is damage
    assert newer_finding(item).kind == FindingKind.CHANGED
    assert newer_finding(Item(entry=ENTRY, listed=_listed(), newer="EDITED")).kind == FindingKind.EDITED


def _evidence(agreeing: int, newer_equal: int, newer_other: int, older: int = 0) -> bool:
    evidence = TimeEvidence()
    for count, size_bytes, mtime_ns in (
        (agreeing, 9, THEN + SECOND),
        (newer_equal, 9, THEN + 9 * SECOND),
        (newer_other, 10, THEN + 9 * SECOND),
        (older, 9, THEN - 9 * SECOND),
    ):
        for _ in range(count):
            evidence.add(ENTRY, _listed(size_bytes, mtime_ns))
    return evidence.says_not_kept


def test_a_copy_made_without_times_is_known_by_them() -> None:
    assert _evidence(0, 100, 0)
    assert _evidence(0, 5, 0)
    assert _evidence(4, 96, 0)
    assert _evidence(0, 80, 20)
    assert _evidence(0, 50, 50)
    assert not _evidence(0, 4, 0)
    assert not _evidence(5, 95, 0)
    assert not _evidence(0, 49, 51)
    assert not _evidence(100, 0, 0)
    assert not _evidence(0, 0, 0, older=100)
    assert not _evidence(0, 40, 0, older=60)
    untimed = TimeEvidence()
    for _ in range(50):
        untimed.add(ENTRY, _listed(mtime_ns=None))
        untimed.add(Entry(path=b"p", size_bytes=9), _listed())
    assert untimed.pairs == 0
    assert not untimed.says_not_kept


def test_how_many_are_drawn() -> None:
    assert sample_files(Sample(full=True), 7) == 7
    assert sample_files(Sample(files=5), 7) == 5
    assert sample_files(Sample(files=50), 7) == 7
    assert sample_files(Sample(), 10_000) == 294
    assert sample_files(Sample(), 0) == 0
    assert sample_files(Sample(confidence=0.99, tolerable=0.02), 10_000) == 226
    assert sample_files(Sample(percent=0.7), 1_000) == 7
    assert sample_files(Sample(size_bytes=99), 100, 1_000) == 9
    assert sample_files(Sample(size_bytes=99), 100) == 100  # of files without bytes all are fewer than those wished


EVEN = SizeSpread(files=10_000, size_bytes=10_000_000, squared_bytes=10_000_000_000, largest_bytes=1_000)
MIXED = SizeSpread.of(range(1, 2_001))


def test_a_sample_is_fitted_to_what_the_budget_leaves() -> None:
    free = fit_sample(Sample(), EVEN, budget_bytes=None)
    assert free == FittedSample(
        population_files=10_000,
        wished_files=294,
        drawn_files=294,
        most_bytes=294_000,
        confidence=0.95,
        tolerable_files=100,
    )
    assert fit_sample(Sample(), EVEN, budget_bytes=294_000) == free
    lowered = fit_sample(Sample(), EVEN, budget_bytes=293_999)
    assert (lowered.wished_files, lowered.drawn_files, lowered.tolerable_files) == (294, 293, 101)
    assert fit_sample(Sample(files=5), EVEN, budget_bytes=10**9).drawn_files == 5
    mixed = fit_sample(Sample(files=500), MIXED, budget_bytes=400_000)
    assert mixed.drawn_files < 400  # which are what is expected to have these bytes: there is room for a deviation
    assert mixed.most_bytes <= 400_000
    nothing = fit_sample(Sample(), EVEN, budget_bytes=999)
    assert (nothing.drawn_files, nothing.most_bytes, nothing.tolerable_files) == (0, 0, None)
    full = fit_sample(Sample(full=True), EVEN, budget_bytes=5)
    assert (full.drawn_files, full.most_bytes, full.tolerable_files) == (10_000, 10_000_000, 1)
    by_bytes = fit_sample(Sample(size_bytes=50_000), EVEN, budget_bytes=None)
    assert (by_bytes.drawn_files, by_bytes.tolerable_files) == (50, tolerable_of(10_000, 50, confidence=0.95))
    none = fit_sample(Sample(), SizeSpread(), budget_bytes=None)
    assert (none.drawn_files, none.tolerable_files) == (0, None)


def test_what_a_draw_shows_is_said_in_words() -> None:
    assert fit_sample(Sample(), EVEN, budget_bytes=None).sentence() == (
        "294 of 10,000 files, drawn by lot: if 100 or more of them are bad (1 %), at least one is found, "
        "with a chance of 95 % or more"
    )
    assert fit_sample(Sample(confidence=0.975), EVEN, budget_bytes=100_000).sentence() == (
        "100 of 10,000 files, drawn by lot (the budget is too small for 361): if 361 or more of them are bad (3.7 %), "
        "at least one is found, with a chance of 97.5 % or more"
    )
    assert fit_sample(Sample(), EVEN, budget_bytes=0).sentence() == (
        "0 of 10,000 files, drawn by lot (the budget is too small for 294): nothing is shown of the others"
    )


def test_what_a_draw_can_not_find_is_said_in_words() -> None:
    hundred_thousand = SizeSpread(files=100_000, size_bytes=100_000, squared_bytes=100_000, largest_bytes=1)
    small = fit_sample(Sample(percent=1), hundred_thousand, budget_bytes=None)
    assert small.chance_sentence(10) == (
        "10 bad files among 100,000 would be found by this drill with a chance of 9.6 %"
    )
    assert small.chance_sentence(1) == "1 bad file among 100,000 would be found by this drill with a chance of 1.0 %"
    assert small.chance_sentence(2_000).endswith("a chance of 99.999999 %")
    few = fit_sample(Sample(files=1), SizeSpread.of([1, 1, 1]), budget_bytes=None)
    assert few.chance_sentence(10) == "3 bad files among 3 would be found by this drill with a chance of 100 %"
    none = fit_sample(Sample(), SizeSpread.of([1, 1, 1]), budget_bytes=0)
    assert none.chance_sentence(10) == "3 bad files among 3 would be found by this drill with a chance of 0 %"
    full = fit_sample(Sample(full=True), hundred_thousand, budget_bytes=None)
    assert full.chance_sentence(1).endswith("a chance of 100 %")


def test_what_coverage_needs_is_said_in_words() -> None:
    day = 86_400
    assert coverage_sentence(10_000, 294, period_seconds=365 * day, interval_seconds=30 * day) == (
        "809 files beside the sample of 294, every 30 days, prove each of 10,000 files within 365 days"
    )
    assert coverage_sentence(10_000, 294, period_seconds=20 * day, interval_seconds=31 * day) == (
        "a drill every 31 days can't prove every file within 20 days: drill more often, or allow for longer"
    )


@pytest.mark.parametrize(
    ("part", "whole", "nearest", "up"),
    [
        (1, 100, "1 %", "1 %"),
        (0, 7, "0 %", "0 %"),
        (7, 7, "100 %", "100 %"),
        (1, 3, "33 %", "34 %"),
        (1, 8, "12 %", "13 %"),
        (1, 10, "10 %", "10 %"),
        (1, 11, "9.1 %", "9.1 %"),
        (1, 12, "8.3 %", "8.4 %"),
        (2_499, 2_500, "99.96 %", "99.96 %"),
        (2_999, 3_000, "99.967 %", "99.967 %"),
        (2, 3_001, "0.067 %", "0.067 %"),
        (997, 1_000, "99.7 %", "99.7 %"),
        (1, 5_000_000, "0.00002 %", "0.00002 %"),
        (10**12 - 1, 10**12, "99.999999 %", "100.000000 %"),
        (1, 10**12, "0.000000 %", "0.000001 %"),
    ],
)
def test_a_share_in_percent(part: int, whole: int, nearest: str, up: str) -> None:
    assert percent(part, whole) == nearest
    assert percent(part, whole, up=True) == up


items = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 4_000_000, 20_000_000, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=120,
)


@given(items, st.integers(1, 40), st.sampled_from([1, 10_000_000, 256_000_000]))
def test_batches_hold_every_item_once_and_in_order(
    kinds: list[tuple[int, bool, bool]], files: int, size_bytes: int
) -> None:
    chosen = [_item(number, *kind) for number, kind in enumerate(kinds)]

    cut = list(batches(iter(chosen), BatchSize(files=files, size_bytes=size_bytes)))

    whole = [item.entry.path for batch in cut for item in batch if item.piece in (None, 0)]
    assert whole == [item.entry.path for item in chosen]
    assert all(batch for batch in cut)
    for batch in cut:
        assert len(batch) <= files
        assert len(batch) == 1 or sum(item.listed.size_bytes for item in batch) <= size_bytes
        assert len(batch) == 1 or all(item.piece is None for item in batch)
    for item in chosen:
        pieces = [one.piece for batch in cut for one in batch if one.entry.path == item.entry.path]
        divided = (
            item.listed.size_bytes > PIECE_BYTES
            and item.entry.pieces
            and item.entry.size_bytes == item.listed.size_bytes
        )
        assert pieces == (list(range(len(item.entry.pieces))) if divided else [None])


def _item(number: int, size_bytes: int, with_pieces: bool, same_size: bool) -> Item:  # noqa: FBT001 - drawn together
    pieces = tuple("aa" for _ in range(-(-size_bytes // PIECE_BYTES))) if with_pieces else ()
    entry = Entry(path=b"%05d" % number, size_bytes=size_bytes, digest="aa", pieces=pieces)
    return Item(entry=entry, listed=Listed(name=entry.path, size_bytes=size_bytes + (not same_size)))


@pytest.mark.parametrize("files", [0, 1, 100, 24_000, 10_000_000])
@pytest.mark.parametrize("size_bytes", [0, 10**9, 10**13])
def test_a_batch_is_neither_tiny_nor_huge(files: int, size_bytes: int) -> None:
    size = BatchSize.of(files, size_bytes)

    assert 64 <= size.files <= 1_000
    assert 16_000_000 <= size.size_bytes <= 256_000_000
