"""What came of telling somebody of a drill → a line in its bundle's `delivery.jsonl`, which lies outside the sums."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Literal

import msgspec

from verifier.errors import DeliveryError

FILE_NAME: Final = "delivery.jsonl"

Channel = Literal["email", "heartbeat", "webhook"]
State = Literal["delivered", "kept", "failed", "dropped"]


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to tell of one drill, or what became of it later.

    `number` and `proof_sha256` say of which drill; `head` is both as `verifier audit --head` takes them. Of a heartbeat
    and a webhook no URL is kept, for it is a secret. `delivered` says that the server took it, and no more. `kept`
    lies in the outbox; `failed` was given up; `dropped` was thrown out of a full outbox.
    """

    at: str
    channel: Channel
    state: State
    head: str
    number: int
    proof_sha256: str
    signal: str | None = None
    to: tuple[str, ...] = ()
    message_id: str | None = None
    sha256: str | None = None
    detail: str | None = None


def append(folder: Path, receipt: Receipt) -> None:
    """Add a receipt to a bundle, synced.

    Raises:
        DeliveryError: it can't be written; the bundle itself is as it was.
    """
    line = msgspec.json.encode(receipt) + b"\n"
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(folder / FILE_NAME, flags, 0o644)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(0, "not a regular file")
            # A line that a power cut left without its end must not swallow this one.
            if status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
                line = b"\n" + line
            if os.write(descriptor, line) != len(line):
                raise OSError(0, "no room for all of it")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DeliveryError(f"can't write a receipt into {FILE_NAME} of the bundle: {error.strerror}") from error
