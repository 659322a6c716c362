"""B2's calls by name and their parameters → the simulator's, in the shapes of B2's API from v1 to v4."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any, ClassVar, Final
from urllib.parse import unquote, unquote_plus

from b2sdk._internal.utils import validate_b2_file_name

from verifier.demo.b2_server.simulator import Bucket, Simulator

_OUTSIDE: Final = "https://upload.example.com/"
"""Where the simulator says that uploads go; the rest of such an address is what tells one upload from another."""

_INFO: Final = "x-bz-info-"
_LONGEST_NAME_BYTES: Final = 1024
_SHA1_LENGTH: Final = 40
_FLAT_VERSIONS: Final = ("v1", "v2")


class RefusedError(Exception):
    """What B2 refuses: status, code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


Parameters = dict[str, Any]


Method = Callable[["Calls", str, Parameters], Any]


def _plain(name: str, *keys: str) -> Method:
    """Return the call that hands these parameters on to the simulator, in this order."""

    def method(calls: Calls, token: str, wish: Parameters) -> Any:  # noqa: ANN401 - as the simulator answers
        return getattr(calls._simulator, name)(calls._url, token, *(wish.get(key) for key in keys))  # noqa: SLF001 - its own

    return method


class Calls:
    """The calls on one simulator. None is safe to be made by two threads at once."""

    def __init__(self, simulator: Simulator, base: Callable[[], str]) -> None:
        self._simulator = simulator
        self._base = base
        self._url = simulator.API_URL

    def authorize(self, version: str, key_id: str, key: str) -> Parameters:
        """Return account, token and addresses: flat as v1 and v2 have them, nested as later ones do."""
        answer = self._simulator.authorize_account("", key_id, key)
        storage = answer["apiInfo"]["storageApi"]
        base = self._base()
        storage |= {"apiUrl": base, "downloadUrl": base, "s3ApiUrl": base}
        if version not in _FLAT_VERSIONS:
            return answer
        allowed = storage["allowed"]
        bucket = (allowed["buckets"] or [{"id": None, "name": None}])[0]
        return {
            "accountId": answer["accountId"],
            "authorizationToken": answer["authorizationToken"],
            **{
                key: storage[key] for key in ("apiUrl", "downloadUrl", "recommendedPartSize", "absoluteMinimumPartSize")
            },
            "s3ApiUrl": base,
            "minimumPartSize": storage["recommendedPartSize"],
            "allowed": {
                "bucketId": bucket["id"],
                "bucketName": bucket["name"],
                "capabilities": allowed["capabilities"],
                "namePrefix": allowed["namePrefix"],
            },
        }

    def call(self, name: str, token: str, wish: Parameters) -> Parameters:
        """Make one call with a valid token and return its answer."""
        method = self._METHODS.get(name)
        if method is None:
            raise RefusedError(400, "bad_request", f"unknown call {name}")
        return _for_old_clients(method(self, token, wish))

    def upload(self, path: str, token: str, headers: dict[str, str], body: bytes) -> Parameters:
        """Take in a file or a part; both are the body of a request to an upload's own address."""
        if token != path or path.rpartition("/")[2] not in self._simulator.auth_token_to_key:
            raise RefusedError(401, "bad_auth_token", "the token is not that of this upload")
        address = _OUTSIDE + path
        sha1 = headers.get("x-bz-content-sha1", "")
        if len(sha1) != _SHA1_LENGTH and sha1 != "hex_digits_at_end":
            raise RefusedError(400, "bad_request", "expected the SHA-1 of the content")
        stream = io.BytesIO(body)
        if path.startswith("part/"):
            number = int(headers["x-bz-part-number"])
            part: Parameters = self._simulator.upload_part(address, address, number, len(body), sha1, stream)
            return part
        name = _checked_name(unquote_plus(headers["x-bz-file-name"]))
        kind = headers.get("content-type", "b2/x-auto")
        answer: Parameters = self._simulator.upload_file(
            address,
            address,
            name,
            len(body),
            "application/octet-stream" if kind == "b2/x-auto" else kind,
            sha1,
            {key[len(_INFO) :]: unquote(value) for key, value in headers.items() if key.startswith(_INFO)},
            stream,
        )
        return _for_old_clients(answer)

    def put(self, bucket_name: str, name: str, content: bytes, info: dict[str, str]) -> str:
        """Put a file into a bucket as its owner, and return its id."""
        bucket = self._simulator.bucket_name_to_bucket[bucket_name]
        owner = self._simulator.owner_token()
        address = self._simulator.get_upload_url(self._url, owner, bucket.bucket_id)["uploadUrl"]
        sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        size, kind = len(content), "application/octet-stream"
        stream = io.BytesIO(content)
        made = self._simulator.upload_file(address, address, _checked_name(name), size, kind, sha1, info, stream)
        return str(made["fileId"])

    def _bucket(self, token: str, wish: Parameters, capability: str) -> Bucket:
        simulator = self._simulator
        bucket: Bucket | None = simulator.bucket_id_to_bucket.get(wish["bucketId"])
        if bucket is None:
            raise RefusedError(400, "bad_bucket_id", "no such bucket")
        prefix = wish.get("prefix") or ""
        simulator._assert_account_auth(self._url, token, bucket.account_id, capability, bucket.bucket_id, prefix)  # noqa: SLF001 - the simulator has no other way to ask
        return bucket

    def _create_bucket(self, token: str, wish: Parameters) -> Parameters:
        made: Parameters = self._simulator.create_bucket(
            self._url,
            token,
            wish["accountId"],
            wish["bucketName"],
            wish["bucketType"],
            wish.get("bucketInfo"),
            wish.get("corsRules"),
            wish.get("lifecycleRules"),
            is_file_lock_enabled=wish.get("fileLockEnabled"),
        )
        return made

    def _list_names(self, token: str, wish: Parameters) -> Parameters:
        return self._bucket(token, wish, "listFiles").page(token, wish, versions=False)

    def _list_versions(self, token: str, wish: Parameters) -> Parameters:
        return self._bucket(token, wish, "listFiles").page(token, wish, versions=True)

    def _upload_address(self, answer: Parameters) -> Parameters:
        path = answer["uploadUrl"].removeprefix(_OUTSIDE)
        return {**answer, "uploadUrl": f"{self._base()}/upload/{path}", "authorizationToken": path}

    def _get_upload_url(self, token: str, wish: Parameters) -> Parameters:
        return self._upload_address(self._simulator.get_upload_url(self._url, token, wish["bucketId"]))

    def _get_upload_part_url(self, token: str, wish: Parameters) -> Parameters:
        answer = self._simulator.get_upload_part_url(self._url, token, wish["fileId"])
        return self._upload_address({**answer, "fileId": wish["fileId"]})

    def _start_large_file(self, token: str, wish: Parameters) -> Parameters:
        name = _checked_name(wish["fileName"])
        started: Parameters = self._simulator.start_large_file(
            self._url, token, wish["bucketId"], name, wish["contentType"], wish.get("fileInfo") or {}
        )
        return started

    def _copy_file(self, token: str, wish: Parameters) -> Parameters:
        """Copy on the server, as rclone does where a file's time alone changed."""
        simulator = self._simulator
        source = simulator.bucket_id_to_bucket[simulator.file_id_to_bucket_id[wish["sourceFileId"]]]
        target = wish.get("destinationBucketId") or source.bucket_id
        self._bucket(token, {"bucketId": target}, "writeFiles")
        original = source.file_id_to_file[wish["sourceFileId"]]
        address = self._simulator.get_upload_url(self._url, token, target)["uploadUrl"]
        replaced = wish.get("metadataDirective") == "REPLACE"
        copied: Parameters = simulator.upload_file(
            address,
            address,
            _checked_name(wish["fileName"]),
            len(original.data_bytes),
            wish["contentType"] if replaced else original.content_type,
            "hex_digits_at_end",
            (wish.get("fileInfo") or {}) if replaced else original.file_info,
            io.BytesIO(original.data_bytes + _sha1_of(original.data_bytes)),
        )
        return copied

    _METHODS: ClassVar[dict[str, Method]] = {
        "b2_create_bucket": _create_bucket,
        "b2_list_file_names": _list_names,
        "b2_list_file_versions": _list_versions,
        "b2_get_upload_url": _get_upload_url,
        "b2_get_upload_part_url": _get_upload_part_url,
        "b2_start_large_file": _start_large_file,
        "b2_copy_file": _copy_file,
        "b2_list_buckets": _plain("list_buckets", "accountId", "bucketId", "bucketName"),
        "b2_delete_bucket": _plain("delete_bucket", "accountId", "bucketId"),
        "b2_finish_large_file": _plain("finish_large_file", "fileId", "partSha1Array"),
        "b2_cancel_large_file": _plain("cancel_large_file", "fileId"),
        "b2_list_parts": _plain("list_parts", "fileId", "startPartNumber", "maxPartCount"),
        "b2_list_unfinished_large_files": _plain(
            "list_unfinished_large_files", "bucketId", "startFileId", "maxFileCount", "namePrefix"
        ),
        "b2_hide_file": _plain("hide_file", "bucketId", "fileName"),
        "b2_delete_file_version": _plain("delete_file_version", "fileId", "fileName"),
        "b2_get_file_info": _plain("get_file_info_by_id", "fileId"),
        "b2_list_keys": _plain("list_keys", "accountId", "maxApplicationKeyCount", "startApplicationKeyId"),
        "b2_create_key": _plain(
            "create_key", "accountId", "capabilities", "keyName", "validDurationInSeconds", "bucketIds", "namePrefix"
        ),
        "b2_delete_key": _plain("delete_key", "applicationKeyId"),
    }


def _checked_name(name: str) -> str:
    """Return a name that the real B2 takes.

    Raises:
        RefusedError: it doesn't.
    """
    try:
        validate_b2_file_name(name)
    except ValueError as error:
        raise RefusedError(400, "bad_request", str(error)) from error
    if len(name.encode()) > _LONGEST_NAME_BYTES or any(ord(character) < ord(" ") for character in name):
        raise RefusedError(400, "bad_request", "file names must have at most 1024 bytes and no control characters")
    if {".", ".."} & set(name.split("/")):
        raise RefusedError(400, "bad_request", "file names must have no segment of . or ..")
    return name


def _sha1_of(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest().encode()


def _for_old_clients(answer: Parameters) -> Parameters:
    """Put `size` beside `contentLength`: v1 calls it so, and a client of v4 still makes calls of v1."""
    for entry in (answer, *answer.get("files", ())):
        if "contentLength" in entry:
            entry["size"] = entry["contentLength"]
    return answer
