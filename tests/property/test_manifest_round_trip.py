"""Whatever a file system can hold goes through a manifest unchanged; whatever is no manifest is an error of ours."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from verifier import relpath
from verifier.digest import WRITTEN, new_hasher
from verifier.entry import Entry
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest import Header, Origin, open_manifest, write_manifest

LARGEST = 2**63 - 1
# Names as file systems have them: any bytes but NUL and the slash; those that trip up writers of JSON more often.
NAMES = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.text(min_size=1, max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"\n", b'"', b"\\", b"\xff", b"\x1b[31m", b"\x7f", "\u2028".encode(), "\u202e".encode(), b"..x"]),
).map(lambda name: name.replace(b"\0", b"0").replace(b"/", b"_"))
PATHS = st.lists(NAMES.filter(lambda name: name not in (b".", b"..")), min_size=1, max_size=4).map(b"/".join)
TIMES = st.one_of(st.none(), st.integers(-LARGEST, LARGEST))


@st.composite
def files(draw: st.DrawFn, algorithm: str) -> Entry:
    hasher = new_hasher(algorithm)
    hasher.update(draw(st.binary(max_size=4)))
    return Entry(
        path=draw(PATHS),
        size_bytes=draw(st.integers(0, LARGEST)),
        mtime_ns=draw(TIMES),
        digest=hasher.hexdigest(),
        hashed_at=draw(st.none() | st.text(max_size=5)),
    )


LINKS = st.builds(Entry, path=PATHS, mtime_ns=TIMES, link=st.binary(max_size=20))


@st.composite
def manifests(draw: st.DrawFn) -> tuple[str, list[Entry]]:
    algorithm = draw(st.sampled_from(WRITTEN))
    entries = draw(st.lists(st.one_of(files(algorithm), LINKS), max_size=12, unique_by=lambda entry: entry.path))
    return algorithm, sorted(entries, key=lambda entry: entry.path)


@given(manifests(), st.sampled_from(["m.jsonl", "m.jsonl.zst", "m.jsonl.gz"]))
def test_round_trip(given_manifest: tuple[str, list[Entry]], name: str) -> None:
    algorithm, entries = given_manifest
    header = Header(
        dataset="d", created="2026-11-22T18:30:00Z", origin=Origin(address="/", machine="m"), digest=algorithm
    )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        totals = write_manifest(target, header, iter(entries))
        with open_manifest(target) as manifest:
            assert manifest.header == header
            assert list(manifest.entries()) == entries
            assert manifest.check() == totals
        if name == "m.jsonl":
            data = target.read_bytes()
            assert data.count(b"\n") == len(entries) + 2
            assert hashlib.sha256(data[: data.rindex(b'{"end"')]).hexdigest() == totals.identity
    assert totals.files + totals.links == len(entries)
    assert totals.bytes == sum(entry.size_bytes for entry in entries)


START = (
    b'{"manifest":"verifier/1","dataset":"d","created":"2026-11-22T18:30:00Z",'
    b'"origin":{"address":"/","machine":"m"},"digest":"xxh3_128"}\n'
)
FRAGMENTS = st.sampled_from(
    [
        b'{"path":"a","size":1}',
        b'"mtime":"1"',
        b"\n",
        b"{",
        b"}",
        b'"',
        b",",
        b'{"end":true}',
        b"\xff",
        b"[[",
        b"\0",
        b" ",
    ]
)


@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=5)), max_size=15).map(b"".join), st.booleans())
def test_garbage_is_an_error_of_ours(garbage: bytes, with_header: bool) -> None:  # noqa: FBT001 - given by hypothesis
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.jsonl"
        path.write_bytes((START if with_header else b"") + garbage)
        with contextlib.suppress(ManifestError), open_manifest(path) as manifest:
            raise AssertionError(f"read {list(manifest.entries())}")


@given(st.lists(st.one_of(PATHS, st.binary(max_size=6), st.sampled_from([b"", b"/a", b"a/", b"..", b"a/./b"]))))
def test_many_paths_are_judged_as_each_is(paths: list[bytes]) -> None:
    def refused(check: object, argument: object) -> bool:
        try:
            check(argument)  # type: ignore[operator]
        except UnsafePathError:
            return True
        return False

    if paths:
        assert refused(relpath.check_all, paths) == any(refused(relpath.check, path) for path in paths)
