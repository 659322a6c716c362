"""A folder on a server as a place, read over SFTP; what the line loses is asked for again."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from verifier import progress, relpath
from verifier.entry import Listed
from verifier.errors import AbsentError, HostKeyError, UnreachableError
from verifier.sources.interface import Failed, Landed, Place, Request, Sink, SourceFacts
from verifier.sources.places.sftp import protocol, settings
from verifier.sources.places.sftp.address import DEFAULT_PORT, parse
from verifier.sources.places.sftp.connecting import Connector
from verifier.sources.places.sftp.listing import Listing
from verifier.sources.places.sftp.pace import Pace
from verifier.sources.places.sftp.protocol import Reply, names_of, status_error, status_of, take_attributes
from verifier.sources.places.sftp.session import Session
from verifier.sources.places.sftp.transfer import OPEN_FILES, Transfer
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience

_BEAT_SECONDS: Final = 0.5
_DIRECTORY: Final = 0o040000
_VOLUME: Final = re.compile(rb"/volume[0-9]+(?=/)")


class Sftp(Place):
    """A folder on a server.

    Args:
        address: `sftp://user@host[:port]/path`.
        options: `known_hosts`, `host_key`, `identity`, `passphrase`, `password`, `rate`, `transport`, `marker`.
        patience: how long and how often to wait.
        below: the folder in that path which is meant; no link leads there.

    Raises:
        AbsentError: the path is there, and `below` is not in it.
        SourceError: the server can't be reached, isn't the one it should be, refuses us, or has no such folder.
    """

    at_once = OPEN_FILES

    def __init__(
        self, address: str, options: Mapping[str, object], patience: Patience | None = None, *, below: bytes = b""
    ) -> None:
        self._address = address
        self._settings = settings.read(parse(address), options)
        self._patience = patience or Patience()
        path = self._settings.address.path
        self._root = path if path.endswith(b"/") else path + b"/"
        self._session: Session | None = None
        self._note = ""
        rate = self._settings.rate_bytes
        self._pace = None if rate is None else Pace(rate, f"{self._settings.name} {rate}")
        self._connector = Connector(self._settings, self._patience, self._pace)
        try:
            self._check_root(options.get("marker"))
            if below:
                self._go_below(below)
        except BaseException:
            self.close()
            raise

    def _connected(self) -> Session:
        session = self._session
        if session is None or not session.usable:
            self._disconnect()
            session = self._session = self._connector.connect()
            self._note = session.note
        return session

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _check_root(self, marker: object) -> None:
        path = self._settings.address.path
        reply = self._ask_status(path)
        if reply.kind == protocol.STATUS and status_of(reply).code == protocol.NO_SUCH_FILE:
            raise self._absent_root(path)
        if not _is_directory(reply, path):
            raise UnreachableError(f"expected a folder, got something else at {relpath.show(path)}")
        if marker is not None and self._ask_status(self._root + str(marker).encode()).kind != protocol.ATTRS:
            shown = relpath.show(str(marker))
            raise UnreachableError(f"expected the marker file {shown} in {relpath.show(self._address)}, got none")

    def _go_below(self, below: bytes) -> None:
        """Take a folder below for the root, step by step, so that no link leads elsewhere."""
        shown, inside = relpath.show(self._address), relpath.show(below)
        for name in below.split(b"/"):
            reply = self._connected().ask(protocol.LSTAT, self._root + name)
            if reply.kind == protocol.STATUS and status_of(reply).code == protocol.NO_SUCH_FILE:
                raise AbsentError(f"expected {inside} in {shown}, got nothing")
            if not _is_directory(reply, self._root + name):
                raise UnreachableError(
                    f"expected the folder {inside} in {shown}, got something else, or a link on the way",
                    hint="a link is followed only in the address itself",
                )
            self._root += name + b"/"

    def first_names(self, most: int) -> tuple[bytes, ...]:
        """Return some of the names right under the folder, those of the server's first reply, in their order."""
        session = self._connected()
        opened = session.ask(protocol.OPENDIR, self._root.rstrip(b"/") or b"/")
        if opened.kind != protocol.HANDLE:
            return ()
        handle = protocol.take_string(opened.body, 0)[0]
        reply = session.ask(protocol.READDIR, handle)
        session.ask(protocol.CLOSE, handle)
        names = [name for name, _ in names_of(reply)] if reply.kind == protocol.NAME else []
        return tuple(sorted(name for name in names if name not in {b".", b".."})[:most])

    def _absent_root(self, path: bytes) -> UnreachableError:
        hint = "is the disk mounted there, and may the account see it?"
        volume = _VOLUME.match(path)
        if volume is not None and self._ask_status(path[volume.end() :]).kind == protocol.ATTRS:
            share = relpath.show(path[volume.end() :])
            hint = f"this server shows its shares at the root: the folder is {share}, without {volume[0].decode()}"
        return UnreachableError(f"expected a folder at {relpath.show(path)}, got nothing", hint=hint)

    def _ask_status(self, path: bytes) -> Reply:
        return self._connected().ask(protocol.STAT, path)

    def list(self) -> Iterator[Listed]:
        """Yield everything under the folder, in no order.

        Raises:
            SourceError: a directory could not be listed, or the connection was lost: what came is not everything.
        """
        session = self._connected()
        try:
            yield from session.run(Listing(self._root, session.limits))
        finally:
            if not session.usable:
                self._disconnect()

    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Fetch many files at once; after a lost connection, what was not finished is begun anew."""
        left = {request.number: request for request in requests}
        attempts: dict[int, int] = {}
        pauses = iter(self._patience.pauses_seconds)
        while left:
            transfer: Transfer | None = None
            try:
                session = self._connected()
                transfer = Transfer(
                    list(left.values()), sink, root=self._root, limits=session.limits, attempts=attempts
                )
                if self._pace is not None:
                    transfer.allowance_bytes = 0
                for answer in session.run(transfer):
                    del left[answer.number]
                    pauses = iter(self._patience.pauses_seconds)
                    yield answer
            except (ConnectionLostError, UnreachableError) as error:
                self._disconnect()
                pause_seconds = next(pauses, None)
                if pause_seconds is None or isinstance(error, HostKeyError):
                    raise
                for number in transfer.begun if transfer is not None else ():
                    attempts[number] = attempts.get(number, 0) + 1
                _rest(pause_seconds)
            finally:
                if self._session is not None and not self._session.usable:
                    self._disconnect()

    def read_at(self, listed: Listed, offset: int, length_bytes: int) -> bytes:
        """Return up to `length_bytes` from `offset`; fewer only at the file's end.

        Raises:
            SourceError: the file could not be read.
        """
        sink = _MemorySink()
        request = Request(number=0, listed=listed, offset=offset, length_bytes=length_bytes, to_end=False)
        for answer in self.fetch([request], sink):
            if isinstance(answer, Failed):
                raise answer.error
        return bytes(sink.content)

    def facts(self) -> SourceFacts:
        """Say which server it is, and how its bytes came."""
        address = self._settings.address
        return SourceFacts(
            address=self._address,
            read_from="server",
            device=f"sftp:{address.host.lower()}:{address.port or DEFAULT_PORT}",
            notes=(self._note,),
        )

    def close(self) -> None:
        """Close the connection; doing so twice is fine."""
        self._disconnect()
        self._connector.close()
        if self._pace is not None:
            self._pace.close()


class _MemorySink:
    """A sink for a few bytes of one file."""

    def __init__(self) -> None:
        self.content = bytearray()

    def create(self, number: int) -> None:
        """Begin the file, or begin it anew."""
        del number
        self.content.clear()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put bytes in their place, with zeros up to it where nothing came yet."""
        del number
        end = offset + len(data)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data


def _is_directory(reply: Reply, path: bytes) -> bool:
    if reply.kind == protocol.STATUS:
        raise status_error(status_of(reply), path, "open")
    if reply.kind != protocol.ATTRS:
        raise protocol.ProtocolError(f"expected attributes, got a packet of kind {reply.kind}")
    attributes = take_attributes(reply.body, 0)[0]
    return attributes.permissions is None or attributes.is_kind(_DIRECTORY)


def _rest(seconds: float) -> None:
    """Wait, while the parent is told that work goes on and may cancel it."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        progress.meter().beat()
        time.sleep(min(left, _BEAT_SECONDS))
