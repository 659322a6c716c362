"""A folder that a test keeps as its copy → what a drill reaches: that folder, the same over SFTP, or its files in B2.

So damage is planted once, in a folder, and is looked for on every way to a copy.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from b2_served import BUCKET, hide, prove_environment
from sshd import Server

from verifier.demo.b2_server import B2Server

WAYS = ("folder", "sftp by ssh", "sftp by channel", "b2")


class Way:
    """The folder itself.

    Attributes:
        note: what the proof says of how the bytes came.
        holds_links: whether symbolic links, pipes and empty folders can be there.
        keeps_times: whether a file's time of modification is there.
    """

    note = ""
    holds_links = True
    keeps_times = True

    def publish(self, copy: Path) -> None:
        """Bring what the folder holds now to where it is reached."""

    def address(self, copy: Path) -> str:
        """Return the copy's address."""
        return str(copy)

    def options(self) -> tuple[str, ...]:
        """Return what `prove` is told beside the address."""
        return ()

    def stated(self) -> str:
        """Return what a scenario states of the copy beside its address, as lines of TOML."""
        return ""


class OverSftp(Way):
    """The folder behind the real sshd, by the system's `ssh`; without one in PATH, by a channel of our own."""

    def __init__(self, server: Server, *, by_ssh: bool) -> None:
        self._server = server
        program = "the system's ssh" if by_ssh else "this program's own SSH connection"
        self.note = f"read over SFTP by {program}"

    def address(self, copy: Path) -> str:
        return self._server.address(copy)

    def options(self) -> tuple[str, ...]:
        return ("--known-hosts", str(self._server.known_hosts), "--identity", str(self._server.identity))

    def stated(self) -> str:
        return f'known_hosts = "{self._server.known_hosts}"\nidentity = "{self._server.identity}"\n'


class InB2(Way):
    """The folder's files under a prefix: what changed since is a new version, what is gone is hidden.

    Args:
        server: holds the bucket.
        prefix: of this copy alone.
        keeps_times: whether each file is uploaded with its time of modification, as rclone does and others don't.

    Attributes:
        without_time: names that are uploaded without one in any case.
    """

    note = "the key may listBuckets"
    holds_links = False

    def __init__(self, server: B2Server, prefix: str, *, keeps_times: bool = True) -> None:
        self._server = server
        self._prefix = prefix
        self.keeps_times = keeps_times
        self.without_time: set[str] = set()
        self._there: dict[str, tuple[bytes, int]] = {}

    def publish(self, copy: Path) -> None:
        files = {
            path.relative_to(copy).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns // 1_000_000)
            for path in copy.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
        for name in self._there.keys() - files:
            hide(self._server, f"{self._prefix}/{name}")
        for name, (data, modified_ms) in files.items():
            if self._there.get(name) != (data, modified_ms):
                stated_ms = modified_ms if self.keeps_times and name not in self.without_time else None
                self._server.put(BUCKET, f"{self._prefix}/{name}", data, modified_ms=stated_ms)
        self._there = files

    def address(self, copy: Path) -> str:
        del copy
        return f"b2://{BUCKET}/{self._prefix}"

    def stated(self) -> str:
        realm = self._server.description()["realm"]
        keys = 'key_id = { env = "B2_APPLICATION_KEY_ID" }\nkey = { env = "B2_APPLICATION_KEY" }\n'
        return f'realm = "{realm}"\n{keys}'


def way_of(kind: str, folder: Path, request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Way:
    """Return one of `WAYS`, with the environment as it asks for: the servers are started for whoever comes first."""
    if kind == "folder":
        return Way()
    if kind.startswith("sftp"):
        by_ssh = kind == "sftp by ssh"
        server: Server = request.getfixturevalue("sftp_server")  # first, for it is begun by programs of PATH
        if not by_ssh:
            (folder / "no programs").mkdir()
            patch.setenv("PATH", str(folder / "no programs"))
        return OverSftp(server, by_ssh=by_ssh)
    cloud: B2Server = request.getfixturevalue("b2_server")
    for name, value in prove_environment(cloud).items():
        patch.setenv(name, value)
    return InB2(cloud, folder.name, keeps_times=kind != "b2 without times")
