"""Names that are hard to carry or dangerous to show: restored, found when damaged, and harmless wherever they stand."""

from __future__ import annotations

import base64
import json
import os
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from drilled import Drilled, Place, change, flip, noise, put

from verifier import relpath

Verifier = Callable[..., CompletedProcess[str]]

NAMES: dict[str, bytes] = {
    "newline": b"new\nline",
    "carriage return": b"over\rwritten",
    "tab": b"tab\tbed",
    "escape": b"\x1b[31mred\x1b[0m",
    "title": b"\x1b]0;owned\x07",
    "other controls": b"\x01\x7f\x08",
    "second controls": "\u0085\u009b31m".encode(),
    "script": b"<script>alert(1)<img src=x onerror=alert(2)>",
    "attribute": b"\" onmouseover='alert(3)' x=\"",
    "markdown": b"![x](y.png) | **bold** `code` # [z](javascript:alert(4))",
    "markdown cell": b"a | b || c",
    "ticks": b"```",
    "template": b"{{ 7*7 }}{% raw %}${x}",
    "format": b"%s%n{0}{path}",
    "bidi": "photo\u202egpj.exe".encode(),
    "isolates": "\u2066a\u2069\u200f".encode(),
    "invisible": "a\u200bb\u2060".encode(),
    "separators": "a\u2028b\u2029".encode(),
    "tags": "flag\U000e0041\U000e007f".encode(),
    "no UTF-8": b"\xff\xfe\x80",
    "half UTF-8": b"K\xc3",
    "surrogate": b"\xed\xa0\x80",
    "latin": b"K\xf6ln",
    "255 bytes": b"x" * 255,
    "255 bytes of letters": "é".encode() * 127 + b"x",
    "leading dash": b"-rf",
    "option": b"--full",
    "leading space": b" leading",
    "only a space": b" ",
    "trailing space": b"trailing ",
    "trailing dot": b"trailing.",
    "three dots": b"...",
    "brackets": b"[ab].txt",
    "beside brackets": b"a.txt",
    "other case": b"A.TXT",
    "star": b"*",
    "question": b"?",
    "negation": b"!a.txt",
    "hash": b"#hash",
    "tilde": b"~",
    "backslashes": b"..\\..\\up",
    "shown newline": b"new\\nline",
    "drive": b"C:",
    "device": b"con",
    "quotes": b'it\'s "quoted"',
    "shell": b"$(touch owned); `touch owned`",
    "look-alike": "\u240a\uff0a\uff1a".encode(),
    "emoji": "👩‍👩‍👧 📷".encode(),
    "combining": "Z̷a̴l̸g̵o".encode(),
    "stream": b"a.txt:stream",
    "manifest": b"manifest.jsonl",
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Drilled]:
    """Drill a copy in which every file, and its twin in a folder of the same name, has one bit flipped."""
    place = _filled(tmp_path_factory.mktemp("damaged"))
    for path in _paths():
        change(place.copy, path, lambda data: flip(data, 7))
    return place, place.prove("--full")


def _paths() -> list[bytes]:
    return [b"files/" + name for name in NAMES.values()] + [b"folders/" + name + b"/x" for name in NAMES.values()]


def _filled(root: Path) -> Place:
    place = Place(root)
    place.fill({path: noise(40, repr(path)) for path in _paths()})
    (place.live / "link\n\x1b[31m").symlink_to(b"\x1b]0;\xff\x07\n<b>".decode("utf-8", "surrogateescape"))
    place.back_up()
    place.know()
    return place


@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000"), ("--full", "--workers", "2")])
def test_every_name_is_restored(tmp_path: Path, options: tuple[str, ...], *, against: bool) -> None:
    place = _filled(tmp_path)

    drilled = place.prove(*options, against=against)

    assert (drilled.code, drilled.result, drilled.counts) == (0, "PASSED", {})
    assert drilled.copy.proven.files == 2 * len(NAMES)
    assert drilled.copy.found_as == {}


def test_every_name_is_found_when_damaged(damaged: tuple[Place, Drilled]) -> None:
    _, drilled = damaged

    assert (drilled.result, drilled.counts) == ("FAILED", {"MISMATCH": 2 * len(NAMES)})
    found = [relpath.from_json(one.path, one.path_b64) for one in drilled.copy.findings]
    assert found == sorted(_paths())


def test_the_files_for_machines_hold_each_name_as_it_is(damaged: tuple[Place, Drilled]) -> None:
    _, drilled = damaged
    assert drilled.folder is not None
    lines = (drilled.folder / "findings.jsonl").read_bytes().split(b"\n")[:-1]

    assert sorted(_raw(json.loads(line)) for line in lines) == sorted(_paths())
    assert all(byte >= 0x20 for line in lines for byte in line)


def _raw(line: dict[str, Any]) -> bytes:
    path_b64 = line.get("path_b64")
    return base64.b64decode(path_b64) if path_b64 is not None else line["path"].encode()


def _assert_harmless(text: str, *, beside: str = "\n") -> None:
    """No control, bidi, invisible or separating character, and no byte that was no UTF-8."""
    hidden = {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}
    bad = {character for character in text if unicodedata.category(character) in hidden} - set(beside)
    assert not bad, sorted(map(hex, map(ord, bad)))


class _Markup(HTMLParser):
    """Collects the elements, their attributes, and the text that a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def test_the_page_shows_every_name_and_obeys_none(damaged: tuple[Place, Drilled]) -> None:
    _, drilled = damaged
    assert drilled.folder is not None
    text = (drilled.folder / "report.html").read_text(encoding="utf-8")
    page = _Markup()
    page.feed(text)

    _assert_harmless(text)
    assert not {"script", "img", "iframe", "object"} & page.elements
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for _, value in page.attributes if value and ("javascript:" in value)]
    shown = re.sub(r"\s+", " ", " ".join(page.shown))
    for path in _paths():
        assert re.sub(r" +", " ", relpath.show(path)) in shown, path


def test_the_markdown_shows_every_name_and_obeys_none(damaged: tuple[Place, Drilled]) -> None:
    _, drilled = damaged
    assert drilled.folder is not None
    text = (drilled.folder / "report.md").read_text(encoding="utf-8")

    _assert_harmless(text)
    assert not re.search(r"(?<!\\)<(script|img|b)\b", text)
    assert not re.search(r"(?<!\\)!\[x(?<!\\)\](?<!\\)\(", text)
    assert not re.search(r"(?<!\\)\[z\]\(javascript", text)


def test_the_terminal_is_left_alone(damaged: tuple[Place, Drilled], verifier: Verifier) -> None:
    place, _ = damaged
    where = ("--reports", place.root / "reports", "--scratch", place.root / "scratch", "--workers", "1")

    done = verifier("prove", place.copy, "--manifest", place.manifest, "--full", *where)
    as_json = verifier("prove", place.copy, "--manifest", place.manifest, "--full", "--json", *where)

    assert (done.returncode, as_json.returncode) == (1, 1)
    assert done.stdout == ""
    _assert_harmless(done.stderr)
    _assert_harmless(as_json.stderr)
    assert "MISMATCH files/" in done.stderr
    assert as_json.stdout.count("\n") == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", as_json.stdout)
    assert json.loads(as_json.stdout)["verdict"]["result"] == "FAILED"


def test_every_name_is_told_when_it_is_missing_or_new(tmp_path: Path) -> None:
    place = _filled(tmp_path)
    for path in _paths():
        os.unlink(os.fsencode(place.copy) + b"/" + path)  # noqa: PTH108 - names that are no text
    put(place.copy, "left.bin", b"left")

    drilled = place.prove("--full")

    assert drilled.counts == {"MISSING": 2 * len(NAMES), "UNEXPECTED": 1}
    assert drilled.folder is not None
    _assert_harmless((drilled.folder / "report.md").read_text(encoding="utf-8"))


def test_names_that_differ_by_case_or_form_are_two_files(tmp_path: Path) -> None:
    place = Place(tmp_path)
    names = ["é.txt", "e\u0301.txt", "É.txt", "a.txt", "A.txt", "ﬁ.txt", "fi.txt"]
    place.fill({name: repr(name).encode() for name in names})
    if len(list(place.live.iterdir())) < len(names):
        pytest.skip("this file system folds names")
    place.back_up()
    place.know()
    assert place.prove("--full").copy.proven.files == len(names)

    change(place.copy, "e\u0301.txt", lambda data: data[:-1])
    (place.copy / "A.txt").unlink()

    drilled = place.prove("--full")

    assert drilled.counts == {"TRUNCATED": 1, "MISSING": 1}
    assert {one.path for one in drilled.copy.findings} == {"e\u0301.txt", "A.txt"}


def test_a_path_longer_than_the_system_opens_is_restored(tmp_path: Path) -> None:
    place = Place(tmp_path)
    levels = 40
    for root in (place.live, place.copy):
        root.mkdir(exist_ok=True)
        _at_depth(root, levels)
    place.know()

    intact = place.prove("--full")
    _at_depth(place.copy, levels, b"damaged")
    damaged = place.prove("--full")

    assert (intact.result, intact.copy.proven.files) == ("PASSED", 1)
    assert (damaged.result, damaged.counts) == ("FAILED", {"MISMATCH": 1})
    assert len(damaged.copy.findings[0].path or "") > 4_096


def _at_depth(root: Path, levels: int, data: bytes = b"at the ") -> None:
    """Write a file below many folders of long names, going down one by one, since no call takes the whole path."""
    before = Path.cwd()
    os.chdir(root)
    try:
        for _ in range(levels):
            Path("d" * 120).mkdir(exist_ok=True)
            os.chdir("d" * 120)
        put(Path(), "bottom", data)
    finally:
        os.chdir(before)


@pytest.mark.parametrize("name", ["no UTF-8", "newline", "escape", "script", "leading dash", "bidi", "trailing space"])
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
def test_the_folders_themselves_may_have_hard_names(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, *, against: bool
) -> None:
    home = tmp_path / os.fsdecode(NAMES[name].replace(b"/", b""))
    home.mkdir()
    place = Place(home)
    place.copy = home / os.fsdecode(b"copy " + NAMES[name])
    place.fill({"one.bin": b"one", "two.bin": b"two"})
    place.back_up()
    place.manifest = home / os.fsdecode(NAMES[name] + b".jsonl")
    place.know()
    change(place.copy, "one.bin", lambda data: flip(data, 1))
    capfd.readouterr()

    found = place.prove("--full", "--only", "*.bin", against=against, quiet=False)
    nothing = place.prove("--full", "--only", os.fsdecode(b"\xff*"), against=against, quiet=False)

    assert (found.code, nothing.code) == (1, 3)
    _assert_harmless(capfd.readouterr().err)
    for drilled in (found, nothing):
        for report in ("report.md", "report.html"):
            assert drilled.folder is not None
            _assert_harmless((drilled.folder / report).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["no UTF-8", "newline"])
def test_a_manifest_made_from_a_copy_of_a_hard_name_is_told_as_such(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path)
    place.copy = tmp_path / os.fsdecode(b"copy " + NAMES[name])
    place.fill({"one.bin": b"one"})
    place.back_up()
    place.know(folder=place.copy)

    assert "compared with itself" in place.prove("--full").reasons
