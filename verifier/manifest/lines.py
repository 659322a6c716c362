"""Entries ↔ lines of a native manifest, thousands at a time.

A block of whole lines is decoded and checked in bulk, which is what makes a million lines take a second; only where
something is wrong are its lines looked at one by one, to say which it is.
"""

from __future__ import annotations

import base64
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from verifier import digest, relpath
from verifier.entry import PIECE_BYTES, Entry, piece_count
from verifier.errors import ManifestError, UnsafePathError
from verifier.manifest.encoding import file_line, link_line

LONGEST_LINE_BYTES: Final = 1024 * 1024
_LARGEST: Final = 2**63 - 1  # what every file system, SQLite and MessagePack hold
_TIME: Final = re.compile(r"-?[0-9]{1,19}\Z")
_TIMES: Final = re.compile(r"[0-9-]*\Z")


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One line as it stands in the file, in the order of its keys."""

    path: str | None = None
    path_b64: str | None = None
    size: int | None = None
    mtime: str | None = None
    digest: str | None = None
    link: str | None = None
    link_b64: str | None = None
    pieces: tuple[str, ...] = ()
    hashed: str | None = None


class LineError(ManifestError):
    """A line in a block is wrong. `index` counts lines from the start of the block."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(message)
        self.index = index


_RARE: Final = operator.attrgetter("path_b64", "link", "link_b64", "pieces", "hashed")
_PLAIN: Final = (None, None, None, (), None)
_decoder: Final = msgspec.json.Decoder(_Line)


def encode(entries: Iterable[Entry]) -> bytes:
    """Return the lines of some entries, each with its newline."""
    return "".join(map(_to_text, entries)).encode()


def _to_text(entry: Entry) -> str:
    if entry.link is not None:
        return link_line(entry.path, entry.mtime_ns, entry.link)
    pieces, hashed_at = entry.pieces, entry.hashed_at
    return file_line(entry.path, entry.size_bytes, entry.mtime_ns, entry.digest, pieces=pieces, hashed_at=hashed_at)


def decode(block: bytes, *, algorithm: str | None, after: bytes) -> list[Entry]:
    """Return the entries of a block of whole lines.

    Args:
        block: lines, each with its newline; at least one.
        algorithm: what the header says that digests are; None where entries have none.
        after: the last path before the block; empty at the start.

    Raises:
        LineError: says which line is wrong, and how.
    """
    try:
        lines = _decoder.decode_lines(block)
        # Python reads "1_0" and " 1" as integers, too; of these characters alone it reads what `_TIME` allows.
        times = "".join([line.mtime for line in lines if line.mtime is not None])
        entries = list(map(_to_entry, lines))
        if _TIMES.match(times) and len(entries) == block.count(b"\n") and _are_right(entries, algorithm, after):
            return entries
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, UnsafePathError, ManifestError, ValueError):
        pass  # which line it was is found below
    raise _explained(block, algorithm, after)


def _to_entry(line: _Line) -> Entry:
    path, mtime = line.path, line.mtime
    if path is None or line.size is None or _RARE(line) != _PLAIN:
        return _to_rare_entry(line)
    return Entry(
        path=path.encode(),
        size_bytes=line.size,
        mtime_ns=None if mtime is None else int(mtime),
        digest=line.digest,
    )


def _to_rare_entry(line: _Line) -> Entry:
    """Return a link, a file in pieces, or one whose name is not UTF-8."""
    path = relpath.from_json(line.path, line.path_b64)
    link = _link(line)
    if link is None and line.size is None:
        raise ManifestError("expected a size or a link, got neither")
    return Entry(
        path=path,
        size_bytes=line.size or 0,
        mtime_ns=None if line.mtime is None else int(line.mtime),
        digest=line.digest,
        link=link,
        pieces=line.pieces,
        hashed_at=line.hashed,
    )


def _link(line: _Line) -> bytes | None:
    if line.link_b64 is None:
        return None if line.link is None else line.link.encode("utf-8")
    if line.link is not None:
        raise ManifestError("expected one of link and link_b64, got both")
    try:
        return base64.b64decode(line.link_b64, validate=True)
    except ValueError as error:
        raise ManifestError("expected base64 in link_b64") from error


def _are_right(entries: Sequence[Entry], algorithm: str | None, after: bytes) -> bool:
    """Tell whether all entries are right: the bulk form of `_check`, which see."""
    paths = [entry.path for entry in entries]
    if paths[0] <= after or not all(map(operator.lt, paths, paths[1:])):
        return False
    relpath.check_all(paths)
    sizes = [entry.size_bytes for entry in entries]
    times = [entry.mtime_ns for entry in entries if entry.mtime_ns is not None]
    if min(sizes) < 0 or max(sizes) > _LARGEST or (times and max(*times, -min(times)) > _LARGEST):
        return False
    rare = [entry for entry in entries if entry.link is not None or entry.pieces]
    for entry in rare:
        _check(entry, algorithm)
    digests = [entry.digest for entry in entries if entry.digest is not None]
    if algorithm is None:
        return not digests
    links = sum(entry.link is not None for entry in rare)
    return len(digests) == len(entries) - links and digest.are_digests(algorithm, digests)


def _explained(block: bytes, algorithm: str | None, after: bytes) -> LineError:
    """Return what is wrong with the first wrong line of a block in which one is."""
    for index, raw in enumerate(block.split(b"\n")[:-1]):
        try:
            line = _decoder.decode(raw)
            _check_time(line.mtime)
            entry = _to_entry(line)
            _check(entry, algorithm)
        except UnicodeDecodeError:
            return LineError("expected UTF-8, got other bytes", index=index)
        except (msgspec.MsgspecError, RecursionError) as error:
            return LineError(f"expected an entry as JSON, got {relpath.show(str(error))}", index=index)
        except (ManifestError, UnsafePathError) as error:
            return LineError(error.message, index=index)
        if entry.path == after:
            return LineError(f"expected each path once, got {relpath.show(entry.path)} twice", index=index)
        if entry.path < after:
            shown = f"{relpath.show(entry.path)} after {relpath.show(after)}"
            return LineError(f"expected paths in the order of their bytes, got {shown}", index=index)
        after = entry.path
    return LineError("expected a line for each entry, got several in one", index=0)


def _check_time(mtime: str | None) -> None:
    if mtime is not None and not _TIME.match(mtime):
        raise ManifestError(f"expected mtime as an integer of nanoseconds in a string, got {relpath.show(mtime[:40])}")


def _check(entry: Entry, algorithm: str | None) -> None:
    """Refuse an entry that can't be: what `_are_right` finds in bulk, with words."""
    relpath.check(entry.path)
    if not 0 <= entry.size_bytes <= _LARGEST:
        raise ManifestError(f"expected a size from 0 to {_LARGEST}, got {entry.size_bytes}")
    if entry.mtime_ns is not None and abs(entry.mtime_ns) > _LARGEST:
        raise ManifestError(f"expected mtime within 64 bits, got {entry.mtime_ns}")
    if entry.link is not None:
        if entry.digest is not None or entry.size_bytes or entry.pieces:
            raise ManifestError("expected a link without size, digest and pieces")
        return
    if algorithm is None:
        if entry.digest is not None or entry.pieces:
            raise ManifestError("expected no digest, since the header states no algorithm")
        return
    for value in (entry.digest or "", *entry.pieces):
        if not digest.is_digest(algorithm, value):
            raise ManifestError(f"expected a digest of {algorithm} in lower-case hex, got {relpath.show(value[:80])}")
    if entry.pieces and len(entry.pieces) != _pieces_due(entry.size_bytes):
        due = _pieces_due(entry.size_bytes)
        raise ManifestError(f"expected {due} pieces for {entry.size_bytes} bytes, got {len(entry.pieces)}")


def _pieces_due(size_bytes: int) -> int:
    return piece_count(size_bytes) if size_bytes > PIECE_BYTES else 0
