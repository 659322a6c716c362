"""The generations of a folder that their owner has accepted ↔ the file `ACCEPTED` beside them.

One JSON object a line: `{"accepted": IDENTITY, "at": RFC 3339}`. It stands beside the manifests rather than in one,
since a manifest's identity is that of its bytes: what was accepted is exactly that content, and a manifest that is
swapped for another one is not. Whoever can swap a manifest can write here, too; a drill shows what was accepted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from verifier import digest, relpath
from verifier.errors import ManifestError
from verifier.manifest.header import parse_time, write_time
from verifier.manifest.placing import replacing

NAME: Final = "ACCEPTED"

_LARGEST_BYTES: Final = 1024 * 1024


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    accepted: str
    at: str


def read_accepted(folder: Path) -> dict[str, str]:
    """Return the identities of what was accepted, each with when: in RFC 3339. Empty where there is no such file.

    Raises:
        ManifestError: the file can't be read, or a line is none of ours.
    """
    file = folder / NAME
    shown = relpath.show(os.fsencode(file))
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ManifestError(f"can't read {shown}: {error.strerror}") from error
    if len(data) > _LARGEST_BYTES:
        raise ManifestError(f"expected at most 1 MiB of what was accepted in {shown}, got more")
    return dict(_decode(line, f"{shown}:{number}") for number, line in enumerate(data.splitlines(), start=1))


def _decode(line: bytes, place: str) -> tuple[str, str]:
    try:
        decoded = msgspec.json.decode(line, type=_Line)
        parse_time(decoded.at)
    except (msgspec.MsgspecError, UnicodeDecodeError, ManifestError) as error:
        raise ManifestError(f"{place}: expected what was accepted, got {relpath.show(str(error))}") from error
    if not digest.is_digest("sha256", decoded.accepted):
        raise ManifestError(f"{place}: expected the identity of a manifest, got {relpath.show(decoded.accepted)}")
    return decoded.accepted, decoded.at


def accept(folder: Path, identities: Iterable[str], *, at: datetime) -> None:
    """Write down that these manifests are meant as they are; one that was accepted before keeps its time.

    Raises:
        ManifestError: what was accepted before can't be read.
        WriteError: it could not be written.
    """
    known = read_accepted(folder)
    _write(folder, {**dict.fromkeys(identities, write_time(at)), **known})


def _write(folder: Path, accepted: Mapping[str, str]) -> None:
    with replacing(folder / NAME) as file:
        for identity, moment in sorted(accepted.items(), key=lambda pair: (pair[1], pair[0])):
            file.write(msgspec.json.encode(_Line(accepted=identity, at=moment)) + b"\n")
