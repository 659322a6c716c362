"""The way to a folder that the real sshd serves, as a test opens and hurts it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import sshd
from secret_file import secret_file

from verifier.sources.interface import Place
from verifier.sources.places.sftp.place import Sftp
from verifier.sources.places.sftp.transport import Patience

_PATIENCE: Final = Patience(connect_seconds=1.0, silence_seconds=0.4, pauses_seconds=(0.01,))
_BROKEN_BEHIND_BYTES: Final = 1024 * 1024
_ON_THE_LINE: Final = frozenset({"cut", "hiccup", "fall_silent", "go_away"})


class CopyBySsh:
    """By the system's `ssh -s`; what is to be hurt on the line goes through a proxy."""

    secrets: tuple[str, ...] = ()

    def __init__(self, server: sshd.Server, folder: Path, cleanup: contextlib.ExitStack) -> None:
        self._server = server
        self._folder = folder
        self._cleanup = cleanup
        self._host_keys = server.host_keys
        self._opened_proxy: sshd.Proxy | None = None

    @classmethod
    @contextlib.contextmanager
    def serving(cls, folder: Path, shared: sshd.Server) -> Iterator[Self]:
        """Lead to a server for as long as the block lasts; its connections end with it."""
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(shared.drop_connections)
            yield cls(shared, folder, cleanup)

    def open_place(self, *, needs: frozenset[str]) -> Place:
        port = self._proxy.port if needs & _ON_THE_LINE else self._server.port
        self._server.write_known_hosts(port, self._host_keys)
        address = self._server.address(self._folder / "copy", port=port)
        return Sftp(address, {**self._server.options, **self._options()}, _PATIENCE)

    def _options(self) -> dict[str, object]:
        return {}

    @property
    def _proxy(self) -> sshd.Proxy:
        if self._opened_proxy is None:
            self._opened_proxy = self._cleanup.enter_context(sshd.Proxy(self._server.port))
        return self._opened_proxy

    def impersonate(self) -> None:
        self._host_keys = [sshd.make_key(self._folder / kind, kind=kind) for kind in ("ed25519", "ecdsa")]

    def cut(self, _name: bytes) -> None:
        self._proxy.break_behind(_BROKEN_BEHIND_BYTES, times=1_000)
        self._server.drop_connections()

    def hiccup(self, _name: bytes) -> None:
        self._proxy.break_behind(_BROKEN_BEHIND_BYTES, times=1)

    def fall_silent(self) -> None:
        self._proxy.swallows = True

    def go_away(self) -> None:
        self._proxy.lead_nowhere()
        self._server.drop_connections()


class CopyByChannel(CopyBySsh):
    """By a channel of our own, with a key that only we can unlock."""

    secrets = ("planted-pa55phrase",)

    def _options(self) -> dict[str, object]:
        locked, phrase = self._server.folder / "locked", self.secrets[0]
        if not locked.exists():
            self._server.admit(sshd.make_key(locked, passphrase=phrase))
        passphrase = secret_file(self._server.folder / "phrase", phrase)
        return {"identity": locked, "passphrase": passphrase, "transport": "channel"}
