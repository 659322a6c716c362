"""The head of an HTTP/1.1 answer, as bytes → what matters of it for a download (RFC 9110 and 9112)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST_HEAD_BYTES: Final = 65_536
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\Z)")
_NUMBER: Final = re.compile(rb"[0-9]{1,18}\Z")
_RANGE: Final = re.compile(rb"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18})\Z")


class MalformedError(ValueError):
    """What came is no answer that a download could be taken from."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What an answer's head states. `total_bytes` is the whole file's size, `first` where the body begins in it.

    `length_bytes` is None where the body's length is not stated, so that its end can't be told from a cut.
    """

    status: int
    length_bytes: int | None
    first: int | None
    total_bytes: int | None
    file_id: bytes | None
    retry_after: bytes | None
    keep: bool


def parse(head: bytes) -> Answer:
    """Return what a head states; `head` is without the empty line that ends it.

    Raises:
        MalformedError: it is no HTTP/1.1, or contradicts itself.
    """
    first_line, *lines = head.split(b"\r\n")
    status = _STATUS.match(first_line)
    if status is None:
        raise MalformedError("no status")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if not colon or (name == b"content-length" and headers.get(name, value) != value):
            raise MalformedError("a broken header")
        headers[name] = value
    length = _number(headers.get(b"content-length"))
    if b"transfer-encoding" in headers:
        length = None
    first, total = _range(headers.get(b"content-range"))
    keep = headers.get(b"connection", b"").lower() != b"close" and first_line.startswith(b"HTTP/1.1")
    return Answer(
        status=int(status[1]),
        length_bytes=length,
        first=first,
        total_bytes=total,
        file_id=headers.get(b"x-bz-file-id"),
        retry_after=headers.get(b"retry-after"),
        keep=keep and length is not None,
    )


def _number(text: bytes | None) -> int | None:
    if text is None:
        return None
    if not _NUMBER.match(text):
        raise MalformedError("a length that is no number")
    return int(text)


def _range(text: bytes | None) -> tuple[int | None, int | None]:
    """Return where a body begins, and of how many bytes it is a part."""
    if text is None:
        return None, None
    match = _RANGE.match(text)
    if match is None:
        raise MalformedError("a broken range")
    return None if match[1] is None else int(match[1]), int(match[3])
