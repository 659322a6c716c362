"""Every name is shown as one harmless line that no other name is shown as; every path survives JSON."""

from __future__ import annotations

import contextlib
import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verifier import relpath
from verifier.errors import UnsafePathError

ODD = st.sampled_from(
    [b"\\", b"\\x85", b"\x85", b"\xc2\x85", b"\\u0085", b"\n", b"n", b"\xe2\x80\xae", b"\xff", b"\xc2", b"\xa0", b" "]
)
NAMES = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.one_of(ODD, st.binary(max_size=2)), max_size=8).map(b"".join),
)
PATHS = st.one_of(NAMES, st.lists(st.sampled_from([b"", b".", b"..", b"a", b"\0", b"b."]), max_size=4).map(b"/".join))


def unshown(text: str) -> bytes:
    """Read a shown name back, by the rules that the documentation of `show` gives."""
    raw = bytearray()
    position = 0
    while position < len(text):
        if text[position] != "\\":
            raw += text[position].encode()
            position += 1
            continue
        letter = text[position + 1]
        digits = {"x": 2, "u": 4, "U": 8}.get(letter, 0)
        number = (
            int(text[position + 2 : position + 2 + digits], 16)
            if digits
            else ord({"n": "\n", "t": "\t", "r": "\r"}.get(letter, letter))
        )
        raw += bytes([number]) if letter == "x" else chr(number).encode()
        position += 2 + digits
    return bytes(raw)


@given(NAMES)
@example(b"\x85")
@example(b"\xc2\x85")
def test_what_is_shown_leads_back_to_the_name_and_to_no_other(name: bytes) -> None:
    assert unshown(relpath.show(name)) == name


@given(NAMES)
def test_what_is_shown_is_one_printable_line_that_runs_one_way_only(name: bytes) -> None:
    shown = relpath.show(name)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.bidirectional(character) for character in shown} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN", "B",
    }  # fmt: skip
    shown.encode("utf-8")


@given(NAMES)
def test_text_is_shown_as_its_bytes_are(name: bytes) -> None:
    assert relpath.show(name.decode("utf-8", "surrogateescape")) == relpath.show(name)


@given(PATHS)
def test_the_quick_check_is_the_plain_one(path: bytes) -> None:
    names = path.split(b"/")
    safe = bool(path) and b"\0" not in path and not {b"", b".", b".."} & set(names)
    with contextlib.nullcontext() if safe else pytest.raises(UnsafePathError) as caught:
        relpath.check(path)
    assert caught is None or caught.value.message.isprintable()


@given(st.lists(PATHS, max_size=5))
def test_many_are_checked_as_each_is(paths: list[bytes]) -> None:
    said: list[str] = []
    for check in (lambda: relpath.check_all(paths), lambda: [relpath.check(path) for path in paths]):
        try:
            check()
        except UnsafePathError as error:
            said.append(error.message)
        else:
            said.append("")
    assert said[0] == said[1]


@given(PATHS)
def test_json_gives_back_each_path_that_is_safe(path: bytes) -> None:
    form = json.loads(json.dumps(relpath.to_json(path)))
    assert len(form) == 1
    safe = False
    with contextlib.suppress(UnsafePathError):
        relpath.check(path)
        safe = True
    try:
        back = relpath.from_json(form.get("path"), form.get("path_b64"))
    except UnsafePathError:
        assert not safe
    else:
        assert safe
        assert back == path
