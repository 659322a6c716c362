"""Lines of an old manifest: taken apart, and handed out in step with a walk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from verifier.entry import Entry
from verifier.errors import ManifestError
from verifier.inventory.known import KnownLines, LineReader, path_of
from verifier.inventory.remembered import Remembered, forget, remember
from verifier.manifest import lines

HEX = "0123456789abcdef" * 2
ENTRIES = [
    Entry(path=b"a", size_bytes=1, mtime_ns=1_700_000_000_000_000_005, digest=HEX),
    Entry(path=b"b", size_bytes=0, mtime_ns=-5, digest=HEX, hashed_at="2026-01-01T00:00:00Z"),
    Entry(path=b"c\\", size_bytes=2**62, digest=HEX),
    Entry(path=b"d", mtime_ns=1, link=b"\xff"),
    Entry(path="é\n".encode(), size_bytes=600 * 2**20, mtime_ns=0, digest=HEX, pieces=(HEX,) * 3),
    Entry(path=b"\xff", size_bytes=3, mtime_ns=1, digest=HEX),
]


def raw(entries: list[Entry]) -> list[bytes]:
    return lines.encode(entries).split(b"\n")[:-1]


def test_each_form_of_a_line_says_what_its_entry_does() -> None:
    for entry, old in zip(ENTRIES, LineReader("xxh3_128").read_all(raw(ENTRIES)), strict=True):
        assert (old.path, old.size_bytes, old.mtime_ns) == (entry.path, entry.size_bytes, entry.mtime_ns)
        assert (old.digest, old.link, old.hashed_at) == (entry.digest, entry.link, entry.hashed_at or "")
        assert old.line.encode() + b"\n" == lines.encode([entry])
    assert [path_of(line) for line in raw(ENTRIES)] == [entry.path for entry in ENTRIES]


def test_a_line_written_otherwise_goes_over_in_our_form() -> None:
    (old,) = LineReader("xxh3_128").read_all([b'{ "size": 1, "digest": "%s", "path": "a" }' % HEX.encode()])
    assert old.line == f'{{"path":"a","size":1,"digest":"{HEX}"}}'


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'{"path":"\x01","size":1,"mtime":"1","digest":"%s"}' % HEX.encode(),
        b'{"path":"\xff","size":1,"mtime":"1","digest":"%s"}' % HEX.encode(),
        b'{"path":"a","size":1,"mtime":"1","digest":"%s"}' % HEX.upper().encode(),
        b'{"path":"a","size":1,"mtime":"1","digest":"%s"}' % HEX[:-1].encode(),
        b'{"path":"a","size":01,"mtime":"1","digest":"%s"}' % HEX.encode(),
        b'{"path":"a","size":1,"mtime":"1"}',
        b'{"path":"../a","size":1,"mtime":"1","digest":"%s","pieces":[]}' % HEX.encode(),
    ],
)
def test_what_can_not_be_in_a_manifest_is_an_error(line: bytes) -> None:
    with pytest.raises(ManifestError):
        LineReader("xxh3_128").read_all([line])


def blocks(*sizes: int) -> Iterator[bytes]:
    entries = [Entry(path=b"%03d" % number, mtime_ns=1, digest=HEX) for number in range(sum(sizes))]
    for size in sizes:
        yield lines.encode(entries[:size])
        del entries[:size]


def numbers(taken: tuple[list[bytes], bytes, bool]) -> tuple[list[int], bool]:
    return [int(path_of(line)) for line in taken[0]], taken[2]


def test_lines_are_taken_up_to_a_path_and_a_number() -> None:
    known = KnownLines(blocks(3, 2, 4), None)
    assert numbers(known.take(b"", 10)) == ([], True)
    assert numbers(known.take(b"000", 10)) == ([0], True)
    assert numbers(known.take(b"005x", 3)) == ([1, 2, 3], False)
    assert numbers(known.take(b"005x", 3)) == ([4, 5], True)
    assert numbers(known.take(b"005x", 3)) == ([], True)
    assert numbers(known.take(None, 2)) == ([6, 7], False)
    assert numbers(known.take(None, 2)) == ([8], True)
    assert numbers(known.take(None, 2)) == ([], True)


def test_each_line_comes_with_its_mark(tmp_path: Path) -> None:
    marks = [bytes([number]) * 16 for number in range(9)]
    remember(tmp_path, "f" * 64, entries=9, marks=marks, read_anyway=7)
    opened = Remembered.open(tmp_path, "f" * 64, 9)
    assert opened is not None
    with opened as remembered:
        assert remembered.read_anyway == 7
        known = KnownLines(blocks(3, 2, 4), remembered)
        assert known.take(b"003", 10)[1] == b"".join(marks[:4])
        assert known.take(None, 2)[1] == b"".join(marks[4:6])
        assert known.take(None, 9)[1] == b"".join(marks[6:])


def test_what_is_not_whole_is_not_remembered(tmp_path: Path) -> None:
    assert Remembered.open(tmp_path, "f" * 64, 1) is None
    remember(tmp_path, "f" * 64, entries=2, marks=[bytes(16)])
    assert Remembered.open(tmp_path, "f" * 64, 2) is None
    remember(tmp_path, "f" * 64, entries=1, marks=[bytes(16)])
    assert Remembered.open(tmp_path, "f" * 64, 2) is None
    (file,) = (tmp_path / "marks").iterdir()
    whole = file.read_bytes()
    for spoilt in (b"", whole[:-1], whole + b"x", whole.replace(b"verifier/1", b"verifier/2"), b"\xff" + whole[1:]):
        file.write_bytes(spoilt)
        assert Remembered.open(tmp_path, "f" * 64, 1) is None
    file.write_bytes(whole)
    file.rename(file.with_name("e" * 64 + ".marks"))
    assert Remembered.open(tmp_path, "e" * 64, 1) is None


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for number in range(70):
        remember(tmp_path, f"{number:064x}", entries=0, marks=[])
    names = sorted(path.name for path in (tmp_path / "marks").iterdir())
    assert names == [f"{number:064x}.marks" for number in range(6, 70)]
    forget(tmp_path, f"{69:064x}")
    forget(tmp_path, f"{69:064x}")
    assert len(list((tmp_path / "marks").iterdir())) == 63
