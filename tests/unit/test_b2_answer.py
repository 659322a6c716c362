"""The head of an answer: read as HTTP has it, or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.sources.places.b2.answer import MalformedError, parse

GOOD = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nContent-Range: bytes 10-14/99\r\nX-Bz-File-Id: 4_z1"


def test_what_matters_is_read() -> None:
    answer = parse(GOOD)
    assert (answer.status, answer.length_bytes, answer.first, answer.total_bytes) == (206, 5, 10, 99)
    assert (answer.file_id, answer.keep, answer.retry_after) == (b"4_z1", True, None)


def test_names_of_headers_have_no_case_and_values_no_margin() -> None:
    answer = parse(b"HTTP/1.1 503 x\r\nretry-AFTER:  7\t\r\nCONTENT-LENGTH:0")
    assert (answer.retry_after, answer.length_bytes) == (b"7", 0)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1",
        b"HTTP/1.1 200 OK",
    ],
)
def test_a_connection_that_ends_is_not_kept(head: bytes) -> None:
    assert not parse(head).keep


def test_a_chunked_body_states_no_length() -> None:
    answer = parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5")
    assert answer.length_bytes is None
    assert not answer.keep


def test_a_range_that_can_t_be_had_states_the_size() -> None:
    answer = parse(b"HTTP/1.1 416 x\r\nContent-Range: bytes */12\r\nContent-Length: 0")
    assert (answer.first, answer.total_bytes) == (None, 12)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2",
        b"HTTP/2 200",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40,
        b"HTTP/1.1 206 OK\r\nContent-Range: bytes 1-2/*",
        b"HTTP/1.1 206 OK\r\nContent-Range: lines 1-2/3",
    ],
)
def test_what_contradicts_itself_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(head)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: GOOD + b"\r\n" + tail)))
def test_no_bytes_do_harm(head: bytes) -> None:
    with contextlib.suppress(MalformedError):
        answer = parse(head)
        assert 100 <= answer.status <= 599
        assert answer.length_bytes is None or answer.length_bytes >= 0
