"""What a drill came to can be told from its exit code alone, as scripts and timers do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from drill_processes import Home, assert_whole, flip, many, put


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give an intact copy, one with a file too many, one that is damaged, and an empty folder."""
    home = Home(tmp_path_factory.mktemp("dataset")).fill(many(40))
    put(home.another_copy("warned") / "beside.jpg", b"nobody knows this", seconds=1_500_000_000)
    flip(home.another_copy("failed") / "000/000010.jpg")
    (home.root / "empty").mkdir()
    home.scenario("cut", f'manifest = "cut.jsonl"\n[[copy]]\nname = "nas"\nat = "{home.copy}"\n')
    (home.root / "cut.jsonl").write_bytes(home.manifest.read_bytes()[:-200])
    for name in ("copy", "warned", "failed", "empty"):
        at = f'manifest = "{home.manifest}"\n[[copy]]\nname = "nas"\nat = "{home.root / name}"\n'
        home.scenario(name, at)
    return home


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


@pytest.mark.parametrize(
    ("copy", "options", "code", "result"),
    [
        ("copy", (), 0, "PASSED"),
        ("copy", ("--strict",), 0, "PASSED"),
        ("warned", (), 0, "WARNED"),
        ("warned", ("--strict",), 4, "WARNED"),
        ("failed", ("--strict",), 1, "FAILED"),
        ("empty", (), 3, "INCONCLUSIVE"),
        ("nowhere", (), 3, "INCONCLUSIVE"),
        ("copy", ("--only", "nothing"), 3, "INCONCLUSIVE"),
    ],
)
def test_a_verdict_has_its_exit_code(
    home: Home, dataset: Home, copy: str, options: tuple[str, ...], code: int, result: str
) -> None:
    address = str(dataset.root / copy)
    ended = home.run("prove", address, "--manifest", home.manifest, "--full", "--workers", "1", *options)
    assert (ended.code, ended.result) == (code, result), ended.stderr
    assert_whole(ended.bundle)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("names", "options", "code"),
    [
        (("copy", "warned"), (), 0),
        (("warned", "copy"), ("--strict",), 4),
        (("copy", "failed", "empty", "warned"), ("--strict",), 1),
        (("empty", "warned", "copy"), ("--strict",), 3),
        (("cut", "copy"), (), 2),
        (("cut", "failed"), (), 1),
        (("cut", "empty"), (), 3),
    ],
)
def test_of_several_scenarios_the_gravest_counts_and_each_is_drilled(
    home: Home, dataset: Home, names: tuple[str, ...], options: tuple[str, ...], code: int
) -> None:
    ended = home.run_here("drill", *(dataset.root / f"{name}.toml" for name in names), "--full", *options)
    assert ended.code == code, ended.stderr
    assert {bundle.parent.name for bundle in ended.bundles} == set(names) - {"cut"}
    assert ("cut was not drilled" in ended.stderr) == ("cut" in names)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--full", "--sample", "3"),
        ("--sample", "0"),
        ("--sample", "-1"),
        ("--sample", "three"),
        ("--workers", "0"),
        ("--seed", "abc"),
        ("--seed", "ab" * 31),
        ("--newer", "30d"),
        ("--newer", "soon", "--against", "."),
        ("--against", "."),
        ("--no-such-option",),
        (),
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_is_refused(
    home: Home, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    line = [*home.prove, *wrong] if wrong else ["prove", str(home.copy)]
    try:
        code = home.run_here(*line).code
    except SystemExit as end:  # as argparse ends
        code = int(str(end.code))
    assert code == 2
    assert not home.bundles()
    assert not home.state.exists()


def test_a_copy_that_no_scenario_has_is_refused_with_those_there_are(home: Home, dataset: Home) -> None:
    ended = home.run_here("drill", dataset.root / "copy.toml", "--copy", "b2\x1b[31m")
    assert ended.code == 2
    assert "expected a copy out of nas, got b2\\x1b[31m" in ended.stderr


@pytest.mark.parametrize("option", ["--reports", "--state", "--scratch"])
def test_a_place_that_cannot_be_written_ends_a_drill_before_it_begins(home: Home, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("no folder can be made in here")
    places = {"--reports": home.reports, "--state": home.state, "--scratch": home.scratch}
    places[option] = tmp_path / "file" / "folder"
    given = [str(word) for place in places.items() for word in place]
    ended = home.run(*home.prove, *given, places=False)
    assert ended.code == 3
    assert ended.stderr.startswith("verifier: ")
    assert "Traceback" not in ended.stderr
    assert home.begun_drills() == 0


def test_a_bug_is_shown_and_is_no_verdict(home: Home) -> None:
    buggy = (
        "import sys\nimport verifier.drill\nfrom verifier.cli import main\n"
        "def draw(*given, **named):\n    raise RuntimeError('a bug')\n"
        "sys.modules['verifier.drill.drill'].draw = draw\nsys.exit(main.run_process())\n"
    )
    with home.start(*home.prove, "--workers", "1", command=(sys.executable, "-c", buggy)) as running:
        ended = running.end()
    assert ended.code == 3
    assert "RuntimeError: a bug" in ended.stderr
    assert home.scratch_files() == []


def test_a_reader_of_the_proof_that_goes_away_makes_no_verdict(home: Home) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with home.start(*home.prove, "--sample", "3", "--workers", "1", "--json", stdout=writing) as running:
        os.close(writing)
        ended = running.end()
    assert ended.code == 3
    assert "Traceback" not in ended.stderr
    assert_whole(ended.bundle)
