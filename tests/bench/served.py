"""A folder → the same folder at the end of a line: a real sshd and an embedded B2, and what each peer is told of them.

Every contender meets the same server: the one sshd, which speaks one cipher, and the one process that serves B2.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from b2_serve import BUCKET, PREFIX

# The tests' own server lies beside this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))
from sshd import Proxy, Server

CIPHER: Final = "aes128-gcm@openssh.com"
_HERE: Final = Path(__file__).resolve().parent
_END_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sftp:
    """A server of SFTP: how it is reached, and by which words of each program."""

    server: Server
    port: int
    folder: Path

    def address(self, path: Path) -> str:
        """Return where a folder of this machine is for ours."""
        return self.server.address(path, port=self.port)

    @property
    def our_options(self) -> list[str]:
        """What `verifier prove` is told beside the address."""
        return ["--known-hosts", str(self.server.known_hosts), "--identity", str(self.server.identity)]

    @property
    def _ssh_options(self) -> list[str]:
        stated = {"UserKnownHostsFile": self.server.known_hosts, "StrictHostKeyChecking": "yes", "BatchMode": "yes"}
        words = ["-F", "/dev/null", "-c", CIPHER, "-i", str(self.server.identity)]
        return words + [word for key, value in stated.items() for word in ("-o", f"{key}={value}")]

    def sftp(self, source: Path, destination: Path, *, recursive: bool) -> list[str]:
        """Return OpenSSH's own client, told to get a file or a folder."""
        batch = self.folder / f"batch-{destination.name}"
        batch.write_text(f'get {"-r " if recursive else ""}"{source}" "{destination}"\n')
        host = f"{self.server.user}@127.0.0.1"
        return ["sftp", *self._ssh_options, "-P", str(self.port), "-b", str(batch), host]

    def rsync(self, source: Path, destination: Path) -> list[str]:
        """Return rsync over ssh, as a backup is copied back with it."""
        ssh = shlex.join(["ssh", *self._ssh_options, "-p", str(self.port)])
        return ["rsync", "-a", "-e", ssh, f"{self.server.user}@127.0.0.1:{source}/", f"{destination}/"]

    def rclone(self, source: Path, destination: Path) -> list[str]:
        """Return rclone with eight transfers; it asks for no checksums of the server, which would cost it more."""
        stated = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.server.user,
            "key_file": self.server.identity,
            "known_hosts_file": self.server.known_hosts,
            "shell_type": "unix",
            "disable_hashcheck": "true",
        }
        words = ",".join(f'{key}="{value}"' for key, value in stated.items())
        copy = ["rclone", "copy", "--config", "/dev/null", "--transfers", "8"]
        return [*copy, f":sftp,{words}:{source}", str(destination)]


@contextlib.contextmanager
def serving_sftp(work_folder: Path, *, delay_seconds: float = 0.0) -> Iterator[Sftp]:
    """Serve this machine's files by sshd; a delay is put upon what goes each way."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sshd-", dir=work_folder)))
        server = stack.enter_context(Server(folder, extra=f"Ciphers {CIPHER}\n"))
        port = server.port
        if delay_seconds:
            port = stack.enter_context(Proxy(server.port, delay_seconds=delay_seconds)).port
            server.write_known_hosts(port)
        yield Sftp(server=server, port=port, folder=folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class B2:
    """A server of B2. Its keys are made anew for each, so they may stand in a list of processes."""

    keys: dict[str, str]
    address: str = f"b2://{BUCKET}/{PREFIX}"

    @property
    def environment(self) -> list[str]:
        """What a command is begun with, so that ours and b2sdk's find the key that only reads."""
        keys = self.keys
        stated = {
            "B2_REALM": keys["realm"],
            "B2_APPLICATION_KEY_ID": keys["read_key_id"],
            "B2_APPLICATION_KEY": keys["read_key"],
        }
        return ["env", *(f"{key}={value}" for key, value in stated.items())]

    def rclone(self, destination: Path) -> list[str]:
        """Return rclone's own client of B2 with sixteen transfers."""
        keys = self.keys
        words = f'account="{keys["read_key_id"]}",key="{keys["read_key"]}",endpoint="{keys["realm"]}"'
        copy = ["rclone", "copy", "--config", "/dev/null", "--transfers", "16"]
        return [*copy, f":b2,{words}:{BUCKET}/{PREFIX}", str(destination)]

    def b2sdk(self, destination: Path) -> list[str]:
        """Return a script of plain b2sdk."""
        return [*self.environment, sys.executable, str(_HERE / "b2_download.py"), str(destination)]


@contextlib.contextmanager
def serving_b2(dataset_folder: Path) -> Iterator[B2]:
    """Serve a folder's files as a bucket, from the memory of a process of its own."""
    command = [sys.executable, str(_HERE / "b2_serve.py"), str(dataset_folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            said = process.stdout.readline() if process.stdout else b""
            if not said:
                raise SystemExit(f"bench: {' '.join(command)} did not begin")
            yield B2(keys=json.loads(said))
        finally:
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
