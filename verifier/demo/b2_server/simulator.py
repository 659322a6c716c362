"""b2sdk's own simulator of B2, made to hold as much as a backup does and to list folders.

The simulator is meant for a handful of files: it counts 9,999 file ids for each bucket, 200 upload addresses, and sorts
everything for each page. What it knows of keys, versions, hide markers and parts is kept.
"""

from __future__ import annotations

import itertools
import secrets
import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from b2sdk._internal.raw_simulator import BucketSimulator, FileSimulator, RawSimulator

_FIRST_FILE_NUMBER: Final = 10**15 - 1
_PAGE_FILES: Final = 100
_PAGE_FILES_AT_MOST: Final = 10_000
RECOMMENDED_PART_BYTES: Final = 100_000_000
SMALLEST_PART_BYTES: Final = 5_000_000

Key = tuple[str, str]
"""A file's name and its id: in the order of listings, the newest version of a name first."""


class Version(FileSimulator):
    """One version of a file, a hide marker, or a large file that is being uploaded."""

    download_headers: bytes | None = None
    """What a download states of it in headers, made at the first one."""

    def finish(self, part_sha1_array: list[str]) -> None:
        """Put the parts together, and let go of them."""
        super().finish(part_sha1_array)
        self.parts.clear()


class _Versions(dict[Key, Version]):
    """All versions of a bucket by name and id, with their order kept until one comes or goes."""

    def __init__(self) -> None:
        super().__init__()
        self._order: list[Key] | None = None

    def __setitem__(self, key: Key, version: Version) -> None:
        super().__setitem__(key, version)
        self._order = None

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        self._order = None

    def order(self) -> list[Key]:
        """Return all keys in the order of listings."""
        if self._order is None:
            self._order = sorted(self)
        return self._order


class Bucket(BucketSimulator):
    """A bucket of any number of files."""

    FILE_SIMULATOR_CLASS = Version
    FIRST_FILE_ID = str(_FIRST_FILE_NUMBER)

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.upload_url_counter = itertools.count()
        self.upload_timestamp_counter = (time.time_ns() // 1_000_000 for _ in itertools.count())
        self.versions = _Versions()
        self.file_name_and_id_to_file = self.versions

    def newest(self, name: str) -> Version | None:
        """Return the version that a download by name gives."""
        order = self.versions.order()
        for key in itertools.islice(order, bisect_left(order, (name, "")), None):
            if key[0] != name:
                return None
            version = self.versions[key]
            if version.action != "start":
                return version if version.action == "upload" else None
        return None

    def page(self, token: str, wish: dict[str, Any], *, versions: bool) -> dict[str, Any]:
        """Return a page of versions, or of the names whose newest version is not hidden; folders by delimiter.

        `wish` holds B2's own parameters: prefix, delimiter, startFileName, startFileId, maxFileCount.
        """
        count = min(int(wish.get("maxFileCount") or _PAGE_FILES), _PAGE_FILES_AT_MOST)
        found = self._keys(wish, versions=versions)
        files = [self._entry(token, key) for key in itertools.islice(found, count)]
        following = next(found, None)
        answer = {"files": files, "nextFileName": None if following is None else following[0]}
        if versions:
            answer["nextFileId"] = None if following is None else following[1] or None
        return answer

    def _keys(self, wish: dict[str, Any], *, versions: bool) -> Iterator[Key]:
        """Yield the keys of a listing from its start on; a folder's has no id."""
        prefix, delimiter = wish.get("prefix") or "", wish.get("delimiter") or ""
        order = self.versions.order()
        start = max((wish.get("startFileName") or "", wish.get("startFileId") or ""), (prefix, ""))
        index = bisect_left(order, start)
        while index < len(order) and order[index][0].startswith(prefix):
            name = order[index][0]
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut >= 0:
                folder = name[: cut + len(delimiter)]
                following = bisect_left(order, (folder[:-1] + chr(ord(folder[-1]) + 1), ""), index)
                names = {key[0] for key in order[index:following]}
                if versions or any(self.newest(inside) for inside in names):
                    yield folder, ""
                index = following
            elif versions:
                yield order[index]
                index += 1
            else:
                version = self.newest(name)
                if version is not None:
                    yield name, version.file_id
                index = bisect_left(order, (name + "\0", ""), index)

    def _entry(self, token: str, key: Key) -> dict[str, Any]:
        if not key[1]:
            return {
                "accountId": self.account_id,
                "bucketId": self.bucket_id,
                "action": "folder",
                "fileName": key[0],
                "fileId": None,
                "contentLength": 0,
                "contentSha1": None,
                "contentType": None,
                "fileInfo": {},
                "uploadTimestamp": 0,
            }
        return cast("dict[str, Any]", self.versions[key].as_list_files_dict(token))

    def _next_file_id(self) -> str:
        return str(next(self.api.file_ids))

    def _simulate_chunked_post(self, stream: BinaryIO, content_length: int, *_: object, **__: object) -> bytes:
        del content_length
        return stream.read()


class Simulator(RawSimulator):
    """One account, with two keys: one that may do everything, one that may only read."""

    BUCKET_SIMULATOR_CLASS = Bucket
    MIN_PART_SIZE = SMALLEST_PART_BYTES

    def __init__(self) -> None:
        super().__init__()
        self.bucket_id_counter = itertools.count()
        # Of one length, so that a newer one sorts first; no two buckets have the same.
        self.file_ids = itertools.count(_FIRST_FILE_NUMBER, -1)
        self.account_id, _ = self.create_account()
        self.key_id, self.key = self._rename_master()
        self.read_key_id, self.read_key = self._make_read_key()

    def authorize_account(self, realm_url: str, application_key_id: str, application_key: str) -> dict[str, Any]:
        """Return what the real one does, with a token that nobody guesses and parts of the real size."""
        answer = cast("dict[str, Any]", super().authorize_account(realm_url, application_key_id, application_key))
        token = secrets.token_urlsafe(24)
        self.auth_token_to_key[token] = self.auth_token_to_key.pop(answer["authorizationToken"])
        self.current_token = token
        answer["authorizationToken"] = token
        answer["apiInfo"]["storageApi"]["recommendedPartSize"] = RECOMMENDED_PART_BYTES
        return answer

    def owner_token(self) -> str:
        """Return a new token of the key that may do everything."""
        return str(self.authorize_account("", self.key_id, self.key)["authorizationToken"])

    def expire_tokens(self) -> None:
        """Let every token that was given out be expired."""
        self.expired_auth_tokens.update(self.auth_token_to_key)

    def _rename_master(self) -> tuple[str, str]:
        """Give the account's own key an id and a secret as the real ones look."""
        master = self.key_id_to_key.pop(self.account_id)
        master.application_key_id = "000" + secrets.token_hex(11)
        master.key = "K000" + secrets.token_urlsafe(20)
        self.key_id_to_key[master.application_key_id] = master
        return master.application_key_id, master.key

    def _make_read_key(self) -> tuple[str, str]:
        token = self.owner_token()
        made = self.create_key(self.API_URL, token, self.account_id, list(READING), "reads-only", None, None, None)
        key = self.key_id_to_key.pop(made["applicationKeyId"])
        key.application_key_id = "000" + secrets.token_hex(11)
        key.key = "K000" + secrets.token_urlsafe(20)
        self.key_id_to_key[key.application_key_id] = key
        return key.application_key_id, key.key


READING: Final = (
    "listBuckets",
    "readBuckets",
    "listFiles",
    "readFiles",
    "readBucketEncryption",
    "readBucketRetentions",
    "readFileRetentions",
    "readFileLegalHolds",
)
"""What the key that only reads may do."""
