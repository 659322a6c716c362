"""A server's name → the way to it, once `~/.ssh/config` was asked: host, port, user, keys, hosts between."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path

import paramiko

from verifier import relpath
from verifier.errors import SourceError, UsageError
from verifier.sources.places.sftp.address import DEFAULT_PORT, SftpAddress, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a server is reached. `key_name` is the name that its key is known under; `jumps` come nearest first."""

    host: str
    port: int
    user: str
    key_name: str
    key_port: int
    identities: tuple[Path, ...]
    jumps: tuple[SftpAddress, ...]

    @property
    def shown(self) -> str:
        """The server as a person knows it."""
        return relpath.show(self.host if self.port == DEFAULT_PORT else f"{self.host}:{self.port}")


def way_to(address: SftpAddress) -> Way:
    """Return the way to an address.

    Raises:
        SourceError: `~/.ssh/config` can't be read, or asks for what only `ssh` itself can do.
    """
    stated = _stated(address.host)
    if "proxycommand" in stated:
        raise SourceError(
            f"expected a host that is reached directly or by ProxyJump, got one with ProxyCommand: {address.host}",
            hint="state ProxyJump in ~/.ssh/config",
        )
    host = stated.get("hostname", address.host)
    port = address.port or _port(stated.get("port", str(DEFAULT_PORT)))
    alias = stated.get("hostkeyalias")
    return Way(
        host=host,
        port=port,
        user=address.user or stated.get("user") or getpass.getuser(),
        key_name=alias or host,
        key_port=DEFAULT_PORT if alias else port,
        identities=tuple(Path(path).expanduser() for path in stated.get("identityfile", ())),
        jumps=_jumps(stated.get("proxyjump", "none")),
    )


def _stated(host: str) -> paramiko.SSHConfigDict:
    """Return what `~/.ssh/config` says of a host; `Include` is not followed."""
    try:
        return paramiko.SSHConfig.from_path(str(Path.home() / ".ssh" / "config")).lookup(host)
    except FileNotFoundError:
        return paramiko.SSHConfigDict()
    except (OSError, ValueError, ImportError, paramiko.SSHException) as error:  # a `Match exec` needs another package
        raise SourceError(f"can't read ~/.ssh/config: {relpath.show(str(error))}") from error


def _port(stated: str) -> int:
    if stated.isascii() and stated.isdigit():
        return int(stated)
    raise SourceError(f"expected a port in ~/.ssh/config, got {relpath.show(stated)}")


def _jumps(stated: str) -> tuple[SftpAddress, ...]:
    if stated.lower() == "none":
        return ()
    try:
        return tuple(parse(f"sftp://{jump.strip().removeprefix('ssh://')}/") for jump in stated.split(","))
    except UsageError as error:
        raise SourceError(f"expected ProxyJump of user@host:port, got {relpath.show(stated)}") from error
