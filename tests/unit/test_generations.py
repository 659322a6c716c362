"""A folder's generations: which files they are, in which order, what is doubtful in them, and what was accepted."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from generations import chain, day, identity, known, stated, write_generation

from verifier.errors import ManifestError
from verifier.manifest import open_manifest
from verifier.manifest.acceptance import NAME, accept, read_accepted
from verifier.manifest.generations import beyond, files, newest, next_name, older_than, read_generations
from verifier.manifest.succession import doubts, silent_changes

FILES = {"a.txt": b"one", "b/c.txt": b"two two"}


def make(folder: Path, *names: str) -> list[str]:
    """Write a generation a day under these names, the oldest first; return their identities."""
    identities: list[str] = []
    for number, name in enumerate(names):
        previous = identities[-1] if identities else None
        identities.append(
            write_generation(folder / name, day(number), known(FILES, mtime_ns=number), previous=previous)
        )
    return identities


def test_the_time_in_the_header_orders_and_not_the_name(tmp_path: Path) -> None:
    make(tmp_path, "z.jsonl", "m.jsonl.gz", "a.jsonl.zst")
    assert [one.file.name for one in read_generations(tmp_path)] == ["z.jsonl", "m.jsonl.gz", "a.jsonl.zst"]
    assert newest(tmp_path) == tmp_path / "a.jsonl.zst"


def test_what_is_stated_is_what_a_whole_reading_finds(tmp_path: Path) -> None:
    make(tmp_path, "z.jsonl", "m.jsonl.gz", "a.jsonl.zst")
    for one in read_generations(tmp_path):
        with open_manifest(one.file) as manifest:
            assert (manifest.check(), manifest.header) == (one.stated, one.header)


def test_other_files_and_hidden_ones_are_no_generations(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl")
    for name in (".b.jsonl", "README.md", "b.json", "b.jsonl.partial", NAME):
        (tmp_path / name).write_bytes(b"no manifest")
    assert files(tmp_path) == [tmp_path / "a.jsonl"]


def test_a_folder_without_any_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="got none"):
        newest(tmp_path)
    with pytest.raises(ManifestError, match=r"can.t list the generations in .*away"):
        read_generations(tmp_path / "away")


CUT = b'{"manifest":"verifier/1","dataset":"d","created":"2026-01-01T00:00:00Z","origin":{"address":"/","machine":""},'
WHOLE_HEADER = CUT + b'"digest":null}\n'


@pytest.mark.parametrize(
    "data", [b"", b"nothing", CUT, WHOLE_HEADER, WHOLE_HEADER + b'{"path":"a","size":1}\n', WHOLE_HEADER + b'{"end":']
)
@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b.jsonl.zst"])
def test_one_that_cannot_be_read_is_named_and_never_passed_over(tmp_path: Path, name: str, data: bytes) -> None:
    make(tmp_path, "a.jsonl", "c.jsonl")
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    with pytest.raises(ManifestError, match=name.replace(".", r"\.")):
        read_generations(tmp_path)


def test_a_folder_of_such_a_name_is_an_error_too(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl")
    (tmp_path / "b.jsonl").mkdir()
    for read in (read_generations, newest):
        with pytest.raises(ManifestError, match=r"b\.jsonl"):
            read(tmp_path)


def test_the_next_name_is_the_time_and_never_one_that_is_taken(tmp_path: Path) -> None:
    assert next_name(tmp_path, day(0.5)) == tmp_path / "20260101T120000Z.jsonl.zst"
    (tmp_path / "20260101T120000Z.jsonl.zst").symlink_to("nowhere")
    assert next_name(tmp_path, day(0.5)) == tmp_path / "20260101T120000Z-2.jsonl.zst"


def test_older_is_strictly_older() -> None:
    generations = chain((1, 1), (2, 2), (3, 3))
    assert older_than(generations, generations[1].created_ns) is generations[0]
    assert older_than(generations, generations[1].created_ns + 1) is generations[1]
    assert older_than(generations, generations[0].created_ns) is None


@pytest.mark.parametrize(("keep", "gone"), [(1, 2), (2, 1), (3, 0), (24, 0), (0, 2)])
def test_beyond_those_that_are_kept_are_the_oldest_and_never_the_newest(keep: int, gone: int) -> None:
    generations = chain((1, 1), (2, 2), (3, 3))
    assert list(beyond(reversed(generations), keep=keep)) == generations[:gone]


def sentences(generations: list, accepted: tuple[str, ...] = ()) -> list[str]:  # type: ignore[type-arg]
    return [doubt.sentence for doubt in doubts(generations, accepted)]


def test_a_whole_chain_leaves_no_doubt_and_neither_does_a_pruned_one() -> None:
    generations = chain((10, 100), (10, 100), (12, 90))
    assert not sentences(generations)
    assert not sentences(generations[1:])


def test_one_that_follows_none_in_the_folder_is_doubtful() -> None:
    generations = chain((10, 100), (11, 101), (12, 102))
    generations[1] = stated(1, files=11, size_bytes=102, previous=generations[0].identity)  # swapped for another
    (sentence,) = sentences(generations)
    assert generations[2].header.created in sentence
    assert "follows no other" in sentence
    (sentence,) = sentences([generations[0], stated(1)])
    assert "it states none" in sentence


@pytest.mark.parametrize(
    ("files", "size_bytes", "told"),
    [(80, 800, None), (79, 1000, "79 of 100 files"), (100, 799, "799 of 1,000 bytes"), (0, 0, "0 of 100 files")],
)
def test_more_than_a_fifth_less_is_doubtful_until_it_is_accepted(files: int, size_bytes: int, told: str | None) -> None:
    generations = chain((100, 1000), (files, size_bytes), (files, size_bytes))
    found = sentences(generations)
    assert len(found) == (told is not None)
    assert told is None or told in found[0]
    assert not sentences(generations, (generations[1].identity,))


def test_a_generation_that_lies_there_twice_is_no_doubt() -> None:
    first, second = chain((10, 100), (10, 101))
    assert not sentences([first, first, second, second])


@pytest.mark.parametrize(
    ("data", "times", "told"),
    [
        ({"a.txt": b"ONE"}, {}, "1 file: a.txt"),
        ({"a.txt": b"longer"}, {}, "1 file: a.txt"),
        ({"a.txt": b"ONE"}, {"a.txt": 6}, None),
        ({}, {"a.txt": 6}, None),
        ({"a.txt\n": b"x"}, {}, None),
    ],
)
def test_other_bytes_under_an_unchanged_time(
    tmp_path: Path, data: dict[str, bytes], times: dict[str, int], told: str | None
) -> None:
    write_generation(tmp_path / "a.jsonl", day(0), known(FILES, mtime_ns=5))
    write_generation(tmp_path / "b.jsonl", day(1), known(FILES | data, mtime_ns=5, times=times))
    with open_manifest(tmp_path / "a.jsonl") as before, open_manifest(tmp_path / "b.jsonl") as after:
        sentence = silent_changes(before, after)
    assert (sentence is None) if told is None else (sentence is not None and sentence.endswith(told))


def test_what_was_accepted_is_read_back_with_its_first_time(tmp_path: Path) -> None:
    assert read_accepted(tmp_path) == {}
    accept(tmp_path, [identity(1), identity(2)], at=day(1))
    accept(tmp_path, [identity(2), identity(3)], at=day(2))
    first, second = "2026-01-02T00:00:00.000000Z", "2026-01-03T00:00:00.000000Z"
    assert read_accepted(tmp_path) == {identity(1): first, identity(2): first, identity(3): second}
    with pytest.raises(ManifestError, match="got none"):
        files(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        b"yes",
        b'{"accepted":"yes","at":"2026-01-02T00:00:00Z"}',
        b'{"accepted":"' + b"a" * 64 + b'","at":"yesterday"}',
        b'{"accepted":"' + b"a" * 64 + b'"}',
        b"\xff",
        b" " * 1_100_000,
    ],
)
def test_a_line_that_says_nothing_is_an_error_and_not_passed_over(tmp_path: Path, line: bytes) -> None:
    (tmp_path / NAME).write_bytes(line + b"\n")
    with pytest.raises(ManifestError, match=NAME):
        read_accepted(tmp_path)
