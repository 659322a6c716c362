"""An outcome is a match, a finding or unrestored; each kind has one meaning for the verdict, and one word."""

from __future__ import annotations

import msgspec
import pytest

from verifier import outcome
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored, outcome_name

ALL: list[Outcome] = [
    Match(path=b"\xff", size_bytes=3, attempts=2),
    *(Finding(path=b"a\n", kind=kind, size_bytes=1, expected="x", actual="y", detail="z") for kind in FindingKind),
    *(Unrestored(path=b"b", reason=reason, size_bytes=2, detail="z") for reason in Reason),
]


def test_every_kind_fails_warns_or_is_counted_and_none_does_two() -> None:
    three = (outcome.FAILING_KINDS, outcome.WARNING_KINDS, outcome.COUNTED_KINDS)
    assert sum(map(len, three)) == len(FindingKind)
    assert frozenset().union(*three) == frozenset(FindingKind)


def test_the_kinds_that_fail_are_those_of_the_design() -> None:
    failing = "MISSING MISMATCH TRUNCATED GROWN UNREADABLE UNSAFE_PATH PROBE_FAILED STALE SLOW"
    assert {kind.value for kind in outcome.FAILING_KINDS} == set(failing.split())
    assert {kind.value for kind in outcome.WARNING_KINDS} == {"DELETED_AT_SOURCE", "MOVED", "UNEXPECTED", "OVERDUE"}


@pytest.mark.parametrize("one", ALL)
def test_an_outcome_comes_back_from_disk_as_what_it_was(one: Outcome) -> None:
    for codec in (msgspec.msgpack, msgspec.json):
        back = codec.decode(codec.encode(one), type=Outcome)
        assert type(back) is type(one)
        assert back == one


def test_each_outcome_has_a_word_of_its_own() -> None:
    words = [outcome_name(one) for one in ALL]
    assert words[0] == "match"
    assert len(set(words)) == len(words)
    assert set(words[1:]) == {kind.value for kind in FindingKind} | {reason.value for reason in Reason}


@pytest.mark.parametrize(
    "data", [b'["maybe","YQ==",1]', b'["finding","YQ==","FINE"]', b'["unrestored","YQ==",""]', b'["match"]', b"[]"]
)
def test_there_is_no_fourth(data: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(data, type=Outcome)


@pytest.mark.parametrize("one", ALL)
def test_an_outcome_is_not_changed_afterwards(one: Outcome) -> None:
    with pytest.raises(AttributeError):
        one.path = b"another"  # type: ignore[misc]


def test_what_is_counted_is_held_against_the_copy_only_where_nothing_may_change() -> None:
    for kind in FindingKind:
        counted = kind in outcome.COUNTED_KINDS
        assert Finding(path=b"a", kind=kind).is_counted == counted
        assert not Finding(path=b"a", kind=kind, unchanging=True).is_counted
