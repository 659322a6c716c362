"""Every mistake that a scenario can hold, with the exact line that tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_mistakes import COPY, HEAD, MAIL_ADDRESS, MISTAKES, SLUG, scenario_with

from verifier.errors import ScenarioError
from verifier.scenario import load
from verifier.scenario.section import Section
from verifier.scenario.table import SCENARIO


def told(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "photos.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return caught.value.message.splitlines()


@pytest.mark.parametrize(("section", "stated", "key", "sentence"), MISTAKES)
def test_each_mistake_is_told_once_with_its_line(
    tmp_path: Path, section: str, stated: str, key: str, sentence: str
) -> None:
    text, line = scenario_with(section, stated)
    assert told(tmp_path, text) == [f"{tmp_path}/photos.toml:{line}: {key}: expected {sentence}"]


def test_every_row_of_the_table_has_a_mistake_here() -> None:
    keys = {
        name if below is None else f"{name}.{below}"
        for name, row in SCENARIO.keys.items()
        for below in [None, *(row.kind.keys if isinstance(row.kind, Section) else ())]
    }
    grouping = {"sample", "budget", "scratch", "report"}
    shown = {key.replace("[1]", "").replace("[2]", "") for _, _, key, _ in MISTAKES}
    assert keys - grouping <= shown


@pytest.mark.parametrize(
    ("stated", "key", "got"),
    [
        ('from = "a@b.c\\r\\nBcc: x@y.z"', "from", '"a@b.c\\r\\nBcc: x@y.z"'),
        ('from = "a@b.c,x@y.z"', "from", '"a@b.c,x@y.z"'),
        ('to = ["ana"]', "to[1]", '"ana"'),
        ('to = ["d@e.f", "<d@e.f>"]', "to[2]", '"<d@e.f>"'),
    ],
)
def test_a_mail_address_is_one_and_ends_no_header(tmp_path: Path, stated: str, key: str, got: str) -> None:
    rest = {"from": 'from = "a@b.c"', "to": 'to = ["d@e.f"]', "host": 'host = "mail.example"'}
    rest[stated.split(" ", maxsplit=1)[0]] = stated
    lines = told(tmp_path, f"{HEAD}{COPY}[delivery.email]\n" + "\n".join(rest.values()))
    assert [line.split(": ", 1)[1] for line in lines] == [f"delivery.email.{key}: expected {MAIL_ADDRESS}, got {got}"]


def test_what_a_mail_needs_is_told(tmp_path: Path) -> None:
    lines = told(tmp_path, f"{HEAD}{COPY}[delivery.email]\nport = 25\n")
    assert [line.split(":")[2].strip() for line in lines] == [f"delivery.email.{key}" for key in ("host", "from", "to")]


@pytest.mark.parametrize("missing", ["name", "manifest"])
def test_what_is_needed_and_absent_is_told(tmp_path: Path, missing: str) -> None:
    text = "".join(
        line for line in (HEAD + COPY).splitlines(keepends=True) if not line.startswith(missing) or "nas" in line
    )
    assert [
        line for line in told(tmp_path, text) if f"toml:1: {missing}: expected" in line and line.endswith("got nothing")
    ]


def test_a_scenario_without_copies(tmp_path: Path) -> None:
    assert told(tmp_path, HEAD) == [f"{tmp_path}/photos.toml:1: copy: expected at least one [[copy]], got nothing"]


def test_what_a_copy_lacks_is_told_at_its_header(tmp_path: Path) -> None:
    text = f'{HEAD}{COPY}\n\n[[copy]]\nmedium = "usb"\n'
    assert told(tmp_path, text) == [
        f"{tmp_path}/photos.toml:8: copy[2].name: expected {SLUG}, got nothing",
        f"{tmp_path}/photos.toml:8: copy[2].at: expected an address, got nothing",
    ]


def test_only_live_data_is_nothing_to_drill(tmp_path: Path) -> None:
    assert told(tmp_path, f"{HEAD}{COPY}live = true\n") == [
        f"{tmp_path}/photos.toml:3: copy: expected at least one copy that is not live, got only the live data"
    ]


def test_there_is_one_way_to_say_how_much_is_drawn(tmp_path: Path) -> None:
    assert told(tmp_path, f"{HEAD}{COPY}[sample]\nfull = true\nfiles = 3\n") == [
        f"{tmp_path}/photos.toml:8: sample.files: expected one of full and files, got both"
    ]
    assert told(tmp_path, f'{HEAD}{COPY}[sample]\nbytes = "1GB"\nfull = false\npercent = 5\nfiles = 3\n') == [
        f"{tmp_path}/photos.toml:7: sample.bytes: expected one of files and bytes, got both",
        f"{tmp_path}/photos.toml:9: sample.percent: expected one of files and percent, got both",
    ]


def test_what_a_server_is_known_by_is_stated_once(tmp_path: Path) -> None:
    copy = COPY.replace("/mnt/nas", "sftp://nas/x")
    pin = "SHA256:" + "a" * 43
    lacking = "expected identity beside it, the key that it belongs to, got nothing"
    besides = 'passphrase = { env = "A" }\nmount = "/mnt"\n'
    assert told(tmp_path, f'{HEAD}{copy}known_hosts = "h"\nhost_key = "{pin}"\n{besides}') == [
        f"{tmp_path}/photos.toml:7: copy[1].host_key: expected one of host_key and known_hosts, got both",
        f"{tmp_path}/photos.toml:8: copy[1].passphrase: {lacking}",
        f'{tmp_path}/photos.toml:9: copy[1].mount: expected a folder as at, got "sftp://nas/x"',
    ]


def test_a_misspelt_key_is_one_mistake(tmp_path: Path) -> None:
    text = HEAD.replace("manifest", "manifst") + COPY
    assert told(tmp_path, text) == [
        f"{tmp_path}/photos.toml:2: manifst: expected a key that is known here, got manifst; did you mean manifest?"
    ]


def test_copies_differ_in_name_and_address(tmp_path: Path) -> None:
    assert told(tmp_path, HEAD + COPY + COPY) == [
        f'{tmp_path}/photos.toml:7: copy[2].name: expected a copy\'s own name, got that of another copy, "nas"',
        f'{tmp_path}/photos.toml:8: copy[2].at: expected a copy\'s own at, got that of another copy, "/mnt/nas"',
    ]


def test_lists_are_told_by_element_and_line(tmp_path: Path) -> None:
    text = HEAD + 'unchanging = [\n  "a",\n  5, # five\n\n  "b", true,\n]\n' + COPY
    assert told(tmp_path, text) == [
        f"{tmp_path}/photos.toml:5: unchanging[2]: expected a pattern as in .gitignore, got 5",
        f"{tmp_path}/photos.toml:7: unchanging[4]: expected a pattern as in .gitignore, got true",
    ]


def test_ten_mistakes_are_ten_lines(tmp_path: Path) -> None:
    text = """\
name = "Family Photos"
manifst = "photos.jsonl"
unchanging = "2015/**"

[objectives]
rpo = "daily"
changed_share = 20

[sample]
confidence = 95
files = 0

[[copy]]
name = "nas"
at = "smb://nas/photos"

[[copy]]
name = "nas"
at = "/media/usb"

[report]
sign = 5
"""
    lines = told(tmp_path, text)
    assert [int(line.removeprefix(f"{tmp_path}/photos.toml:").split(":")[0]) for line in lines] == [
        1, 2, 3, 6, 7, 10, 11, 15, 18, 22,
    ]  # fmt: skip
