"""`verifier init` as somebody at a terminal answers it: a real pseudo-terminal, with echo, Ctrl-C and Ctrl-D."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from conftest import command

from verifier.scenario import load

SECONDS = 30
NAME_OF_DATA = r"What is it called\? \[pictures\]: "
DATA = r"Which folder holds the data that must survive\?: "
COPY = r"Where is a copy of it\? .*prefix: "
ANOTHER = r"Where is another copy \(empty: there is none\)\? .*prefix: "
MANIFEST = r"Write down now what is known good\? All of the data is read \(y/n\) \[y\]: "


class Talk:
    """A program at a terminal of its own, and somebody who reads and types."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.seen = ""
        self._read_to = 0
        self.process = subprocess.Popen(
            [*command(), *words], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**os.environ, "HOME": str(folder)},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C is a signal
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> bool:
        """Read what came within a moment; return whether the terminal is still open."""
        if select.select([self._ours], [], [], 0.1)[0]:
            try:
                data = os.read(self._ours, 65_536)
            except OSError:  # Linux says so, macOS ends
                return False
            self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
            return bool(data)
        return True

    def until(self, pattern: str) -> str:
        """Read on until a pattern comes, and return what was said before and in it."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = re.compile(pattern).search(self.seen, self._read_to)
            if found:
                said = self.seen[self._read_to : found.end()]
                self._read_to = found.end()
                return said
            if not self._read():
                break
        pytest.fail(f"expected {pattern!r}, got {self.seen[self._read_to :]!r}")

    def type(self, data: bytes) -> None:
        os.write(self._ours, data)

    def answer(self, question: str, typed: str) -> str:
        said = self.until(question)
        self.type(typed.encode() + b"\n")
        return said

    def end(self) -> int:
        """Read to the end and return the exit code."""
        end = time.monotonic() + SECONDS
        while self._read() and time.monotonic() < end:
            pass
        return self.process.wait(SECONDS)


@pytest.fixture
def household(tmp_path: Path) -> Path:
    for folder in ("Pictures", "nas/photos"):
        for number in range(4):
            path = tmp_path / folder / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes([number]) * 500)
    (tmp_path / "nas/music").mkdir()
    (tmp_path / "nas/music/song.mp3").write_bytes(b"la")
    return tmp_path


@pytest.fixture
def talk(household: Path) -> Iterator[Talk]:
    with Talk(household, "init", "here", "--connect") as talking:
        yield talking


def test_somebody_answers_from_the_first_question_to_the_proof(household: Path, talk: Talk) -> None:
    talk.answer(DATA, "~/nowhere")
    assert "expected a folder of data, got none at ~/nowhere" in talk.answer(DATA, "~/Pictures")
    talk.answer(NAME_OF_DATA, "My Pictures")
    assert 'expected a slug of lower-case letters, digits and hyphens, at most 64, got "My Pictures"' in talk.answer(
        NAME_OF_DATA, ""
    )
    talk.answer(COPY, "")
    assert "expected a folder, got an empty address" in talk.answer(COPY, "Pictures")
    assert "expected a place of its own for each copy" in talk.answer(COPY, "nas")
    said = talk.answer(r"Take photos in it as the copy\? \(y/n\) \[y\]: ", "perhaps")
    assert "at the top: music, photos" in said
    assert "photos looks like the data" in said
    assert "expected y or n, got perhaps" in talk.answer(r"Take photos .*: ", "")
    talk.answer(r"What is this copy called\? \[nas\]: ", "")
    talk.answer(r"Its medium: .*: ", "hdd")
    talk.answer(r"Its site: .*: ", "")
    talk.answer(ANOTHER, "/no/such/folder")
    said = talk.answer(r"Keep it all the same\? \(y/n\) \[n\]: ", "")
    assert "expected a folder at /no/such/folder, got nothing" in said
    talk.answer(ANOTHER, "")
    talk.answer(MANIFEST, "")
    assert talk.end() == 0, talk.seen
    assert "\x1b[32mPASSED\x1b[0m" in talk.seen
    assert "\x1b[32mready" in talk.seen
    scenario = load(household / "here/scenarios/pictures.toml", home=household)
    assert [(copy.name, copy.at, copy.medium, copy.site) for copy in scenario.copies] == [
        ("original", f"{household}/Pictures", None, None),
        ("nas", f"{household}/nas/photos", "hdd", None),
    ]


def test_a_secret_is_never_taken(household: Path) -> None:
    with Talk(household, "init", "here", "--data", "Pictures", "--name", "p", "--no-manifest") as talk:
        talk.answer(COPY, "b2://bucket/photos")
        talk.answer(r"where the key's id is: .*\[env:B2_APPLICATION_KEY_ID\]: ", "")
        talk.answer(r"where the key itself is \[env:B2_APPLICATION_KEY\]: ", "K001hunter2")
        talk.until(r"expected where the secret is as key, one of .*, got something else \(not shown\)")
        talk.answer(r"where the key itself is \[env:B2_APPLICATION_KEY\]: ", "file:~/key")
        talk.answer(r"called\? \[b2\]: ", "")
        talk.answer(r"Its medium: .* \[cloud\]: ", "")
        talk.answer(r"Its site: .* \[offsite\]: ", "")
        talk.answer(ANOTHER, "")
        assert talk.end() == 3
    shared = (household / "here/scenarios/verifier.toml").read_text("utf-8")
    assert 'key_id = { env = "B2_APPLICATION_KEY_ID" }\nkey = { file = "~/key" }\n' in shared
    assert "hunter2" not in shared


@pytest.mark.parametrize(("typed", "code"), [(b"\x03", 130), (b"\x04", 2)])
@pytest.mark.parametrize("answers", [0, 1, 2])
def test_ctrl_c_and_ctrl_d_write_nothing(household: Path, talk: Talk, typed: bytes, code: int, answers: int) -> None:
    for question, words in [(DATA, "Pictures"), (NAME_OF_DATA, ""), (COPY, "nas/photos")][:answers]:
        talk.answer(question, words)
    talk.until(r": $")
    talk.type(typed)
    assert talk.end() == code
    assert not (household / "here").exists()
    assert "Traceback" not in talk.seen


def test_what_is_no_text_is_asked_again(household: Path, talk: Talk) -> None:
    talk.until(DATA)
    talk.type(b"\xff\xfe\n")
    talk.until(r"expected text in UTF-8, got other bytes")
    talk.answer(DATA, "\x1b[31mred")
    said = talk.until(DATA)
    assert r"\x1b[31mred" in said or "control characters" in said


def test_with_yes_only_what_cannot_be_proposed_is_asked(household: Path) -> None:
    with Talk(household, "init", "here", "--yes", "--copy", "nas/photos") as talk:
        talk.answer(DATA, "Pictures")
        assert talk.end() == 0, talk.seen
    assert talk.seen.count("?") == 1
    assert load(household / "here/scenarios/pictures.toml").copies[1].name == "photos"
