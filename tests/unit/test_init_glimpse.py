from __future__ import annotations

import os
from pathlib import Path

import pytest

from verifier.cli.init import glimpse as module
from verifier.cli.init.glimpse import Glimpse, glimpse
from verifier.errors import UnreachableError
from verifier.sources.interface import Location


def laid_out(folder: Path, *names: str, at: float = 1_600_000_000) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12")
        os.utime(path, (at, at))
    return folder


def seen(tmp_path: Path, *names: str) -> Glimpse:
    live = laid_out(tmp_path / "live", "2015/a.jpg", "2015/b.jpg", "2016/c.jpg")
    return glimpse(Location(address=str(laid_out(tmp_path / "copy", *names))), live)


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        (["2015/a.jpg", "2015/b.jpg", "2016/c.jpg"], b""),
        (["photos/2015/a.jpg", "photos/2015/b.jpg", "music/x.mp3"], b"photos"),
        (["backup/ada/photos/2015/a.jpg", "backup/ada/photos/2016/c.jpg", "backup/bob/x"], b"backup/ada/photos"),
        (["photos/2015/a.jpg", "photos/1", "photos/2", "photos/3"], b""),
        (["x", "y/z"], b""),
        (["2015/a.jpg", "old/2015/a.jpg"], b""),
    ],
)
def test_the_folder_that_looks_like_the_data(tmp_path: Path, names: list[str], folder: bytes) -> None:
    assert seen(tmp_path, *names).folder == folder


def test_it_says_what_lies_there(tmp_path: Path) -> None:
    laid_out(tmp_path / "copy", "new\x1b[2J.jpg", at=1_700_000_000)
    assert seen(tmp_path, "a/1", "a/2", "b").lines() == [
        r"at the top: a, b, new\x1b[2J.jpg",
        "4 files, 8 B",
        r"the newest of them, 2023-11-14 22:13 UTC: new\x1b[2J.jpg",
    ]


def test_what_was_not_seen_is_not_spoken_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOKED_AT", 3)
    lines = seen(tmp_path, *(f"{number}/x" for number in range(20))).lines()
    assert lines[0].endswith(", …")
    assert lines[1] == "the first 3 files, 6 B"


def test_an_empty_folder_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(UnreachableError, match="got an empty folder"):
        seen(tmp_path)
