from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from verifier.drill import account as accounting
from verifier.drill.account import Account, Worst, content_mark
from verifier.entry import Entry, Item, Listed
from verifier.outcome import Finding, FindingKind, Match, Outcome, Reason, Unrestored
from verifier.spool import Workspace


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    workspace = Workspace(tmp_path / "tables")
    yield Account.open("nas", workspace)
    workspace.close()


def mismatch(path: bytes, size_bytes: int = 10) -> Finding:
    return Finding(path=path, kind=FindingKind.MISMATCH, size_bytes=size_bytes, expected="a", actual="b")


def test_the_worst_are_the_largest_and_of_equal_size_the_first_by_path() -> None:
    findings = [mismatch(b"%03d" % number, number // 10) for number in range(100)]
    findings += [mismatch(b"a", 5), mismatch(b"ab", 5)]
    random.Random(1).shuffle(findings)
    worst = Worst(15)
    for finding in findings:
        worst.add(finding)
    expected = sorted(findings, key=lambda finding: (-finding.size_bytes, finding.path))[:15]
    assert worst.outcomes() == sorted(expected, key=lambda finding: finding.path)


def test_equal_findings_are_both_kept() -> None:
    worst = Worst(10)
    worst.add(mismatch(b"twice"))
    worst.add(mismatch(b"twice"))
    assert len(worst.outcomes()) == 2


def test_all_findings_are_counted_and_listed_though_few_are_shown(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "WORST_SHOWN", 3)
    for number in range(10):
        account.note(mismatch(b"%d" % number, number))
    assert (account.counts()["MISMATCH"].files, account.counts()["MISMATCH"].bytes) == (10, 45)
    assert [finding.path for finding in account.findings()] == ["7", "8", "9"]
    lines = [msgspec.json.decode(line) for line in account.finding_lines]
    assert [line["path"] for line in lines] == [str(number) for number in range(10)]
    assert {line["copy"] for line in lines} == {"nas"}


def test_what_is_only_counted_is_an_example_and_no_finding(account: Account) -> None:
    account.note(Finding(path=b"new", kind=FindingKind.NEW))
    account.note(Finding(path=b"kept", kind=FindingKind.CHANGED, unchanging=True))
    assert [finding.path for finding in account.findings()] == ["kept"]
    assert [finding.path for finding in account.counted()] == ["new"]
    assert len(account.finding_lines) == 1


@pytest.mark.parametrize("why", ["sample", "full"])
def test_only_the_fresh_sample_bears_the_assurance(account: Account, why: str) -> None:
    def close(path: bytes, outcome: Outcome, *, reason: str, newer: str | None = None) -> None:
        entry = Entry(path=path, size_bytes=10, digest="00")
        drawn = Item(entry=entry, listed=Listed(name=path), why=reason, newer=newer)  # type: ignore[arg-type]
        account.close(drawn, outcome)

    close(b"good", Match(path=b"good", size_bytes=10), reason=why)
    close(b"bad", mismatch(b"bad"), reason=why)
    close(b"untold", Unrestored(path=b"untold", reason=Reason.CANCELLED, size_bytes=10), reason=why)
    close(b"always", mismatch(b"always"), reason="always")
    close(b"newer", Match(path=b"newer", size_bytes=10), reason=why, newer="CHANGED")
    assert account.sample_drawn == 3
    assert (account.sample_bad.files, account.sample_bad.size_bytes) == (2, 20)
    assert (account.tally.planned.files, account.tally.proven.files) == (5, 2)
    assert [path for path, _ in account.proven_rows] == [b"good", b"newer"]
    assert account.control.item is not None
    assert account.control.item.entry.path == b"good"


def test_a_mark_changes_with_the_content_and_fits_the_ledger() -> None:
    base = Entry(path=b"a", size_bytes=10, digest="00", mtime_ns=1)
    assert content_mark(base) == content_mark(msgspec.structs.replace(base, path=b"b", mtime_ns=2))
    others = [
        msgspec.structs.replace(base, size_bytes=11),
        msgspec.structs.replace(base, digest="01"),
        msgspec.structs.replace(base, digest=None),
        msgspec.structs.replace(base, digest=None, mtime_ns=2),
    ]
    marks = [content_mark(entry) for entry in (base, *others)]
    assert len(set(marks)) == len(marks)
    assert all(-(2**63) <= mark < 2**63 for mark in marks)
