"""SFTP joins the contract against the real sshd: by the system's `ssh`, and by a channel of our own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import sshd
from contract.harnesses import OnDisk

from verifier.secret import SecretReference
from verifier.sources.interface import Place
from verifier.sources.places.sftp.place import Sftp
from verifier.sources.places.sftp.transport import Patience

_PATIENCE = Patience(connect_seconds=1.0, silence_seconds=0.4, pauses_seconds=(0.01,))
_BROKEN_BEHIND_BYTES = 1024 * 1024
_ON_THE_LINE = frozenset({"cut", "hiccup", "fall_silent", "go_away"})
_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")


def _subsystem() -> str:
    """Return an SFTP server for which file modes count even where root runs it."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return "internal-sftp"
    program = next(path for path in _SERVERS if Path(path).exists())
    return f"{shutil.which('setpriv')} --bounding-set=-dac_override,-dac_read_search {program}"


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
        with sshd.serving(folder, sftp=_subsystem()) as server:
            yield server

    @classmethod
    def unavailable(cls) -> str | None:
        return None if shutil.which("ssh") and shutil.which("sshd", path="/usr/sbin:/usr/bin") else "sshd is not there"

    def open_place(self) -> Place:
        port = self.server.port if not self.needs & _ON_THE_LINE else self.proxy.port
        self._write_known_hosts(port)
        return Sftp(self.server.address(self.root, port=port), {**self.server.options, **self.options()}, _PATIENCE)

    def options(self) -> dict[str, object]:
        return {}

    def _write_known_hosts(self, port: int) -> None:
        lines = (f"[127.0.0.1]:{port} {sshd.public_key(key)}\n" for key in self._host_keys)
        self.server.known_hosts.write_text("".join(lines))

    def impersonate(self) -> None:
        self._host_keys = [sshd.make_key(self.folder / kind, kind=kind) for kind in ("ed25519", "ecdsa")]

    @property
    def proxy(self) -> sshd.Proxy:
        if self._proxy is None:
            self._proxy = self.cleanup.enter_context(sshd.Proxy(self.server.port))
        return self._proxy

    def _break(self, times: int) -> None:
        self.proxy._cut_after_bytes, self.proxy._cuts = _BROKEN_BEHIND_BYTES, times

    def cut(self, name: bytes) -> None:
        del name
        self._break(1_000)
        self.server.drop_connections()

    def hiccup(self, name: bytes) -> None:
        del name
        self._break(1)

    def fall_silent(self) -> None:
        self.proxy.swallows = True

    def go_away(self) -> None:
        self.proxy._target = sshd.free_port()
        self.server.drop_connections()


class SftpByChannel(SftpBySsh):
    """A channel of our own, with a key that only we can unlock."""

    kind = "sftp by channel"
    secrets = ("planted-pa55phrase",)

    def options(self) -> dict[str, object]:
        locked, phrase = self.server.folder / "locked", self.server.folder / "phrase"
        if not locked.exists():
            # One round of what makes guessing slow: it is unlocked for each connection.
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", self.secrets[0], "-f", str(locked)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            phrase.write_text(self.secrets[0])
            phrase.chmod(0o600)
            with self.server.authorized_keys.open("a") as authorized:
                authorized.write(sshd.public_key(locked) + "\n")
        reference = SecretReference(kind="file", words=(str(phrase),))
        return {"identity": locked, "passphrase": reference, "transport": "channel"}
