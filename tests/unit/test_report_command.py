from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sample_proof import sample_proof

from verifier import proof as proofs
from verifier.bundle import write_bundle
from verifier.cli import report
from verifier.cli.setting import Setting
from verifier.cli.terminal import Terminal
from verifier.errors import BundleError, UsageError

SETTING = Setting(now=lambda: datetime(2030, 1, 1, tzinfo=UTC), environment={}, terminal=Terminal())


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    report.configure(parser)
    return report.run(parser.parse_args(list(map(str, arguments))), SETTING)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(
        tmp_path / "reports",
        proofs.to_bytes(sample_proof()),
        findings=[],
        outcomes=[],
        manifests={},
        formats=("html", "markdown"),
    )


@pytest.mark.parametrize("named", ["proof.json", "."])
def test_reports_come_again_byte_for_byte(
    tmp_path: Path, bundle: Path, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(bundle / named, "-o", tmp_path / "again") == 0
    for name in ("report.html", "report.md"):
        assert (tmp_path / "again" / name).read_bytes() == (bundle / name).read_bytes()
    again = tmp_path / "again"
    assert capsys.readouterr().out == f"{again / 'report.html'}\n{again / 'report.md'}\n"


def test_a_proof_that_was_edited_is_refused_and_nothing_is_replaced(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "report.html").write_text("before")
    edited = tmp_path / "proof.json"
    edited.write_bytes((bundle / "proof.json").read_bytes().replace(b'"drill":', b'"drill": '))
    with pytest.raises(BundleError, match="canonical"):
        run(edited, "-o", tmp_path)
    assert (tmp_path / "report.html").read_text() == "before"
    assert not (tmp_path / "report.md").exists()


def test_no_proof_at_all_is_a_mistake_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        run(tmp_path / "gone", "-o", tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        run(tmp_path, "-o", tmp_path)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="expected to write in"):
        run(bundle, "-o", tmp_path / "file" / "inside")


def test_an_odd_folder_is_shown_harmlessly(tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bundle, "-o", tmp_path / "a\x1b[31m\nb") == 0
    assert capsys.readouterr().out.splitlines()[0] == os.fspath(tmp_path) + "/a\\x1b[31m\\nb/report.html"
