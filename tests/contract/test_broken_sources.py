from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import broken
from contract.bench import Bench
from contract.broken import CAUGHT_BY, ESCAPING, BrokenHarness
from contract.contract import RULES
from contract.memory import Memory

from verifier.errors import VerifierError

CASES = [
    pytest.param(place, rule, id=f"{place.__name__}-{rule}") for place, rules in CAUGHT_BY.items() for rule in rules
]


@pytest.fixture(autouse=True)
def what_they_leave_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("contract.bench._SETTLE_SECONDS", 0.05)
    yield
    broken.QUEUE.clear()
    while broken.LEFT_OPEN:
        os.close(broken.LEFT_OPEN.pop())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("place", "rule"), CASES)
def test_a_broken_source_is_caught(place: type[Memory], rule: str, tmp_path: Path) -> None:
    harness = BrokenHarness(tmp_path, place)
    bench = Bench(harness, tmp_path)
    # A mistake in the broken source itself, which fails any rule, is none of these.
    noticed = (AssertionError, pytest.fail.Exception, VerifierError, ESCAPING.get(place, AssertionError))
    with pytest.raises(noticed):
        RULES[rule].check(bench)
    with contextlib.suppress(Exception):  # one that is closed twice, and breaks by it
        bench.close()
    harness.close()


@pytest.mark.parametrize("rule", RULES)
def test_what_catches_them_is_that_they_are_broken(rule: str, tmp_path: Path) -> None:
    with (
        contextlib.closing(BrokenHarness(tmp_path, Memory)) as harness,
        contextlib.closing(Bench(harness, tmp_path)) as bench,
    ):
        RULES[rule].check(bench)


def test_every_rule_can_fail() -> None:
    assert set(itertools.chain.from_iterable(CAUGHT_BY.values())) == set(RULES)
