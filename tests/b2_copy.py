"""A copy in a bucket of the embedded server, as a test fills and hurts it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from b2_served import BUCKET, hide, open_bucket, put_unchecked

from verifier.demo.b2_server import B2Server, Fault, simulator
from verifier.sources.interface import Place
from verifier.sources.places.b2.limits import Limits

_BROKEN_BEHIND_BYTES: Final = 300_000
_FOR_EVER: Final = 1_000_000
_PAGE_FILES: Final = 500
_LIMITS: Final = Limits(tries=3, first_wait_seconds=0.01, connect_seconds=1.0, silence_seconds=1.0)


class B2Copy:
    """A prefix of a bucket, which its server lists in small pages."""

    def __init__(self, server: B2Server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        keys = server.description()
        self.secrets = (keys["read_key"], keys["key"])

    @classmethod
    @contextlib.contextmanager
    def serving(cls, folder: Path, _shared: object = None) -> Iterator[Self]:
        """Serve a new one for as long as the block lasts."""
        pages, simulator._PAGE_FILES_AT_MOST = simulator._PAGE_FILES_AT_MOST, _PAGE_FILES
        try:
            with B2Server() as server:
                server.make_bucket(BUCKET)
                yield cls(server, folder)
        finally:
            simulator._PAGE_FILES_AT_MOST = pages

    def open_place(self, *, needs: frozenset[str]) -> Place:
        del needs
        return open_bucket(self._server, self._folder, f"b2://{BUCKET}/copy", _LIMITS)

    def put(self, name: bytes, data: bytes, mtime_ns: int) -> None:
        self._server.put(BUCKET, _key(name), data, modified_ms=mtime_ns // 1_000_000)

    def remove(self, name: bytes) -> None:
        hide(self._server, _key(name))

    def state(self) -> object:
        versions = self._server.simulator.bucket_name_to_bucket[BUCKET].versions
        return [(key, file.action, file.data_bytes, file.upload_timestamp) for key, file in versions.items()]

    def offer(self, name: bytes) -> bool | None:
        with contextlib.suppress(ValueError):
            put_unchecked(self._server, _key(name), b"offered")
            return None
        return False

    def break_listing(self) -> None:
        self._fail(Fault(where="b2_list_file_versions"))
        self._fail(Fault(where="b2_list_file_versions", times=_FOR_EVER, status=400, code="bad_request"))

    def forbid(self, name: bytes) -> None:
        self._fail(Fault(where=_key(name), times=_FOR_EVER, status=403, code="access_denied"))

    def cut(self, name: bytes) -> None:
        self._fail(Fault(where=_key(name), times=_FOR_EVER, cut_after_bytes=_BROKEN_BEHIND_BYTES))

    def hiccup(self, name: bytes) -> None:
        self._fail(Fault(where=_key(name), cut_after_bytes=_BROKEN_BEHIND_BYTES))

    def go_away(self) -> None:
        self._server.stop()

    def _fail(self, fault: Fault) -> None:
        self._server.faults.add(fault)


def _key(name: bytes) -> str:
    return "copy/" + name.decode()
