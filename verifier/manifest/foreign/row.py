"""One line of a list as its format reads it → an entry's path, checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec

from verifier import relpath
from verifier.errors import UnsafePathError

Relative = Callable[[bytes], bytes]
"""Absolute path, with `/` between names → the path relative to the dataset's root."""

_DRIVE: Final = re.compile(rb"[A-Za-z]:[/\\]")


class Row(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a line says of one file. `number` is the line's; `size_bytes` and `mtime_ns` None where it states none."""

    path: bytes
    number: int
    digest: str
    size_bytes: int | None = None
    mtime_ns: int | None = None


def checked_path(name: bytes, *, windows: bool = False, relative: Relative | None = None) -> bytes:
    r"""Return the relative path that a list's name means.

    A leading `./` is dropped. `windows` says that `\` stands between names, as it does behind a drive letter anyway.

    Raises:
        UnsafePathError: the path is absolute and no `relative` was given, climbs out, or can't be one.
    """
    rooted = _DRIVE.match(name) is not None
    if windows or rooted:
        name = name.replace(b"\\", b"/")
    if rooted or name.startswith(b"/"):
        if relative is None:
            raise UnsafePathError(
                f"expected a relative path, got {relpath.show(name)}", hint="name the folder it starts at with --root"
            )
        name = relative(name)
    while name.startswith(b"./"):
        name = name[2:]
    relpath.check(name)
    return name
