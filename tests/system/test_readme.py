"""The README is true: its commands, options, kinds, verdicts, exit codes, files and its scenario are the program's."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from b2_served import BUCKET, prove_environment
from sshd import Server

from verifier import proof
from verifier.demo.b2_server import B2Server
from verifier.outcome import COUNTED_KINDS, FAILING_KINDS, WARNING_KINDS, FindingKind

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
Verifier = Callable[..., subprocess.CompletedProcess[str]]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def _command_lines() -> Iterator[list[str]]:
    """Yield the words of each `verifier …` in the README, from blocks and from the running text."""
    spans = re.findall(r"`(verifier [^`]+)`", README)
    lines = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("verifier ")]
    for text in spans + lines:
        words = shlex.split(text, comments=True)
        if words[1] != "COMMAND":
            yield words


def _first_cells(title: str) -> dict[str, list[str]]:
    """Return the rows of the table whose first column has this title, by their first cell without its backticks."""
    table = re.search(rf"^\| {title} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table, f"the README has no table of {title}"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.group(1).splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows}


def _options(text: str) -> set[str]:
    """Return the long options in a text; `-o` is the only short one that is spoken of."""
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-o)\b", text))


def _help(verifier: Verifier, *words: str) -> str:
    done = verifier(*words, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_line_is_one_that_the_program_knows(verifier: Verifier) -> None:
    known = {words: _help(verifier, *words) for words in {_command(words) for words in _command_lines()}}
    unknown = [
        f"{shlex.join(words)}: {option}"
        for words in _command_lines()
        for option in _options(shlex.join(words)) - _options(known[_command(words)])
    ]
    assert known
    assert not unknown


def _command(words: list[str]) -> tuple[str, ...]:
    """Return the words that name the command: two where it has parts of its own."""
    return tuple(words[1:3] if words[1] == "manifest" and len(words) > 2 else words[1:2])


def test_every_command_is_spoken_of_and_no_other(verifier: Verifier) -> None:
    spoken_of = {words[1] for words in _command_lines()}
    listed = set(re.findall(r"^    ([a-z]+)(?: |$)", _help(verifier), re.MULTILINE))
    assert spoken_of == listed


def test_every_option_is_one_of_some_command(verifier: Verifier) -> None:
    commands = [_command(words) for words in _command_lines()]
    known = set().union(*(_options(_help(verifier, *words)) for words in commands))
    elsewhere = set().union(
        *(_options(line) for line in README.splitlines() if "uv tool" in line or "sha256sum" in line)
    )
    assert _options(README) - known - elsewhere == set()


def test_the_kinds_and_what_they_lead_to_are_those_of_outcomes() -> None:
    table = {kind: cells[-1] for kind, cells in _first_cells("kind").items()}
    assert list(table) == [kind.value for kind in FindingKind]
    for kinds, leads_to in ((FAILING_KINDS, "FAILED"), (WARNING_KINDS, "WARNED"), (COUNTED_KINDS, "counted")):
        assert {kind for kind, said in table.items() if said == leads_to} == set(kinds)


def test_the_verdicts_are_those_of_a_proof() -> None:
    assert set(_first_cells("verdict")) == set(typing.get_args(proof.Result))


def test_the_scenarios_load(verifier: Verifier, tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    for number, scenario in enumerate(_blocks("toml")):
        (folder / f"{number}.toml").write_text(scenario, "utf-8")
    done = verifier("check", *sorted(folder.iterdir()))
    assert done.returncode == 0, done.stderr
    (folder / "0.toml").write_text(_blocks("toml")[0].replace("[sample]", "[simple]"), "utf-8")
    assert verifier("check", folder / "0.toml").returncode == 2


def test_the_copies_over_sftp_and_in_b2_are_drilled_as_printed(verifier: Verifier, tmp_path: Path) -> None:
    """All but where the two servers are is as it stands in the README."""
    data = tmp_path / "data"
    for number in range(12):
        (data / f"album {number % 3}").mkdir(parents=True, exist_ok=True)
        (data / f"album {number % 3}" / f"{number}.jpg").write_bytes(bytes([number]) * (1_000 * number))
    known = verifier("manifest", "create", data, "-o", tmp_path / "photos.jsonl.zst")
    assert known.returncode == 0, known.stderr
    scenario = next(text for text in _blocks("toml") if "sftp://" in text)
    with Server(tmp_path / "sshd") as nas, B2Server() as b2:
        b2.make_bucket(BUCKET)
        for file in sorted(data.rglob("*.jpg")):
            name, modified_ms = f"photos/{file.relative_to(data).as_posix()}", file.stat().st_mtime_ns // 1_000_000
            b2.put(BUCKET, name, file.read_bytes(), modified_ms=modified_ms)
        printed = {
            "sftp://drill@nas.lan/photos": nas.address(data),
            "~/.ssh/id_ed25519": str(nas.identity),
            "~/.ssh/known_hosts": str(nas.known_hosts),
            "key_id = {": f'realm = "{b2.description()["realm"]}"\nkey_id = {{',
        }
        for text, here in printed.items():
            assert text in scenario
            scenario = scenario.replace(text, here)
        (tmp_path / "scenarios").mkdir()
        (tmp_path / "scenarios" / "remote.toml").write_text(scenario, "utf-8")
        done = verifier("drill", "--full", "--json", cwd=tmp_path, env=prove_environment(b2))
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["verdict"]["result"]) == (0, "PASSED"), done.stderr
    assert [(copy["name"], copy["proven"]["files"]) for copy in facts["copies"]] == [("nas", 12), ("b2", 12)]


def test_make_knows_each_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"(?:^|`)make ([a-z]+)(?=`| {2})", README, re.MULTILINE)) <= targets


def test_each_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.fixture
def household(tmp_path: Path, verifier: Verifier) -> Path:
    """Lay out data, a manifest of it, and a copy; all files are older than the manifest."""
    for name in ("data", "copy"):
        folder = tmp_path / name
        folder.mkdir()
        for number in range(5):
            path = folder / f"{number}.jpg"
            path.write_bytes(bytes([number]) * 1000)
            os.utime(path, (1_600_000_000, 1_600_000_000))
    done = verifier("manifest", "create", tmp_path / "data", "-o", tmp_path / "data.jsonl.zst")
    assert done.returncode == 0, done.stderr
    return tmp_path


def _prove(verifier: Verifier, household: Path, *options: str) -> subprocess.CompletedProcess[str]:
    reports = ("--reports", household / "reports", "--state", household / "state", "--scratch", household / "scratch")
    return verifier(
        "prove", household / "copy", "--manifest", household / "data.jsonl.zst", "--full", *reports, *options
    )


def _nothing(_household: Path) -> None:
    pass


def _damage(household: Path) -> None:
    path = household / "copy" / "3.jpg"
    path.write_bytes(b"\xff" * 1000)
    os.utime(path, (1_600_000_000, 1_600_000_000))


def _add(household: Path) -> None:
    path = household / "copy" / "old.jpg"
    path.write_bytes(b"old")
    os.utime(path, (1_500_000_000, 1_500_000_000))


def _take_away(household: Path) -> None:
    (household / "copy").rename(household / "unplugged")


@pytest.mark.parametrize(
    ("what_happened", "options", "code", "verdict"),
    [
        (_nothing, (), 0, "PASSED"),
        (_add, (), 0, "WARNED"),
        (_damage, (), 1, "FAILED"),
        (_nothing, ("--sample", "many"), 2, ""),
        (_take_away, (), 3, ""),
        (_add, ("--strict",), 4, "WARNED"),
    ],
)
def test_each_exit_code_comes_when_it_should(
    what_happened: Callable[[Path], None],
    options: tuple[str, ...],
    code: int,
    verdict: str,
    household: Path,
    verifier: Verifier,
) -> None:
    what_happened(household)
    done = _prove(verifier, household, *options)
    assert done.returncode == code, done.stderr
    assert verdict in done.stdout + done.stderr
    assert str(code) in _first_cells("code")


def test_the_exit_codes_are_all_there() -> None:
    assert list(_first_cells("code")) == ["0", "1", "2", "3", "4", "130"]


def test_a_drill_leaves_the_files_that_are_spoken_of(household: Path, verifier: Verifier) -> None:
    done = _prove(verifier, household)
    assert done.returncode == 0, done.stderr
    (sums,) = (household / "reports").glob("*/*/SHA256SUMS")
    section = README.split("## Read a report", 1)[1].split("|", 1)[0]
    spoken_of = set(re.findall(r"`([a-z]+(?:\.[a-z]+)+|SHA256SUMS)`", section))
    assert len(spoken_of) >= 6
    assert spoken_of == {path.name for path in sums.parent.iterdir()}
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=sums.parent, capture_output=True, check=False)
    assert checked.returncode == 0
