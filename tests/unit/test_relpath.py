"""Which paths are refused and why, and how a name from outside is shown."""

from __future__ import annotations

import pytest

from verifier import relpath
from verifier.errors import UnsafePathError


@pytest.mark.parametrize(
    "path",
    [b"a", b"a/b", b"...", b"..a", b"a..", b".a", b"a/.b/..c", b" ", b"\n", b"\xff", b"-rf", b"C:\\x", b"a" * 32_768],
)
def test_plain_relative_paths_are_taken(path: bytes) -> None:
    relpath.check(path)
    relpath.check_all([b"first", path, b"last"])


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (b"", "empty"),
        (b"/", "relative"),
        (b"/etc/passwd", "relative"),
        (b"//a", "relative"),
        (b".", "plain names"),
        (b"..", "plain names"),
        (b"../a", "plain names"),
        (b"a/../b", "plain names"),
        (b"a/..", "plain names"),
        (b"./a", "plain names"),
        (b"a/.", "plain names"),
        (b"a//b", "plain names"),
        (b"a/", "plain names"),
        (b"a\0b", "NUL"),
        (b"a" * 32_769, "at most 32768 bytes, got 32769"),
    ],
)
def test_paths_that_climb_out_or_name_nothing_are_refused(path: bytes, says: str) -> None:
    for refused in (
        lambda: relpath.check(path),
        lambda: relpath.check_all([b"first", path, b"last"]),
        lambda: relpath.check_all([path]),
    ):
        with pytest.raises(UnsafePathError, match=says):
            refused()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"photos/2015/IMG 1.jpg", "photos/2015/IMG 1.jpg"),
        ("Müller/写真/😀".encode(), "Müller/写真/😀"),
        (b"a\nb\tc\r", "a\\nb\\tc\\r"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff".encode(), "zero\\u200bwidth\\ufeff"),
        ("line\u2028end\u2029".encode(), "line\\u2028end\\u2029"),
        ("no\u00a0break 3.00\u202fPM".encode(), "no\\u00a0break 3.00\\u202fPM"),
        ("filler\u3164\u2800".encode(), "filler\\u3164\\u2800"),
        ("\U000e0041".encode(), "\\U000e0041"),
        (b"back\\slash", "back\\\\slash"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"\x7f", "\\x7f"),
        (b"\x85", "\\x85"),  # a byte that is not UTF-8 …
        ("\x85".encode(), "\\u0085"),  # … and the character of that number are two names
        ("soft\xadhyphen".encode(), "soft\\u00adhyphen"),
        ("text\udcff", "text\\xff"),
        ("half\ud800", "half\\ud800"),
        (b"", ""),
    ],
)
def test_names_are_shown_harmlessly(name: bytes | str, shown: str) -> None:
    assert relpath.show(name) == shown


@pytest.mark.parametrize(
    ("path", "path_b64", "says"),
    [
        (None, None, "got none"),
        ("a", "YQ==", "got both"),
        (None, "not base64!", "base64"),
        (None, "YQ", "base64"),
        (None, "Y\nQ==", "base64"),
        (None, "é", "base64"),
        (None, "", "empty"),
        ("half\ud800", None, "Unicode text"),
        ("../a", None, "plain names"),
        (None, "Li4vYQ==", "plain names"),
    ],
)
def test_a_json_form_that_names_no_safe_path_is_refused(path: str | None, path_b64: str | None, says: str) -> None:
    with pytest.raises(UnsafePathError, match=says):
        relpath.from_json(path, path_b64)
