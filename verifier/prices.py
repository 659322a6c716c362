"""What a drill asks of a place that charges → the calls by class, the bytes that leave it, and the money.

The prices are data, in `prices.toml`, each list with its date and where it was read. Which calls a drill makes is
counted from how our place of B2 works: it signs in and looks for the bucket in each process that opens the copy
(`b2_authorize_account`, `b2_list_buckets`: class C), lists versions (`b2_list_file_versions`: class C, charged for each
thousand names), and downloads each file by its id in parts of 16 MiB (`b2_download_file_by_id`: class B). What is asked
again after an error is not in it, nor what else the account did this month.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Final

import msgspec

from verifier.sources.places.b2.limits import Limits

PART_BYTES: Final = Limits().part_bytes
_GIGABYTE: Final = 10**9
_CONTROLS: Final = 3  # the drill's test of itself: two files once more, and one that exists nowhere
_CENT_PARTS: Final = Decimal("0.0001")


class CallPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What calls of one class cost, beyond those that are free each day."""

    dollars_per_10_000: Decimal
    free_per_day: int


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list of prices: since when it holds, when it was read, and where."""

    since: date
    read_on: date
    source: str
    storage_dollars_per_gigabyte_month: Decimal
    storage_free_bytes: int
    egress_dollars_per_gigabyte: Decimal
    egress_free_times_storage: int
    listed_per_transaction: int
    class_a: CallPrice
    class_b: CallPrice
    class_c: CallPrice


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    b2: tuple[Prices, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How many calls of each of B2's classes. A drill only reads, so there are none of class A."""

    class_a: int = 0
    class_b: int = 0
    class_c: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a drill costs: dollars to the hundredth of a cent, with all that they are made of.

    `free_egress_bytes` is what may leave for nothing in a month, as far as this copy's own bytes earn it;
    `charged_egress_bytes` is what goes beyond. `storage_dollars_per_month` is paid whether there are drills or not, and
    so no part of `dollars`.
    """

    calls: Calls
    egress_bytes: int
    free_egress_bytes: int
    charged_egress_bytes: int
    call_dollars: Decimal
    egress_dollars: Decimal
    storage_dollars_per_month: Decimal
    prices_since: date
    prices_read_on: date

    @property
    def dollars(self) -> Decimal:
        """What this drill adds to the bill."""
        return self.call_dollars + self.egress_dollars


@functools.cache
def _lists() -> tuple[Prices, ...]:
    stated = tomllib.loads(resources.files("verifier").joinpath("prices.toml").read_text("utf-8"))
    return tuple(sorted(msgspec.convert(stated, _File).b2, key=lambda one: one.since))


def b2_prices(on: date) -> Prices:
    """Return the list that holds on a day; before the first of them, the first."""
    lists = _lists()
    return next((one for one in reversed(lists) if one.since <= on), lists[0])


def downloads(sizes: Iterable[int]) -> int:
    """Return in how many calls files of these sizes, in bytes, come: one for each part, and one for an empty file."""
    return sum(max(1, -(-size_bytes // PART_BYTES)) for size_bytes in sizes)


def downloads_at_most(files: int, size_bytes: int) -> int:
    """Return the most calls in which so many files of so many bytes together can come, whatever their sizes."""
    return files + size_bytes // PART_BYTES


def b2_calls(
    prices: Prices, *, versions: int, download_calls: int, workers: int, controls: bool = True, heartbeat: bool = False
) -> Calls:
    """Return the calls of one drill of a copy in B2.

    Args:
        prices: say how many names one call of a listing may bring.
        versions: everything under the prefix, older versions and hidden names with it, since B2 lists them all.
        download_calls: what `downloads` says of the files that are restored.
        workers: how many open the copy to restore from it, beside the one that lists it.
        controls: whether the drill tests itself, as it does wherever a file matched.
        heartbeat: whether the copy carries one, which is read.
    """
    opened = 1 + max(1, workers)
    pages = max(1, -(-versions // prices.listed_per_transaction))
    return Calls(class_b=download_calls + _CONTROLS * controls + heartbeat, class_c=2 * opened + pages)


def cost(prices: Prices, calls: Calls, *, egress_bytes: int, stored_bytes: int, egress_before_bytes: int = 0) -> Cost:
    """Return what these calls and bytes cost on one day, at these prices.

    Args:
        prices: the list that holds.
        calls: of one drill, on one day: calls that are free each day are free once.
        egress_bytes: what is downloaded.
        stored_bytes: what the account keeps on average this month; of one copy alone it is the least that it may be.
        egress_before_bytes: what left earlier this month.
    """
    free = prices.egress_free_times_storage * stored_bytes
    left = max(0, free - egress_before_bytes)
    charged = max(0, egress_bytes - left)
    priced = ((calls.class_a, prices.class_a), (calls.class_b, prices.class_b), (calls.class_c, prices.class_c))
    stored = max(0, stored_bytes - prices.storage_free_bytes)
    return Cost(
        calls=calls,
        egress_bytes=egress_bytes,
        free_egress_bytes=free,
        charged_egress_bytes=charged,
        call_dollars=_rounded(sum((_call_dollars(count, price) for count, price in priced), Decimal(0))),
        egress_dollars=_rounded(prices.egress_dollars_per_gigabyte * charged / _GIGABYTE),
        storage_dollars_per_month=_rounded(prices.storage_dollars_per_gigabyte_month * stored / _GIGABYTE),
        prices_since=prices.since,
        prices_read_on=prices.read_on,
    )


def _call_dollars(calls: int, price: CallPrice) -> Decimal:
    return price.dollars_per_10_000 * max(0, calls - price.free_per_day) / 10_000


def _rounded(dollars: Decimal) -> Decimal:
    return dollars.quantize(_CENT_PARTS)
