"""The 3-2-1-1-0 rule, digit by digit."""

from __future__ import annotations

from typing import Any

import pytest

from verifier.rule import NAME, CopyStanding, check_rule
from verifier.verdict import Result


def _copy(name: str, **changed: Any) -> CopyStanding:
    return CopyStanding(
        **{
            "name": name,
            "medium": "ssd",
            "site": "home",
            "device": f"disk:{name}",
            "live": False,
            "immutable": False,
            "result": Result.PASSED,
            **changed,
        }
    )


LIVE = _copy("desktop", live=True, result=None)
NAS = _copy("nas", medium="nas")
CLOUD = _copy("b2", medium="cloud", site="offsite", immutable=True)


def _holds(*copies: CopyStanding) -> list[bool | None]:
    return [check.holds for check in check_rule(copies)]


def test_it_is_the_rule_of_five_digits() -> None:
    assert NAME == "3-2-1-1-0"
    assert [check.digit for check in check_rule([])] == [
        "3 copies", "2 media", "1 off-site", "1 immutable or offline", "0 findings",
    ]  # fmt: skip


def test_a_household_that_keeps_it() -> None:
    assert _holds(LIVE, NAS, CLOUD) == [True, True, True, True, True]


def test_nothing_keeps_nothing() -> None:
    assert _holds() == [False, None, None, False, None]


@pytest.mark.parametrize("result", [Result.FAILED, Result.INCONCLUSIVE, None])
def test_a_copy_counts_once_it_was_seen_to_restore(result: Result | None) -> None:
    lost = _copy("b2", medium="cloud", site="offsite", immutable=True, result=result)

    assert _holds(LIVE, NAS, lost) == [False, True, False, False, result is None]


def test_a_warned_copy_counts() -> None:
    assert _holds(LIVE, NAS, _copy("b2", site="offsite", result=Result.WARNED, medium="cloud"))[0] is True


def test_two_copies_on_one_device_count_once() -> None:
    twin = _copy("twin", medium="nas", device=NAS.device)

    copies, *_ = check_rule([LIVE, NAS, twin])

    assert (copies.holds, copies.evidence) == (False, "desktop, nas, twin, on 2 devices")


def test_copies_of_unknown_devices_count_each() -> None:
    assert _holds(LIVE, _copy("a", device=None), _copy("b", device=None))[0] is True


def test_without_a_stated_site_nobody_can_tell_what_is_away() -> None:
    assert _holds(_copy("desktop", live=True, result=None, site=None), NAS, CLOUD)[2] is None
    assert _holds(NAS, CLOUD)[2] is None
    assert _holds(LIVE, _copy("b2", site=None))[2] is False


def test_a_finding_anywhere_breaks_the_last_digit() -> None:
    digits = check_rule([LIVE, NAS, CLOUD, _copy("old", result=Result.FAILED)])

    assert [check.holds for check in digits] == [True, True, True, True, False]
    assert digits[-1].evidence == "not PASSED: old"
