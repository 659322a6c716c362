from __future__ import annotations

from pathlib import Path

import pytest

from verifier.scenario.section import Base


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nas", "data/scenarios/nas"),
        ("../nas", "data/nas"),
        ("../../nas", "nas"),
        ("..//nas", "data/nas"),
        ("./../nas", "data/scenarios/../nas"),
        ("a/../nas", "data/scenarios/a/../nas"),
        ("..nas", "data/scenarios/..nas"),
    ],
)
def test_a_path_is_told_without_detours_where_that_is_the_same_place(text: str, expected: str, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "scenarios"
    folder.mkdir(parents=True)
    assert Base(folder=folder).resolve(text) == tmp_path / expected


def test_what_lies_above_a_link_is_where_the_system_says(tmp_path: Path) -> None:
    (tmp_path / "real" / "scenarios").mkdir(parents=True)
    (tmp_path / "real" / "nas").mkdir()
    (tmp_path / "link").symlink_to("real/scenarios")
    path = Base(folder=tmp_path / "link").resolve("../nas")
    assert path == tmp_path / "link" / ".." / "nas"
    assert path.is_dir()


@pytest.mark.parametrize("folder", ["/", "/.."])
def test_above_the_top_there_is_nothing(folder: str) -> None:
    assert Base(folder=Path(folder)).resolve("../../nas").resolve() == Path("/nas")
