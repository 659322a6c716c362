"""B2 joins the contract against the embedded server."""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path
from typing import ClassVar

from b2sdk._internal.utils import validate_b2_file_name
from contract.harness import TIME_NS, Harness

from verifier.demo.b2_server import B2Server, Fault, simulator
from verifier.secret import SecretReference
from verifier.sources.interface import Place
from verifier.sources.places.b2.address import B2Address
from verifier.sources.places.b2.bucket import B2Bucket
from verifier.sources.places.b2.limits import Limits

_BREAK_BEHIND_BYTES = 300_000
_FOR_EVER = 1_000_000
_PAGE_FILES = 500


class B2Harness(Harness):
    """A prefix of a bucket."""

    kind = "b2"
    times_change = False
    fails_by_exceptions = False
    cannot_hold = frozenset({"not UTF-8", "newline", "control", "255 bytes", "backslash"})
    leaves_out: ClassVar = {
        "link": "B2 has no links",
        "pipe": "B2 has no pipes",
        "socket": "B2 has no sockets",
        "outside": "B2 has no folders to climb out of",
        "damage": "B2 has no file that fails by itself: its bytes are hashed here",
        "reply_short": "HTTP states the length of a reply: one that is shorter is a break",
        "impersonate": "who answers for B2 is shown by TLS, which the embedded server does not speak",
        "fall_silent": "b2sdk's own waits are minutes long; those of the place are its own tests",
    }

    def __init__(self, folder: Path, shared: object = None) -> None:
        super().__init__(folder, shared)
        self.cleanup.callback(setattr, simulator, "_PAGE_FILES_AT_MOST", simulator._PAGE_FILES_AT_MOST)
        simulator._PAGE_FILES_AT_MOST = _PAGE_FILES
        self.server = self.cleanup.enter_context(B2Server())
        self._b2 = self.server.simulator
        keys = self.server.description()
        self.secrets = (keys["read_key"], keys["key"])
        self._options: dict[str, object] = {"realm": keys["realm"]}
        for name in ("key_id", "key"):
            path = folder / name
            path.write_text(keys[f"read_{name}"])
            path.chmod(0o600)
            self._options[name] = SecretReference(kind="file", words=(str(path),))
        self._token = self._b2.authorize_account("", keys["key_id"], keys["key"])["authorizationToken"]
        made = self._b2.create_bucket(self._b2.API_URL, self._token, self._b2.account_id, "family", "allPrivate")
        self._bucket_id = made["bucketId"]
        self._upload = self._b2.get_upload_url(self._b2.API_URL, self._token, self._bucket_id)["uploadUrl"]

    def open_place(self) -> Place:
        limits = Limits(tries=3, first_wait_seconds=0.01, connect_seconds=1.0, silence_seconds=1.0)
        return B2Bucket(B2Address(bucket="family", prefix="copy/"), self._options, limits)

    def put(self, name: bytes, data: bytes, mtime_ns: int = TIME_NS) -> None:
        key = "copy/" + name.decode()
        validate_b2_file_name(key)
        self._store(key, data, mtime_ns)

    def _store(self, key: str, data: bytes, mtime_ns: int) -> None:
        sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        infos = {"src_last_modified_millis": str(mtime_ns // 1_000_000)}
        where, kind = self._upload, "application/octet-stream"
        self._b2.upload_file(where, where, key, len(data), kind, sha1, infos, io.BytesIO(data))

    def remove(self, name: bytes) -> None:
        self._b2.hide_file(self._b2.API_URL, self._token, self._bucket_id, "copy/" + name.decode())

    def state(self) -> object:
        bucket = self._b2.bucket_id_to_bucket[self._bucket_id]
        return [(key, file.action, file.data_bytes, file.upload_timestamp) for key, file in bucket.versions.items()]

    def offer(self, name: bytes) -> bool | None:
        with contextlib.suppress(ValueError):
            self._store("copy/" + name.decode(), b"offered", TIME_NS)
            return None
        return False

    def break_listing(self) -> None:
        self.server.faults.add(Fault(where="b2_list_file_versions"))
        self.server.faults.add(Fault(where="b2_list_file_versions", times=_FOR_EVER, status=400, code="bad_request"))

    def forbid(self, name: bytes) -> None:
        where = "copy/" + name.decode()
        self.server.faults.add(Fault(where=where, times=_FOR_EVER, status=403, code="access_denied"))

    def cut(self, name: bytes) -> None:
        where = "copy/" + name.decode()
        self.server.faults.add(Fault(where=where, times=_FOR_EVER, cut_after_bytes=_BREAK_BEHIND_BYTES))

    def hiccup(self, name: bytes) -> None:
        self.server.faults.add(Fault(where="copy/" + name.decode(), cut_after_bytes=_BREAK_BEHIND_BYTES))

    def go_away(self) -> None:
        self.server.stop()
