"""`verifier manifest` with a folder of generations: one is added, all are shown, the oldest are removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from generations import day, known, write_generation

from verifier.cli.main import main
from verifier.manifest import open_manifest
from verifier.manifest.generations import newest, read_generations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of four generations, each with a file more than the one before."""
    folder, previous = tmp_path / "manifests", None
    folder.mkdir()
    for number in range(4):
        entries = known({f"{count}.bin": b"1234" for count in range(10 + number)}, mtime_ns=5)
        previous = write_generation(folder / f"{9 - number}.jsonl", day(number), entries, previous=previous)
    return folder


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_prune_removes_the_oldest_and_says_which(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "prune", str(folder), "--keep", "2", "--dry-run"]) == 0
    dry = capfd.readouterr()
    assert left(folder) == ["6.jsonl", "7.jsonl", "8.jsonl", "9.jsonl"]
    assert main(["manifest", "prune", str(folder), "--keep", "2"]) == 0
    said = capfd.readouterr()
    assert left(folder) == ["6.jsonl", "7.jsonl"]
    assert said.out == dry.out
    assert [line.partition(":")[0] for line in said.out.splitlines()] == [f"{folder}/9.jsonl", f"{folder}/8.jsonl"]
    assert "2 would be removed" in dry.err
    assert "2 removed, 2 kept" in said.err


def test_prune_keeps_24_unless_asked_and_never_removes_the_newest(folder: Path) -> None:
    assert main(["manifest", "prune", str(folder)]) == 0
    assert len(left(folder)) == 4
    assert main(["manifest", "prune", str(folder), "--keep", "1"]) == 0
    assert left(folder) == ["6.jsonl"]
    with pytest.raises(SystemExit) as caught:
        main(["manifest", "prune", str(folder), "--keep", "0"])
    assert caught.value.code == 2


@pytest.mark.parametrize("spoil", ["header", "inside", "end"])
def test_prune_never_removes_one_that_cannot_be_read(
    folder: Path, spoil: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = folder / "9.jsonl"
    data = file.read_bytes()
    spoilt = {"header": data[1:], "inside": data.replace(b'"size":4', b'"size":5', 1), "end": data[:-9]}[spoil]
    file.write_bytes(spoilt)
    assert main(["manifest", "prune", str(folder), "--keep", "1"]) == 0
    assert left(folder) == ["6.jsonl", "9.jsonl"]
    assert "9.jsonl" in next(line for line in capfd.readouterr().err.splitlines() if "kept, since it" in line)


def test_prune_of_what_is_no_folder_is_an_error(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in ("prune", "accept"):
        assert main(["manifest", command, str(folder / "9.jsonl")]) == 2
        assert "expected a folder of manifests, got none" in capfd.readouterr().err
    assert len(left(folder)) == 4


def test_show_lists_the_generations_and_what_came_and_went(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "show", str(folder)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"2026-01-0{number}T00:00:00.000000Z" for number in range(1, 5)]
    assert "10 files" in lines[0]
    assert "+" not in lines[0]
    assert all("+1 files, +4 bytes" in line for line in lines[1:])
    assert main(["manifest", "show", str(folder), "--json"]) == 0
    facts = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [one["totals"]["files"] for one in facts] == [10, 11, 12, 13]
    assert [one["path"] for one in facts] == ["9.jsonl", "8.jsonl", "7.jsonl", "6.jsonl"]


def create(data: Path, target: Path) -> int:
    return main(["manifest", "create", str(data), "-o", str(target), "--workers", "1"])


def test_create_adds_one_that_follows_the_newest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data, folder = tmp_path / "data", tmp_path / "data" / "manifests"
    folder.mkdir(parents=True)
    for number in range(10):
        (data / f"{number}.bin").write_bytes(b"1234")
    identities = []
    for _ in range(2):
        assert create(data, folder) == 0
        identities.append(capfd.readouterr().out.strip())
    first, second = read_generations(folder)
    assert [first.identity, second.identity] == identities
    assert (first.header.previous, second.header.previous) == (None, first.identity)
    with open_manifest(newest(folder)) as manifest:
        # No generation is in another: they come and go.
        assert {entry.path for entry in manifest.entries()} == {b"%d.bin" % number for number in range(10)}


def test_create_says_at_once_that_much_is_gone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data, folder = tmp_path / "data", tmp_path / "manifests"
    folder.mkdir()
    data.mkdir()
    for number in range(3):
        (data / f"{number}.bin").write_bytes(b"1234")
    create(data, folder)
    (data / "0.bin").unlink()
    capfd.readouterr()
    assert create(data, folder) == 0
    assert "has 2 of 3 files and 8 of 12 bytes of the one before it" in capfd.readouterr().err
    assert main(["manifest", "accept", str(folder)]) == 0
    capfd.readouterr()
    main(["manifest", "show", str(folder)])
    shown = capfd.readouterr()
    assert "warning" not in shown.err
    assert shown.out.count("accepted") == 2


def test_create_refuses_a_folder_whose_newest_cannot_be_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "x.jsonl").write_bytes(b"nothing\n")
    assert create(tmp_path / "data", folder) == 2
    assert "x.jsonl" in capfd.readouterr().err
    assert left(folder) == ["x.jsonl"]
