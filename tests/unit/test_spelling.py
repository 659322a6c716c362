"""The keys by which names of several systems meet."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.spelling import SPELLINGS, composed, cut, folded, meetings, underscored, unsubstituted, without_conflict

_FORBIDDEN = '"*:<>?\\|'


def test_normal_forms() -> None:
    for text in ("é", "Å", "한국어", "ﬁ", "Ω", "ệ"):
        nfc = unicodedata.normalize("NFC", text).encode()
        assert composed(nfc) == composed(unicodedata.normalize("NFD", text).encode()) == nfc
    assert composed("ﬁ".encode()) != composed(b"fi")  # a compatibility form is another name


@pytest.mark.parametrize("name", [b"", b"plain.txt", b"\xff\xfe", b"K\xc3", b"\xed\xa0\x80", b"a\xffe\xcc\x81"])
def test_bytes_that_are_no_text_stay(name: bytes) -> None:
    assert composed(name).replace("é".encode(), b"e\xcc\x81") == name
    assert unsubstituted(name).replace("é".encode(), b"e\xcc\x81") == name


@pytest.mark.parametrize("character", _FORBIDDEN)
def test_forbidden_characters_and_their_look_alikes(character: str) -> None:
    look_alike = chr(ord(character) + 0xFEE0)

    assert unsubstituted(f"a{look_alike}b".encode()) == f"a{character}b".encode()
    assert unsubstituted(f"a\u201b{look_alike}b".encode()) == f"a{look_alike}b".encode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("␊", "\n"), ("␍", "\r"), ("␉", "\t"), ("␛", "\x1b"), ("␡", "\x7f"), ("␀", "\0"), ("a␠", "a "), ("a\uff0e", "a.")],
)
def test_control_characters_and_ends(written: str, meant: str) -> None:
    assert unsubstituted(written.encode()) == meant.encode()


def test_case() -> None:
    assert folded(b"README") == folded(b"readme")
    assert folded(b"STRASSE") == folded("Straße".encode())
    assert folded("É".encode()) == folded(b"e\xcc\x81")
    assert folded(b"\xff") != folded(b"\xfe")


@pytest.mark.parametrize(
    ("how", "written", "meant"),
    [
        ("private-use characters as a Mac and Samba write", "\uf020\uf021\uf022\uf023\uf024", '"*:<>'),
        ("private-use characters as a Mac and Samba write", "\uf025\uf026\uf027 a\uf028b\uf029\uf00a", "?\\| a b.\n"),
        ("private-use characters as Windows' subsystems write", "\uf022\uf02a\uf03a\uf03c\uf03e", '"*:<>'),
        (
            "private-use characters as Windows' subsystems write",
            "\uf03f\uf05c\uf07ca\uf020b\uf02e\uf01f",
            "?\\|a b.\x1f",
        ),
        ("Samba's catia substitutions", "¨¤÷«»¿ÿ¦", '"*:<>?\\|'),
    ],
)
def test_characters_that_stand_for_forbidden_ones(how: str, written: str, meant: str) -> None:
    (spelling,) = (one for one in SPELLINGS if one.how == how)
    assert spelling.key(written.encode()) == meant.encode()
    assert spelling.marks.search(written.encode())
    assert spelling.key(b"plain") == b"plain"
    assert spelling.key(b"\xff\xfe") == b"\xff\xfe"


def test_underscores_and_ends() -> None:
    assert underscored(b'a"b*c:d<e>f?g\\h|i\x01/j. ') == b"a_b_c_d_e_f_g_h_i_/j. "
    assert cut(b"a. /b..c/d:e...") == b"a/b..c/d_e"
    assert underscored("e\u0301?".encode()) == "é_".encode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a_Andy-PC_Jan-03-0901-2013_CaseConflict_1.txt", "a.txt"),
        ("a_b_PC_11-19-114254-2025_CaseConflict.txt", "a_b.txt"),
        ("end._DiskStation_Aug-12-1234-2021_TailCharacterConflict", "end"),
        ("dir _NAS_Jan-03-0901-2013_WhiteSpaceConflict/x.txt", "dir/x.txt"),
        ("a_PC_Jan-12-2342-2016_CaseConflict_PC_Jan-12-2351-2016_CaseConflict.md", "a.md"),
        ("Foo_CaseConflict.txt", "Foo.txt"),
        ("a_PC_Jan-03-0901-2013_Conflict.txt", "a_PC_Jan-03-0901-2013_Conflict.txt"),  # another version, not a rename
        ("notes on a CaseConflict.txt", "notes on a CaseConflict.txt"),
    ],
)
def test_what_a_synology_appends(written: str, meant: str) -> None:
    assert without_conflict(written.encode()) == meant.encode()


def test_only_tries_that_can_find_something_are_made() -> None:
    assert [one.how for one in meetings([b"plain", b"a.txt"], [b"other"])] == ["Unicode normal form"]
    assert {one.how for one in meetings([b"a:b"], [b"a_b"])} == {
        "Unicode normal form", "_ for what Windows forbids", "_ for what Windows forbids at a name's end",
        "dots and spaces cut from a name's end",
    }  # fmt: skip
    both = [one.how for one in meetings(["a\u240a".encode()], ["b\u240a".encode()])]
    assert both == ["Unicode normal form", "rclone's substitutions", "rclone's substitutions"]


@given(st.text("aé:?_.\u0301\uf022\uf03a÷␊ /", max_size=8).map(str.encode))
def test_a_name_without_marks_is_not_changed_beyond_its_form(name: bytes) -> None:
    """Or a try that would have found something is left out."""
    for spelling in SPELLINGS:
        if not spelling.marks.search(name):
            assert spelling.key(name) == spelling.plain(name), spelling.how


@given(st.binary(max_size=12) | st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_keys_are_stable_and_total(name: bytes) -> None:
    assert composed(composed(name)) == composed(name)
    assert isinstance(unsubstituted(name), bytes)
    assert isinstance(folded(name), bytes)
    assert composed(name).isascii() == name.isascii() or not name.isascii()


@given(st.text("aé\u0301␊\uff0a*\n\u201b", max_size=6))
def test_what_meets_by_form_meets_by_the_looser_keys_too(text: str) -> None:
    other = unicodedata.normalize("NFD", text).encode()

    assert unsubstituted(other) == unsubstituted(unicodedata.normalize("NFC", text).encode())
    assert folded(other) == folded(unicodedata.normalize("NFC", text).encode())
