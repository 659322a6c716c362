"""`b2://bucket/prefix` → the bucket and the prefix, which ends in `/`, so that `photos` never means `photos2`, too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from verifier import relpath
from verifier.errors import UnsafePathError, UsageError

_START: Final = re.compile(r"b2://", re.IGNORECASE)
_BUCKET: Final = re.compile(r"[A-Za-z0-9-]{1,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class B2Address:
    """Where a copy lies in B2. `prefix` is empty, or ends in `/`."""

    bucket: str
    prefix: str

    def below(self, folder: bytes) -> B2Address:
        """Return the address of a folder in this one.

        Raises:
            UsageError: B2, where every name is Unicode, can have no such folder.
        """
        try:
            name = folder.decode()
        except UnicodeDecodeError as error:
            raise UsageError(f"expected a folder in UTF-8 for B2, got {relpath.show(folder)}") from error
        return B2Address(bucket=self.bucket, prefix=f"{self.prefix}{name}/" if name else self.prefix)

    def __str__(self) -> str:
        return f"b2://{self.bucket}/{self.prefix}".rstrip("/")


def parse(address: str) -> B2Address:
    """Return what an address names.

    Raises:
        UsageError: it is no address of B2.
    """
    start = _START.match(address)
    bucket, _, prefix = address[start.end() :].partition("/") if start else ("", "", "")
    if not _BUCKET.match(bucket):
        raise UsageError(f"expected b2://bucket/prefix, got {relpath.show(address)}")
    prefix = prefix.rstrip("/")
    if prefix:
        try:
            relpath.check(prefix.encode())
        except (UnsafePathError, UnicodeEncodeError) as error:
            raise UsageError(f"expected b2://bucket/prefix with plain names, got {relpath.show(address)}") from error
        prefix += "/"
    return B2Address(bucket=bucket, prefix=prefix)


def problem(address: str) -> str | None:
    """Return why `parse` refuses an address; None where it doesn't."""
    try:
        parse(address)
    except UsageError as error:
        return error.message
    return None


def realm_problem(realm: str) -> str | None:
    """Return why B2 can't be spoken to at this address; None where it can. Plain HTTP is for this machine alone."""
    try:
        url = urlsplit(realm)
        port_is_fine = url.port is None or url.port > 0
    except ValueError:
        return "expected a URL, got something else"
    if url.scheme not in ("http", "https") or not url.hostname or not port_is_fine:
        return "expected a URL as https://api.backblazeb2.com, got something else"
    if url.username is not None or url.query or url.fragment:
        return "expected a URL of scheme, host and port, got more than that (not shown)"
    if url.scheme == "http" and url.hostname not in ("127.0.0.1", "::1", "localhost"):
        return "expected https, for the key goes there, got http"
    return None
