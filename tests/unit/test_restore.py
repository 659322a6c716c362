"""One batch: each item has its one outcome, in order, whatever the source does; large files go through by portions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from drilled import THEN, flip, noise, put
from hypothesis import given
from hypothesis import strategies as st

from verifier import digest, restore
from verifier.entry import Entry, Item, Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    ChangedDuringError,
    InterruptedTransferError,
    ScratchFullError,
    SourceError,
    UnreachableError,
    UnreadableError,
)
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored, outcome_name
from verifier.progress import METER_LENGTH, Meter, use_meter
from verifier.restore import Batch, Job, close_sources, combine_pieces, restore_batch
from verifier.sources.interface import Failed, Landed, Location, Request, Sink, Source, SourceFacts

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def meter() -> Iterator[Meter]:
    mine = Meter([0] * METER_LENGTH)
    before = use_meter(mine)
    yield mine
    use_meter(before)
    close_sources()


def _value(data: bytes) -> str:
    return digest.one_shot("xxh3_128")(data)


def _item(folder: Path, name: str, data: bytes, *, held_against: bytes | None = None, **changed: object) -> Item:
    """Write a file, and return its item: held against what was written, or against other bytes."""
    put(folder, name, data)
    known = data if held_against is None else held_against
    entry = Entry(path=name.encode(), size_bytes=len(known), mtime_ns=THEN * SECOND, digest=_value(known))
    listed = Listed(name=name.encode(), size_bytes=len(data), mtime_ns=THEN * SECOND)
    return Item(entry=entry, listed=listed, **changed)  # type: ignore[arg-type]


def _job(tmp_path: Path, *, share_bytes: int = 1_000_000, address: str = "copy", live: Path | None = None) -> Job:
    batches = tmp_path / "batches"
    batches.mkdir(exist_ok=True)
    location = Location(address=str(tmp_path / address))
    return Job(
        location=location, batches=batches, share_bytes=share_bytes, algorithm="xxh3_128", keeps_times=True, live=live
    )


def _outcomes(job: Job, *items: Item) -> list[Outcome]:
    outcomes = restore_batch(Batch(number=3, job=job, items=items)).outcomes
    assert [outcome.path for outcome in outcomes] == [item.entry.path for item in items]
    assert not list(job.batches.iterdir()), "scratch is left behind"
    return list(outcomes)


def _names(job: Job, *items: Item) -> list[str]:
    return [outcome_name(outcome) for outcome in _outcomes(job, *items)]


def test_each_item_has_its_outcome_in_its_place(tmp_path: Path, meter: Meter) -> None:
    copy = tmp_path / "copy"
    data = noise(3_000, 1)
    gone = Item(
        entry=Entry(path=b"gone", size_bytes=5, digest=_value(b"12345")), listed=Listed(name=b"gone", size_bytes=5)
    )

    names = _names(
        _job(tmp_path),
        _item(copy, "equal", data),
        gone,
        _item(copy, "flipped", flip(data, 17), held_against=data),
        _item(copy, "empty", b""),
        _item(copy, "shorter", data[:-1], held_against=data),
        _item(copy, "longer", data + b"!", held_against=data),
    )

    assert names == ["match", "MISSING", "MISMATCH", "match", "TRUNCATED", "GROWN"]
    assert meter.files_finished == 6
    assert meter.bytes_moved == sum(map(len, (data, data, data[:-1], data))) + 1


def test_a_batch_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()

    assert _outcomes(_job(tmp_path)) == []


@pytest.mark.parametrize("share_bytes", [2, 7, 100, 999, 1_000, 6_000, 50_000])
def test_scratch_of_any_size_gives_the_same_outcomes(tmp_path: Path, share_bytes: int) -> None:
    copy, data = tmp_path / "copy", noise(1_000, 1)
    items = [
        _item(copy, "equal", data),
        _item(copy, "first", flip(data, 0), held_against=data),
        _item(copy, "last", flip(data, 999), held_against=data),
        _item(copy, "empty", b""),
        _item(copy, "shorter", data[:500], held_against=data),
        *(_item(copy, f"small {number}", noise(400, number)) for number in range(6)),
    ]

    names = _names(_job(tmp_path, share_bytes=share_bytes), *items)

    assert names == ["match", "MISMATCH", "MISMATCH", "match", "TRUNCATED", *["match"] * 6]


@pytest.mark.parametrize("share_bytes", [100, 10_000])
@pytest.mark.parametrize("size_bytes", [0, 1, 50, 999, 1_001, 2_000])
def test_a_file_that_is_not_as_long_as_it_was_listed_changed_meanwhile(
    tmp_path: Path, share_bytes: int, size_bytes: int
) -> None:
    item = _item(tmp_path / "copy", "file", noise(1_000, 1))
    put(tmp_path / "copy", "file", noise(size_bytes, 1))

    assert _names(_job(tmp_path, share_bytes=share_bytes), item) == ["CHANGED_DURING"]


@pytest.mark.parametrize("share_bytes", [100, 10_000])
def test_a_file_that_goes_on_behind_its_listed_end_is_no_match(tmp_path: Path, share_bytes: int) -> None:
    """A listing that gives too small a size, as a broken server does, makes no longer file equal."""
    data = noise(1_000, 1)
    item = _item(tmp_path / "copy", "file", data)
    put(tmp_path / "copy", "file", data + b"behind")

    assert _names(_job(tmp_path, share_bytes=share_bytes), item) != ["match"]


@pytest.mark.parametrize("share_bytes", [400, 1_000_000])
def test_pieces_are_judged_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share_bytes: int) -> None:
    monkeypatch.setattr(restore, "PIECE_BYTES", 1_000)
    copy, data = tmp_path / "copy", noise(2_500, 1)
    pieces = tuple(_value(data[start : start + 1_000]) for start in range(0, 2_500, 1_000))
    whole = _item(copy, "file", flip(data, 1_500), held_against=data)
    entry = Entry(path=b"file", size_bytes=2_500, mtime_ns=THEN * SECOND, digest=_value(data), pieces=pieces)

    outcomes = _outcomes(
        _job(tmp_path, share_bytes=share_bytes),
        *(Item(entry=entry, listed=whole.listed, piece=piece) for piece in range(3)),
    )

    assert [outcome_name(outcome) for outcome in outcomes] == ["match", "MISMATCH", "match"]
    assert [outcome.size_bytes for outcome in outcomes] == [1_000, 1_000, 500]
    combined = combine_pieces(outcomes, whole)
    assert isinstance(combined, Finding)
    assert (combined.kind, combined.size_bytes) == (FindingKind.MISMATCH, 2_500)
    assert combined.detail.endswith("in 1 of 3 pieces, the first at byte 1000")


def test_a_flip_is_found_wherever_the_file_goes_through(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for share_bytes in (100, 1_000_000):
        items = [
            _item(copy, "file", noise(1_000, 1), control="flip"),
            _item(copy, "one", b"1", control="flip"),
            _item(copy, "empty", b"", control="flip"),
        ]
        assert _names(_job(tmp_path, share_bytes=share_bytes), *items) == ["MISMATCH", "MISMATCH", "GROWN"]
        assert (copy / "file").read_bytes() == noise(1_000, 1)


# --- live data


def test_live_files_are_hashed_when_they_are_compared(tmp_path: Path) -> None:
    copy, live, data = tmp_path / "copy", tmp_path / "live", noise(900, 1)

    def item(name: str, in_copy: bytes, in_live: bytes | None) -> Item:
        made = _item(copy, name, in_copy)
        if in_live is not None:
            put(live, name, in_live)
        known = Entry(path=name.encode(), size_bytes=len(data), mtime_ns=THEN * SECOND)
        return Item(entry=known, listed=made.listed)

    edited = item("edited", data, data)
    put(live, "edited", data[::-1], seconds=THEN + 99)
    items = [item("equal", data, data), item("damaged", flip(data, 1), data), item("deleted", data, None), edited]

    assert _names(_job(tmp_path, live=live), *items) == ["match", "MISMATCH", "EDITED", "EDITED"]


def test_an_entry_without_digest_and_without_live_data_is_a_mistake_of_ours(tmp_path: Path) -> None:
    item = _item(tmp_path / "copy", "file", b"x")

    with pytest.raises(AssertionError, match="live data"):
        _outcomes(_job(tmp_path), Item(entry=Entry(path=b"file", size_bytes=1), listed=item.listed))


# --- what a source may do

Answer = Callable[[Request, Sink], Landed | Failed]


class _Scripted(Source):
    """A source that answers as it is told, last request first."""

    def __init__(self, answers: dict[bytes, Answer], *, then: Exception | None = None) -> None:
        self._answers = answers
        self._then = then
        self.closed = 0

    def facts(self) -> SourceFacts:
        return SourceFacts(address="scripted")

    def close(self) -> None:
        self.closed += 1

    def _list(self) -> Iterator[Listed]:
        return iter(())

    def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        for request in reversed(requests):
            if request.listed.name in self._answers:
                yield self._answers[request.listed.name](request, sink)
        if self._then is not None:
            raise self._then


def _brings(data: bytes) -> Answer:
    def answer(request: Request, sink: Sink) -> Landed:
        sink.create(request.number)
        sink.write(request.number, 0, data)
        return Landed(number=request.number, mtime_ns=request.listed.mtime_ns, attempts=2)

    return answer


def _fails(error: SourceError) -> Answer:
    return lambda request, _: Failed(number=request.number, error=error, attempts=3)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[_Scripted], None]:
    return lambda source: monkeypatch.setattr(restore, "open_source", lambda _: source)


def _plain(name: bytes) -> Item:
    entry = Entry(path=name, size_bytes=4, mtime_ns=THEN * SECOND, digest=_value(b"good"))
    return Item(entry=entry, listed=Listed(name=name, size_bytes=4, mtime_ns=THEN * SECOND))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AbsentError("gone"), "MISSING"),
        (UnreadableError("bad sector"), "UNREADABLE"),
        (AccessDeniedError("no"), "ACCESS_DENIED"),
        (UnreachableError("no"), "UNREACHABLE"),
        (InterruptedTransferError("cut"), "INTERRUPTED"),
        (ChangedDuringError("other"), "CHANGED_DURING"),
        (SourceError("whatever"), "INTERRUPTED"),
    ],
)
def test_a_files_own_error_ends_that_file_alone(
    tmp_path: Path, scripted: Callable[[_Scripted], None], error: SourceError, expected: str
) -> None:
    scripted(_Scripted({b"a": _brings(b"good"), b"b": _fails(error), b"c": _brings(b"evil")}))

    outcomes = _outcomes(_job(tmp_path), _plain(b"a"), _plain(b"b"), _plain(b"c"))

    assert [outcome_name(outcome) for outcome in outcomes] == ["match", expected, "MISMATCH"]
    assert [outcome.attempts for outcome in outcomes] == [2, 3, 2]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnreachableError("the NAS is gone"), Reason.UNREACHABLE),
        (AccessDeniedError("no"), Reason.ACCESS_DENIED),
        (SourceError("broken"), Reason.INTERRUPTED),
        (ScratchFullError("full"), Reason.NO_SPACE),
    ],
)
def test_when_the_copy_fails_what_is_open_is_unrestored_and_what_is_told_stays(
    tmp_path: Path, scripted: Callable[[_Scripted], None], error: Exception, reason: Reason
) -> None:
    source = _Scripted({b"c": _brings(b"evil")}, then=error)
    scripted(source)

    first, second, third = _outcomes(_job(tmp_path), _plain(b"a"), _plain(b"b"), _plain(b"c"))

    assert isinstance(first, Unrestored)
    assert isinstance(second, Unrestored)
    assert (first.reason, second.reason, outcome_name(third)) == (reason, reason, "MISMATCH")
    assert source.closed == isinstance(error, SourceError), "a source that failed is not used again"


def test_a_source_that_forgets_a_file_leaves_it_untold(tmp_path: Path, scripted: Callable[[_Scripted], None]) -> None:
    scripted(_Scripted({b"a": _brings(b"good")}))

    assert _names(_job(tmp_path), _plain(b"a"), _plain(b"b")) == ["match", "INTERRUPTED"]


def test_a_source_that_answers_twice_is_a_mistake_that_is_seen(
    tmp_path: Path, scripted: Callable[[_Scripted], None]
) -> None:
    class Twice(_Scripted):
        def _restore(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
            for _ in range(2):
                yield from super()._restore(requests, sink)

    scripted(Twice({b"a": _brings(b"good")}))

    with pytest.raises(KeyError):
        _outcomes(_job(tmp_path), _plain(b"a"))


def test_a_source_that_can_not_be_opened(tmp_path: Path) -> None:
    outcomes = _outcomes(_job(tmp_path, address="nowhere"), _plain(b"a"), _plain(b"b"))

    assert [outcome_name(outcome) for outcome in outcomes] == ["UNREACHABLE", "UNREACHABLE"]


def test_a_cancelled_batch_tells_all_its_items(tmp_path: Path, meter: Meter) -> None:
    items = [_item(tmp_path / "copy", f"{number}", noise(500, number)) for number in range(3)]
    meter.ask_to_stop()

    assert _names(_job(tmp_path), *items) == ["CANCELLED"] * 3


def test_a_worker_keeps_its_source_until_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = restore.open_source
    monkeypatch.setattr(restore, "open_source", lambda location: opened.append(location) or real(location))
    item = _item(tmp_path / "copy", "file", b"x")

    for _ in range(3):
        assert _names(_job(tmp_path), item) == ["match"]
    assert len(opened) == 1


def test_what_lies_in_scratch_from_before_is_not_taken_for_a_restored_file(tmp_path: Path) -> None:
    job = _job(tmp_path)
    stale = job.batches / "00000003"
    stale.mkdir()
    (stale / "000001").write_bytes(b"good")
    os.mkdir(tmp_path / "copy")  # noqa: PTH102 - holds nothing

    assert _names(job, _plain(b"a")) == ["MISSING"]


# --- pieces

pieces = st.lists(
    st.sampled_from([
        Match(path=b"p", size_bytes=1),
        Finding(path=b"p", kind=FindingKind.MISMATCH),
        Finding(path=b"p", kind=FindingKind.UNREADABLE),
        Finding(path=b"p", kind=FindingKind.CHANGED),
        Finding(path=b"p", kind=FindingKind.CHANGED, unchanging=True),
        Unrestored(path=b"p", reason=Reason.INTERRUPTED),
        Unrestored(path=b"p", reason=Reason.CANCELLED, attempts=3),
    ]),
    min_size=1,
    max_size=5,
)  # fmt: skip


@given(pieces)
def test_a_file_is_no_better_than_its_worst_piece(outcomes: list[Outcome]) -> None:
    item = Item(entry=Entry(path=b"p", size_bytes=77), listed=Listed(name=b"p", size_bytes=77))

    combined = combine_pieces(outcomes, item)

    assert (combined.path, combined.size_bytes) == (b"p", 77)
    assert combined.attempts == max(outcome.attempts for outcome in outcomes)
    failing = [one for one in outcomes if isinstance(one, Finding) and not one.is_counted]
    unrestored = [one for one in outcomes if isinstance(one, Unrestored)]
    changed = [one for one in outcomes if isinstance(one, Finding)]
    worst = (failing or unrestored or changed or [None])[0]
    assert outcome_name(combined) == ("match" if worst is None else outcome_name(worst))
