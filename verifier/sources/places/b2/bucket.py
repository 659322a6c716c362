"""A bucket, or a prefix in it, as a place: listed by version through b2sdk, fetched by file id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from verifier import secret
from verifier.entry import Listed
from verifier.errors import AccessDeniedError, UsageError
from verifier.secret import SecretReference
from verifier.sources.interface import Failed, Landed, Place, Request, Sink, SourceFacts
from verifier.sources.places.b2 import rights
from verifier.sources.places.b2.account import Account
from verifier.sources.places.b2.address import B2Address, realm_problem
from verifier.sources.places.b2.limits import Limits
from verifier.sources.places.b2.listing import Tally, current
from verifier.sources.places.b2.transfer import Transfer

PRODUCTION: Final = "https://api.backblazeb2.com"


class B2Bucket(Place):
    """What a prefix of a bucket holds now.

    Args:
        address: bucket and prefix.
        options: `key_id` and `key` as references to secrets, and `realm` where it is not the production one.
        limits: how much at once, and how long to wait.

    Raises:
        UsageError: an option is missing, or is none.
        AccessDeniedError: B2 refuses the key, or the key is for something else.
        UnreachableError: B2 gives no answer, or has no such bucket.
    """

    holds_links = False

    def __init__(self, address: B2Address, options: Mapping[str, object], limits: Limits | None = None) -> None:
        self._address = address
        realm = str(options.get("realm") or PRODUCTION)
        problem = realm_problem(realm)
        if problem is not None:
            raise UsageError(f"realm: {problem}")
        key_id, key = _secret(options, "key_id"), _secret(options, "key")
        self._account = Account(key_id, key, realm.rstrip("/"))
        self._tally = Tally()
        try:
            self._bucket = self._account.bucket(address)
            limits = limits or Limits()
            self.at_once = limits.connections
            self._transfer = Transfer(self._account, address, limits)
        except BaseException:
            self._account.close()
            raise

    def list(self) -> Iterator[Listed]:
        """Yield the newest version of each name under the prefix that is not hidden.

        Raises:
            SourceError: a page could not be had.
        """
        self._tally = Tally()
        prefix = self._address.prefix
        return current(self._account.pages(self._bucket, prefix), prefix, self._tally)

    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        """Put the bytes of exactly the listed versions into the sink, many at once."""
        return self._transfer.run(requests, sink)

    def read_at(self, listed: Listed, offset: int, length_bytes: int) -> bytes:
        """Return up to `length_bytes` from `offset`; fewer only at the file's end.

        Raises:
            SourceError: the file could not be read.
        """
        if length_bytes <= 0 or offset >= listed.size_bytes:
            return b""
        memory = _Memory()
        request = Request(number=0, listed=listed, offset=offset, length_bytes=length_bytes, to_end=False)
        for answer in self._transfer.run([request], memory):
            if isinstance(answer, Failed):
                raise answer.error
        return bytes(memory.content)

    def facts(self) -> SourceFacts:
        """Say which bucket it is, what the key may do, and what the listing passed over."""
        capabilities = self._account.capabilities
        return SourceFacts(
            address=str(self._address),
            read_from="server",
            device=f"b2:{self._account.account_id}/{self._address.bucket}",
            notes=(rights.note(capabilities), self._bucket.lock, *self._tally.notes()),
            warnings=rights.warnings(capabilities, self._address),
            ahead_seconds=self._account.ahead_seconds,
            lock=self._tally.lock,
            versions=self._tally.versions or None,
        )

    def close(self) -> None:
        """Close every connection; doing so twice is fine."""
        self._transfer.close()
        self._account.close()


class _Memory:
    """A sink for a few bytes of one file."""

    def __init__(self) -> None:
        self.content = bytearray()

    def create(self, number: int) -> None:
        """Forget what a former try left."""
        del number
        self.content.clear()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Put bytes at an offset."""
        del number
        end = offset + len(data)
        if len(self.content) < end:
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data


def _secret(options: Mapping[str, object], name: str) -> str:
    reference = options.get(name)
    if not isinstance(reference, SecretReference):
        raise UsageError(f"expected a reference to a secret as {name} for a copy in B2, got none")
    value = secret.resolve(reference)
    if not value.isascii() or not value.isprintable():
        raise AccessDeniedError(f"expected {name} of plain characters, got others (not shown)")
    return value
