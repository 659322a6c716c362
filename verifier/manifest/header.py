"""The first line of a manifest: of what it was made, when, where, how, and what was left out.

`left_out` counts, by reason, what the folder held and the manifest does not, so that no exclusion and no unreadable
file hides a loss; a bounded number of names stands beside each count.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from verifier import digest, relpath
from verifier.errors import ManifestError

VERSION: Final = "verifier/1"

_RFC_3339_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)\Z", re.ASCII)


RawPath = bytes  # under this name inside `Left`, where `bytes` is a field


class Name(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A path in either form (see `relpath.to_json`)."""

    path: str | None = None
    path_b64: str | None = None


class Left(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was left out for one reason: files, their bytes as far as they are known, and the first names."""

    files: int
    bytes: int
    paths: tuple[Name, ...] = ()

    def names(self) -> list[RawPath]:
        """Return the names as raw paths."""
        return [relpath.from_json(name.path, name.path_b64) for name in self.paths]


_NOTHING: Final = Left(files=0, bytes=0)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not in the manifest, by reason.

    `excluded` was asked for; `unreadable` refused itself; `cloud_only` files are placeholders whose bytes are elsewhere
    and were not fetched; `changing` ones never stood still; `special` are pipes, sockets and devices.
    """

    excluded: Left = _NOTHING
    unreadable: Left = _NOTHING
    cloud_only: Left = _NOTHING
    changing: Left = _NOTHING
    special: Left = _NOTHING


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the manifest was made: the address that was read, on which machine."""

    address: str
    machine: str


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The facts of a manifest; the order of fields is the order in the file.

    `created` is RFC 3339 in UTC, taken before the first byte was read. `digest` is None where nothing was read and the
    entries hold names, sizes and times only. Of another program's list `created` and `origin` are
    empty, which no manifest of ours may say. `previous` is the identity of the manifest that this one follows.
    """

    manifest: str = VERSION
    dataset: str
    created: str
    origin: Origin
    digest: str | None
    exclude: tuple[str, ...] = ()
    left_out: LeftOut = LeftOut()
    previous: str | None = None

    @property
    def created_ns(self) -> int:
        """Return `created` in nanoseconds since 1970.

        Raises:
            ManifestError: the manifest does not state it.
        """
        return parse_time(self.created)


def parse_time(text: str) -> int:
    """Return nanoseconds since 1970 of a time in RFC 3339, which must be in UTC.

    Raises:
        ManifestError: it is none.
    """
    match = _RFC_3339_UTC.match(text)
    try:
        # What the expression does not match is no date either.
        whole = datetime.fromisoformat(match[1] if match else "").replace(tzinfo=UTC)
    except ValueError:
        raise ManifestError(f"expected a time like 2026-11-22T18:30:00Z, got {relpath.show(text)}") from None
    fraction = (match and match[2]) or ""
    return int(whole.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0"))


def write_time(time: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(header: Header) -> bytes:
    """Return the first line, with its newline."""
    return msgspec.json.encode(header) + b"\n"


def decode(line: bytes) -> Header:
    """Return the header that a first line holds.

    Raises:
        ManifestError: it is no header of this version, or holds something that can't be.
    """
    try:
        fields: Any = msgspec.json.decode(line)
        version = fields.get("manifest") if isinstance(fields, dict) else None
        if version != VERSION:
            raise _wrong_version(version)
        header = msgspec.convert(fields, Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"expected the header of a manifest, got {relpath.show(str(error))}") from error
    if header.digest is not None and header.digest not in digest.WRITTEN:
        known = ", ".join(digest.WRITTEN)
        raise ManifestError(f"expected a digest of {known}, got {relpath.show(header.digest)}")
    if header.previous is not None and not digest.is_digest("sha256", header.previous):
        raise ManifestError(f"expected the SHA-256 of a manifest as previous, got {relpath.show(header.previous)}")
    parse_time(header.created)
    _check_left_out(header.left_out)
    return header


def _wrong_version(version: object) -> ManifestError:
    if not isinstance(version, str):
        return ManifestError(f'expected {{"manifest": "{VERSION}", …}} in the first line, got no version')
    hint = "a newer version of this program made it" if version.startswith("verifier/") else None
    return ManifestError(f"expected a manifest of version {VERSION}, got {relpath.show(version)}", hint=hint)


def _check_left_out(left_out: LeftOut) -> None:
    for reason in left_out.__struct_fields__:
        left: Left = getattr(left_out, reason)
        if left.files < 0 or left.bytes < 0:
            raise ManifestError(f"expected counts of what was left out as {reason}, got a negative one")
        left.names()
