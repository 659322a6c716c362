"""Two ordered streams of entries: each path that differs, once, with how."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from verifier.entry import Entry
from verifier.manifest.difference import DifferenceKind, differences, with_moves, with_untold
from verifier.spool import Workspace


def file(path: bytes, digest: str | None = "d", mtime_ns: int | None = 1, size_bytes: int = 1) -> Entry:
    return Entry(path=path, size_bytes=size_bytes, mtime_ns=mtime_ns, digest=digest)


def kinds(old: list[Entry], new: list[Entry]) -> list[tuple[bytes, str]]:
    return [(found.path, found.kind.value) for found in differences(iter(old), iter(new))]


def test_each_kind() -> None:
    old = [file(b"a"), file(b"b"), file(b"c"), file(b"d"), file(b"e"), file(b"g")]
    new = [file(b"b"), file(b"c", "x"), file(b"d", "x", 2), file(b"e", mtime_ns=9), file(b"f"), file(b"h")]
    expected = [(b"a", "removed"), (b"c", "silent"), (b"d", "changed"), (b"f", "added"), (b"g", "removed")]
    assert kinds(old, new) == [*expected, (b"h", "added")]


def test_equal_and_empty() -> None:
    assert kinds([], []) == []
    assert kinds([file(b"a")], [file(b"a")]) == []
    assert kinds([], [file(b"a")]) == [(b"a", "added")]
    assert kinds([file(b"a")], []) == [(b"a", "removed")]


def test_links() -> None:
    link, other = Entry(path=b"a", mtime_ns=1, link=b"x"), Entry(path=b"a", mtime_ns=1, link=b"y")
    assert kinds([link], [Entry(path=b"a", mtime_ns=2, link=b"x")]) == []
    assert kinds([link], [other]) == [(b"a", "changed")]
    assert kinds([link], [file(b"a")]) == [(b"a", "changed")]
    assert kinds([file(b"a")], [link]) == [(b"a", "changed")]


def test_without_digests_size_and_time_decide() -> None:
    assert kinds([file(b"a", None)], [file(b"a", None)]) == []
    assert kinds([file(b"a", None)], [file(b"a", None, 2)]) == [(b"a", "changed")]
    assert kinds([file(b"a", None)], [file(b"a", None, 1, 2)]) == [(b"a", "silent")]


def test_what_could_not_be_read_is_not_removed() -> None:
    found = differences(iter([file(b"a"), file(b"b"), file(b"c", "x"), file(b"d")]), iter([file(b"c")]))
    told = list(with_untold(found, iter([b"0", b"b", b"c", b"e"])))
    assert [(one.path, one.kind) for one in told] == [
        (b"a", DifferenceKind.REMOVED),
        (b"b", DifferenceKind.UNTOLD),
        (b"c", DifferenceKind.SILENT),
        (b"d", DifferenceKind.REMOVED),
    ]


def moves(folder: Path, old: list[Entry], new: list[Entry]) -> list[tuple[bytes, str, bytes | None]]:
    with closing(Workspace(folder / "workspace")) as workspace:
        found = with_moves(differences(iter(old), iter(new)), workspace)
        return [(one.path, one.kind.value, one.new.path if one.new else None) for one in found]


def test_content_that_went_elsewhere_was_moved(tmp_path: Path) -> None:
    old = [file(b"a", "1"), file(b"b", "2"), file(b"c", "3"), file(b"d", "4", size_bytes=2)]
    new = [file(b"c", "x", 2), file(b"d", "4", size_bytes=2), file(b"x", "1", 9), file(b"y", "2", size_bytes=5)]
    assert moves(tmp_path, old, new) == [
        (b"a", "moved", b"x"),
        (b"b", "removed", None),
        (b"c", "changed", b"c"),
        (b"y", "added", b"y"),
    ]


def test_of_equal_files_none_was_moved(tmp_path: Path) -> None:
    old = [file(b"a", "1"), file(b"b", "1"), file(b"c", "2"), file(b"e", "0", size_bytes=0)]
    new = [file(b"v", "0", size_bytes=0), file(b"x", "1"), file(b"y", "2"), file(b"z", "2")]
    kinds = [kind for _path, kind, _new in moves(tmp_path, old, new)]
    assert sorted(kinds) == ["added"] * 4 + ["removed"] * 4
    many = [file(b"%d" % number, "1") for number in range(10, 20)]
    assert [path for path, _kind, _new in moves(tmp_path / "many", many, [])] == [entry.path for entry in many]


def test_a_copy_beside_the_first_is_added(tmp_path: Path) -> None:
    assert moves(tmp_path, [file(b"a", "1")], [file(b"a", "1"), file(b"b", "1")]) == [(b"b", "added", b"b")]
