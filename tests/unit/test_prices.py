"""Calls are counted as our place of B2 makes them, and prices come from the list that holds on the day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from verifier import prices
from verifier.prices import PART_BYTES, Calls, b2_calls, b2_prices, cost, downloads, downloads_at_most

CHARGED = b2_prices(date(2026, 4, 30))
TODAY = b2_prices(date(2026, 11, 22))


def test_the_list_is_the_one_that_holds_on_the_day() -> None:
    assert (CHARGED.since, TODAY.since) == (date(2023, 10, 3), date(2026, 5, 1))
    assert b2_prices(date(2026, 5, 1)) == TODAY == b2_prices(date(2099, 1, 1))
    assert b2_prices(date(1999, 1, 1)) == CHARGED
    assert CHARGED.source != TODAY.source
    assert TODAY.read_on >= TODAY.since


def test_the_prices_are_those_that_were_read() -> None:
    assert (TODAY.storage_dollars_per_gigabyte_month, TODAY.egress_dollars_per_gigabyte) == (
        Decimal("0.00695"),
        Decimal("0.01"),
    )
    assert (CHARGED.class_b.dollars_per_10_000, CHARGED.class_b.free_per_day) == (Decimal("0.004"), 2_500)
    assert (CHARGED.class_c.dollars_per_10_000, CHARGED.class_c.free_per_day) == (Decimal("0.04"), 2_500)
    assert {price.dollars_per_10_000 for price in (TODAY.class_a, TODAY.class_b, TODAY.class_c)} == {Decimal(0)}


def test_a_file_comes_in_one_call_for_each_part() -> None:
    assert PART_BYTES == 16 * 1024 * 1024
    assert downloads([]) == 0
    assert downloads([0, 1, PART_BYTES]) == 3
    assert downloads([PART_BYTES + 1, 3 * PART_BYTES]) == 5
    sizes = [0, 5, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 7 * PART_BYTES + 9]
    assert downloads(sizes) <= downloads_at_most(len(sizes), sum(sizes))
    assert downloads_at_most(10, 0) == 10


def test_calls_are_counted_by_class() -> None:
    assert b2_calls(TODAY, versions=0, download_calls=0, workers=1, controls=False) == Calls(class_b=0, class_c=5)
    assert b2_calls(TODAY, versions=1_000, download_calls=294, workers=2) == Calls(class_b=297, class_c=7)
    assert b2_calls(TODAY, versions=5_001, download_calls=0, workers=8, heartbeat=True) == Calls(class_b=4, class_c=24)


def test_calls_beyond_the_free_ones_cost_what_their_class_costs() -> None:
    none = cost(CHARGED, Calls(class_a=10**9, class_b=2_500, class_c=2_500), egress_bytes=0, stored_bytes=0)
    assert none.call_dollars == 0
    some = cost(CHARGED, Calls(class_b=1_002_500, class_c=102_500), egress_bytes=0, stored_bytes=0)
    assert some.call_dollars == Decimal("0.4") + Decimal("0.4")
    assert cost(TODAY, Calls(class_b=10**9, class_c=10**9), egress_bytes=0, stored_bytes=0).dollars == 0


def test_egress_is_free_up_to_three_times_what_is_stored() -> None:
    within = cost(TODAY, Calls(), egress_bytes=3 * 10**12, stored_bytes=10**12)
    assert (within.free_egress_bytes, within.charged_egress_bytes, within.dollars) == (3 * 10**12, 0, 0)
    beyond = cost(TODAY, Calls(), egress_bytes=10**12, stored_bytes=10**12, egress_before_bytes=5 * 10**11 * 5)
    assert beyond.charged_egress_bytes == 5 * 10**11
    assert beyond.egress_dollars == beyond.dollars == Decimal(5)
    late = cost(TODAY, Calls(), egress_bytes=10**9, stored_bytes=0, egress_before_bytes=10**15)
    assert (late.charged_egress_bytes, late.dollars) == (10**9, Decimal("0.01"))


def test_storage_is_told_beside_and_not_added() -> None:
    told = cost(TODAY, Calls(), egress_bytes=0, stored_bytes=1_010_000_000_000)
    assert told.storage_dollars_per_month == Decimal("6.95")
    assert told.dollars == 0
    assert cost(TODAY, Calls(), egress_bytes=0, stored_bytes=10**10).storage_dollars_per_month == 0
    assert (told.prices_since, told.prices_read_on) == (TODAY.since, TODAY.read_on)


def test_money_is_exact_to_the_hundredth_of_a_cent() -> None:
    assert cost(TODAY, Calls(), egress_bytes=123_456_789_012, stored_bytes=0).egress_dollars == Decimal("1.2346")
    assert prices.cost(TODAY, Calls(), egress_bytes=1, stored_bytes=0).egress_dollars == 0
