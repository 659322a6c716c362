"""Versions → what the bucket holds: the newest of each name, unless it is hidden."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from verifier.entry import Listed
from verifier.sources.interface import ObjectLock
from verifier.sources.places.b2.listing import Page, Tally, Version, current


def version(name: str, action: str = "upload", **more: Any) -> Version:
    stated = {"fileName": name, "action": action, "fileId": f"id-{name}-{action}", "contentLength": 3, **more}
    return msgspec.convert(stated, Version)


def listed(*pages: list[Version], prefix: str = "") -> tuple[list[Listed], Tally]:
    tally = Tally()
    found = current((Page(files=page, next_file_name=None, next_file_id=None) for page in pages), prefix, tally)
    return list(found), tally


def names(*pages: list[Version], prefix: str = "") -> list[bytes]:
    return [one.name for one in listed(*pages, prefix=prefix)[0]]


def test_the_newest_version_of_a_name_is_the_one() -> None:
    found, tally = listed([version("a", fileId="new"), version("a", fileId="old"), version("b")])
    assert [(one.name, one.locator) for one in found] == [(b"a", "new"), (b"b", "id-b-upload")]
    assert tally.older == 1


def test_versions_of_a_name_on_two_pages_are_one_file() -> None:
    found, _ = listed([version("a", fileId="new")], [version("a", fileId="old"), version("b")])
    assert [one.locator for one in found] == ["new", "id-b-upload"]


def test_a_name_whose_newest_version_hides_it_is_not_held() -> None:
    found, tally = listed([version("a", "hide", fileInfo=None, contentLength=0), version("a"), version("b")])
    assert [one.name for one in found] == [b"b"]
    assert (tally.hidden, tally.older) == (1, 1)


def test_a_file_that_was_hidden_and_came_back_is_held() -> None:
    assert names([version("a"), version("a", "hide"), version("a", fileId="first")]) == [b"a"]


def test_an_upload_that_never_ended_is_told_and_is_no_file() -> None:
    found, tally = listed([version("a", "start", contentLength=None), version("a"), version("b", "start")])
    assert [one.name for one in found] == [b"a"]
    assert tally.unfinished == 2
    assert list(tally.notes()) == [
        "large files whose upload never ended, which cost storage and are no backup: 2",
    ]


def test_folders_are_no_files() -> None:
    folders = [version("a/", "folder", fileId=None), version("marker/", contentLength=0)]
    found, tally = listed([*folders, version("z")])
    assert [one.name for one in found] == [b"z"]
    assert tally.folders == 2


def test_names_are_relative_to_the_prefix_and_of_nothing_beside_it() -> None:
    assert names([version("photos/a"), version("photos2/b"), version("photos/c")], prefix="photos/") == [b"a", b"c"]


def test_a_name_that_is_no_unicode_is_kept_apart() -> None:
    assert names([version("\ud800"), version("ü")]) == [b"\xed\xa0\x80", "ü".encode()]


@pytest.mark.parametrize(
    ("info", "time_ns"),
    [
        ({"src_last_modified_millis": "1700000000123"}, 1_700_000_000_123_000_000),
        ({"Src_Last_Modified_Millis": "1"}, 1_000_000),
        ({"src_last_modified_millis": "-5"}, -5_000_000),
        ({"src_last_modified_millis": ""}, None),
        ({"src_last_modified_millis": "1e3"}, None),
        ({"src_last_modified_millis": "1700000000123\n"}, None),
        ({"src_last_modified_millis": "99999999999999"}, None),
        ({"src_last_modified_millis": "٣"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_time_is_the_source_file_s_or_none(info: dict[str, str] | None, time_ns: int | None) -> None:
    found, _ = listed([version("a", fileInfo=info, uploadTimestamp=1_800_000_000_000)])
    assert found[0].mtime_ns == time_ns


def test_an_action_of_the_future_is_no_file() -> None:
    found, _ = listed([version("a", "teleport"), version("b", "copy")])
    assert [one.kind for one in found] == ["other", "file"]


@pytest.mark.parametrize("wrong", [{"fileName": 5}, {"contentLength": -1}, {"contentLength": "3"}, {"fileInfo": []}])
def test_what_is_no_version_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        version("a", **wrong)


def _retention(mode: str | None, until_ms: int | None, *, may_read: bool = True) -> dict[str, Any]:
    value = {"mode": mode, "retainUntilTimestamp": until_ms} if may_read else None
    return {"fileRetention": {"isClientAuthorizedToRead": may_read, "value": value}}


def test_the_lock_of_every_file_that_is_held_is_counted() -> None:
    kept, sooner = _retention("compliance", 1_800_000_000_000), _retention("governance", 1_700_000_000_000)
    _, tally = listed([version("a", **kept), version("a", **_retention(None, None)), version("b", "hide", **kept)])
    assert tally.lock == ObjectLock(
        files=1, locked_files=1, untold_files=0, until=datetime.fromtimestamp(1_800_000_000, UTC), modes=("compliance",)
    )
    assert tally.versions == 3
    _, tally = listed([version("a", **kept), version("b", **sooner), version("c", **_retention(None, None))])
    assert tally.lock == ObjectLock(
        files=3,
        locked_files=2,
        untold_files=0,
        until=datetime.fromtimestamp(1_700_000_000, UTC),
        modes=("compliance", "governance"),
    )


def test_what_a_key_may_not_ask_is_not_told() -> None:
    _, tally = listed([version("a", **_retention("compliance", 1, may_read=False)), version("b")])
    assert tally.lock == ObjectLock(files=2, locked_files=0, untold_files=2)
    assert listed([])[1].lock is None


@pytest.mark.parametrize(
    ("mode", "until_ms"),
    [("forever", 1_800_000_000_000), ("compliance", None), ("compliance", 0), ("compliance", 10**18)],
)
def test_a_lock_of_no_known_kind_or_end_is_none(mode: str, until_ms: int | None) -> None:
    _, tally = listed([version("a", **_retention(mode, until_ms))])
    assert tally.lock == ObjectLock(files=1, locked_files=0, untold_files=0)
