"""The 3-2-1-1-0 rule, digit by digit, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from verifier.rule import COVERAGE_SECONDS, NAME, Check, CopyStanding, Wanted, broken, check_rule, immutability
from verifier.sources.interface import ObjectLock
from verifier.verdict import Result

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def _copy(name: str, **changed: Any) -> CopyStanding:
    return CopyStanding(
        **{
            "name": name,
            "medium": "ssd",
            "site": "home",
            "device": f"disk:{name}",
            "live": False,
            "result": Result.PASSED,
            "shown_at": NOW,
            "findings": 0,
            **changed,
        }
    )


def _live(**changed: Any) -> CopyStanding:
    return _copy("desktop", **{"live": True, "result": None, "findings": None, "shown_at": NOW - DAY, **changed})


def _lock(**changed: Any) -> ObjectLock:
    return ObjectLock(
        **{
            "files": 7,
            "locked_files": 7,
            "untold_files": 0,
            "until": NOW + 30 * DAY,
            "modes": ("compliance",),
            **changed,
        }
    )


LIVE = _live()
NAS = _copy("nas", medium="nas")
CLOUD = _copy("b2", medium="cloud", site="offsite", lock=_lock())
CUT = _copy("b2", medium="cloud", site="offsite", immutable=True)


def _check(*copies: CopyStanding, coverage: int | None = None, name: str = NAME) -> tuple[Check, ...]:
    return check_rule(copies, now=NOW, period_seconds=coverage, name=name)


def _holds(*copies: CopyStanding, coverage: int | None = None, name: str = NAME) -> list[bool | None]:
    return [check.holds for check in _check(*copies, coverage=coverage, name=name)]


def test_it_is_the_rule_of_five_digits() -> None:
    assert NAME == "3-2-1-1-0"
    assert [check.digit for check in _check()] == [
        "3 copies", "2 media", "1 off-site", "1 immutable or offline", "0 findings",
    ]  # fmt: skip


def test_a_household_that_keeps_it() -> None:
    checks = _check(LIVE, NAS, CLOUD)
    assert [check.holds for check in checks] == [True] * 5
    assert [check.evidence for check in checks] == [
        "desktop (live, its manifest of 2026-11-21), nas (PASSED, 2026-11-22), b2 (PASSED, 2026-11-22); on 3 devices",
        "as stated: cloud, nas, ssd",
        "as stated: b2 at offsite; the live data at home",
        "b2: Object Lock seen on all of 7 files, the shortest until 2026-12-22T18:30:00Z, compliance",
        "none in the last drill of nas, b2",
    ]
    assert broken(checks) == ()


def test_nothing_keeps_nothing() -> None:
    assert _holds() == [False, False, None, False, None]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"result": Result.FAILED, "findings": 3}, "its last drill FAILED"),
        ({"result": Result.INCONCLUSIVE}, "its last drill INCONCLUSIVE"),
        ({"result": None, "shown_at": None, "findings": None}, "never drilled"),
        ({"shown_at": None}, "never drilled as a whole"),
        ({"shown_at": NOW - 91 * DAY}, "last drilled 2026-08-23, over 90 days ago"),
        ({"shown_at": NOW + 2 * DAY}, "last drilled 2026-11-24, which is in the future"),
        ({"trouble": "the last drill of all of it FAILED"}, "the last drill of all of it FAILED"),
    ],
)
def test_a_copy_counts_by_a_last_drill_that_passed_and_is_not_overdue(changed: dict[str, Any], why: str) -> None:
    lost = _copy("b2", **{"medium": "cloud", "site": "offsite", "immutable": True, **changed})
    checks = _check(LIVE, NAS, lost)
    failed = changed.get("result") is Result.FAILED
    assert [check.holds for check in checks] == [False, True, False, False, False if failed else None]
    assert f"not counted: b2 ({why})" in checks[0].evidence


def test_a_warned_copy_counts() -> None:
    assert _holds(LIVE, NAS, _copy("b2", site="offsite", result=Result.WARNED, medium="cloud"))[0] is True


def test_a_drill_counts_for_the_time_of_coverage_to_the_second() -> None:
    old = _copy("b2", shown_at=NOW - timedelta(seconds=COVERAGE_SECONDS))
    older = _copy("b2", shown_at=NOW - timedelta(seconds=COVERAGE_SECONDS + 1))
    assert (_holds(LIVE, NAS, old)[0], _holds(LIVE, NAS, older)[0]) == (True, False)
    assert _holds(LIVE, NAS, older, coverage=COVERAGE_SECONDS + 1)[0] is True
    assert _holds(LIVE, NAS, CLOUD, coverage=86_399)[0] is False  # the manifest is of yesterday


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"shown_at": None}, "no manifest says when it was read"),
        ({"shown_at": NOW - 91 * DAY}, "its manifest is of 2026-08-23, over 90 days ago"),
        ({"trouble": "the manifest was not made of it"}, "the manifest was not made of it"),
    ],
)
def test_live_data_counts_while_it_was_read_lately(changed: dict[str, Any], why: str) -> None:
    copies = _check(_live(**changed), NAS, CLOUD)[0]
    assert (copies.holds, copies.evidence) == (
        False, f"nas (PASSED, 2026-11-22), b2 (PASSED, 2026-11-22); on 2 devices; not counted: desktop ({why})",
    )  # fmt: skip


def test_another_machines_word_is_told_as_that() -> None:
    assert "desktop (live, its manifest of 2026-11-21 made on tower\\u202e)" in (
        _check(_live(read_on="tower\u202e"))[0].evidence
    )


def test_two_copies_on_one_device_count_once() -> None:
    twin = _copy("twin", medium="nas", device=NAS.device)
    copies, media, *_ = _check(LIVE, NAS, twin)
    assert (copies.holds, media.holds) == (False, True)
    assert copies.evidence.endswith("; on 2 devices")
    assert _holds(NAS, twin, _copy("third", medium="ssd", device=NAS.device))[:2] == [False, False]


def test_of_unknown_devices_nobody_can_tell() -> None:
    assert _holds(LIVE, _copy("a", device=None), _copy("b", device=None))[0] is None
    assert _holds(LIVE, NAS, CLOUD, _copy("a", device=None))[0] is True
    assert _holds(LIVE, _copy("a", device=None))[0] is False
    assert _holds(_copy("a", device=None), _copy("b", device=None), _copy("c", device=None))[0] is None


def test_media_are_those_that_are_stated_of_copies_that_count() -> None:
    assert _holds(LIVE, _copy("nas"))[1] is False
    assert _holds(LIVE, _copy("nas", medium=None))[1] is None
    assert _holds(LIVE, _copy("nas", medium="nas", result=Result.FAILED))[1] is False


def test_off_site_is_another_site_than_the_live_datas() -> None:
    assert _holds(LIVE, NAS)[2] is False
    assert _holds(LIVE, _copy("b2", site="offsite"))[2] is True
    assert _holds(LIVE, _copy("b2", site="offsite", result=Result.FAILED))[2] is False
    assert _holds(LIVE, _copy("b2", site="offsite", device=LIVE.device))[2] is False


def test_without_a_stated_site_nobody_can_tell_what_is_away() -> None:
    assert _holds(_live(site=None), NAS, CLOUD)[2] is None
    assert _holds(LIVE, _copy("laptop", live=True, result=None, site=None), NAS, CLOUD)[2] is None
    assert _holds(NAS, CLOUD)[2] is None
    assert _holds(LIVE, _copy("b2", site=None))[2] is None


@pytest.mark.parametrize(
    ("changed", "holds", "evidence"),
    [
        ({}, False, "none"),
        ({"immutable": True}, True, "b2: as stated, immutable: no lock could be seen"),
        ({"offline": True}, True, "b2: as stated, offline: no drill can see that"),
        (
            {"offline": True, "lock": _lock(locked_files=0, until=None)}, True,
            "b2: as stated, offline: no drill can see that",
        ),
        ({"lock": _lock(locked_files=6)}, False, "b2: Object Lock is on 6 of 7 files"),
        ({"lock": _lock(locked_files=0, until=None)}, False, "none"),
        (
            {"immutable": True, "lock": _lock(locked_files=0, until=None)}, False,
            "b2: stated as immutable, but Object Lock is on 0 of 7 files",
        ),
        ({"lock": _lock(until=NOW)}, False, "b2: the first Object Lock ended 2026-11-22"),
        (
            {"immutable": True, "lock": _lock(until=NOW - DAY)}, False,
            "b2: stated as immutable, but the first Object Lock ended 2026-11-21",
        ),
        (
            {"immutable": True, "lock": _lock(locked_files=0, untold_files=7, until=None)}, True,
            "b2: as stated, immutable: no lock could be seen of 7 of 7 files",
        ),
        ({"lock": _lock(locked_files=0, untold_files=7, until=None)}, False, "none"),
        ({"lock": _lock(locked_files=6, untold_files=1)}, False, "none"),
        ({"immutable": True, "result": Result.FAILED}, False, "none"),
    ],
)  # fmt: skip
def test_what_nobody_can_change(changed: dict[str, Any], holds: bool, evidence: str) -> None:  # noqa: FBT001 - a case
    check = _check(LIVE, _copy("b2", **changed))[3]
    assert (check.holds, check.evidence) == (holds, evidence)


def test_a_lock_that_ends_within_the_second_is_one() -> None:
    assert immutability(_copy("b2", lock=_lock(until=NOW + timedelta(seconds=1))), NOW)[0] is True


@pytest.mark.parametrize(
    ("changed", "holds", "evidence"),
    [
        ({}, True, "none in the last drill of nas, b2, old"),
        ({"result": Result.FAILED, "findings": 4}, False,
         "in the last drill of old 4; none in the last drill of nas, b2"),
        ({"result": Result.FAILED}, False, "in the last drill of old 1; none in the last drill of nas, b2"),
        ({"result": Result.WARNED, "findings": 1}, False,
         "in the last drill of old 1; none in the last drill of nas, b2"),
        ({"result": None, "findings": None, "shown_at": None}, None,
         "none in the last drill of nas, b2; not told of old (never drilled)"),
        ({"result": Result.INCONCLUSIVE}, None,
         "none in the last drill of nas, b2; not told of old (its last drill INCONCLUSIVE)"),
    ],
)  # fmt: skip
def test_a_finding_anywhere_breaks_the_last_digit(
    changed: dict[str, Any],
    holds: bool | None,  # noqa: FBT001 - a case
    evidence: str,
) -> None:
    check = _check(LIVE, NAS, CLOUD, _copy("old", **changed))[4]
    assert (check.digit, check.holds, check.evidence) == ("0 findings", holds, evidence)


def test_another_rule_has_other_digits() -> None:
    assert Wanted.of("4-3-2-0-1") == Wanted(copies=4, media=3, away=2, fixed=0, findings=1)
    assert _holds(LIVE, NAS, CLOUD, name="4-3-2-0-1") == [False, True, False, True, True]
    away = _copy("friend", medium="hdd", site="friend", result=Result.WARNED, findings=1)
    assert _holds(LIVE, NAS, CLOUD, away, name="4-3-2-0-1") == [True] * 5
    assert [check.digit for check in _check(name="1-0-0-0-1")] == [
        "1 copy", "0 media", "0 off-site", "0 immutable or offline", "1 finding",
    ]  # fmt: skip


def test_what_does_not_hold_is_said_with_its_evidence() -> None:
    assert broken(_check(LIVE, NAS, _copy("usb", result=None, shown_at=None, findings=None))) == (
        (
            "the rule 3-2-1-1-0: 3 copies does not hold: desktop (live, its manifest of 2026-11-21), "
            "nas (PASSED, 2026-11-22); on 2 devices; not counted: usb (never drilled)"
        ),
        "the rule 3-2-1-1-0: 1 off-site does not hold: as stated: none; the live data at home",
        "the rule 3-2-1-1-0: 1 immutable or offline does not hold: none",
        "the rule 3-2-1-1-0: 0 findings can't be told: none in the last drill of nas; not told of usb (never drilled)",
    )
