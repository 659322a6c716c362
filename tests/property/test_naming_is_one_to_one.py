"""A map of names and its inverse, for any folders that don't overlap."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from verifier import relpath
from verifier.errors import UnsafePathError
from verifier.sources.naming import Naming, Pair, overlap

parts = st.sampled_from([b"a", b"ab", b"b", b"C:", b"Users", b"\xff", "é".encode(), b"..a", b" "])
folders = st.lists(parts, max_size=3).map(b"/".join)
names = st.lists(parts, min_size=1, max_size=5).map(b"/".join)
maps = st.lists(st.tuples(folders, folders), min_size=1, max_size=4).map(tuple)


def _plain(name: bytes) -> bool:
    try:
        relpath.check(name)
    except UnsafePathError:
        return False
    return True


@given(maps, names)
def test_map_and_unmap_are_inverse(pairs: tuple[Pair, ...], name: bytes) -> None:
    assume(overlap(pairs) is None)
    translation = Naming(map=pairs).within
    there = translation.to_dataset(name)
    back = translation.to_copy(name)
    if there is not None:
        assert translation.to_copy(there) == name
        assert _plain(there)
    if back is not None:
        assert translation.to_dataset(back) == name
        assert _plain(back)


@given(maps, st.sets(names, max_size=12))
def test_no_two_files_of_a_copy_get_one_name(pairs: tuple[Pair, ...], tree: set[bytes]) -> None:
    assume(overlap(pairs) is None)
    translation = Naming(map=pairs).within
    told = [name for name in map(translation.to_dataset, tree) if name is not None]
    assert len(told) == len(set(told))


@given(maps, names)
def test_sides_that_overlap_are_those_that_are_not_one_to_one(pairs: tuple[Pair, ...], name: bytes) -> None:
    """Whatever lies in a folder of two pairs could be meant by either."""
    for side in (0, 1):
        inside = [pair for pair in pairs if (name + b"/").startswith(pair[side] + b"/" if pair[side] else b"")]
        assert len(inside) < 2 or overlap(pairs) is not None


@given(folders, folders, maps, names)
def test_below_and_within_say_together_where_a_file_lies(
    prefix: bytes, root: bytes, pairs: tuple[Pair, ...], name: bytes
) -> None:
    assume(overlap(pairs) is None)
    for naming in (Naming(prefix=prefix, root=root), Naming(prefix=prefix, map=pairs)):
        own = naming.within.to_copy(name)
        if own is None:
            continue
        whole = naming.below + b"/" + own if naming.below else own
        folder = next((left for left, right in naming.map if name.startswith(right + b"/" if right else b"")), root)
        lies_in = b"/".join(part for part in (prefix, folder) if part)
        assert whole.startswith(lies_in + b"/" if lies_in else b"")
