"""Files of known_hosts, or a pinned fingerprint → whether a server's key is the one that it should be.

Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; PROTOCOL.certkeys of OpenSSH. The rule is that of `ssh` with
`StrictHostKeyChecking=yes`: what isn't known is refused, what is revoked is refused whatever else is said.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import HostKeyError

_DEFAULT_PORT: Final = 22
_LARGEST_BYTES: Final = 16 * 1024 * 1024
_REVOKED: Final = "@revoked"
_AUTHORITY: Final = "@cert-authority"
_UNKNOWN_HINT: Final = "compare the fingerprint with what the server's owner says, then add its key to known_hosts"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A line of known_hosts that is about the server: its marker (empty, `@revoked`, `@cert-authority`) and the key."""

    marker: str
    kind: str
    blob: bytes


def fingerprint(blob: bytes) -> str:
    """Return a key's fingerprint as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def known_keys(paths: Sequence[Path], host: str, port: int) -> list[KnownKey]:
    """Return what the files say of a server; a file that isn't there says nothing.

    Raises:
        HostKeyError: a file can't be read.
    """
    keys = [key for path in paths for key in _keys_in(path, _spelled(host, port))]
    if port != _DEFAULT_PORT and not any(key.marker == "" for key in keys):
        # As ssh does: a key that is known for the host at large serves at another port, too.
        keys += [key for path in paths for key in _keys_in(path, host)]
    return keys


def _spelled(host: str, port: int) -> str:
    return host if port == _DEFAULT_PORT else f"[{host}]:{port}"


def _keys_in(path: Path, name: str) -> Iterator[KnownKey]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostKeyError(f"can't read {relpath.show(str(path))}: {error.strerror}") from error
    if len(data) > _LARGEST_BYTES:
        raise HostKeyError(
            f"expected at most {_LARGEST_BYTES} bytes of known_hosts, got more: {relpath.show(str(path))}"
        )
    for line in data.decode("utf-8", "replace").splitlines():
        key = _key_of(line, name.lower())
        if key is not None:
            yield key


def _key_of(line: str, name: str) -> KnownKey | None:
    fields = line.split()
    if not fields or fields[0].startswith("#"):
        return None
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    if marker not in ("", _REVOKED, _AUTHORITY) or len(fields) < 3 or not _is_meant(fields[0], name):  # noqa: PLR2004 - names, kind, key
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except binascii.Error:
        return None
    return KnownKey(marker=marker, kind=fields[1], blob=blob)


def _is_meant(names: str, name: str) -> bool:
    """Tell whether a line's names include `name`: hashed, or patterns of which none says no."""
    if names.startswith("|1|"):
        parts = names.split("|")
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in parts[2:4])
        except (ValueError, binascii.Error):
            return False
        return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
    said = False
    for pattern in names.lower().split(","):
        if _matches(pattern.removeprefix("!"), name):
            if pattern.startswith("!"):
                return False
            said = True
    return said


def _matches(pattern: str, name: str) -> bool:
    """Match as ssh does: `*` and `?` only; brackets are a port's."""
    expression = "".join(".*" if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in pattern)
    return re.fullmatch(expression, name, re.DOTALL) is not None


def check_pinned(blob: bytes, pinned: str) -> None:
    """Refuse a key that is not the pinned one.

    Raises:
        HostKeyError: says which was expected and which came.
    """
    if not hmac.compare_digest(fingerprint(blob), pinned):
        raise HostKeyError(
            f"expected the pinned host key {pinned}, got another one, {fingerprint(blob)}",
            hint="the server was set up anew, or it is another one: find out which before host_key is changed",
        )


def check_known(known: Sequence[KnownKey], kind: str, blob: bytes, shown: str) -> None:
    """Refuse a plain key that isn't known, was changed or is revoked.

    Raises:
        HostKeyError: says which of these.
    """
    check_not_revoked(known, blob, shown)
    plain = [key for key in known if key.marker == ""]
    if any(key.blob == blob for key in plain):
        return
    if any(key.kind == kind for key in plain):
        expected = ", ".join(fingerprint(key.blob) for key in plain if key.kind == kind)
        raise HostKeyError(
            f"expected the host key that known_hosts has for {shown}, {expected}, got another one, {fingerprint(blob)}",
            hint="the server was set up anew, or it is another one: find out which before its key is replaced",
        )
    raise HostKeyError(
        f"expected a host key in known_hosts, got none for {shown}, which shows {fingerprint(blob)}", hint=_UNKNOWN_HINT
    )


def check_not_revoked(known: Sequence[KnownKey], blob: bytes, shown: str) -> None:
    """Refuse a key that a line of `@revoked` names.

    Raises:
        HostKeyError: it is revoked.
    """
    if any(key.marker == _REVOKED and key.blob == blob for key in known):
        raise HostKeyError(
            f"expected a host key that holds, got one that known_hosts revokes for {shown}, {fingerprint(blob)}",
            hint="somebody had reason to revoke it: ask who did",
        )


def authorities(known: Sequence[KnownKey]) -> list[bytes]:
    """Return the keys that may sign the server's."""
    return [key.blob for key in known if key.marker == _AUTHORITY]
