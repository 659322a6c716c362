"""B2 joins the contract against the embedded server."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import ClassVar

from b2_served import BUCKET, hide, open_bucket, put_unchecked
from contract.harness import TIME_NS, Harness

from verifier.demo.b2_server import B2Server, Fault, simulator
from verifier.sources.interface import Place
from verifier.sources.places.b2.limits import Limits

_BROKEN_BEHIND_BYTES = 300_000
_FOR_EVER = 1_000_000
_PAGE_FILES = 500
_LIMITS = Limits(tries=3, first_wait_seconds=0.01, connect_seconds=1.0, silence_seconds=1.0)


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
        self.server.make_bucket(BUCKET)
        keys = self.server.description()
        self.secrets = (keys["read_key"], keys["key"])

    def open_place(self) -> Place:
        return open_bucket(self.server, self.folder, f"b2://{BUCKET}/copy", _LIMITS)

    def put(self, name: bytes, data: bytes, mtime_ns: int = TIME_NS) -> None:
        self.server.put(BUCKET, "copy/" + name.decode(), data, modified_ms=mtime_ns // 1_000_000)

    def remove(self, name: bytes) -> None:
        hide(self.server, "copy/" + name.decode())

    def state(self) -> object:
        versions = self.server.simulator.bucket_name_to_bucket[BUCKET].versions
        return [(key, file.action, file.data_bytes, file.upload_timestamp) for key, file in versions.items()]

    def offer(self, name: bytes) -> bool | None:
        with contextlib.suppress(ValueError):
            put_unchecked(self.server, "copy/" + name.decode(), b"offered")
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
        self.server.faults.add(Fault(where=where, times=_FOR_EVER, cut_after_bytes=_BROKEN_BEHIND_BYTES))

    def hiccup(self, name: bytes) -> None:
        self.server.faults.add(Fault(where="copy/" + name.decode(), cut_after_bytes=_BROKEN_BEHIND_BYTES))

    def go_away(self) -> None:
        self.server.stop()
