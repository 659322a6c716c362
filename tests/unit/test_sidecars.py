"""Which names are those of files that systems put beside the data."""

from __future__ import annotations

import pytest

from verifier.sidecars import doubled, is_sidecar, may_be_sidecar


@pytest.mark.parametrize(
    "name",
    [
        b".DS_Store", b"a/.DS_Store", b"Thumbs.db", b"a/b/THUMBS.DB", b"ehthumbs.db", b"Desktop.ini", b"a/desktop.ini",
        b"@eaDir/x", b"a/@eaDir/b/c", b"#recycle/x/y", b"@Recycle/x", b"a/.@__thumb/x", b"x.jpg@SynoEAStream",
        b"a/x@SynoResource", b".Spotlight-V100/x", b".Trashes/501/x", b".fseventsd/1", b"lost+found/#12",
        b"System Volume Information/x", b"$Recycle.Bin/S-1/x", b"disk/$RECYCLE.BIN/x", b"@eaDir/new\nline",
    ],
)  # fmt: skip
def test_what_systems_put_there(name: bytes) -> None:
    assert is_sidecar(name)
    assert may_be_sidecar(name)


@pytest.mark.parametrize(
    "name",
    [
        b"a.DS_Store", b".DS_Store.txt", b".ds_store", b"MyThumbs.db", b"Thumbs.db/x", b"desktop.ini.bak", b"eaDir/x",
        b"@eaDir", b"x@eaDir/y", b"@eaDir2/y", b"recycle/x", b"lost+found", b"lost+found.txt", b"Trashes/x",
        b"@SynoEAStream", b"a/@SynoEAStreams", b"\n/x", b"",
    ],
)  # fmt: skip
def test_what_only_looks_like_it(name: bytes) -> None:
    assert not is_sidecar(name)


def test_an_appledouble_belongs_to_what_it_is_named_after() -> None:
    assert doubled(b"a/._b.jpg") == b"a/b.jpg"
    assert doubled(b"._b") == b"b"
    assert doubled(b"._") is doubled(b"a/b._c") is doubled(b"._a/b") is doubled(b"") is None
    assert may_be_sidecar(b"a/._b")
    assert not may_be_sidecar(b"a/b")
