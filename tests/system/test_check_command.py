from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "scenarios"
Verifier = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def household(tmp_path: Path, verifier: Verifier) -> Path:
    """A folder with data, an equal copy, a manifest, and the scenario of the two."""
    for name in ("live", "copy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "letter.txt").write_text("dear diary", "utf-8")
    made = verifier("manifest", "create", tmp_path / "live", "-o", tmp_path / "photos.jsonl")
    assert made.returncode == 0, made.stderr
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/photos.toml").write_text(
        'name = "photos"\nmanifest = "../photos.jsonl"\n'
        '[[copy]]\nname = "original"\nat = "../live"\nlive = true\n'
        '[[copy]]\nname = "nas"\nat = "../copy"\nmarker = "letter.txt"\n'
        '[scratch]\npath = "../scratch"\nbytes = "1 KiB"\n',
        "utf-8",
    )
    return tmp_path


def test_every_scenario_of_the_folder_is_meant(household: Path, verifier: Verifier) -> None:
    (household / "scenarios/music.toml").write_text(
        'name = "music"\nmanifest = "m"\n[[copy]]\nname = "nas"\nat = "~/gone"\n', "utf-8"
    )
    ran = verifier("check", cwd=household)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "music: ok\nphotos: ok\n", "")


def test_the_examples_are_right(verifier: Verifier) -> None:
    ran = verifier("check", *sorted(EXAMPLES.glob("*.toml")))
    assert (ran.returncode, ran.stdout) == (0, "family-photos: ok\ndocuments: ok\n"), ran.stderr


def test_all_problems_go_to_standard_error_each_with_its_line(tmp_path: Path, verifier: Verifier) -> None:
    (tmp_path / "a.toml").write_text('name = "A"\n[[copy]]\nname = "nas"\nat = "b2://x"\nkey = "hunter2"\n', "utf-8")
    (tmp_path / "b.toml").write_text("name = \n", "utf-8")
    ran = verifier("check", "a.toml", "b.toml", "c.toml", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    told = [line.removeprefix("verifier: ").split(" expected")[0] for line in ran.stderr.splitlines()]
    assert told == ["a.toml:1: name:", "a.toml:1: manifest:", "a.toml:2: copy[1].key_id:", "a.toml:5: copy[1].key:",
                    "b.toml:1:", "c.toml:"]  # fmt: skip
    assert "hunter2" not in ran.stderr


def test_without_any_scenario_it_says_what_to_do(tmp_path: Path, verifier: Verifier) -> None:
    ran = verifier("check", cwd=tmp_path)
    assert ran.returncode == 2
    assert "expected a folder of scenarios as scenarios, got: no such file or directory" in ran.stderr
    assert "hint: name a scenario's file" in ran.stderr


def test_the_schema_is_json(verifier: Verifier) -> None:
    ran = verifier("check", "--schema")
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_connect_opens_every_copy(household: Path, verifier: Verifier) -> None:
    ran = verifier("check", "--connect", cwd=household)
    lines = ran.stdout.splitlines()
    assert (ran.returncode, lines[0]) == (0, "photos: ok"), ran.stdout + ran.stderr
    assert lines[1].startswith("  copy original: reachable at /")
    assert lines[2].startswith("  copy nas: reachable at /")
    assert lines[3].startswith("  manifest: 1 files, 0 links, 10 B, identity ")
    assert lines[4].startswith("  scratch: ")
    assert lines[4].endswith("up to 1.0 KiB wanted")
    assert not (household / "scratch").exists()


def replaced(household: Path, old: str, new: str) -> None:
    path = household / "scenarios/photos.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "line", "code"),
    [
        ('"../copy"', '"../gone"', "  copy nas: expected a folder at ", 3),
        ('"letter.txt"', '"no-such-marker"', "  copy nas: expected the marker file no-such-marker in ", 3),
        ('marker = "letter.txt"', 'mount = "../copy"', "  copy nas: expected a mounted file system at ", 3),
        ('"../photos.jsonl"', '"letter.txt"', "  manifest: can't open the manifest ", 2),
        ('"1 KiB"', '"4096 TiB"', "  scratch: expected 4,096 TiB free at ", 3),
    ],
)
def test_connect_tells_what_is_wrong_and_goes_on(
    household: Path, verifier: Verifier, old: str, new: str, line: str, code: int
) -> None:
    replaced(household, old, new)
    ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert len(ran.stdout.splitlines()) == 5
    assert [told for told in ran.stdout.splitlines() if told.startswith(line)]


def test_connect_never_takes_an_empty_folder_for_a_copy(household: Path, verifier: Verifier) -> None:
    (household / "copy/letter.txt").unlink()
    replaced(household, 'marker = "letter.txt"\n', "")
    ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == 3
    assert f"copy nas: expected files in {household}/copy, got an empty folder" in ran.stdout


def test_connect_reads_the_manifest_to_its_end(household: Path, verifier: Verifier) -> None:
    manifest = household / "photos.jsonl"
    manifest.write_bytes(manifest.read_bytes().splitlines(keepends=True)[0])
    ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == 2
    assert "\n  manifest: " in ran.stdout


def test_it_answers_at_once_because_it_loads_nothing_that_opens_a_copy() -> None:
    program = (
        "import sys\n"
        "from verifier.cli.main import main\n"
        f"code = main(['check', {str(EXAMPLES / 'one-copy.toml')!r}])\n"
        "print(code, *sorted(sys.modules), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, *modules = ran.stderr.split()
    assert code == "0"
    slow = {
        "verifier.sources.places.folder",
        "verifier.engine.engine",
        "sqlite3",
        "jinja2",
        "pathspec",
        "paramiko",
        "b2sdk",
    }
    assert not slow & set(modules)
