"""The embedded B2: requests of B2's API over HTTP on loopback → a simulator's answers.

Downloads are answered beside the simulator, from memory: they are what a drill waits for.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from b2sdk._internal.exception import (
    AccessDenied,
    B2Error,
    DuplicateBucketName,
    FileOrBucketNotFound,
    Unauthorized,
)
from b2sdk._internal.utils import b2_url_encode

from verifier.demo.b2_server.calls import Calls, RefusedError
from verifier.demo.b2_server.faults import Fault, Faults
from verifier.demo.b2_server.simulator import Simulator, Version
from verifier.demo.b2_server.wire import Answer, Request, WireServer

_API: Final = re.compile(r"/b2api/(v[1-9])/(b2_[a-z0-9_]+)\Z")
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)\Z")
_JSON: Final = b"Content-Type: application/json;charset=UTF-8\r\n"
_NOT_OURS: Final = (AssertionError, AttributeError, KeyError, TypeError, ValueError)
_POLL_SECONDS: Final = 0.05


class B2Server:
    """A B2 account in memory, served on loopback from `start` to `stop`; a context manager.

    Args:
        port: 0 for one that is free.
    """

    def __init__(self, port: int = 0) -> None:
        self.simulator = Simulator()
        self.faults = Faults()
        self.requests: dict[str, int] = {}
        self._calls = Calls(self.simulator, lambda: self.realm)
        self._lock = threading.Lock()
        self._wire = WireServer(port, self._answer)
        self._thread = threading.Thread(
            target=self._wire.serve_forever, args=(_POLL_SECONDS,), name="embedded B2", daemon=True
        )

    @property
    def realm(self) -> str:
        """The address to give to a client in place of B2's."""
        return f"http://127.0.0.1:{self._wire.server_address[1]}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more; every connection is closed. Doing so twice is fine."""
        if self._thread.is_alive():
            self._wire.shutdown()
            self._thread.join()
        self._wire.server_close()
        self._wire.break_connections()

    def description(self) -> dict[str, str]:
        """Return what a client needs: the realm, the key that may do everything, and the one that only reads."""
        simulator = self.simulator
        return {
            "realm": self.realm,
            "key_id": simulator.key_id,
            "key": simulator.key,
            "read_key_id": simulator.read_key_id,
            "read_key": simulator.read_key,
        }

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket, without HTTP."""
        simulator = self.simulator
        with self._lock:
            token = simulator.owner_token()
            simulator.create_bucket(simulator.API_URL, token, simulator.account_id, name, "allPrivate")

    def put(self, bucket: str, name: str, content: bytes, *, modified_ms: int | None = None) -> str:
        """Put a file into a bucket, without HTTP, and return its id; the former version stays behind it.

        Raises:
            RefusedError: B2 takes no such name.
        """
        with self._lock:
            stated = {} if modified_ms is None else {"src_last_modified_millis": str(modified_ms)}
            return self._calls.put(bucket, name, content, stated)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Answer:
        """Return the answer to a request; whatever goes wrong is told as B2 tells it."""
        fault = self.faults.take(request.target)
        if fault is not None and fault.status is not None:
            return _failed(fault)
        try:
            return self._route(request, fault)
        except RefusedError as error:
            return _error(error.status, error.code, error.message)
        except B2Error as error:
            return _error(*_code_of(error))
        except _NOT_OURS as error:
            return _error(400, "bad_request", f"{type(error).__name__} in the request")

    def _route(self, request: Request, fault: Fault | None) -> Answer:
        url = urlsplit(request.target)
        call = _API.match(url.path)
        if call is not None:
            return self._call(request, call[1], call[2], parse_qs(url.query), fault)
        if url.path.startswith("/file/"):
            return self._download(request, self._named(url.path), fault)
        if not url.path.startswith("/upload/"):
            raise RefusedError(404, "not_found", "no such address")
        with self._lock:
            path = url.path.removeprefix("/upload/")
            token = request.headers.get("authorization", "")
            return _json(self._calls.upload(path, token, request.headers, request.body))

    def _call(
        self, request: Request, version: str, name: str, query: dict[str, list[str]], fault: Fault | None
    ) -> Answer:
        self.requests[name] = self.requests.get(name, 0) + 1
        wish: dict[str, Any] = {key: values[0] for key, values in query.items()}
        if request.method == "POST" and request.body:
            wish |= msgspec.json.decode(request.body, type=dict)
        if name == "b2_download_file_by_id":
            return self._download(request, self._identified(wish["fileId"]), fault)
        _pause(fault)
        with self._lock:
            if name == "b2_authorize_account":
                answer = self._calls.authorize(version, *_basic(request))
            else:
                answer = self._calls.call(name, self._token(request), wish)
        return _json(answer, fault)

    def _token(self, request: Request) -> str:
        token = request.headers.get("authorization", "")
        if token not in self.simulator.auth_token_to_key:
            raise RefusedError(401, "bad_auth_token", "the token is none of this server")
        if token in self.simulator.expired_auth_tokens:
            raise RefusedError(401, "expired_auth_token", "the token has expired")
        return token

    def _named(self, path: str) -> Version:
        _, _, bucket_name, name = path.split("/", 3)
        with self._lock:
            bucket = self.simulator.bucket_name_to_bucket.get(bucket_name)
            version: Version | None = None if bucket is None else bucket.newest(unquote(name.replace("+", " ")))
        if version is None:
            raise RefusedError(404, "not_found", "the bucket has no such file")
        return version

    def _identified(self, file_id: str) -> Version:
        bucket = self.simulator.bucket_id_to_bucket.get(self.simulator.file_id_to_bucket_id.get(file_id, ""))
        version: Version | None = None if bucket is None else bucket.file_id_to_file.get(file_id)
        if version is None or version.action != "upload":
            raise RefusedError(404, "not_found", "there is no such file")
        return version

    def _download(self, request: Request, version: Version, fault: Fault | None) -> Answer:
        self._check_rights(request, version)
        fault = fault or self.faults.take("", version.name)
        if fault is not None and fault.status is not None:
            return _failed(fault)
        content = version.data_bytes
        total = len(content)
        status, headers, body = 200, _download_headers(version), memoryview(content)
        wanted = request.headers.get("range")
        if wanted is not None:
            first, last = _range(wanted, total)
            status, body = 206, body[first : last + 1]
            headers += b"Content-Range: bytes %d-%d/%d\r\n" % (first, last, total)
        if fault is None:
            return Answer(status, headers, body)
        _pause(fault)
        if fault.sha1 is not None:
            headers = headers.replace(version.content_sha1.encode(), fault.sha1.encode())
        if fault.body is not None:
            body = memoryview(fault.body(bytes(body)))
        return Answer(status, headers, body, fault.cut_after_bytes, fault.drip_seconds)

    def _check_rights(self, request: Request, version: Version) -> None:
        if version.bucket.bucket_type == "allPublic":
            return
        key = self.simulator.auth_token_to_key[self._token(request)]
        buckets = key.buckets_or_none
        if (
            "readFiles" not in key.capabilities
            or (buckets and version.bucket.bucket_id not in {bucket["id"] for bucket in buckets})
            or not version.name.startswith(key.name_prefix_or_none or "")
        ):
            raise RefusedError(401, "unauthorized", "the key may not read this file")


def _basic(request: Request) -> tuple[str, str]:
    """Return key id and key as HTTP's basic authentication carries them."""
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    try:
        key_id, _, key = base64.b64decode(packed).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key_id = key = ""
    if kind.lower() != "basic" or not key_id:
        raise RefusedError(401, "unauthorized", "expected a key id and a key")
    return key_id, key


def _range(wanted: str, total: int) -> tuple[int, int]:
    match = _RANGE.match(wanted)
    if match is None:
        raise RefusedError(400, "bad_request", "expected a range of bytes")
    first = int(match[1])
    last = min(int(match[2]) if match[2] else total - 1, total - 1)
    if first > last:
        raise RefusedError(416, "range_not_satisfiable", f"the file has {total} bytes")
    return first, last


def _download_headers(version: Version) -> bytes:
    if version.download_headers is None:
        stated = {
            "Content-Type": version.content_type,
            "Accept-Ranges": "bytes",
            "X-Bz-File-Id": version.file_id,
            "X-Bz-File-Name": b2_url_encode(version.name),
            "X-Bz-Content-Sha1": version.content_sha1,
            "X-Bz-Upload-Timestamp": str(version.upload_timestamp),
            **{f"X-Bz-Info-{key}": b2_url_encode(value) for key, value in version.file_info.items()},
        }
        version.download_headers = b"".join(f"{name}: {value}\r\n".encode() for name, value in stated.items())
    return version.download_headers


def _pause(fault: Fault | None) -> None:
    if fault is not None and fault.pause_seconds:
        time.sleep(fault.pause_seconds)


def _failed(fault: Fault) -> Answer:
    answer = _error(fault.status or 500, fault.code, "told to fail")
    if fault.retry_after is not None:
        answer.extra["Retry-After"] = fault.retry_after
    return answer


def _json(answer: object, fault: Fault | None = None) -> Answer:
    body = msgspec.json.encode(answer)
    if fault is None:
        return Answer(200, _JSON, body)
    if fault.body is not None:
        body = fault.body(body)
    return Answer(200, _JSON, body, fault.cut_after_bytes, fault.drip_seconds)


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, _JSON, msgspec.json.encode({"status": status, "code": code, "message": message}))


def _code_of(error: B2Error) -> tuple[int, str, str]:
    if isinstance(error, Unauthorized):
        return 401, error.code or "unauthorized", error.message or "unauthorized"
    if isinstance(error, AccessDenied):
        return 403, "access_denied", "access denied"
    if isinstance(error, DuplicateBucketName):
        return 400, "duplicate_bucket_name", "the bucket name is already in use"
    if isinstance(error, FileOrBucketNotFound):
        return 404, "not_found", "there is no such file or bucket"
    return 400, "bad_request", str(error)
