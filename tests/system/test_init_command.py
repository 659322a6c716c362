"""`verifier init`: by flags, in a script, against real servers; nothing is written over, and nothing half."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import jsonschema
import pytest
from b2_served import BUCKET, prove_environment
from conftest import command
from sshd import Server

from verifier.demo.b2_server import B2Server
from verifier.scenario import load
from verifier.scenario.reference import json_schema, shared_json_schema

ROOT = Path(__file__).resolve().parents[2]
Verifier = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def household(tmp_path: Path) -> Path:
    """Data, and a share that holds a copy of it among other things."""
    for number in range(6):
        path = tmp_path / "Pictures" / f"album {number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 1000)
    shutil.copytree(tmp_path / "Pictures", tmp_path / "nas" / "photos")
    (tmp_path / "nas" / "music").mkdir()
    (tmp_path / "nas" / "music" / "song.mp3").write_bytes(b"la")
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def init(verifier: Verifier, household: Path, *words: object, **options: object) -> subprocess.CompletedProcess[str]:
    return verifier("init", "here", "--data", "Pictures", *words, cwd=household, **options)


def test_one_command_leads_to_a_proof(household: Path, verifier: Verifier) -> None:
    ran = init(verifier, household, "--copy", "nas/photos,medium=nas,site=home", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "pictures: PASSED" in ran.stderr
    scenarios = household / "here/scenarios"
    files = [name for name in written(scenarios) if not name.startswith("manifests/")]
    assert files == ["pictures.toml", "scenario.schema.json", "verifier.schema.json", "verifier.toml"]
    assert re.fullmatch(r"manifests/pictures/\d{8}T\d{6}Z\.jsonl\.zst", written(scenarios)[0])
    scenario = load(scenarios / "pictures.toml")
    assert [(copy.name, copy.at, copy.live, copy.medium, copy.site) for copy in scenario.copies] == [
        ("original", f"{household}/Pictures", True, None, None),
        ("photos", f"{household}/nas/photos", False, "nas", "home"),
    ]
    assert scenario.manifest == scenarios / "manifests/pictures"
    assert len(list((household / "here/reports/pictures").glob("*/proof.json"))) == 1


def test_what_is_written_is_taken_by_check_and_by_the_schemas_that_it_names(
    household: Path, verifier: Verifier
) -> None:
    with Server(household / "sshd") as nas:
        at = f"{nas.address(household / 'nas/photos')},identity={nas.identity},known_hosts={nas.known_hosts}"
        ran = init(verifier, household, "--copy", at, "--yes")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    scenarios = household / "here/scenarios"
    for name, schema in (("pictures", json_schema()), ("verifier", shared_json_schema())):
        text = (scenarios / f"{name}.toml").read_text("utf-8")
        named = re.match(r"#:schema \./(\S+)\n", text)
        assert named
        assert json.loads((scenarios / named[1]).read_text("utf-8")) == schema
        jsonschema.Draft202012Validator(schema).validate(tomllib.loads(text))
    shared = tomllib.loads((scenarios / "verifier.toml").read_text("utf-8"))
    assert list(shared["place"]) == ["127"]
    copy = tomllib.loads((scenarios / "pictures.toml").read_text("utf-8"))["copy"][1]
    assert copy == {"name": "127", "place": "127", "at": str(household / "nas/photos").strip("/")}
    assert verifier("check", cwd=household / "here").stdout == "pictures: ok\n"


def taplo(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("taplo")
    return subprocess.run(
        [program, "lint", *sorted(folder.glob("*.toml"))], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_program_behind_editors_finds_the_schemas_and_holds_the_files_against_them(
    household: Path, verifier: Verifier
) -> None:
    assert init(verifier, household, "--copy", "nas/photos", "--yes").returncode == 0
    scenarios = household / "here/scenarios"
    good = taplo(scenarios)
    assert good.returncode == 0, good.stderr
    for name, old, new in (
        ("pictures.toml", "confidence = 0.95", "confidence = 95"),
        ("verifier.toml", "[report]", "[reprot]"),
    ):
        path = scenarios / name
        text = path.read_text("utf-8")
        path.write_text(text.replace(old, new), "utf-8")
        assert taplo(scenarios).returncode != 0, name
        path.write_text(text, "utf-8")


def test_without_a_terminal_all_that_is_missing_is_told_at_once(tmp_path: Path, verifier: Verifier) -> None:
    ran = verifier("init", cwd=tmp_path)
    assert ran.returncode == 2
    assert "expected --data, --copy, --name, --manifest or --no-manifest, for there is no terminal" in ran.stderr
    assert "hint: --yes takes" in ran.stderr
    ran = verifier("init", "--yes", "--data", ".", cwd=tmp_path)
    assert (ran.returncode, written(tmp_path)) == (2, [])
    assert "expected --copy, for there is no terminal" in ran.stderr


def test_nothing_is_written_over(household: Path, verifier: Verifier) -> None:
    words = ("--copy", "nas/photos", "--yes", "--no-manifest")
    assert init(verifier, household, *words).returncode == 0
    scenarios = household / "here/scenarios"
    (scenarios / "verifier.toml").write_text("# mine\n", "utf-8")
    (scenarios / "pictures.toml").write_text("# mine, too\n", "utf-8")
    again = init(verifier, household, *words)
    assert again.returncode == 2
    assert f"expected a new scenario, got one that exists: {scenarios}/pictures.toml" in again.stderr
    second = init(verifier, household, *words, "--name", "more")
    assert second.returncode == 0, second.stderr
    assert f"there already, and left as it is: {scenarios}/verifier.toml" in second.stderr
    assert (scenarios / "verifier.toml").read_text("utf-8") == "# mine\n"
    assert (scenarios / "pictures.toml").read_text("utf-8") == "# mine, too\n"


def test_with_a_shared_file_of_somebody_a_copy_on_a_server_states_all_by_itself(
    household: Path, verifier: Verifier
) -> None:
    (household / "here/scenarios").mkdir(parents=True)
    (household / "here/scenarios/verifier.toml").write_text('[place.nas]\nat = "../../nas"\nsite = "attic"\n', "utf-8")
    copies = ("--copy", "photos,place=nas", "--copy", "sftp://drill@nas.lan/photos,medium=hdd")
    ran = init(verifier, household, *copies, "--yes", "--no-manifest")
    assert ran.returncode == 3, ran.stderr  # nobody answers there
    scenario = load(household / "here/scenarios/pictures.toml")
    assert [(copy.name, copy.at, copy.medium, copy.site) for copy in scenario.copies[1:]] == [
        ("photos", f"{household}/nas/photos", None, "attic"),
        ("nas", "sftp://drill@nas.lan/photos", "hdd", "home"),
    ]


def test_without_a_manifest_it_says_how_to_make_one_and_drills_nothing(household: Path, verifier: Verifier) -> None:
    ran = init(verifier, household, "--copy", "nas/photos", "--yes", "--no-manifest")
    assert ran.returncode == 0, ran.stderr
    assert not (household / "here/reports").exists()
    next_command = re.search(r"^next: verifier (.*)$", ran.stderr, re.MULTILINE)
    assert next_command
    made = verifier(*shlex.split(next_command[1]), cwd=household)
    assert made.returncode == 0, made.stderr
    assert verifier("drill", "--full", cwd=household / "here").returncode == 0


def test_connect_finds_the_folder_that_looks_like_the_data(household: Path, verifier: Verifier) -> None:
    ran = init(verifier, household, "--copy", "nas,name=share", "--yes", "--connect")
    assert ran.returncode == 0, ran.stderr
    assert "at the top: music, photos" in ran.stderr
    assert "the newest of them, " in ran.stderr
    assert "photos looks like the data" in ran.stderr
    assert load(household / "here/scenarios/pictures.toml").copies[1].at == f"{household}/nas/photos"
    ran = verifier("init", "there", "--data", "Pictures", "--name", "p", "--no-manifest", "--connect", "--copy", "nas",
                   cwd=household)  # fmt: skip
    assert load(household / "there/scenarios/p.toml").copies[1].at == f"{household}/nas"


def test_connect_over_sftp_and_to_b2(household: Path, verifier: Verifier) -> None:
    with Server(household / "sshd") as nas, B2Server() as b2:
        b2.make_bucket(BUCKET)
        for file in sorted((household / "nas/photos").rglob("*.jpg")):
            name, modified_ms = file.relative_to(household / "nas").as_posix(), file.stat().st_mtime_ns // 1_000_000
            b2.put(BUCKET, name, file.read_bytes(), modified_ms=modified_ms)
        keys = f"name=nas,identity={nas.identity},known_hosts={nas.known_hosts}"
        ran = init(
            verifier, household, "--yes", "--connect", "--copy", f"{nas.address(household / 'nas')},{keys}",
            "--copy", f"b2://{BUCKET},key_id=env:B2_APPLICATION_KEY_ID,key=env:B2_APPLICATION_KEY",
            env=prove_environment(b2),
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr.count("photos looks like the data") == 2
    scenario = load(household / "here/scenarios/pictures.toml")
    assert [(copy.name, copy.at) for copy in scenario.copies[1:]] == [
        ("nas", nas.address(household / "nas/photos")), ("b2", f"b2://{BUCKET}/photos"),
    ]  # fmt: skip
    shared = tomllib.loads((household / "here/scenarios/verifier.toml").read_text("utf-8"))
    assert shared["place"]["b2"] == {
        "at": f"b2://{BUCKET}", "medium": "cloud", "site": "offsite", "realm": b2.description()["realm"],
        "key_id": {"env": "B2_APPLICATION_KEY_ID"}, "key": {"env": "B2_APPLICATION_KEY"},
    }  # fmt: skip
    assert b2.description()["read_key"] not in "".join(
        path.read_text("utf-8") for path in (household / "here/scenarios").glob("*.toml")
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--copy", "gone", "--connect", "--yes"), "expected a folder at "),
        (("--copy", "Pictures", "--yes"), "expected a place of its own for each copy, got "),
        (("--copy", "nas/../Pictures/.", "--yes"), "expected a place of its own for each copy, got "),
        (("--copy", "nas", "--copy", "nas", "--yes"), "expected a place of its own for each copy, got "),
        (("--copy", "nas,name=original", "--yes"), "expected a copy's own name, got that of another copy, original"),
        (("--copy", "nas,site=My Home", "--yes"), "site: expected a slug "),
        (("--copy", "b2://bucket/x", "--yes"), "copy[2].key_id: expected a reference to a secret" ),
        (("--copy", "nas,key=env:K", "--yes"), "copy[2].key: expected an address of B2 as at"),
        (("--copy", "b2://bucket/x,key=hunter2", "--yes"), "expected where the secret is as key, one of env:…"),
        (("--copy", "b2://bucket/x,key=command:hunter2", "--yes"), "expected where the secret is as key, one of env:…"),
        (("--copy", "sftp://a:hunter2@nas/x", "--yes"), "expected an address without a password"),
        (("--copy", "nas\nx", "--yes"), "expected a path, got text with control characters"),
        (("--copy", b"nas\xff", "--yes"), "expected text in UTF-8, got other bytes"),
        (("--copy", "photos,place=nas", "--yes"), "copy[2].place: expected a known place"),
        (("--copy", "nas", "--yes", "--name", "verifier"), "expected another name than verifier"),
        (("--copy", "nas", "--yes", "--name", "../x"), "expected a slug "),
        (("--copy", "nas", "--yes", "--data", "gone"), "expected a folder of data, got none at gone"),
        (("--copy", "nas", "--yes", "--data", "sftp://nas/x"), "expected a folder of data, got none at sftp://nas/x"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_and_nothing_is_written(
    household: Path, verifier: Verifier, words: tuple[str | bytes, ...], message: str
) -> None:
    ran = init(verifier, household, *words)
    assert ran.returncode in (2, 3)
    assert message in ran.stderr
    assert "hunter2" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (household / "here").exists()


@pytest.mark.parametrize("folder", ["Pictures", "Pictures/new", "nas/photos", "link"])
def test_it_writes_neither_into_the_data_nor_into_a_copy(household: Path, verifier: Verifier, folder: str) -> None:
    (household / "link").symlink_to("Pictures")
    before = written(household)
    ran = verifier("init", folder, "--data", "Pictures", "--copy", "nas/photos", "--yes", cwd=household)
    assert ran.returncode == 2
    assert "expected a folder beside " in ran.stderr
    assert written(household) == before


def test_a_copy_that_a_place_names_is_not_written_into_either(household: Path, verifier: Verifier) -> None:
    scenarios = household / "nas/photos/scenarios"
    scenarios.mkdir()
    (scenarios / "verifier.toml").write_text(f'[place.nas]\nat = "{household}/nas"\n', "utf-8")
    before = written(household)
    words = ("--data", "Pictures", "--copy", "photos,place=nas", "--yes")
    ran = verifier("init", "nas/photos", *words, cwd=household)
    assert ran.returncode == 2
    assert "expected a folder beside copy photos, got one in it: " in ran.stderr
    assert written(household) == before


def test_names_that_would_end_a_text_are_written_harmlessly(tmp_path: Path, verifier: Verifier) -> None:
    data, copy = tmp_path / 'my "data" \\ # [x]', tmp_path / "it's = {a}, 写"
    for folder in (data, copy):
        folder.mkdir()
        (folder / "a").write_bytes(b"a")
    ran = verifier("init", "here", "--data", data, "--copy", copy, "--yes", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    scenario = load(tmp_path / "here/scenarios/my-data-x.toml")
    assert [one.at for one in scenario.copies] == [str(data), str(copy)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_it_while_the_data_is_read_leaves_nothing_behind(household: Path, number: signal.Signals) -> None:
    with (household / "Pictures/large.raw").open("wb") as file:
        file.truncate(200 * 1024**3)  # read for minutes, and no room on the disk
    process = subprocess.Popen(
        [*command(), "init", "here", "--data", "Pictures", "--copy", "nas/photos", "--yes"],
        cwd=household, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "reading the data, to write down what is known good\n"
    time.sleep(0.5)
    assert (household / "here").exists()
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (household / "here").exists()


def test_from_nothing_to_the_first_proof_by_the_commands_of_the_readme(
    household: Path, must_run: Callable[[str, str], NoReturn]
) -> None:
    section = (ROOT / "README.md").read_text("utf-8").split("## From nothing to the first proof of your own folder")[1]
    blocks = re.findall(r"^```sh\n(.*?)^```", section.split("\n## ")[0], re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).splitlines()
    assert 2 <= len(lines) <= 5
    pipx = Path(sys.executable).with_name("pipx")
    tools = household / "tools"
    tools.mkdir()
    (tools / "pipx").symlink_to(pipx)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PIPX_"))}
    environment |= {"HOME": str(household), "PATH": f"{household}/.local/bin:{tools}:/usr/local/bin:/usr/bin:/bin"}
    script = "set -eux\n" + "".join(blocks)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=110,
    )  # fmt: skip
    if "Could not find a version" in ran.stderr or "connection" in ran.stderr.lower():
        must_run("packages", "pip can't fetch what the program needs")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr.count("pictures: PASSED") == 2
    assert len(list((household / "backups/reports/pictures").glob("*/proof.json"))) == 2
