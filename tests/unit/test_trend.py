"""Restores that grow slower are told from data that grows, and from chance."""

from __future__ import annotations

import random

import pytest

from verifier.trend import PastRestore, trend

MONTH = 30 * 86_400


def past(month: float, seconds: float, *, growth: float = 1.0) -> PastRestore:
    amount = round(1_000_000 * growth)
    return PastRestore(
        at_seconds=1.7e9 + month * MONTH, restore_seconds=seconds, files=amount, size_bytes=amount * 1000
    )


def test_too_few_drills_show_no_trend() -> None:
    assert trend([]) is None
    assert trend([past(n, 100) for n in range(3)]) is None
    assert trend([past(1, 100)] * 9) is None
    assert trend([past(n, 0.0) for n in range(9)]) is None
    assert trend([past(n * 7 / 30 / 3, 100) for n in range(4)]) is not None
    assert trend([past(n * 6.9 / 30 / 3, 100) for n in range(4)]) is None  # of a week, nothing is said of a month


def test_data_that_grows_is_no_slower_place() -> None:
    found = trend([past(n, 100 * 1.1**n, growth=1.1**n) for n in range(12)])
    assert found is not None
    assert (found.drills, found.is_slower) == (12, False)
    assert found.restore_share == pytest.approx(0.1, rel=0.01)
    assert found.pace_share == pytest.approx(0.0, abs=0.001)


def test_a_place_that_grows_slower_is_told() -> None:
    drills = [past(n, 100 * 1.05**n) for n in range(12)]
    found = trend(drills)
    assert found is not None
    assert found.is_slower
    assert found.pace_share == pytest.approx(0.05, rel=0.01)
    assert trend(drills[::-1]) == found


def test_one_odd_drill_moves_nothing() -> None:
    drills = [past(n, 100.0 * (50 if n == 11 else 1)) for n in range(12)]
    found = trend(drills)
    assert found is not None
    assert (found.pace_share, found.is_slower) == (pytest.approx(0.0), False)


def test_noise_is_rarely_called_a_trend() -> None:
    dice = random.Random(1)
    told = [trend([past(n, 100 * dice.lognormvariate(0, 0.3)) for n in range(12)]) for _ in range(400)]
    slower = sum(found.is_slower for found in told if found is not None)
    assert slower <= 400 * 0.025 + 3 * (400 * 0.025) ** 0.5
