"""What can go wrong, one family for each side that can be wrong, each with its exit code.

A wrong byte is never here: that is a `Finding` (see `outcome`). An error says what was expected, what came, and, in at
most one hint, what to do. Anything that is raised and isn't one of these is a bug and shows its traceback.
"""

from __future__ import annotations

from typing import ClassVar


class VerifierError(Exception):
    """The parent of every error that a user is meant to read.

    Args:
        message: lower case, no full stop, what was expected and what came.
        hint: one thing to do about it, or nothing.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the hint when the error crosses from a worker process."""
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[VerifierError], message: str, hint: str | None) -> VerifierError:
    return kind(message, hint=hint)


class UsageError(VerifierError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class ScenarioError(VerifierError):
    """A scenario, or several, can't be used; the message holds every problem, a line each."""

    exit_code = 2


class ManifestError(VerifierError):
    """A manifest can't be read whole, so nothing may be concluded from it."""

    exit_code = 2


class UnsafePathError(VerifierError):
    """A path from outside would leave the folder that it is meant for."""


class SourceError(VerifierError):
    """A copy could not be read. Its leaves are told apart because outcomes are (see `outcome.Reason`)."""


class UnreachableError(SourceError):
    """The copy as a whole is not there: not mounted, no answer, an empty folder where files must be."""


class HostKeyError(UnreachableError):
    """Something answers, and it has not shown that it is the server: its key is unknown, another one, or revoked."""


class AccessDeniedError(SourceError):
    """The copy is there and refuses us."""


class AbsentError(SourceError):
    """The copy holds no such file."""


class UnreadableError(SourceError):
    """The copy has the file, and the file fails by itself: a bad sector, a checksum inside, a failed decryption."""


class InterruptedTransferError(SourceError):
    """The bytes stopped in the middle."""


class ChangedDuringError(SourceError):
    """The file in the copy is not the one that was listed: somebody wrote to the copy during the drill."""


class SameDataError(SourceError):
    """The copy is the live data itself (a link, a bind mount, the same export), so it can prove nothing."""

    exit_code = 2


class ScratchError(VerifierError):
    """The scratch area can't be used."""


class ScratchFullError(ScratchError):
    """A restored file does not fit into what scratch is allowed, or into what the disk has left."""


class EngineError(VerifierError):
    """Workers can't be started at all."""


class LedgerError(VerifierError):
    """The state can't be read, or was written by a newer version."""


class BusyError(VerifierError):
    """Another drill of the same scenario is under way."""


class BundleError(VerifierError):
    """The proof could not be written, so the drill left no evidence."""


class SignatureError(VerifierError):
    """Something could not be signed, or what should be a signature is none."""


class DeliveryError(VerifierError):
    """Somebody could not be told: the mail server, the heartbeat or the webhook did not take it."""


class RefusedError(DeliveryError):
    """It was refused for good, so asking again soon is of no use."""
