"""What a copy's evidence comes to: each kind by itself, shares, and that only what was proven is green."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.outcome import (
    COUNTED_KINDS,
    FAILING_KINDS,
    WARNING_KINDS,
    Finding,
    FindingKind,
    Match,
    Reason,
    Unrestored,
)
from verifier.verdict import Evidence, Result, Tally, Verdict, gravest, judge_copy, judge_drill


def _tally(
    *, matches: int = 1, findings: dict[FindingKind, int] | None = None, unrestored: dict[Reason, int] | None = None
) -> Tally:
    tally = Tally()
    for _ in range(matches):
        tally.add_outcome(Match(path=b"m", size_bytes=10), 10)
    for kind, count in (findings or {}).items():
        for _ in range(count):
            tally.add_finding(Finding(path=b"f", kind=kind, size_bytes=10))
    for reason, count in (unrestored or {}).items():
        for _ in range(count):
            tally.add_outcome(Unrestored(path=b"u", reason=reason, size_bytes=10), 10)
    return tally


def _evidence(tally: Tally, **changed: Any) -> Evidence:
    return Evidence(
        **{
            "tally": tally,
            "manifest_files": 100,
            "population_files": 100,
            "changed_share": 0.2,
            "control": "detected",
            **changed,
        }
    )


def _result(tally: Tally, **changed: Any) -> str:
    verdict = judge_copy(_evidence(tally, **changed))
    assert verdict.reasons
    return verdict.result.value


def test_what_was_proven_is_green() -> None:
    verdict = judge_copy(_evidence(_tally(matches=3)))

    assert verdict.result == Result.PASSED
    assert verdict.reasons == ("3 of 3 planned files restored with every byte equal, of 100 comparable ones",)


@pytest.mark.parametrize("kind", FindingKind)
def test_each_kind_of_finding(kind: FindingKind) -> None:
    expected = "FAILED" if kind in FAILING_KINDS else "WARNED" if kind in WARNING_KINDS else "PASSED"

    assert _result(_tally(findings={kind: 1})) == expected
    assert kind in FAILING_KINDS | WARNING_KINDS | COUNTED_KINDS


def test_the_kinds_are_those_of_the_design() -> None:
    assert {kind.value for kind in FAILING_KINDS} == {
        "MISMATCH", "MISSING", "TRUNCATED", "GROWN", "UNREADABLE", "UNSAFE_PATH", "PROBE_FAILED", "STALE", "SLOW",
    }  # fmt: skip
    assert {kind.value for kind in WARNING_KINDS} == {"DELETED_AT_SOURCE", "MOVED", "UNEXPECTED", "OVERDUE"}
    assert {kind.value for kind in COUNTED_KINDS} == {"CHANGED", "EDITED", "NEW", "NOT_YET"}


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_why_nothing_could_be_told(reason: Reason) -> None:
    assert _result(_tally(unrestored={reason: 1})) == ("PASSED" if reason == Reason.OVER_BUDGET else "INCONCLUSIVE")


@pytest.mark.parametrize("kind", [FindingKind.CHANGED, FindingKind.EDITED])
@pytest.mark.parametrize(("count", "result"), [(20, "PASSED"), (21, "INCONCLUSIVE"), (100, "INCONCLUSIVE")])
def test_changes_are_counted_up_to_a_share(kind: FindingKind, count: int, result: str) -> None:
    assert _result(_tally(findings={kind: count})) == result


def test_changes_on_both_sides_add_up() -> None:
    assert _result(_tally(findings={FindingKind.CHANGED: 10, FindingKind.EDITED: 10})) == "PASSED"
    assert _result(_tally(findings={FindingKind.CHANGED: 11, FindingKind.EDITED: 10})) == "INCONCLUSIVE"


@pytest.mark.parametrize("kind", [FindingKind.NEW, FindingKind.NOT_YET])
@pytest.mark.parametrize(("count", "result"), [(20, "PASSED"), (21, "WARNED")])
def test_new_files_warn_above_a_share(kind: FindingKind, count: int, result: str) -> None:
    assert _result(_tally(findings={kind: count})) == result


def test_a_share_of_nothing_is_nothing() -> None:
    assert _result(_tally(findings={FindingKind.CHANGED: 1}), manifest_files=0) == "INCONCLUSIVE"
    assert _result(_tally(findings={FindingKind.NEW: 1}), manifest_files=0) == "WARNED"
    assert _result(_tally(findings={FindingKind.CHANGED: 1}), changed_share=0.0) == "INCONCLUSIVE"


def _inspected(encrypted: int, plain: int, not_inspected: int) -> Tally:
    tally = _tally()
    for number in range(encrypted + plain):
        finding = Finding(path=b"c", kind=FindingKind.CHANGED, size_bytes=10, encrypted=number < encrypted)
        tally.add_outcome(finding, 10)
    for _ in range(not_inspected):
        tally.add_finding(Finding(path=b"c", kind=FindingKind.CHANGED, size_bytes=10))
    return tally


@pytest.mark.parametrize(
    ("encrypted", "plain", "not_inspected", "result"),
    [
        (30, 0, 0, "FAILED"),
        (16, 14, 0, "FAILED"),
        (15, 15, 0, "INCONCLUSIVE"),
        (2, 1, 40, "FAILED"),
        (0, 0, 40, "INCONCLUSIVE"),
        (20, 0, 0, "PASSED"),
        (21, 0, 0, "FAILED"),
    ],
)
def test_a_mass_of_changes_that_look_encrypted_fails(
    encrypted: int, plain: int, not_inspected: int, result: str
) -> None:
    assert _result(_inspected(encrypted, plain, not_inspected)) == result


def test_a_change_where_nothing_may_change_fails_and_is_no_part_of_the_share() -> None:
    tally = _tally()
    tally.add_finding(Finding(path=b"c", kind=FindingKind.CHANGED, size_bytes=10, unchanging=True))
    assert _result(tally) == "FAILED"

    for _ in range(20):
        tally.add_finding(Finding(path=b"c", kind=FindingKind.CHANGED, size_bytes=10))
    reasons = " ".join(judge_copy(_evidence(tally)).reasons)
    assert "1 file CHANGED where nothing may change (10 bytes)" in reasons
    assert "new manifest" not in reasons


@pytest.mark.parametrize("control", ["undetected", "not run", ""])
def test_a_drill_that_did_not_test_itself_is_inconclusive(control: str) -> None:
    assert _result(_tally(), control=control) == "INCONCLUSIVE"


def test_nothing_proven_is_inconclusive() -> None:
    assert _result(Tally(), control="not run") == "INCONCLUSIVE"
    assert _result(Tally()) == "INCONCLUSIVE"
    assert _result(_tally(matches=0, findings={FindingKind.NEW: 1}), control="not run") == "INCONCLUSIVE"
    assert _result(_tally(matches=0, unrestored={Reason.OVER_BUDGET: 4}), control="not run") == "INCONCLUSIVE"
    changed = Tally()
    changed.add_outcome(Finding(path=b"c", kind=FindingKind.CHANGED, size_bytes=10), 10)
    assert _result(changed, control="not run") == "INCONCLUSIVE"


def test_trouble_and_interruption_are_inconclusive() -> None:
    assert _result(Tally(), trouble="UNREACHABLE: no") == "INCONCLUSIVE"
    assert _result(_tally(), trouble="UNREACHABLE: no") == "INCONCLUSIVE"
    assert _result(_tally(), interrupted=True) == "INCONCLUSIVE"


def test_a_warning_of_the_drill_itself() -> None:
    verdict = judge_copy(_evidence(_tally(), warnings=("compared with itself",)))

    assert verdict.result == Result.WARNED
    assert verdict.reasons[0] == "compared with itself"


@pytest.mark.parametrize(("count", "result"), [(1, "WARNED"), (20, "WARNED"), (21, "FAILED")])
def test_more_deletions_at_the_source_than_work_makes_are_a_loss(count: int, result: str) -> None:
    verdict = judge_copy(_evidence(_tally(findings={FindingKind.DELETED_AT_SOURCE: count})))
    assert verdict.result == result
    assert sum("DELETED_AT_SOURCE" in reason for reason in verdict.reasons) == 1


def _reasons(tally: Tally, **changed: Any) -> tuple[str, ...]:
    return judge_copy(_evidence(tally, **changed)).reasons


def test_every_reason_is_a_sentence_that_tells_what_was_counted() -> None:
    shown = "1 of 1 planned files restored with every byte equal, of 100 comparable ones"
    both = _tally(findings={FindingKind.MISSING: 1, FindingKind.MISMATCH: 1_200, FindingKind.MOVED: 2})
    assert _reasons(both) == (
        "1,200 files MISMATCH (12,000 bytes)", "1 file MISSING (10 bytes)", "2 files MOVED (20 bytes)"
    )  # fmt: skip
    assert _reasons(_tally(unrestored={Reason.INTERRUPTED: 2, Reason.OVER_BUDGET: 1})) == (
        "2 files INTERRUPTED (20 bytes)",
    )
    assert _reasons(_tally(), trouble="UNREACHABLE: no", interrupted=True) == (
        "UNREACHABLE: no", "the drill was interrupted"
    )  # fmt: skip
    assert _reasons(_tally(findings={FindingKind.CHANGED: 21, FindingKind.EDITED: 1_000}), manifest_files=1_001) == (
        (
            "1,021 of 1,001 files were changed since, more than the 20% of which a drill can still tell damage from "
            "work: make a new manifest"
        ),
    )
    assert _reasons(_inspected(21, 2, 1_000), manifest_files=2_000)[0] == (
        "21 of 23 changed files that were restored look encrypted, and 1,023 of 2,000 files are changed"
    )
    assert _reasons(Tally(), control="not run") == ("nothing was there to restore, so nothing was proven",)
    assert _reasons(Tally(), control="not run", trouble="no") == ("no",)
    none = _tally(matches=0, unrestored={Reason.OVER_BUDGET: 1})
    assert _reasons(none, control="not run") == ("not one file was restored with every byte equal",)
    assert _reasons(none, control="not run", trouble="no") == ("no",)
    assert _reasons(_tally(), control="undetected") == (
        "the drill's test of itself did not find the damage that it planted",
    )
    assert _reasons(_tally(), control="not run") == ("the drill's test of itself could not be made",)
    assert _reasons(_tally(), control="not run", interrupted=True) == ("the drill was interrupted",)
    assert _reasons(_tally(findings={FindingKind.NEW: 1_000}), manifest_files=1_001, warnings=("w",)) == (
        (
            "1,000 files are newer than the reference of 1,001 files or not yet in the copy: make a new manifest, "
            "or a new backup"
        ),
        "w",
        shown,
    )
    assert _reasons(_tally(matches=1_234), population_files=5_678) == (
        "1,234 of 1,234 planned files restored with every byte equal, of 5,678 comparable ones",
    )
    assert judge_drill({}).reasons == ("no copy was drilled",)


def test_only_newer_files_are_looked_into_for_encryption() -> None:
    tally = _inspected(3, 0, 0)
    tally.add_outcome(Finding(path=b"m", kind=FindingKind.MISMATCH, size_bytes=10, encrypted=True), 10)
    assert (tally.inspected_files, tally.encrypted_files) == (3, 3)
    assert tally.counts["MISMATCH"].files == 1


counts = st.dictionaries(st.sampled_from(list(FindingKind)), st.integers(1, 30), max_size=4)
reasons = st.dictionaries(st.sampled_from(list(Reason)), st.integers(1, 3), max_size=2)


@given(
    st.integers(0, 3), counts, reasons, st.sampled_from(["detected", "undetected", "not run"]), st.booleans(),
    st.none() | st.just("UNREACHABLE: no"), st.integers(0, 100), st.lists(st.just("a warning"), max_size=1),
)  # fmt: skip
def test_the_gravest_evidence_decides(
    matches: int,
    findings: dict[FindingKind, int],
    unrestored: dict[Reason, int],
    control: str,
    interrupted: bool,  # noqa: FBT001 - drawn
    trouble: str | None,
    manifest_files: int,
    warnings: list[str],
) -> None:
    result = _result(
        _tally(matches=matches, findings=findings, unrestored=unrestored),
        control=control,
        interrupted=interrupted,
        trouble=trouble,
        manifest_files=manifest_files,
        warnings=tuple(warnings),
    )

    share = 0.2 * manifest_files
    if set(findings) & FAILING_KINDS or findings.get(FindingKind.DELETED_AT_SOURCE, 0) > share:
        assert result == "FAILED"
        return
    changed = sum(findings.get(kind, 0) for kind in (FindingKind.CHANGED, FindingKind.EDITED))
    new = sum(findings.get(kind, 0) for kind in (FindingKind.NEW, FindingKind.NOT_YET))
    green = (
        matches > 0
        and control == "detected"
        and not interrupted
        and trouble is None
        and not set(unrestored) - {Reason.OVER_BUDGET}
        and changed <= share
    )
    if not green:
        assert result == "INCONCLUSIVE"
        return
    warned = bool(set(findings) & WARNING_KINDS) or new > share or bool(warnings)
    assert result == ("WARNED" if warned else "PASSED")


def test_the_gravest_of_several() -> None:
    order = [Result.FAILED, Result.INCONCLUSIVE, Result.WARNED, Result.PASSED]
    for some in itertools.product(order, repeat=3):
        assert gravest(some) == order[min(order.index(one) for one in some)]
    assert gravest([]) == Result.INCONCLUSIVE


def test_a_drill_is_its_gravest_copy() -> None:
    verdicts = {
        "a": Verdict(result=Result.PASSED, reasons=("fine",)),
        "b": Verdict(result=Result.FAILED, reasons=("bad", "worse")),
        "c": Verdict(result=Result.INCONCLUSIVE, reasons=("unknown",)),
    }

    verdict = judge_drill(verdicts)

    assert verdict.result == Result.FAILED
    assert verdict.reasons == ("b: bad", "b: worse", "c: unknown", "a: fine")
    assert judge_drill({}).result == Result.INCONCLUSIVE


def test_the_tally_counts_files_and_bytes() -> None:
    tally = _tally(matches=2, findings={FindingKind.MISSING: 3}, unrestored={Reason.INTERRUPTED: 1})

    assert (tally.planned.files, tally.planned.size_bytes) == (3, 30)
    assert (tally.proven.files, tally.proven.size_bytes) == (2, 20)
    assert (tally.counts["MISSING"].files, tally.counts["MISSING"].size_bytes) == (3, 30)
    assert tally.files([FindingKind.MISSING, Reason.INTERRUPTED, FindingKind.GROWN]) == 4
    assert set(tally.counts) == {"MISSING", "INTERRUPTED"}


def test_what_is_amiss_with_all_copies_warns_and_hides_nothing_graver() -> None:
    good, failed = Verdict(result=Result.PASSED, reasons=("fine",)), Verdict(result=Result.FAILED, reasons=("lost",))

    assert judge_drill({"a": good}, ["the rule"]) == Verdict(result=Result.WARNED, reasons=("the rule", "a: fine"))
    assert judge_drill({"a": good, "b": failed}, ["the rule"]) == Verdict(
        result=Result.FAILED, reasons=("b: lost", "the rule", "a: fine")
    )
    assert judge_drill({}, ["the rule"]) == Verdict(
        result=Result.INCONCLUSIVE, reasons=("no copy was drilled", "the rule")
    )
