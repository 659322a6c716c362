from __future__ import annotations

from pathlib import Path

import pytest

from verifier.cli.init.setting_up import _all_or_nothing, _make_folders, _write_new
from verifier.errors import UsageError


def _set_up_beside_somebody(folder: Path) -> None:
    with _all_or_nothing() as made:
        _make_folders(folder, made)
        _write_new(folder / "ours.toml", "ours", made)
        (folder / "theirs.toml").write_text("theirs", "utf-8")
        _write_new(folder / "theirs.toml", "ours", made)


def test_a_file_that_came_meanwhile_stays_as_it_is_and_all_else_goes(tmp_path: Path) -> None:
    """Somebody else's file, written between the look and the write, is neither written over nor taken away."""
    folder = tmp_path / "new" / "scenarios"
    with pytest.raises(UsageError, match="file exists"):
        _set_up_beside_somebody(folder)
    assert [path.name for path in folder.iterdir()] == ["theirs.toml"]
    assert (folder / "theirs.toml").read_text("utf-8") == "theirs"


def test_a_link_that_lies_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="file exists"):
        _write_new(tmp_path / "link", "text", [])
    assert not (tmp_path / "elsewhere").exists()


def _interrupted(folder: Path) -> None:
    with _all_or_nothing() as made:
        _make_folders(folder, made)
        raise KeyboardInterrupt


def test_what_was_there_before_is_not_taken_away(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path / "mine" / "a" / "b")
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]
