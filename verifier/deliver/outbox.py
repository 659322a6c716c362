"""What is to be sent ↔ a folder in the state, from before the first attempt until it is taken: a power cut loses none.

One file for each: a line of JSON, then the bytes. Whoever holds a file's lock is the one that sends it. What a mail is
sent by is not in it: that is read from the scenario when it is sent, which may have been put right since.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from verifier import relpath
from verifier.bundle.durable import STAGED, remove_dead, replace_file, try_lock
from verifier.errors import DeliveryError
from verifier.ledger.state import make_private_folder

FOLDER: Final = "outbox"
FORMAT: Final = "verifier/1"
MOST_ITEMS: Final = 50
_NAME: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{16}\.outgoing\Z", re.ASCII)
_LARGEST_BYTES: Final = 192 * 1024 * 1024
_LONGEST_HEAD_BYTES: Final = 4 * 1024 * 1024


Sent = Literal["email", "webhook"]


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A drill that is told of, and where its bundle lies: the path's bytes in base64."""

    scenario: str
    number: int
    sha256: str
    folder_b64: str

    @property
    def folder(self) -> Path:
        """The bundle's folder."""
        return Path(os.fsdecode(base64.b64decode(self.folder_b64)))


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, but for its bytes: to whom, of which scenarios, of which drills."""

    outgoing: str = FORMAT
    channel: Sent
    created_at: str
    scenarios: tuple[str, ...]
    drills: tuple[Drill, ...]
    sender: str = ""
    recipients: tuple[str, ...] = ()
    message_id: str | None = None


def drill_in(folder: Path, *, scenario: str, number: int, sha256: str) -> Drill:
    """Return a drill with its bundle's folder, absolute."""
    absolute = base64.b64encode(os.fsencode(folder.absolute())).decode()
    return Drill(scenario=scenario, number=number, sha256=sha256, folder_b64=absolute)


class Outbox:
    """The folder of what is to be sent, in a state's folder; made when something is first put there."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.folder = state / FOLDER

    def put(self, outgoing: Outgoing, data: bytes) -> Path:
        """Keep something to be sent, durably; return its file.

        Raises:
            DeliveryError: there is no room, or the folder can't be written.
            LedgerError: the state's folder can't be made.
        """
        make_private_folder(self._state)
        make_private_folder(self.folder)
        moment = re.sub(r"[-:]", "", outgoing.created_at[:19])
        path = self.folder / f"{moment}Z-{secrets.token_hex(8)}.outgoing"
        self._write(path, outgoing, data)
        return path

    def replace(self, path: Path, outgoing: Outgoing, data: bytes) -> None:
        """Keep something else in place of what lies there, as the rest of its recipients.

        Raises:
            DeliveryError: there is no room, or the folder can't be written.
        """
        self._write(path, outgoing, data)

    def _write(self, path: Path, outgoing: Outgoing, data: bytes) -> None:
        try:
            remove_dead(self.folder, STAGED)
            replace_file(path, [msgspec.json.encode(outgoing), b"\n", data])
        except OSError as error:
            shown = relpath.show(os.fsencode(self.folder))
            raise DeliveryError(f"expected to keep what is to be sent in {shown}, got: {error.strerror}") from error

    def remove(self, path: Path) -> None:
        """Throw away what was taken.

        Raises:
            DeliveryError: it can't be removed, so it would be sent once more.
        """
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            shown = relpath.show(os.fsencode(path))
            message = f"can't remove {shown}, which was taken and would be sent again: {error.strerror}"
            raise DeliveryError(message) from error

    def paths(self) -> list[Path]:
        """Return the files of what is to be sent, the oldest first; what else lies there is left alone."""
        try:
            return sorted(path for path in self.folder.iterdir() if _NAME.match(path.name))
        except OSError:
            return []

    @contextlib.contextmanager
    def taken(self, path: Path) -> Iterator[tuple[Outgoing, bytes] | None]:
        """Hold a file for as long as the block lasts, and yield what lies in it; None: another is sending it.

        Raises:
            DeliveryError: what lies there is none of ours, or was cut off.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise _broken(path) from error
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
            if try_lock(descriptor) is False or not _is_at(descriptor, path):
                yield None
                return
            try:
                head = msgspec.json.decode(file.readline(_LONGEST_HEAD_BYTES), type=Outgoing)
                data = file.read(_LARGEST_BYTES + 1)
            except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _broken(path) from error
            if head.outgoing != FORMAT or len(data) > _LARGEST_BYTES or not data:
                raise _broken(path)
            yield head, data

    def drop_oldest(self) -> Iterator[Outgoing | None]:
        """Remove what is beyond the most that is kept, the oldest first; yield each, None where it can't be read.

        Raises:
            DeliveryError: one can't be removed.
        """
        for path in self.paths()[:-MOST_ITEMS]:
            dropped: Outgoing | None = None
            try:
                with self.taken(path) as held:
                    if held is None:
                        continue
                    dropped = held[0]
            except DeliveryError:
                pass  # what can't be read can't be sent, either
            self.remove(path)
            yield dropped


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one under its name: another may have sent and removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _broken(path: Path) -> DeliveryError:
    shown = relpath.show(os.fsencode(path))
    return DeliveryError(f"expected something to be sent in {shown}, got what can't be read", hint="move it away")
