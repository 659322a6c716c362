"""`sftp://user@host[:port]/path` → its parts, checked; imports nothing heavy."""

from __future__ import annotations

import os
import re
import urllib.parse
from dataclasses import dataclass
from typing import Final

from verifier import relpath
from verifier.errors import UsageError

DEFAULT_PORT: Final = 22
FINGERPRINT: Final = r"SHA256:[A-Za-z0-9+/]{43}=?"
"""What a pinned host key looks like."""

_FORM: Final = "sftp://user@host[:port]/path"
_LARGEST_PORT: Final = 65_535
_ADDRESS: Final = re.compile(
    r"sftp://(?:(?P<user>[^/@]*)@)?(?P<host>\[[^/\]]*\]|[^/:@]*)(?::(?P<port>[^/]*))?(?P<path>/.*)?",
    re.IGNORECASE | re.DOTALL,
)
_USER: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.\\+$-]{0,127}\Z")
# A name that begins with a hyphen would be taken for an option by the programs that it is handed to.
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})\Z")
_IPV6: Final = re.compile(r"\[([0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?)\]\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpAddress:
    """Where a copy is on which server. `user` and `port` are None where the address leaves them to `~/.ssh/config`.

    `path` is bytes, as servers have them: `/…` from the root, or relative to the account's home where the address says
    `/~/…`.
    """

    host: str
    path: bytes
    user: str | None = None
    port: int | None = None


def parse(address: str) -> SftpAddress:
    """Return the parts of an address.

    The path is taken as it stands; only what an address can't hold otherwise is read from `%` and two hex digits, so
    that a name that is not UTF-8 can be stated.

    Raises:
        UsageError: it is no such address; a password in it is not repeated.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(f"expected {_FORM}, got another address")
    user, host, port, path = match["user"], match["host"], match["port"], match["path"]
    if user is not None and ":" in user:
        raise UsageError(
            f"expected {_FORM}, got an address with a password (not shown)",
            hint="state the password by reference, or sign in by a key",
        )
    if user is not None and not _USER.match(user):
        raise UsageError(f"expected {_FORM}, got the user {relpath.show(user)}")
    ipv6 = _IPV6.match(host)
    if ipv6 is None and not _HOST.match(host):
        raise UsageError(f"expected {_FORM}, got the host {relpath.show(host)}")
    if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= _LARGEST_PORT):
        raise UsageError(f"expected {_FORM}, got the port {relpath.show(port)}")
    if not path:
        raise UsageError(f"expected {_FORM}, got an address without a path", hint="the server's root is /")
    return SftpAddress(
        host=host if ipv6 is None else ipv6[1],
        path=_path(path),
        user=user,
        port=None if port is None else int(port),
    )


def _path(path: str) -> bytes:
    raw = urllib.parse.unquote_to_bytes(os.fsencode(path))
    if b"\0" in raw:
        raise UsageError(f"expected {_FORM}, got a path with a NUL character")
    if raw == b"/~" or raw.startswith(b"/~/"):
        return raw[3:].strip(b"/") or b"."
    return b"/" + raw.strip(b"/")


def problem(address: str) -> str | None:
    """Return why a text is no such address; None where it is one."""
    try:
        parse(address)
    except UsageError as error:
        return error.message
    return None
