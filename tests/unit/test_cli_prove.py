from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from verifier.cli import prove
from verifier.errors import UsageError
from verifier.scenario.scenario import Scenario


def scenario_of(*line: str) -> Scenario:
    parser = argparse.ArgumentParser()
    prove.configure(parser)
    return prove.scenario_of(parser.parse_args(line), {})


@pytest.mark.parametrize(
    "folder", ["Photos", "Fotos & Filme", "写真", "..hidden..", "a" * 100, "two\nlines", "-rf", "UPPER"]
)
def test_any_folder_gives_a_name_that_a_file_may_have(tmp_path: Path, folder: str) -> None:
    scenario = scenario_of(f"{tmp_path}/{folder}", "--manifest", "m.jsonl")
    assert re.fullmatch(r"prove-[a-z0-9][a-z0-9-]{0,31}-[0-9a-f]{8}", scenario.name)
    assert not re.search(r"--", scenario.name)


def test_equal_last_names_are_told_apart(tmp_path: Path) -> None:
    names = {scenario_of(f"{tmp_path}/{disk}/photos", "--manifest", "m.jsonl").name for disk in ("one", "two")}
    assert len(names) == 2


def test_the_options_become_the_scenario(tmp_path: Path) -> None:
    one = scenario_of(str(tmp_path), "--manifest", "m.jsonl", "--sample", "7", "--only", "a/", "--only", "b/")
    assert (one.sample.files, one.sample.full, one.only) == (7, False, ("a/", "b/"))
    assert (one.manifest, one.against) == (Path.cwd() / "m.jsonl", None)
    two = scenario_of("/nas", "--against", str(tmp_path), "--newer", "2w", "--full")
    assert (two.newer_seconds, two.sample.full, two.against) == (14 * 86_400, True, tmp_path.resolve())
    assert two.copies[0].at == "/nas"


@pytest.mark.parametrize("age", ["30", "d30", "30y", "-1d", "1.5h", "٣d", "9999999d", "30d "])
def test_an_age_is_a_number_and_a_unit(age: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        scenario_of("/nas", "--against", "/", f"--newer={age}")
    assert "expected an age like 30d, 12h or 2w, got" in capsys.readouterr().err


@pytest.mark.parametrize("line", [("--newer", "1d", "--manifest", "m.jsonl"), ("--against", "/no/such/folder")])
def test_what_does_not_fit_together_is_refused(line: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="expected"):
        scenario_of("/nas", *line)


def test_what_sftp_needs_beside_its_address(tmp_path: Path) -> None:
    line = ("sftp://nas/x", "--manifest", "m.jsonl", "--known-hosts", "k", "--identity", str(tmp_path))
    assert scenario_of(*line).copies[0].options == {"known_hosts": Path.cwd() / "k", "identity": tmp_path}
    with pytest.raises(UsageError, match="--known-hosts together with an address of SFTP"):
        scenario_of("/mnt", "--manifest", "m.jsonl", "--known-hosts", "k")
