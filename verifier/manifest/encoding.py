"""One entry → its line of a native manifest, in the one form that we write.

Text by text rather than by a serializer, since it is what each worker of an inventory loads first: `json`'s encoder is
there in a millisecond, and for one line as fast.
"""

from __future__ import annotations

import base64
from json.encoder import encode_basestring as quote
from typing import NamedTuple


class Counts(NamedTuple):
    """What some lines hold: regular files, links, and bytes of the files."""

    files: int = 0
    links: int = 0
    bytes: int = 0

    def __add__(self, other: object) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(self.files + other.files, self.links + other.links, self.bytes + other.bytes)


def file_line(
    path: bytes,
    size_bytes: int,
    mtime_ns: int | None,
    digest: str | None,
    *,
    pieces: tuple[str, ...] = (),
    hashed_at: str | None = None,
) -> str:
    """Return the line of a regular file, with its newline."""
    line = f'{{{_text("path", path)},"size":{size_bytes}'
    if mtime_ns is not None:
        line += f',"mtime":"{mtime_ns}"'
    if digest is not None:
        line += f',"digest":{quote(digest)}'
    if pieces:
        line += f',"pieces":[{",".join(map(quote, pieces))}]'
    if hashed_at is not None:
        line += f',"hashed":{quote(hashed_at)}'
    return line + "}\n"


def link_line(path: bytes, mtime_ns: int | None, target: bytes) -> str:
    """Return the line of a symbolic link, with its newline."""
    mtime = "" if mtime_ns is None else f',"mtime":"{mtime_ns}"'
    return f'{{{_text("path", path)},"size":0{mtime},{_text("link", target)}}}\n'


def _text(key: str, raw: bytes) -> str:
    """Return a key and raw bytes: as text, or in base64 where they are not UTF-8."""
    try:
        return f'"{key}":{quote(raw.decode())}'
    except UnicodeDecodeError:
        return f'"{key}_b64":"{base64.b64encode(raw).decode("ascii")}"'
