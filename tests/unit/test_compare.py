"""Judging one file: the order of the questions, as a table and against an oracle written another way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import digest
from verifier.compare import (
    NEWER_NS,
    Reference,
    Restored,
    chunks,
    first_bytes,
    is_newer,
    judge,
    read_back,
    size_kind,
)
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored
from verifier.progress import METER_LENGTH, CancelledError, Meter, use_meter

SECOND = 1_000_000_000
REFERENCE = Reference(path=b"a.bin", size_bytes=9, digest="aa", mtime_ns=100 * SECOND)
EQUAL = Restored(size_bytes=9, digest="aa", mtime_ns=100 * SECOND, changed_during=False)
OTHER = replace(EQUAL, digest="bb")


def _name(outcome: Outcome) -> str:
    if isinstance(outcome, Match):
        return "match"
    return outcome.kind.value if isinstance(outcome, Finding) else outcome.reason.value


@pytest.mark.parametrize(
    ("restored", "keeps_times", "expected"),
    [
        (EQUAL, True, "match"),
        (replace(EQUAL, mtime_ns=900 * SECOND), True, "match"),
        (replace(EQUAL, mtime_ns=1), True, "match"),
        (replace(EQUAL, mtime_ns=None), True, "match"),
        (replace(EQUAL, changed_during=True), True, "match"),
        (OTHER, True, "MISMATCH"),
        (replace(OTHER, size_bytes=8), True, "TRUNCATED"),
        (replace(OTHER, size_bytes=0), True, "TRUNCATED"),
        (replace(OTHER, size_bytes=10), True, "GROWN"),
        (replace(EQUAL, size_bytes=8), True, "TRUNCATED"),
        (replace(EQUAL, size_bytes=10), True, "GROWN"),
        (replace(OTHER, mtime_ns=102 * SECOND), True, "MISMATCH"),
        (replace(OTHER, mtime_ns=102 * SECOND + 1), True, "CHANGED"),
        (replace(OTHER, mtime_ns=102 * SECOND + 1), False, "MISMATCH"),
        (replace(OTHER, mtime_ns=900 * SECOND, size_bytes=0), True, "TRUNCATED"),
        (replace(OTHER, mtime_ns=900 * SECOND, size_bytes=1), True, "CHANGED"),
        (replace(OTHER, mtime_ns=900 * SECOND, size_bytes=10), True, "CHANGED"),
        (replace(OTHER, mtime_ns=900 * SECOND, size_bytes=10), False, "GROWN"),
        (replace(OTHER, mtime_ns=1), True, "MISMATCH"),
        (replace(OTHER, mtime_ns=None), True, "MISMATCH"),
        (replace(OTHER, changed_during=True), True, "CHANGED_DURING"),
        (replace(OTHER, changed_during=True, mtime_ns=900 * SECOND), True, "CHANGED_DURING"),
        (replace(OTHER, changed_during=True, size_bytes=0), True, "CHANGED_DURING"),
    ],
)
def test_the_table(restored: Restored, keeps_times: bool, expected: str) -> None:  # noqa: FBT001 - a column
    assert _name(judge(REFERENCE, restored, keeps_times=keeps_times)) == expected


@pytest.mark.parametrize("unchanging", [False, True])
def test_a_newer_file_is_held_against_the_copy_where_nothing_may_change(*, unchanging: bool) -> None:
    newer = replace(OTHER, mtime_ns=900 * SECOND)

    outcome = judge(replace(REFERENCE, unchanging=unchanging), newer, keeps_times=True)

    assert isinstance(outcome, Finding)
    assert (outcome.kind, outcome.unchanging, outcome.is_counted) == (FindingKind.CHANGED, unchanging, not unchanging)
    untimed = judge(replace(REFERENCE, unchanging=unchanging), newer, keeps_times=False)
    assert isinstance(untimed, Finding)
    assert (untimed.kind, untimed.unchanging, untimed.is_counted) == (FindingKind.MISMATCH, False, False)


def test_without_a_time_in_the_manifest_nothing_is_changed() -> None:
    outcome = judge(replace(REFERENCE, mtime_ns=None), replace(OTHER, mtime_ns=900 * SECOND), keeps_times=True)

    assert _name(outcome) == "MISMATCH"


sizes = st.integers(0, 3)
digests = st.sampled_from(["aa", "bb"])
times = st.none() | st.integers(0, 5).map(lambda seconds: seconds * SECOND) | st.just(3 * SECOND + 1)


@given(sizes, digests, times, sizes, digests, times, st.booleans(), st.booleans(), st.booleans(), st.integers(1, 4))
def test_every_combination_is_what_the_design_says(
    expected_bytes: int,
    expected: str,
    known_ns: int | None,
    actual_bytes: int,
    actual: str,
    seen_ns: int | None,
    during: bool,  # noqa: FBT001 - drawn
    keeps: bool,  # noqa: FBT001 - drawn
    unchanging: bool,  # noqa: FBT001 - drawn
    attempts: int,
) -> None:
    reference = Reference(
        path=b"p", size_bytes=expected_bytes, digest=expected, mtime_ns=known_ns, unchanging=unchanging
    )
    restored = Restored(
        size_bytes=actual_bytes, digest=actual, mtime_ns=seen_ns, changed_during=during, attempts=attempts
    )

    outcome = judge(reference, restored, keeps_times=keeps)

    assert (outcome.path, outcome.size_bytes, outcome.attempts) == (b"p", expected_bytes, attempts)
    equal = actual_bytes == expected_bytes and actual == expected
    newer = keeps and known_ns is not None and seen_ns is not None and seen_ns > known_ns + 2 * SECOND
    newer = newer and (actual_bytes > 0 or expected_bytes == 0)
    by_size = (
        {True: "TRUNCATED", False: "GROWN"}.get(actual_bytes < expected_bytes)
        if actual_bytes != expected_bytes
        else "MISMATCH"
    )
    ladder = [(equal, "match"), (during, "CHANGED_DURING"), (newer, "CHANGED"), (True, by_size)]
    assert _name(outcome) == next(name for holds, name in ladder if holds)
    assert isinstance(outcome, Match) == equal
    if isinstance(outcome, Unrestored):
        assert outcome.reason == Reason.CHANGED_DURING
    if isinstance(outcome, Finding):
        assert outcome.is_counted == (newer and not unchanging)


def test_details_say_what_was_seen() -> None:
    zeros = judge(REFERENCE, replace(OTHER, only_zeros=True, mtime_ns=1), keeps_times=True)
    encrypted = judge(replace(REFERENCE, path=b"a.txt"), replace(OTHER, head=bytes(range(256)) * 64), keeps_times=True)

    assert isinstance(zeros, Finding)
    assert zeros.detail == "an older version: its time is before the manifest's; nothing but zeros"
    assert isinstance(encrypted, Finding)
    assert (encrypted.encrypted, encrypted.detail) == (True, "looks encrypted")
    assert encrypted.expected == "9 bytes, aa"
    assert encrypted.actual == "9 bytes, bb"


def test_newer_is_beyond_what_file_systems_round() -> None:
    assert NEWER_NS == 2 * SECOND
    assert not is_newer(2 * SECOND, 0)
    assert is_newer(2 * SECOND + 1, 0)
    assert not is_newer(0, 9 * SECOND)
    assert not is_newer(None, 0)
    assert not is_newer(9 * SECOND, None)


def test_sizes_say_which_kind() -> None:
    assert [size_kind(5, actual) for actual in (0, 4, 5, 6)] == ["TRUNCATED", "TRUNCATED", "MISMATCH", "GROWN"]


MIB = 1024 * 1024


@pytest.fixture
def meter() -> Iterator[Meter]:
    mine = Meter([0] * METER_LENGTH)
    before = use_meter(mine)
    yield mine
    use_meter(before)


@pytest.mark.parametrize("size_bytes", [0, 1, 4_096, MIB - 1, MIB, MIB + 1, 3 * MIB + 17])
@pytest.mark.parametrize("algorithm", ["xxh3_128", "sha256"])
def test_what_landed_is_read_whole(tmp_path: Path, size_bytes: int, algorithm: str) -> None:
    data = os.urandom(size_bytes)
    (tmp_path / "file").write_bytes(data)
    hasher = digest.new_hasher(algorithm)
    hasher.update(data)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert read_back(descriptor, algorithm) == (size_bytes, hasher.hexdigest())
        assert b"".join(bytes(chunk) for chunk in chunks(descriptor)) == data
        head, only_zeros = first_bytes(descriptor)
    finally:
        os.close(descriptor)
    assert (head, only_zeros) == (data[: 64 * 1024], False)


@pytest.mark.parametrize(("data", "only_zeros"), [(b"", False), (b"\0", True), (bytes(2 * MIB), True)])
def test_zeros_are_seen(tmp_path: Path, data: bytes, only_zeros: bool) -> None:  # noqa: FBT001 - a column
    (tmp_path / "file").write_bytes(data)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert first_bytes(descriptor)[1] is only_zeros
    finally:
        os.close(descriptor)


def test_one_late_byte_makes_a_file_more_than_zeros(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(2 * MIB) + b"\1")
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert first_bytes(descriptor)[1] is False
    finally:
        os.close(descriptor)


def test_reading_back_stops_when_asked(tmp_path: Path, meter: Meter) -> None:
    (tmp_path / "file").write_bytes(bytes(3 * MIB))
    meter.ask_to_stop()
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        with pytest.raises(CancelledError):
            read_back(descriptor, "xxh3_128")
    finally:
        os.close(descriptor)
