"""The keys by which names of several systems meet."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.spelling import composed, folded, unsubstituted

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
