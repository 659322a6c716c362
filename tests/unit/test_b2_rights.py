"""A key's rights: those that could change the copy are warned of, with the command that makes a better key."""

from __future__ import annotations

import shlex

from verifier.demo.b2_server.simulator import READING
from verifier.sources.places.b2 import rights
from verifier.sources.places.b2.address import B2Address

PHOTOS = B2Address(bucket="family-backup", prefix="Anna's photos/")


def test_a_key_that_only_reads_is_not_warned_of() -> None:
    assert rights.warnings(READING, PHOTOS) == ()
    assert rights.warnings((), PHOTOS) == ()


def test_each_right_to_change_is_warned_of() -> None:
    for right in ("writeFiles", "deleteFiles", "deleteKeys", "writeFileRetentions", "bypassGovernance"):
        (warning,) = rights.warnings([*READING, right], PHOTOS)
        assert right in warning
        assert "readFiles)" not in warning


def test_the_command_is_one_that_a_shell_takes_and_gives_no_such_right() -> None:
    (warning,) = rights.warnings(["writeFiles"], PHOTOS)
    words = shlex.split(warning[warning.index("b2 key create") :])
    assert words[:4] == ["b2", "key", "create", "--bucket"]
    assert words[words.index("--name-prefix") + 1] == PHOTOS.prefix
    given = words[-1].split(",")
    assert {"listBuckets", "listFiles", "readFiles"} <= set(given)
    assert not any(rights.changes(right) for right in given)


def test_rights_are_named_in_order_and_harmlessly() -> None:
    assert rights.note(["readFiles", "listFiles"]) == "the key may listFiles, readFiles"
    assert "\x1b" not in rights.note(["\x1b[31m"])
    assert rights.note([]) == "the key may do nothing"
