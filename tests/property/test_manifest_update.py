"""Whatever was done to a folder, its manifest brought up to date is the one made anew, but for what was kept."""

from __future__ import annotations

import tempfile
import time
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kept import Kept, put, set_time

from verifier.entry import Entry
from verifier.inventory import survey as survey_room
from verifier.inventory import update as update_room
from verifier.manifest.difference import differences

NAMES = st.sampled_from(
    [
        "a",
        "a.b",
        "a/x",
        "a0",
        "b/c/d",
        "b/c.d",
        'q"uote',
        "new\nline",
        "back\\slash",
        "\udcff",
        "ü",
        "z/1",
        "z/2",
        "z/3",
    ]
)
CONTENT = st.sampled_from([b"", b"x", b"y", b"xx", b"yy", b"long" * 2000])
SECONDS = st.integers(1, 3)
FILES = st.dictionaries(NAMES, st.tuples(CONTENT, SECONDS), min_size=1)
TICK_SECONDS = 0.012  # so long may the kernel give two changes one time


def plant(folder: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Make the folder hold these files, touching none that is as it shall be."""
    for name, (data, second) in files.items():
        path = folder / name
        if path.is_dir() or any(parent.is_file() for parent in path.parents):
            continue  # `a` and `a/x` can't both be: the first one stays
        if path.is_symlink() or not path.exists() or path.read_bytes() != data:
            path.unlink(missing_ok=True)
            put(folder, name, data, second=second)
        set_time(path, second)


def clear(folder: Path, names: set[str]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif str(path.relative_to(folder)) not in names:
            path.unlink()


def plain(entries: list[Entry]) -> list[Entry]:
    return [msgspec.structs.replace(entry, hashed_at=None) for entry in entries]


@pytest.fixture(autouse=True)
def _little_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # A file that was written a moment ago is read again later; here nothing is written meanwhile.
    monkeypatch.setattr(survey_room, "_TICK_NS", 0)
    monkeypatch.setattr(survey_room, "_COARSE_TICK_NS", 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    before=FILES,
    after=FILES,
    links=st.tuples(st.booleans(), st.booleans()),
    share=st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(1)]),
    accept=st.booleans(),
    remembers=st.booleans(),
    known_lines=st.integers(1, 4),
)
def test_an_update_is_a_manifest_made_anew(
    monkeypatch: pytest.MonkeyPatch,
    before: dict[str, tuple[bytes, int]],
    after: dict[str, tuple[bytes, int]],
    links: tuple[bool, bool],
    share: Fraction,
    accept: bool,  # noqa: FBT001 - hypothesis gives it by name
    remembers: bool,  # noqa: FBT001 - as above
    known_lines: int,
) -> None:
    monkeypatch.setattr(update_room, "_KNOWN_LINES", known_lines)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = root / "data"
        folder.mkdir()
        state = root / "state" if remembers else None
        kept = Kept(folder=folder, manifest=root / "m.jsonl", state=state)
        for files, has_link in ((before, links[0]), (after, links[1])):
            clear(folder, set(files))
            plant(folder, files)
            (folder / "m.link").unlink(missing_ok=True)
            if has_link:
                (folder / "m.link").symlink_to(str(len(files)))
            time.sleep(TICK_SECONDS)
            if not kept.manifest.exists():
                kept.create()
                old = kept.entries()
        updated = kept.update(share, accept=accept)
        new = kept.entries()
        anew = Kept(folder=folder, manifest=root / "anew.jsonl")
        anew.create()
        _hold(old, new, anew.entries(), accept=accept, sees_all=remembers or share == 1)
        kinds = [(difference.path, difference.kind) for difference in updated.differences]
        assert kinds == sorted(kinds, key=lambda pair: pair[0])
        moved = {one.path: one.new.path for one in updated.differences if one.kind.value == "moved" and one.new}
        expected = {
            (difference.path, difference.kind.value)
            for difference in differences(iter(old), iter(anew.entries()))
            if difference.path not in moved and difference.path not in moved.values()
        }
        found = {(path, kind.value) for path, kind in kinds if kind.value != "moved"}
        assert found == expected if remembers or share == 1 else found <= expected
        for path, moved_to in moved.items():
            content = {entry.path: (entry.digest, entry.size_bytes) for entry in [*old, *new]}
            assert content[path] == content[moved_to]


def _hold(old: list[Entry], new: list[Entry], anew: list[Entry], *, accept: bool, sees_all: bool) -> None:
    """Hold what an update made against what is there; only an old digest may stand, and only where it was meant to."""
    assert [entry.path for entry in new] == [entry.path for entry in anew]
    before = {entry.path: entry for entry in plain(old)}
    for ours, truth in zip(plain(new), plain(anew), strict=True):
        if ours == truth:
            continue
        was = before[ours.path]
        assert ours == was
        assert was.mtime_ns == truth.mtime_ns
        assert not (accept and sees_all)
    for entry in new:
        if entry.hashed_at is not None:
            assert entry.hashed_at == "2026-01-01T00:00:00.000000Z"
            assert before[entry.path] == msgspec.structs.replace(entry, hashed_at=None)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.sampled_from([0, 1, 10, 5_000, 100_000]), min_size=1, max_size=40),
    parts=st.integers(1, 12),
    edited=st.booleans(),
)
def test_as_many_updates_as_parts_read_everything_again(
    sizes: list[int],
    parts: int,
    edited: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number, size_bytes in enumerate(sizes):
            put(root / "data", f"{number}", bytes([number]) * size_bytes)
        kept = Kept(folder=root / "data", manifest=root / "m.jsonl.zst", state=root / "state")
        time.sleep(TICK_SECONDS)
        kept.create()
        read = 0
        for number in range(parts):
            if edited and number == 1:
                put(root / "data", "0", b"edited", second=9)
            updated = kept.update(Fraction(1, parts))
            read += updated.read_again[2] + updated.read_again[0]
        dates = {entry.hashed_at for entry in kept.entries()}
        assert "2026-01-01T00:00:00.000000Z" not in dates
        # No file comes a second time before every one came once: at most the last one is more than its share.
        sizes_then = [*sizes, len(b"edited")]
        assert read <= sum(sizes_then) + len(sizes_then) + parts * (max(sizes_then) + 1)
