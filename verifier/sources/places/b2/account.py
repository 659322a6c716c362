"""A key → an authorised account, by b2sdk: it signs in, renews the token, finds the bucket and lists its versions.

Nothing of it touches the disk. b2sdk waits and tries again by itself; how long it may is bounded here, since it would
wait as long as a server tells it to, and up to twenty minutes for an answer.
"""

from __future__ import annotations

import contextlib
import email.utils
import logging
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
import requests
from b2sdk._internal.exception import (
    AccessDenied,
    B2ConnectionError,
    B2Error,
    B2RequestTimeout,
    BrokenPipe,
    CapExceeded,
    ConnectionReset,
    FileOrBucketNotFound,
    RequestTimeout,
    ResourceNotFound,
    ServiceError,
    TooManyRequests,
    Unauthorized,
    UnknownError,
    UnknownHost,
)
from b2sdk.v3 import B2HttpApiConfig, B2Session, InMemoryAccountInfo

from verifier import relpath
from verifier.errors import AccessDeniedError, SourceError, UnreachableError
from verifier.sources.places.b2.address import B2Address
from verifier.sources.places.b2.listing import Page
from verifier.sources.places.b2.trouble import cap_error

_CONNECT_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 60.0
_LONGEST_WAIT_SECONDS: Final = 15
_PAGE_FILES: Final = 5_000
_PAGE_TRIES: Final = 4
_AWAY: Final = (
    B2ConnectionError,
    B2RequestTimeout,
    BrokenPipe,
    ConnectionReset,
    RequestTimeout,
    ServiceError,
    TooManyRequests,
    UnknownHost,
)

# It would say on standard error what a server answered, where no program took care of its log.
logging.getLogger("b2sdk").addHandler(logging.NullHandler())


class _BoundedSession(requests.Session):
    """HTTP as b2sdk uses it, with a limit on each wait; it notes how far the server's clock is ahead of ours."""

    ahead_seconds: float | None = None

    def request(self, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - handed on as they are
        """Make a request; what it may wait for, and what it may tell us to wait, is cut to our limits."""
        options["timeout"] = (_CONNECT_SECONDS, _ANSWER_SECONDS)
        options["allow_redirects"] = False
        response = super().request(*arguments, **options)
        self.ahead_seconds = _ahead_seconds(response.headers.get("Date"), time.time())
        asked = response.headers.get("Retry-After")
        if asked is not None:
            within = asked.isdigit() and len(asked) < len("1000") and int(asked) <= _LONGEST_WAIT_SECONDS
            response.headers["Retry-After"] = asked if within else str(_LONGEST_WAIT_SECONDS)
        return response


def _ahead_seconds(date: str | None, now_seconds: float) -> float | None:
    """Return how far an answer's Date is ahead of our clock; None where it is no date. Source: RFC 9110, 6.6.1."""
    try:
        stated = email.utils.parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    # A date without a zone is none of HTTP's, and would be taken for this machine's.
    return None if stated.tzinfo is None else stated.timestamp() - now_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket: its id, and what can be told of its Object Lock."""

    bucket_id: str
    lock: str


class Account:
    """An account that was signed in to with a key. Close it.

    Raises:
        AccessDeniedError: B2 refuses the key.
        UnreachableError: B2 gives no answer.
    """

    def __init__(self, key_id: str, key: str, realm: str) -> None:
        self._info = InMemoryAccountInfo()
        config = B2HttpApiConfig(
            http_session_factory=_BoundedSession, install_clock_skew_hook=False, user_agent_append="restore-verifier"
        )
        self._session = B2Session(self._info, api_config=config)
        try:
            with _spoken("can't sign in to B2"):
                self._session.authorize_account(realm, key_id, key)
            allowed = self._info.get_allowed() or {}
            self.account_id = str(self._info.get_account_id())
            self.capabilities = frozenset(map(str, allowed.get("capabilities") or ()))
            self._buckets = {one["name"]: one["id"] for one in allowed.get("buckets") or () if one.get("name")}
            self._restricted = bool(allowed.get("buckets"))
            self.name_prefix = str(allowed.get("namePrefix") or "")
        except BaseException:
            self.close()
            raise

    @property
    def ahead_seconds(self) -> float | None:
        """How far B2's clock was ahead of ours at its last answer, to a second; None where it stated none."""
        ahead_seconds: float | None = self._session.raw_api.b2_http.session.ahead_seconds
        return ahead_seconds

    @property
    def token(self) -> str:
        """What a download is authorised by."""
        return _plain(self._info.get_account_auth_token())

    @property
    def transport(self) -> tuple[str, bool | str, dict[str, str]]:
        """Where downloads come from; the certificates to trust, as requests has them; and the proxies on the way."""
        url = _plain(self._info.get_download_url())
        found = self._session.raw_api.b2_http.session.merge_environment_settings(url, {}, None, None, None)
        return url, found["verify"], dict(found["proxies"])

    def download_path(self, file_id: str | None, bucket: str, name: str) -> str:
        """Return the address of one version, from the path on; that of a name where no version of it is known."""
        base, raw = self._info.get_download_url(), self._session.raw_api
        if file_id is None:
            url = str(raw.get_download_url_by_name(base, bucket, name))
        else:
            url = str(raw.get_download_url_by_id(base, quote(file_id, safe="")))
        return url[url.index("/", len("https://")) :]

    def renew(self, stale: str) -> None:
        """Get a new token in place of one that has expired, unless that was done already.

        Raises:
            AccessDeniedError: the key is no longer good.
            UnreachableError: B2 gives no answer.
        """
        if self.token == stale:
            with _spoken("can't sign in to B2 again"):
                self._session.authorize_automatically()

    def bucket(self, address: B2Address) -> Bucket:
        """Find the bucket that an address names.

        Raises:
            AccessDeniedError: the key is for another bucket, or other names.
            UnreachableError: the account has no such bucket.
        """
        shown = relpath.show(str(address))
        if self._restricted and address.bucket not in self._buckets:
            raise AccessDeniedError(f"expected a key for {shown}, got one for another bucket")
        if not address.prefix.startswith(self.name_prefix):
            kept = relpath.show(self.name_prefix)
            raise AccessDeniedError(f"expected a key for {shown}, got one for names that begin with {kept}")
        if self._restricted and "listBuckets" not in self.capabilities:
            return Bucket(bucket_id=self._buckets[address.bucket], lock="Object Lock: the key may not ask")
        with _spoken(f"can't look for the bucket of {shown}"):
            found = self._session.list_buckets(self.account_id, bucket_name=address.bucket)["buckets"]
            for one in found:
                if one["bucketName"] == address.bucket:
                    return Bucket(bucket_id=str(one["bucketId"]), lock=_lock(one))
        raise UnreachableError(f"expected the bucket of {shown}, got none of that name in the account")

    def pages(self, bucket: Bucket, prefix: str) -> Iterator[Page]:
        """Yield all versions of a prefix, page by page.

        Raises:
            SourceError: a page could not be had, or the pages don't come to an end.
        """
        start: tuple[str | None, str | None] = (None, None)
        while True:
            page = self._page(bucket, prefix, start)
            yield page
            if page.next_file_name is None:
                return
            following = (page.next_file_name, page.next_file_id)
            if following == start or not page.files:
                raise SourceError("expected the next page of B2's listing, got the same one again")
            start = following

    def _page(self, bucket: Bucket, prefix: str, start: tuple[str | None, str | None]) -> Page:
        """Ask for a page; one that was cut off is asked for again, which b2sdk does not do."""
        for tries_left in reversed(range(_PAGE_TRIES)):
            try:
                with _spoken("can't list B2's files"):
                    answer = self._session.list_file_versions(
                        bucket.bucket_id, start[0], start[1], _PAGE_FILES, prefix=prefix or None
                    )
                    return msgspec.convert(answer, Page)
            except _GarbledError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Close every connection; doing so twice is fine."""
        self._session.raw_api.b2_http.session.close()


class _GarbledError(SourceError):
    """What came is no answer of B2's: cut off, or another server's."""

    def __reduce__(self) -> tuple[object, ...]:
        """Cross to another process as what it is to everybody else."""
        return SourceError, (self.message,)


@contextlib.contextmanager
def _spoken(what: str) -> Iterator[None]:
    """Turn what b2sdk raises into our errors, without a word of the server's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of codes that it doesn't know, with the server's own words
            yield
    except B2Error as error:
        raise _translated(error, what) from error
    except (KeyError, TypeError, AttributeError, ValueError, msgspec.MsgspecError) as error:
        # An answer of another shape breaks b2sdk in many ways; what json raises is a ValueError.
        raise _GarbledError(f"{what}: expected an answer of B2, got something else") from error


def _translated(error: B2Error, what: str) -> SourceError:
    if isinstance(error, CapExceeded) or (isinstance(error, UnknownError) and "cap_exceeded" in str(error)):
        return cap_error(what)
    if isinstance(error, Unauthorized | AccessDenied):
        return AccessDeniedError(f"{what}: B2 refuses the key", hint="is it the right key, and for this bucket?")
    if isinstance(error, _AWAY):
        return UnreachableError(f"{what}: no answer, or none but errors, after several tries")
    if isinstance(error, FileOrBucketNotFound | ResourceNotFound):
        return UnreachableError(f"{what}: nothing is there")
    if isinstance(error, UnknownError):
        return _GarbledError(f"{what}: expected an answer of B2, got something else")
    return SourceError(f"{what}: {type(error).__name__}")


def _plain(stated: object) -> str:
    """Return what is to stand in a request's head, where nothing but plain characters may."""
    text = str(stated)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise SourceError("expected an answer of B2, got something else")
    return text


def _lock(bucket: dict[str, Any]) -> str:
    """Say in a sentence what the bucket states of its Object Lock."""
    stated = bucket.get("fileLockConfiguration") or {}
    if not stated.get("isClientAuthorizedToRead"):
        return "Object Lock: the key may not ask"
    value = stated.get("value") or {}
    if not value.get("isFileLockEnabled"):
        return "Object Lock: off"
    default = value.get("defaultRetention") or {}
    period = default.get("period") or {}
    if not default.get("mode") or not period:
        return "Object Lock: on, with no retention by default"
    kept = relpath.show(f"{period.get('duration')} {period.get('unit')}, {default['mode']}")
    return f"Object Lock: on, new files are kept for {kept}"
