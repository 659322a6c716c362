r"""Entries → lines that another tool's own `-c` accepts in the dataset's folder: `xxhsum`, `sha256sum`, `b3sum`.

Only what each tool can't read raw is escaped, for older versions read no escapes: a newline, and a CR at the end. A
backslash that begins no line stands for itself everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from verifier import relpath
from verifier.entry import Entry
from verifier.errors import ManifestError

FORMATS: Final = {
    "xxhsum": ("xxh3_128", "xxh3_64", "xxh64", "xxh32"),
    "sha256sum": ("sha256",),
    "b3sum": ("blake3",),
}
"""Each tool with the algorithms whose values it checks; the first is what to make a manifest with."""

_NOT_FIRST: Final = (b"-", b" ", b"*")


def check_format(form: str, digest: str | None) -> None:
    """Refuse a tool that can't check a manifest's checksums.

    Raises:
        ManifestError: says which checksums it checks.
    """
    able = FORMATS[form]
    if digest not in able:
        raise ManifestError(
            f"expected checksums of {' or '.join(able)} for {form}, got {digest or 'none'}",
            hint=f"make a manifest with: verifier manifest create --digest {able[0]}",
        )


def lines(entries: Iterable[Entry], *, form: str, digest: str) -> Iterator[bytes]:
    """Yield the line of each regular file, with its newline; symbolic links have none.

    Raises:
        ManifestError: the tool can't read a name.
    """
    is_bsd = digest == "xxh3_64"  # the only form of it that xxhsum 0.8.1 reads
    for entry in entries:
        if entry.link is not None or entry.digest is None:
            continue
        if form == "b3sum":
            _check_for_b3sum(entry.path)
        # A `-` alone would be standard input, and the marks between checksum and name must stay what they are.
        name = b"./" + entry.path if entry.path.startswith(_NOT_FIRST) else entry.path
        mark = b""
        if b"\n" in name or name.endswith(b"\r"):
            mark = b"\\"
            name = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        value = entry.digest.encode("ascii")
        yield mark + (b"XXH3 (%b) = %b\n" % (name, value) if is_bsd else b"%b  %b\n" % (value, name))


def _check_for_b3sum(path: bytes) -> None:
    try:
        readable = "\ufffd" not in path.decode() and b"\r" not in path
    except UnicodeDecodeError:
        readable = False
    if not readable:
        raise ManifestError(
            f"expected names that b3sum can read, in UTF-8 and without CR, got {relpath.show(path)}",
            hint="leave it out with --exclude when the manifest is made, or check with sha256sum",
        )
