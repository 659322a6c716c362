from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from drilled import run_without_rights

from verifier.errors import ScenarioError
from verifier.scenario import find, load, load_all
from verifier.scenario.checker import Checker
from verifier.scenario.scenario import Copy, Objectives, Sample, Scenario
from verifier.scenario.schedule import Schedule, Window
from verifier.scenario.section import Base
from verifier.scenario.table import PLACE, SCENARIO
from verifier.secret import SecretReference
from verifier.sources.interface import Location

LEAST = 'name = "photos"\nmanifest = "m/photos.jsonl"\n[[copy]]\nname = "nas"\nat = "copies/nas"\n'
EXAMPLES = Path(__file__).resolve().parents[2] / "scenarios"


def write(path: Path, content: str | bytes = LEAST) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems(*paths: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_all(paths)
    assert caught.value.exit_code == 2
    return caught.value.message.splitlines()


def test_the_least_scenario_has_defaults_and_paths_from_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "photos.toml")
    assert load(path) == Scenario(
        name="photos",
        sha256=hashlib.sha256(LEAST.encode()).hexdigest(),
        copies=(Copy(name="nas", at=str(tmp_path / "copies/nas")),),
        manifest=tmp_path / "m/photos.jsonl",
        path=path,
    )


def test_relative_paths_do_not_start_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scenarios").mkdir()
    write(tmp_path / "scenarios/photos.toml")
    monkeypatch.chdir(tmp_path)
    scenario = load(Path("scenarios/photos.toml"))
    assert scenario.manifest == tmp_path / "scenarios/m/photos.jsonl"
    assert scenario.path == tmp_path / "scenarios/photos.toml"


def test_everything_that_this_version_carries_out(tmp_path: Path) -> None:
    text = """\
name = "family-photos"
manifest = "~/manifests/photos.jsonl.zst"
unchanging = ["2015/**", "2015/**", "!2015/drafts"]
[objectives]
rpo = "24h"
rto = "2 w"
changed_share = 1
[sample]
confidence = 0.99
tolerable = 0.001
always = ["**/*.kdbx"]
files = 100
[scratch]
path = "scratch"
bytes = "1.5 GiB"
[[copy]]
name = "desktop"
at = "~"
live = true
medium = "ssd"
site = "home"
[[copy]]
name = "nas"
at = "photos:2020"
mount = "/mnt/nas"
marker = ".marker"
filesystem = "1234-ABCD"
times = false
[report]
formats = ["markdown"]
"""
    scenario = load(write(tmp_path / "a.toml", text), home=Path("/home/ada"))
    assert replace(scenario, sha256="") == Scenario(
        name="family-photos",
        sha256="",
        manifest=Path("/home/ada/manifests/photos.jsonl.zst"),
        unchanging=("2015/**", "!2015/drafts"),
        objectives=Objectives(rpo_seconds=86_400, rto_seconds=1_209_600, changed_share=1.0),
        sample=Sample(confidence=0.99, tolerable=0.001, always=("**/*.kdbx",), files=100),
        scratch_path=tmp_path / "scratch",
        scratch_bytes=1_610_612_736,
        copies=(
            Copy(name="desktop", at="/home/ada", live=True, medium="ssd", site="home"),
            Copy(
                name="nas",
                at=str(tmp_path / "photos:2020"),
                mount=Path("/mnt/nas"),
                marker=".marker",
                filesystem="1234-ABCD",
                keeps_times=False,
            ),
        ),
        formats=("markdown",),
        path=tmp_path / "a.toml",
    )


def test_home_is_asked_for_where_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/grace")
    path = write(tmp_path / "a.toml", LEAST.replace("copies/nas", "~/nas"))
    assert load(path).copies[0].at == "/home/grace/nas"


@pytest.mark.parametrize(
    ("stated", "size_bytes"),
    [("1B", 1), ("500MB", 500_000_000), ("10 KiB", 10_240), ("10KB", 10_000), ("2kB", 2_000), ("1TiB", 1 << 40)],
)
def test_sizes(tmp_path: Path, stated: str, size_bytes: int) -> None:
    path = write(tmp_path / "a.toml", f'{LEAST}[scratch]\nbytes = "{stated}"\n')
    assert load(path).scratch_bytes == size_bytes


@pytest.mark.parametrize(("stated", "seconds"), [("45s", 45), ("30m", 1_800), ("12h", 43_200), ("90d", 7_776_000)])
def test_durations(tmp_path: Path, stated: str, seconds: int) -> None:
    path = write(tmp_path / "a.toml", f'{LEAST}[objectives]\nrto = "{stated}"\n')
    assert load(path).objectives.rto_seconds == seconds


def test_a_location_holds_what_pins_the_copy() -> None:
    copy = Copy(name="nas", at="/mnt/nas/x", mount=Path("/mnt/nas"), marker="m", options={"a": 1})
    assert copy.location == Location(address="/mnt/nas/x", options={"a": 1, "mount": "/mnt/nas", "marker": "m"})
    assert Copy(name="nas", at="/x", filesystem="12-AB").location.options == {"filesystem": "12-AB"}


def test_what_a_place_takes_reaches_it_as_an_option(tmp_path: Path) -> None:
    checker = Checker(SCENARIO, Base(folder=tmp_path))
    fields = checker.check(
        {
            "name": "a",
            "manifest": "m",
            "copy": [{"name": "nas", "at": "sftp://nas/x", "known_hosts": "hosts", "password": {"file": "key.txt"}}],
        }
    )
    assert checker.problems == []
    assert fields["copies"][0]["options"] == {
        "known_hosts": (tmp_path / "hosts",),
        "password": SecretReference(kind="file", words=(str(tmp_path / "key.txt"),)),
    }


def test_what_scenarios_share_stands_beside_them_and_their_own_keys_win(tmp_path: Path) -> None:
    write(tmp_path / "verifier.toml", '[scratch]\npath = "s"\nbytes = "1GB"\n[report]\nformats = ["html"]\n')
    one = write(tmp_path / "one.toml")
    two = write(tmp_path / "two.toml", LEAST.replace("photos", "music") + '[scratch]\nbytes = "2GB"\n')
    first, second = load_all([one, two])
    assert (first.scratch_path, first.scratch_bytes, first.formats) == (tmp_path / "s", 10**9, ("html",))
    assert (second.scratch_path, second.scratch_bytes, second.formats) == (tmp_path / "s", 2 * 10**9, ("html",))


KEYS = ", ".join(PLACE.keys)


def test_what_is_wrong_in_the_shared_file_is_told_once(tmp_path: Path) -> None:
    shared = write(
        tmp_path / "verifier.toml", "[scratch]\nbytes = 5\n\n[sample]\nfull = true\n[place.nas]\ncolour = 5\n"
    )
    one = write(tmp_path / "one.toml")
    two = write(tmp_path / "two.toml", LEAST.replace("photos", "music"))
    assert problems(one, two) == [
        f'{shared}:2: scratch.bytes: expected a size as "20GiB", "500MB" or "10 KiB", got 5',
        f"{shared}:4: sample: expected one of scratch, report, place, delivery, schedule, got sample",
        f"{shared}:7: place.nas.colour: expected one of {KEYS}, got colour",
    ]


def test_of_the_delivery_each_channel_is_shared_by_itself(tmp_path: Path) -> None:
    mail = '[delivery.email]\nhost = "{}"\nfrom = "a@b.c"\nto = ["d@e.f"]\n'
    ping = '[delivery.heartbeat]\nurl = {{ env = "{}" }}\n'
    write(tmp_path / "verifier.toml", mail.format("shared") + ping.format("SHARED"))
    one, two = load_all(
        [
            write(tmp_path / "one.toml"),
            write(tmp_path / "two.toml", LEAST.replace("photos", "music") + ping.format("OWN")),
        ]
    )
    assert one.delivery.email == two.delivery.email
    assert one.delivery.email is not None
    assert (one.delivery.email.host, one.delivery.email.when) == ("shared", "always")
    assert [it.delivery.heartbeat and it.delivery.heartbeat.url.words for it in (one, two)] == [("SHARED",), ("OWN",)]
    assert one.delivery.webhook is None


def test_a_shared_file_that_is_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "verifier.toml").symlink_to(tmp_path / "gone")
    path = write(tmp_path / "one.toml")
    assert problems(path) == [
        f"{tmp_path}/verifier.toml: expected the file of a scenario, got: no such file or directory"
    ]


def test_the_shared_file_is_no_scenario(tmp_path: Path) -> None:
    shared = write(tmp_path / "verifier.toml", "[scratch]\n")
    assert problems(shared) == [f"{shared}:1: expected a scenario, got the file of what scenarios share"]


def test_all_files_are_told_at_once_and_names_are_their_own(tmp_path: Path) -> None:
    one = write(tmp_path / "one.toml")
    two = write(tmp_path / "two.toml", "# two\n" + LEAST)
    three = write(tmp_path / "three.toml", LEAST.replace('"photos"', "5"))
    four = tmp_path / "four.toml"
    slug = "a slug of lower-case letters, digits and hyphens, at most 64"
    assert problems(one, two, three, four) == [
        f'{two}:2: name: expected a name of its own, got "photos", which {one} has',
        f"{three}:1: name: expected {slug}, got 5",
        f"{four}: expected the file of a scenario, got: no such file or directory",
    ]


def test_two_mebibytes_are_refused_unread(tmp_path: Path) -> None:
    # Broken TOML throughout: were it parsed, its syntax would be told.
    path = write(tmp_path / "large.toml", b"= [\n" * (512 * 1024))
    assert problems(path) == [f"{path}: expected a scenario of at most 1 MiB, got a larger file"]


def test_one_mebibyte_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "large.toml", LEAST + "#" * (1024 * 1024 - len(LEAST)))
    assert path.stat().st_size == 1024 * 1024
    assert load(path).name == "photos"


def test_a_file_full_of_problems_is_told_in_part_and_soon(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "".join(f"k{number}=1\n" for number in range(90_000)))
    lines = problems(path)
    assert len(lines) == 201
    assert lines[-1] == f"{path}:198: and 89,803 more problems"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'name = "a"\nmanifest = \n', "2: expected TOML, got a mistake in column 12: invalid value"),
        (b'name = "a"\nname = "b"\n', "2: expected TOML, got a mistake in column 11: cannot overwrite a value"),
        (
            b'name = "a"\n[copy',
            "2: expected TOML, got a mistake at the end: expected ']' at the end of a table declaration",
        ),
        (b'name = "a"\nmanifest = "\xff"\n', "2: expected text in UTF-8, got other bytes"),
        (b"a = " + b"[" * 100_000, "1: expected TOML, got lists or tables nested without end"),
        (b"a." * 500_000 + b"a = 1", " expected keys of at most 100 dots, got one of 500,000"),
        (b"a = " + b"1" * 5_000, "1: expected TOML, got a number of thousands of digits"),
    ],
)
def test_what_is_no_toml_is_told_alone(tmp_path: Path, content: bytes, told: str) -> None:
    path = write(tmp_path / "a.toml", content)
    assert problems(path) == [f"{path}:{told}"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(write(tmp_path / "a.toml", b"\xef\xbb\xbf" + LEAST.encode())).name == "photos"


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    assert problems(tmp_path, pipe, tmp_path / ("n" * 300), Path("a\0b.toml")) == [
        f"{tmp_path}: expected the file of a scenario, got a folder",
        f"{pipe}: expected the file of a scenario, got something else",
        f"{tmp_path / ('n' * 300)}: expected the file of a scenario, got: file name too long",
        "a\\x00b.toml: expected the file of a scenario, got: a name that no file can have",
    ]


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml")
    path.chmod(0)
    done = run_without_rights("check", path, cwd=tmp_path)
    assert done.stderr.splitlines() == [f"{path}: expected the file of a scenario, got: permission denied"]
    assert done.returncode == 2


def test_names_are_shown_harmlessly(tmp_path: Path) -> None:
    path = write(tmp_path / "a\x1b[31m\n.toml", LEAST + '"x\\u001b[2J\\u202e" = 1\n')
    (line,) = problems(path)
    assert line.startswith(f"{tmp_path}/a\\x1b[31m\\n.toml:6: copy[1].x\\x1b[2J\\u202e: expected one of name, at,")


def test_scenarios_are_found_sorted_without_what_they_share(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml", "verifier.toml", ".#a.toml", "README.md", "toml"):
        write(tmp_path / name)
    assert find(tmp_path) == [tmp_path / "a.toml", tmp_path / "b.toml"]


@pytest.mark.parametrize("make", [True, False])
def test_no_scenarios_is_an_error_that_says_what_to_do(tmp_path: Path, *, make: bool) -> None:
    folder = tmp_path / "scenarios"
    if make:
        folder.mkdir()
        write(folder / "verifier.toml", "")
    with pytest.raises(ScenarioError, match=r"expected .*scenarios.*, got") as caught:
        find(folder)
    assert caught.value.hint is not None
    assert "name a scenario's file" in caught.value.hint


def test_the_examples_load_where_nothing_of_theirs_exists() -> None:
    scenarios = {scenario.name: scenario for scenario in load_all(find(EXAMPLES), home=Path("/home/ada"))}
    assert set(scenarios) == {"documents", "family-photos"}
    photos = scenarios["family-photos"]
    assert [copy.name for copy in photos.copies if not copy.live] == ["nas", "drawer"]
    assert photos.copies[0].at == "/home/ada/Pictures"
    assert photos.copies[1].location.options == {"mount": "/mnt/nas", "marker": ".this-is-the-photo-share"}
    assert photos.copies[2].keeps_times is False
    assert scenarios["documents"].manifest == EXAMPLES / "manifests/documents.jsonl.zst"


def test_a_command_is_run_only_from_a_file_that_nobody_else_can_write(tmp_path: Path) -> None:
    head = 'name = "a"\nmanifest = "m"\n[[copy]]\nname = "nas"\nat = "sftp://nas/x"\n'
    text = head + 'password = { command = ["pass", "nas"] }\n'
    path = tmp_path / "a.toml"
    path.write_text(text, "utf-8")
    path.chmod(0o644)
    assert load(path).copies[0].options["password"] == SecretReference(kind="command", words=("pass", "nas"))
    for mode in (0o664, 0o646):
        path.chmod(mode)
        with pytest.raises(ScenarioError, match="nobody else can write, for it names a command to run"):
            load(path)
    path.write_text(text.replace('command = ["pass", "nas"]', 'env = "NAS"'), "utf-8")
    assert load(path).copies[0].name == "nas"


def test_the_schedule_is_shared_key_by_key(tmp_path: Path) -> None:
    write(tmp_path / "verifier.toml", '[schedule]\nevery = "week"\nwindow = "22:00-04:00"\n')
    one, two = load_all(
        [
            write(tmp_path / "one.toml"),
            write(tmp_path / "two.toml", LEAST.replace("photos", "music") + '[schedule]\nevery = "30d"\nspread = 20\n'),
        ]
    )
    hours = Window(opens_minutes=22 * 60, closes_minutes=28 * 60)
    assert one.schedule == Schedule(every="week", window=hours)
    assert two.schedule == Schedule(every="30d", window=hours, spread_minutes=20)


def test_without_a_schedule_nothing_is_due(tmp_path: Path) -> None:
    assert load(write(tmp_path / "one.toml")).schedule is None


@pytest.mark.parametrize(
    ("text", "longest_days"),
    [
        ("every month", 31),
        ("every 30d, window 22:00-04:00", 30),
        ("every day, window 00:00-24:00, spread 90 min", 1),
        ("every quarter, spread 5 min", 92),
    ],
)
def test_a_schedule_is_read_back_from_its_text(text: str, longest_days: int) -> None:
    schedule = Schedule.parse(text)
    assert (str(schedule), schedule.longest_days) == (text, longest_days)


@pytest.mark.parametrize("text", ["", "month", "every month ", "every 0d", "every month, window 25:00-26:00", "x\n"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a schedule"):
        Schedule.parse(text)
