"""Settings → sessions: by the system's `ssh` where it can sign in by itself, else by a channel of our own."""

from __future__ import annotations

import functools
import platform
import tempfile
from pathlib import Path
from typing import Final

from verifier.errors import UnreachableError
from verifier.sources.places.sftp.pace import Pace
from verifier.sources.places.sftp.pipe import new_pipe_transport
from verifier.sources.places.sftp.session import Session
from verifier.sources.places.sftp.settings import Settings
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience, Transport

_CPU_INFO: Final = Path("/proc/cpuinfo")
_PINNED_NAME: Final = "pinned"


class Connector:
    """Connects as often as is needed, always by the same settings.

    Args:
        settings: which server, and how to sign in.
        patience: how long to wait.
        pace: the rate to keep, if any.
    """

    def __init__(self, settings: Settings, patience: Patience, pace: Pace | None) -> None:
        self._settings = settings
        self._patience = patience
        self._pace = pace
        self._pinned: tempfile.TemporaryDirectory[str] | None = None

    def connect(self) -> Session:
        """Return a session with the server that the settings name, and with no other.

        Raises:
            SourceError: it can't be reached, isn't the one it should be, or refuses us.
        """
        transport = self._by_ssh() if self._settings.way == "ssh" else self._by_channel()
        try:
            return Session(transport, self._patience, self._pace)
        except ConnectionLostError as error:
            transport.close()
            raise UnreachableError(error.message, hint=error.hint) from error
        except BaseException:
            transport.close()
            raise

    def _by_channel(self) -> Transport:
        from verifier.sources.places.sftp.channel import open_channel  # noqa: PLC0415 - heavy, and often not needed

        return open_channel(self._settings, self._patience, gcm_first=has_aes())

    def _by_ssh(self) -> Transport:
        settings = self._settings
        address, is_pinned = settings.address, settings.host_key is not None
        return new_pipe_transport(
            program=settings.program or "ssh",
            host=address.host,
            user=address.user,
            port=address.port,
            known_hosts=(self._pinned_known_hosts(),) if is_pinned else settings.known_hosts,
            host_key_alias=_PINNED_NAME if is_pinned else None,
            identity=settings.identity,
            gcm_first=has_aes(),
            patience=self._patience,
        )

    def _pinned_known_hosts(self) -> Path:
        """Return a file of known_hosts with the one key that has the pinned fingerprint, as the server shows it."""
        from verifier.sources.places.sftp.channel import pinned_key  # noqa: PLC0415 - heavy, and often not needed

        if self._pinned is None:
            kind, text = pinned_key(self._settings, self._patience)
            self._pinned = tempfile.TemporaryDirectory(prefix="verifier-host-key-")
            Path(self._pinned.name, "known_hosts").write_text(f"{_PINNED_NAME} {kind} {text}\n", "utf-8")
        return Path(self._pinned.name, "known_hosts")

    def close(self) -> None:
        """Remove what was written for `ssh` to read; doing so twice is fine."""
        pinned, self._pinned = self._pinned, None
        if pinned is not None:
            pinned.cleanup()


@functools.cache
def has_aes() -> bool:
    """Tell whether the processor has AES, which makes AES-GCM the fastest cipher by far."""
    try:
        lines = _CPU_INFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.system() == "Darwin"  # every Mac has it
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return "aes" in next(flags, "").split()
