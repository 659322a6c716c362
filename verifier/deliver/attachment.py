"""Bundles → one zip for a mail, within a limit; what does not fit or names too many files is left out, and named."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

LISTS: Final = ("findings.jsonl", "outcomes.jsonl.zst")
"""Every finding and every file that was drawn, by name: only where the scenario asks for all."""

# What proves most in the fewest bytes comes first, for it is what must fit.
_IN_ORDER: Final = (
    "SHA256SUMS",
    "SHA256SUMS.sig",
    "attestation.json",
    "report.md",
    "report.html",
    "proof.json",
    *LISTS,
)
_CHUNK_BYTES: Final = 1 << 18
_AROUND_EACH_BYTES: Final = 256  # headers of a zip's member, without its name, twice
_AS_SENT_PER_BYTE: Final = 78 / 57  # base64 in lines of 76 characters and CRLF, of 57 bytes each
_THE_FIRST_YEAR: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """The bytes of a zip, None where nothing is in it, and the sentences on what it holds and what it lacks."""

    data: bytes | None
    notes: tuple[str, ...]


def attach(bundles: Sequence[Path], *, whole: bool, limit_bytes: int) -> Attachment:
    """Return the zip of some bundles, the first of which are the most important.

    Args:
        bundles: their folders, REPORTS/<scenario>/<name>.
        whole: with the lists of all findings and outcomes.
        limit_bytes: what it may take in a mail, where base64 makes it larger by a third.
    """
    left_bytes = limit_bytes / _AS_SENT_PER_BYTE - _AROUND_EACH_BYTES
    buffer = io.BytesIO()
    too_large: list[str] = []
    unreadable: list[str] = []
    held = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for rank in _IN_ORDER if whole else _IN_ORDER[: -len(LISTS)]:
            for bundle in bundles:
                name = f"{bundle.parent.name}/{bundle.name}/{rank}"
                try:
                    size_bytes = _packed_bytes(bundle / rank, at_most=left_bytes - _AROUND_EACH_BYTES - 2 * len(name))
                    if size_bytes is None:
                        too_large.append(name)
                        continue
                    _add(archive, name, bundle / rank)
                except FileNotFoundError:
                    continue  # unsigned, or a report that nobody asked for
                except OSError:
                    unreadable.append(name)
                    continue
                left_bytes -= size_bytes + _AROUND_EACH_BYTES + 2 * len(name)
                held += 1
    notes = _notes(held=held, whole=whole, bundles=len(bundles), too_large=too_large, unreadable=unreadable)
    return Attachment(data=buffer.getvalue() if held else None, notes=tuple(notes))


def _notes(
    *, held: int, whole: bool, bundles: int, too_large: Sequence[str], unreadable: Sequence[str]
) -> Iterator[str]:
    if held:
        yield "Attached is what the drill left, as a zip; in it, sha256sum -c --ignore-missing SHA256SUMS checks it."
    if bundles and not whole:
        yield f"Left out, because they name files: {' and '.join(LISTS)}. The report names what is damaged."
    if too_large:
        yield f"Left out, because the attachment would be larger than it may be: {_named(too_large)}."
    if unreadable:
        yield f"Left out, because it could not be read: {_named(unreadable)}."


def _named(names: Sequence[str], most: int = 10) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _packed_bytes(path: Path, *, at_most: float) -> int | None:
    """Return how small a file is packed, or None where that is more than allowed; no file is held in memory for it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size_bytes = 0
    with _open(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            size_bytes += len(packer.compress(chunk))
            if size_bytes > at_most:
                return None
    size_bytes += len(packer.flush())
    return size_bytes if size_bytes <= at_most else None


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    # No time and no owner of the file: the same bundle makes the same zip.
    member = zipfile.ZipInfo(name, _THE_FIRST_YEAR)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    with _open(path) as file, archive.open(member, "w", force_zip64=False) as inside:
        while chunk := file.read(_CHUNK_BYTES):
            inside.write(chunk)


def _open(path: Path) -> BinaryIO:
    """Open a regular file: a link would lead out of the bundle, a pipe would be waited for without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = open(descriptor, "rb")  # noqa: PTH123, SIM115 - a descriptor has no path; the caller closes it
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError("not a regular file")
    return file
