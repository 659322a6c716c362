"""An address and a copy's options → how to sign in to its server, checked; holds references, no secrets."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from verifier.errors import UsageError
from verifier.secret import SecretReference
from verifier.sources.places.sftp.address import FINGERPRINT, SftpAddress

_FINGERPRINT: Final = re.compile(FINGERPRINT)

Way = Literal["ssh", "channel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to reach one server. `host_key` is a pinned fingerprint, in place of `known_hosts`."""

    address: SftpAddress
    known_hosts: tuple[Path, ...]
    identity: Path | None = None
    password: SecretReference | None = None
    passphrase: SecretReference | None = None
    host_key: str | None = None
    rate_bytes: int | None = None
    way: Way = "ssh"
    program: str | None = None

    @property
    def name(self) -> str:
        """The server as a person knows it."""
        user = "" if self.address.user is None else f"{self.address.user}@"
        port = "" if self.address.port is None else f":{self.address.port}"
        return f"{user}{self.address.host}{port}"


def read(address: SftpAddress, options: Mapping[str, object]) -> Settings:
    """Return the settings that a copy's options amount to.

    Raises:
        UsageError: an option is none that this place knows, or not of its kind.
    """
    known_hosts = options.get("known_hosts")
    host_key = options.get("host_key")
    if host_key is not None and not (isinstance(host_key, str) and _FINGERPRINT.fullmatch(host_key)):
        raise UsageError("expected host_key like SHA256: and 43 characters, as ssh-keygen -l prints it")
    password, passphrase = _secret(options, "password"), _secret(options, "passphrase")
    identity = options.get("identity")
    rate_bytes = options.get("rate")
    if rate_bytes is not None and not (isinstance(rate_bytes, int) and rate_bytes > 0):
        raise UsageError("expected a rate in bytes a second, got something else")
    program = shutil.which("ssh")
    # ssh asks a person for what it needs to be told, so what is told by reference goes another way.
    asks = password is not None or passphrase is not None
    return Settings(
        address=address,
        known_hosts=(Path.home() / ".ssh" / "known_hosts",) if known_hosts is None else _paths(known_hosts),
        identity=None if identity is None else Path(str(identity)).expanduser(),
        password=password,
        passphrase=passphrase,
        host_key=None if host_key is None else host_key.rstrip("="),
        rate_bytes=rate_bytes,
        way="channel" if asks or program is None or options.get("transport") == "channel" else "ssh",
        program=program,
    )


def _secret(options: Mapping[str, object], name: str) -> SecretReference | None:
    value = options.get(name)
    if value is None or isinstance(value, SecretReference):
        return value
    raise UsageError(f"expected a reference to a secret as {name}, got something else (not shown)")


def _paths(value: object) -> tuple[Path, ...]:
    stated = value if isinstance(value, list | tuple) else [value]
    return tuple(Path(str(path)).expanduser() for path in stated)
