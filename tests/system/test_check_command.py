from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from b2_served import BUCKET, prove_environment
from sshd import Server, obeying_modes

from verifier.demo.b2_server import B2Server

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
    (tmp_path / "copy/this-is-the-nas").touch()
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/photos.toml").write_text(
        'name = "photos"\nmanifest = "../photos.jsonl"\n'
        '[[copy]]\nname = "original"\nat = "../live"\nlive = true\n'
        '[[copy]]\nname = "nas"\nat = "../copy"\nmarker = "this-is-the-nas"\n'
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


@pytest.mark.parametrize(("option", "title"), [("--schema", "a scenario"), ("--schema=shared", "what scenarios")])
def test_the_schemas_are_json(verifier: Verifier, option: str, title: str) -> None:
    ran = verifier("check", option)
    assert ran.returncode == 0
    schema = json.loads(ran.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"].startswith(title)


def rows(ran: subprocess.CompletedProcess[str]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Return the table: scenario, subject and thing → ready, look or to do, and the words."""
    lines = [line for line in ran.stdout.splitlines() if not line.endswith(": ok")]
    cells = [re.split(r" {2,}", line, maxsplit=4) for line in lines]
    assert all(len(line) == 5 for line in cells), ran.stdout
    assert len({re.search(r"  (ready|look|to do) +", line).start(1) for line in lines}) == 1  # type: ignore[union-attr]
    return {(name, subject, thing): (state, words) for name, subject, thing, state, words in cells}


def test_connect_opens_every_copy_and_ends_with_a_table(household: Path, verifier: Verifier) -> None:
    ran = verifier("check", "--connect", cwd=household)
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (0, "photos: ok"), ran.stdout + ran.stderr
    found = rows(ran)
    assert {row[0] for row in found.values()} == {"ready"}
    assert [key[1:] for key in found] == [
        ("copy original", "opened"), ("copy original", "rights"), ("copy original", "clock"),
        ("copy nas", "opened"), ("copy nas", "rights"), ("copy nas", "clock"),
        ("manifest", "read"), ("manifest", "age"), ("scratch", "room"), ("reports", "room"), ("state", "room"),
    ]  # fmt: skip
    said = {key[1:]: words for key, (_, words) in found.items()}
    assert said["copy nas", "opened"] == f"reachable at {household}/copy"
    assert said["copy nas", "rights"] == "it can be listed, and a file was read"
    assert said["copy nas", "clock"] == "this machine's own"
    assert said["manifest", "read"].startswith("1 files, 0 links, 10 B, identity ")
    assert said["manifest", "age"] == "made today"
    assert said["scratch", "room"].endswith("up to 1.0 KiB wanted")
    assert said["reports", "room"].endswith(f" free at {household}/reports")
    assert not any((household / name).exists() for name in ("scratch", "reports"))


def replaced(household: Path, old: str, new: str) -> None:
    path = household / "scenarios/photos.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize(
    ("old", "new", "row", "words", "code"),
    [
        ('"../copy"', '"../gone"', ("copy nas", "opened"), "expected a folder at ", 3),
        (
            '"this-is-the-nas"',
            '"no-such-marker"',
            ("copy nas", "opened"),
            "expected the marker file no-such-marker in ",
            3,
        ),
        (
            'marker = "this-is-the-nas"',
            'mount = "../copy"',
            ("copy nas", "opened"),
            "expected a mounted file system at ",
            3,
        ),
        ('"../photos.jsonl"', '"letter.txt"', ("manifest", "read"), "can't open the manifest ", 2),
        ('"1 KiB"', '"4096 TiB"', ("scratch", "room"), "expected 4,096 TiB free at ", 3),
    ],
)
def test_connect_tells_what_is_wrong_and_goes_on(
    household: Path, verifier: Verifier, old: str, new: str, row: tuple[str, str], words: str, code: int
) -> None:
    replaced(household, old, new)
    ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == code, ran.stdout + ran.stderr
    found = rows(ran)
    assert found["photos", *row][0] == "to do"
    assert found["photos", *row][1].startswith(words)
    assert {key for key, (state, _) in found.items() if state != "ready"} == {("photos", *row)}
    assert ("photos", "state", "room") in found


def test_all_scenarios_are_tried_and_what_is_wrong_in_itself_comes_first(household: Path, verifier: Verifier) -> None:
    text = (household / "scenarios/photos.toml").read_text("utf-8")
    (household / "scenarios/a.toml").write_text(text.replace('"photos"', '"a"').replace("../copy", "../gone"), "utf-8")
    (household / "scenarios/b.toml").write_text(text.replace('"photos"', '"b"').replace("photos.jsonl", "x"), "utf-8")
    ran = verifier("check", "--connect", cwd=household)
    wrong = [key for key, (state, _) in rows(ran).items() if state == "to do"]
    assert wrong == [("a", "copy nas", "opened"), ("b", "manifest", "read")]
    assert ran.returncode == 2


def test_connect_never_takes_an_empty_folder_for_a_copy(household: Path, verifier: Verifier) -> None:
    for file in (household / "copy").iterdir():
        file.unlink()
    replaced(household, 'marker = "this-is-the-nas"\n', "")
    ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == 3
    told = rows(ran)["photos", "copy nas", "opened"]
    assert told == ("to do", f"expected files in {household}/copy, got an empty folder")


def test_connect_never_calls_a_copy_ready_that_holds_its_marker_alone(household: Path, verifier: Verifier) -> None:
    (household / "copy/letter.txt").unlink()
    ran = verifier("check", "--connect", cwd=household)
    assert rows(ran)["photos", "copy nas", "opened"][0] == "look"
    assert "nothing but its marker lies there: was it emptied?" in rows(ran)["photos", "copy nas", "opened"][1]
    (household / "copy/.DS_Store").write_bytes(b"left behind")
    assert rows(verifier("check", "--connect", cwd=household))["photos", "copy nas", "opened"][0] == "look"
    (household / "copy/one.txt").write_bytes(b"more")
    assert rows(verifier("check", "--connect", cwd=household))["photos", "copy nas", "opened"][0] == "ready"


def test_connect_reads_the_manifest_to_its_end(household: Path, verifier: Verifier) -> None:
    manifest = household / "photos.jsonl"
    manifest.write_bytes(manifest.read_bytes().splitlines(keepends=True)[0])
    ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == 2
    assert rows(ran)["photos", "manifest", "read"][0] == "to do"


def test_connect_reads_a_file_and_not_only_names(household: Path, verifier: Verifier) -> None:
    (household / "copy/letter.txt").write_bytes(b"")
    ran = verifier("check", "--connect", cwd=household)
    state, words = rows(ran)["photos", "copy nas", "rights"]
    assert (ran.returncode, state) == (0, "look")
    assert "none was read" in words


def test_connect_reads_the_newest_of_generations(household: Path, verifier: Verifier) -> None:
    (household / "generations").mkdir()
    (household / "photos.jsonl").rename(household / "generations/1.jsonl")
    replaced(household, "../photos.jsonl", "../generations")
    assert rows(verifier("check", "--connect", cwd=household))["photos", "manifest", "read"][0] == "ready"
    (household / "generations/1.jsonl").unlink()
    ran = verifier("check", "--connect", cwd=household)
    assert (ran.returncode, rows(ran)["photos", "manifest", "read"][0]) == (2, "to do")


def test_connect_says_of_a_server_whose_key_was_shown_and_that_its_clock_is_unknown(
    household: Path, verifier: Verifier, tmp_path: Path
) -> None:
    with Server(tmp_path / "sshd") as nas:
        keys = f'known_hosts = "{nas.known_hosts}"\nidentity = "{nas.identity}"\n'
        replaced(household, 'at = "../copy"\n', f'at = "{nas.address(household / "copy")}"\n{keys}')
        found = rows(verifier("check", "--connect", cwd=household))
        assert found["photos", "copy nas", "host key"] == ("ready", "known from known_hosts")
        assert found["photos", "copy nas", "rights"] == ("ready", "it can be listed, and a file was read")
        assert found["photos", "copy nas", "clock"][1].startswith("can't be told: ")
        nas.known_hosts.write_text("", "ascii")
        ran = verifier("check", "--connect", cwd=household)
    assert ran.returncode == 3
    assert rows(ran)["photos", "copy nas", "host key"][0] == "to do"
    assert ("photos", "copy nas", "opened") not in rows(ran)


def test_connect_tells_of_names_that_can_be_listed_and_files_that_cannot_be_read(
    household: Path, verifier: Verifier, tmp_path: Path
) -> None:
    with Server(tmp_path / "sshd", sftp=obeying_modes()) as nas:
        keys = f'known_hosts = "{nas.known_hosts}"\nidentity = "{nas.identity}"\n'
        replaced(household, 'at = "../copy"\n', f'at = "{nas.address(household / "copy")}"\n{keys}')
        (household / "copy/letter.txt").chmod(0)
        ran = verifier("check", "--connect", cwd=household)
    found = rows(ran)
    assert (ran.returncode, found["photos", "copy nas", "opened"][0]) == (3, "ready")
    assert found["photos", "copy nas", "rights"][0] == "to do"
    assert "letter.txt" in found["photos", "copy nas", "rights"][1]


def test_connect_says_what_a_key_of_b2_may_do_and_what_its_clock_shows(household: Path, verifier: Verifier) -> None:
    with B2Server() as b2:
        b2.make_bucket(BUCKET)
        b2.put(BUCKET, "photos/letter.txt", b"dear diary", modified_ms=1_700_000_000_000)
        stated = (
            f'at = "b2://{BUCKET}/photos"\nrealm = "{b2.description()["realm"]}"\n'
            'key_id = { env = "B2_APPLICATION_KEY_ID" }\nkey = { env = "B2_APPLICATION_KEY" }\n'
        )
        replaced(household, 'at = "../copy"\nmarker = "this-is-the-nas"\n', stated)
        good = verifier("check", "--connect", cwd=household, env=prove_environment(b2))
        writing = verifier("check", "--connect", cwd=household, env=prove_environment(b2, key="key"))
    assert (good.returncode, writing.returncode) == (0, 0), good.stdout + writing.stdout
    found = rows(good)
    assert "the key may " in found["photos", "copy nas", "opened"][1]
    assert found["photos", "copy nas", "rights"] == ("ready", "it can be listed, and a file was read")
    state, words = found["photos", "copy nas", "clock"]
    assert state == "ready"
    assert re.fullmatch(r"\d+ s (ahead of|behind) this machine's", words)
    state, words = rows(writing)["photos", "copy nas", "rights"]
    assert state == "look"
    assert "a key that only reads: b2 key create" in words


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
