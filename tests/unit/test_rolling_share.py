"""Which files' turn it is: the longest ago hashed first, a share of all bytes, nobody's turn taken by another."""

from __future__ import annotations

from fractions import Fraction

import pytest

from verifier.entry import Entry
from verifier.errors import ManifestError
from verifier.inventory.share import Ages, comparable, ticket_of
from verifier.manifest import lines
from verifier.manifest.native import Totals

CREATED, NOW = "2026-02-01T00:00:00Z", "2026-03-01T00:00:00.000000Z"
EARLY, LATE = "2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.5Z"


def file(number: int, hashed_at: str | None = None, size_bytes: int = 99) -> Entry:
    return Entry(path=b"%04d" % number, size_bytes=size_bytes, mtime_ns=1, digest="0" * 32, hashed_at=hashed_at)


def ages(entries: list[Entry]) -> Ages:
    found = Ages(algorithm="xxh3_128", created=CREATED, now=NOW)
    found.add(lines.encode(entries))
    return found


def due(entries: list[Entry], share: Fraction, read_anyway: int = 0) -> list[bytes]:
    date, ticket = ages(entries).due(share, read_anyway)
    chosen = []
    for entry in entries:
        hashed_at = comparable(entry.hashed_at or CREATED, NOW)
        if hashed_at < date or (hashed_at == date and ticket_of(entry.path) <= ticket):
            chosen.append(entry.path)
    return chosen


def test_the_longest_ago_come_first() -> None:
    entries = [file(0), file(1, LATE), file(2, EARLY), file(3)]
    assert due(entries, Fraction(0)) == []
    assert due(entries, Fraction(1, 4)) == [b"0002"]
    assert due(entries, Fraction(1, 2)) == [b"0001", b"0002"]
    assert due(entries, Fraction(1)) == [b"0000", b"0001", b"0002", b"0003"]


def test_of_one_date_a_share_of_the_bytes() -> None:
    entries = [file(number, size_bytes=99 if number % 2 else 0) for number in range(3_000)]
    chosen = due(entries, Fraction(1, 30))
    weight = sum(entry.size_bytes + 1 for entry in entries if entry.path in set(chosen))
    wanted = sum(entry.size_bytes + 1 for entry in entries) / 30
    assert wanted <= weight <= wanted + 1_000
    assert chosen != [entry.path for entry in entries[: len(chosen)]]


def test_what_is_read_anyway_takes_nobodys_turn() -> None:
    entries = [file(0, EARLY, 9_999), *(file(number, LATE) for number in range(1, 10))]
    assert due(entries, Fraction(1, 10)) == [b"0000"]
    assert len(due(entries, Fraction(1, 10), read_anyway=10_000)) > 5
    assert due(entries, Fraction(0), read_anyway=10_000) == []


@pytest.mark.parametrize(
    "date", ["", "yesterday", "2026-01-01", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\u0661"]
)
def test_a_date_that_is_none_or_to_come_is_the_oldest(date: str) -> None:
    assert comparable(date, NOW) == ""
    if date:
        assert due([file(0, date), file(1, EARLY)], Fraction(1, 2)) == [b"0000"]


def test_dates_of_different_precision_are_compared() -> None:
    dates = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.100000001Z", "2026-01-01T00:00:01Z"]
    compared = [comparable(date, NOW) for date in dates]
    assert compared == sorted(set(compared))


def test_ever_more_dates_cost_no_memory() -> None:
    many = [file(number, f"2026-01-01T00:00:00.{number:06d}Z") for number in range(3_000)]
    found = ages(many)
    assert len(found._weights) <= 1_001
    assert due(many, Fraction(1)) == [entry.path for entry in many]


def test_rare_lines_are_counted_as_plain_ones() -> None:
    rare = [
        Entry(path=b"a", link=b"b", mtime_ns=1),
        Entry(path=b'q"', size_bytes=5, mtime_ns=1, digest="0" * 32),
        Entry(path=b"\xff", size_bytes=7, digest="0" * 32, hashed_at=EARLY),
    ]
    found = ages(rare)
    assert (found.files, found.links, found.bytes) == (2, 1, 12)
    assert due(rare[1:], Fraction(1, 100)) == [b"\xff"]


def test_what_the_end_line_states_is_counted() -> None:
    found = ages([file(0)])
    found.hold_against(Totals(files=1, links=0, bytes=99, identity="x"))
    for wrong in ({"files": 2}, {"links": 1}, {"bytes": 98}):
        stated = {"files": 1, "links": 0, "bytes": 99} | wrong
        with pytest.raises(ManifestError, match="end line states"):
            found.hold_against(Totals(**stated, identity="x"))


def test_a_line_that_is_none_is_an_error() -> None:
    with pytest.raises(ManifestError):
        Ages(algorithm="xxh3_128", created=CREATED, now=NOW).add(b'{"path":"a"}\n')
