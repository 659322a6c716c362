"""Pages of file versions → what the bucket holds now: the newest version of each name, where it is not hidden.

Versions of a name come together, the newest first. A large file whose upload never ended stands among them and is no
backup of anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from verifier.entry import Listed
from verifier.sources.interface import ObjectLock

_MODIFIED: Final = "src_last_modified_millis"
_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,15}\Z")
_LAST_NS: Final = 2**63 - 1  # what tables on disk hold
_NS_IN_MS: Final = 1_000_000
_FILES: Final = ("upload", "copy")
_MODES: Final = ("compliance", "governance")
_LAST_MS: Final = 253_402_300_799_000  # the end of the year 9999


class _Kept(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    mode: str | None = None
    retain_until_timestamp: int | None = None


class _Retention(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What B2 states of a version's Object Lock, to a key that may ask."""

    is_client_authorized_to_read: bool = False
    value: _Kept | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What B2 states of one version, as far as it is needed. An upload time is not: it is not the file's."""

    file_name: str
    action: str
    file_id: str | None = None
    content_length: Annotated[int, msgspec.Meta(ge=0)] | None = None
    file_info: dict[str, str] | None = None
    file_retention: _Retention | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One answer of `b2_list_file_versions`; both names of the next page are None at the end."""

    files: list[Version]
    next_file_name: str | None
    next_file_id: str | None


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was passed over, and what the files that were not state of Object Lock.

    `until_ms` is the earliest end of a lock, in milliseconds since 1970.
    """

    versions: int = 0
    unfinished: int = 0
    hidden: int = 0
    older: int = 0
    folders: int = 0
    files: int = 0
    locked_files: int = 0
    untold_files: int = 0
    until_ms: int | None = None
    modes: set[str] = field(default_factory=set)

    def add_retention(self, retention: _Retention | None) -> None:
        """Count one file that is held, and what is stated of its lock."""
        self.files += 1
        if retention is None or not retention.is_client_authorized_to_read:
            self.untold_files += 1
            return
        kept = retention.value
        if kept is None or kept.mode not in _MODES or not 0 < (kept.retain_until_timestamp or 0) <= _LAST_MS:
            return
        until_ms = kept.retain_until_timestamp or 0
        self.locked_files += 1
        self.until_ms = until_ms if self.until_ms is None else min(self.until_ms, until_ms)
        self.modes.add(kept.mode)

    @property
    def lock(self) -> ObjectLock | None:
        """What all files state of Object Lock; None where there are none."""
        if not self.files:
            return None
        return ObjectLock(
            files=self.files,
            locked_files=self.locked_files,
            untold_files=self.untold_files,
            until=None if self.until_ms is None else datetime.fromtimestamp(self.until_ms // 1_000, UTC),
            modes=tuple(sorted(self.modes)),
        )

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each kind that there is."""
        if self.unfinished:
            yield f"large files whose upload never ended, which cost storage and are no backup: {self.unfinished:,}"
        if self.hidden:
            yield f"names that are hidden by their newest version, and so not held: {self.hidden:,}"
        if self.older:
            yield f"older versions, which were not looked at: {self.older:,}"


def current(pages: Iterable[Page], prefix: str, tally: Tally) -> Iterator[Listed]:
    """Yield the newest version of each name, with the name relative to `prefix`; count what is passed over."""
    settled: str | None = None
    for page in pages:
        tally.versions += len(page.files)
        for version in page.files:
            name = version.file_name
            if version.action == "start":
                tally.unfinished += 1
            elif version.action == "folder" or (name.endswith("/") and not version.content_length):
                tally.folders += 1
            elif name == settled:
                tally.older += 1
            elif name.startswith(prefix):
                settled = name
                if version.action == "hide":
                    tally.hidden += 1
                else:
                    tally.add_retention(version.file_retention)
                    yield _listed(version, name[len(prefix) :])


def _listed(version: Version, name: str) -> Listed:
    return Listed(
        # A name that JSON holds and Unicode doesn't (half a surrogate pair) is a name all the same.
        name=name.encode("utf-8", "surrogatepass"),
        size_bytes=version.content_length or 0,
        mtime_ns=_modified_ns(version.file_info or {}),
        # An action that B2 does not have today is told, not taken for a file.
        kind="file" if version.action in _FILES and version.file_id else "other",
        locator=version.file_id,
    )


def _modified_ns(info: dict[str, str]) -> int | None:
    """Return the time of the source's file, where whoever uploaded it said so."""
    text = info.get(_MODIFIED)
    if text is None:
        text = next((value for key, value in info.items() if key.lower() == _MODIFIED), "")
    modified_ns = int(text) * _NS_IN_MS if _MILLISECONDS.match(text) else None
    return modified_ns if modified_ns is not None and abs(modified_ns) <= _LAST_NS else None
