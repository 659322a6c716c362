"""SFTP joins the contract against the real sshd: by the system's `ssh`, and by a channel of our own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import sshd
from contract.harnesses import OnDisk
from secret_file import secret_file

from verifier.sources.interface import Place
from verifier.sources.places.sftp.place import Sftp
from verifier.sources.places.sftp.transport import Patience

_PATIENCE = Patience(connect_seconds=1.0, silence_seconds=0.4, pauses_seconds=(0.01,))
_BROKEN_BEHIND_BYTES = 1024 * 1024
_ON_THE_LINE = frozenset({"cut", "hiccup", "fall_silent", "go_away"})


class SftpBySsh(OnDisk):
    """The system's `ssh -s`."""

    kind = "sftp by ssh"
    refuses_links = False
    fails_by_exceptions = False
    leaves_out: ClassVar = {
        "offer": "OpenSSH offers no such name; hostile packets are the engine's own tests",
        "damage": "a real server's disk can't be made to fail",
        "reply_short": "OpenSSH fills its replies; short ones are the engine's own tests",
    }

    def __init__(self, folder: Path, shared: sshd.Server) -> None:
        super().__init__(folder, shared)
        self.server = shared
        self._host_keys = shared.host_keys
        self._proxy: sshd.Proxy | None = None
        self.cleanup.callback(shared.drop_connections)

    @classmethod
    @contextlib.contextmanager
    def serving(cls, folder: Path) -> Iterator[sshd.Server]:
        with sshd.serving(folder, sftp=sshd.obeying_modes()) as server:
            yield server

    @classmethod
    def unavailable(cls) -> str | None:
        return None if shutil.which("ssh") and shutil.which("sshd", path="/usr/sbin:/usr/bin") else "sshd is not there"

    def open_place(self) -> Place:
        port = self.server.port if not self.needs & _ON_THE_LINE else self.proxy.port
        self.server.write_known_hosts(port, self._host_keys)
        return Sftp(self.server.address(self.root, port=port), {**self.server.options, **self.options()}, _PATIENCE)

    def options(self) -> dict[str, object]:
        return {}

    def impersonate(self) -> None:
        self._host_keys = [sshd.make_key(self.folder / kind, kind=kind) for kind in ("ed25519", "ecdsa")]

    @property
    def proxy(self) -> sshd.Proxy:
        if self._proxy is None:
            self._proxy = self.cleanup.enter_context(sshd.Proxy(self.server.port))
        return self._proxy

    def cut(self, name: bytes) -> None:
        del name
        self.proxy.break_behind(_BROKEN_BEHIND_BYTES, times=1_000)
        self.server.drop_connections()

    def hiccup(self, name: bytes) -> None:
        del name
        self.proxy.break_behind(_BROKEN_BEHIND_BYTES, times=1)

    def fall_silent(self) -> None:
        self.proxy.swallows = True

    def go_away(self) -> None:
        self.proxy.lead_nowhere()
        self.server.drop_connections()


class SftpByChannel(SftpBySsh):
    """A channel of our own, with a key that only we can unlock."""

    kind = "sftp by channel"
    secrets = ("planted-pa55phrase",)

    def options(self) -> dict[str, object]:
        locked, phrase = self.server.folder / "locked", self.secrets[0]
        if not locked.exists():
            self.server.admit(sshd.make_key(locked, passphrase=phrase))
        passphrase = secret_file(self.server.folder / "phrase", phrase)
        return {"identity": locked, "passphrase": passphrase, "transport": "channel"}
