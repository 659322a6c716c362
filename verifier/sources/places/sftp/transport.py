"""What SFTP's bytes travel through: a stream that is waited for with a limit, and that says why it ended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from verifier.errors import InterruptedTransferError


class ConnectionLostError(InterruptedTransferError):
    """The connection ended or fell silent; a new one may be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often the place waits.

    `silence_seconds` is how long a server may say nothing while it owes an answer (disks that slept need some 20 s);
    `pauses_seconds` are those before each new connection after one was lost, as long as nothing comes of it.
    """

    connect_seconds: float = 20.0
    silence_seconds: float = 60.0
    pauses_seconds: tuple[float, ...] = (0.5, 2.0, 5.0, 10.0)


class Transport(ABC):
    """A stream of bytes to a server's SFTP, signed in and with the server's key checked."""

    note: str
    """A sentence for the report: how the bytes came."""

    @abstractmethod
    def send(self, data: bytes | bytearray) -> int:
        """Send as many of the bytes as go without waiting; return how many.

        Raises:
            SourceError: the connection is gone; says why.
        """

    @abstractmethod
    def receive_into(self, room: memoryview, wait_seconds: float, *, wants_to_send: bool) -> int:
        """Put what has come into `room` and return how much: 0 where nothing came, or where there is room to send.

        Raises:
            SourceError: the connection is gone; says why.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection; doing so twice is fine."""
