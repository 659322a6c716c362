"""A real OpenSSH server on loopback, as a child process, with keys and files of its own; ended by its process id.

Beside it a proxy that delays, cuts or swallows what passes through it.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

_BEGIN_SECONDS = 10
_CHUNK = 256 * 1024
_PACKETS = 16 * 1024
_QUEUED_SECONDS = 0.05


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/libexec:/usr/local/sbin")
    if found is None:
        pytest.fail(f"{name} is not installed: run tests/install-tools")
    return found


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a key pair at `path` and `path.pub`; a passphrase is not made slow to guess."""
    command = [_program("ssh-keygen"), "-q", "-t", kind, "-a", "1", "-N", passphrase, "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def public_key(path: Path) -> str:
    """Return kind and base64 of a key."""
    return " ".join(path.with_name(path.name + ".pub").read_text("ascii").split()[:2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def obeying_modes() -> str:
    """Return an SFTP server for which the modes of files count even where root runs it."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return "internal-sftp"
    folders = "/usr/lib/openssh:/usr/libexec/openssh:/usr/libexec:/usr/lib/ssh"
    program = shutil.which("sftp-server", path=folders)
    return f"{_program('setpriv')} --bounding-set=-dac_override,-dac_read_search {program}"


class Server:
    """An sshd that serves the file system of this machine to one key, by `internal-sftp`.

    Attributes:
        port: where it listens, on 127.0.0.1.
        identity: the private key that it lets in.
        known_hosts: a file with its host keys.
        host_keys: the files of its host keys.
    """

    def __init__(self, folder: Path, *, extra: str = "", sftp: str = "internal-sftp") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.user = getpass.getuser()
        self.identity = make_key(folder / "identity")
        self.host_keys = [make_key(folder / f"host_{kind}", kind=kind) for kind in ("ed25519", "ecdsa")]
        self.known_hosts = folder / "known_hosts"
        self.authorized_keys = folder / "authorized_keys"
        self.authorized_keys.write_text(public_key(self.identity) + "\n", "ascii")
        self.write_known_hosts(self.port)
        self._configuration = folder / "sshd_config"
        self._configuration.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n"
            + "".join(f"HostKey {key}\n" for key in self.host_keys)
            + f"AuthorizedKeysFile {self.authorized_keys}\n"
            "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nMaxStartups 100:30:200\nPrintMotd no\nUseDNS no\n"
            f"Subsystem sftp {sftp}\n{extra}",
            "utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def write_known_hosts(self, port: int, keys: Sequence[Path] | None = None) -> None:
        """Let the server be known at this port: by its own keys, or by those of somebody else."""
        lines = [f"[127.0.0.1]:{port} {public_key(key)}\n" for key in keys or self.host_keys]
        self.known_hosts.write_text("".join(lines), "ascii")

    def admit(self, key: Path) -> None:
        """Let whoever has this private key in, too."""
        with self.authorized_keys.open("a", encoding="ascii") as authorized:
            authorized.write(public_key(key) + "\n")

    @property
    def options(self) -> dict[str, object]:
        """What a copy on this server states beside its address."""
        return {"known_hosts": self.known_hosts, "identity": self.identity}

    def address(self, path: Path | str, *, port: int | None = None) -> str:
        return f"sftp://{self.user}@127.0.0.1:{port or self.port}{path}"

    def start(self) -> None:
        Path("/run/sshd").mkdir(parents=True, exist_ok=True) if os.geteuid() == 0 else None
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [_program("sshd"), "-D", "-e", "-f", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _BEGIN_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                if probe.recv(4) == b"SSH-":
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("sshd did not begin: " + (self.folder / "log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server; connections that were begun go on."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def children(self) -> list[int]:
        """Return the process ids of the server's connections, each with those below it."""
        return [] if self._process is None else _children(self._process.pid)

    def drop_connections(self) -> None:
        """Kill every connection, as a server does that goes down."""
        for process_id in self.children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, 9)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.drop_connections()
        self.stop()


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    below: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, its_parent = map(int, line.split())
        below.setdefault(its_parent, []).append(child)
    found: list[int] = []
    waiting = deque([parent])
    while waiting:
        more = below.get(waiting.popleft(), [])
        found += more
        waiting += more
    return found


class Proxy:
    """Passes on what it is sent to a port on loopback.

    Args:
        port: where to.
        delay_seconds: how long each byte is kept, in each direction.
        cut_after_bytes: how many bytes from the server pass before the connection is cut, each time.
        cuts: how many connections are cut so; the next ones pass.
        bytes_per_second: what passes from the server, over all connections together; None for as much as may.

    Attributes:
        swallows: nothing passes any more, and nobody is told: a half-open connection.
        connections: how many there were.
    """

    def __init__(
        self,
        port: int,
        *,
        delay_seconds: float = 0.0,
        cut_after_bytes: int | None = None,
        cuts: int = 1,
        bytes_per_second: float | None = None,
    ) -> None:
        self._target = port
        self._delay_seconds = delay_seconds
        self._cut_after_bytes = cut_after_bytes
        self._cuts = cuts
        self._bytes_per_second = bytes_per_second
        self._line_free_at = 0.0
        self._line = threading.Lock()
        self.swallows = False
        self.connections = 0
        self._ended = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended:
            if not select.select([self._listener], [], [], 0.1)[0]:
                continue
            client, _ = self._listener.accept()
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            self._run(self._pass_on, client, server)

    def _on_the_line(self, size_bytes: int) -> float:
        """Return when these bytes have gone over a line that all connections share, one after the other."""
        if self._bytes_per_second is None:
            return time.monotonic()
        with self._line:
            self._line_free_at = max(self._line_free_at, time.monotonic()) + size_bytes / self._bytes_per_second
            return self._line_free_at

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:  # noqa: C901 - one loop over two ends
        with client, server:
            left = self._cut_after_bytes if self._cuts > 0 else None
            waiting: dict[socket.socket, deque[tuple[float, bytes]]] = {client: deque(), server: deque()}
            open_ends = {client, server}
            while not self._ended and (open_ends == {client, server} or any(waiting.values())):
                now = time.monotonic()
                due = [kept[0][0] for kept in waiting.values() if kept]
                timeout = min(0.1, max(0.0, min(due) - now)) if due else 0.1
                room = [end for end in open_ends if len(waiting[server if end is client else client]) < 4096]
                if self._line_free_at > now + _QUEUED_SECONDS:  # as a router does, it takes no more than it can hold
                    room = [end for end in room if end is client]
                    timeout = min(timeout, 0.002)
                for end in select.select(room, [], [], timeout)[0]:
                    other = server if end is client else client
                    try:
                        data = end.recv(_CHUNK if self._bytes_per_second is None else _PACKETS)
                    except OSError:
                        return
                    if not data:
                        open_ends.discard(end)
                        continue
                    if self.swallows:
                        continue
                    if end is server and left is not None:
                        left -= len(data)
                        if left <= 0:
                            self._cuts -= 1
                            return
                    leaves_at = self._on_the_line(len(data)) if end is server else time.monotonic()
                    waiting[other].append((leaves_at + self._delay_seconds, data))
                for end, kept in waiting.items():
                    while kept and kept[0][0] <= time.monotonic() and not self.swallows:
                        try:
                            end.sendall(kept.popleft()[1])
                        except OSError:
                            return

    def break_behind(self, size_bytes: int, *, times: int) -> None:
        """Cut the next so many connections, each behind so many bytes from the server."""
        self._cut_after_bytes, self._cuts = size_bytes, times

    def lead_nowhere(self) -> None:
        """Lead new connections to a port where nobody listens."""
        self._target = free_port()

    def close(self) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


@contextlib.contextmanager
def serving(folder: Path, **options: str) -> Iterator[Server]:
    with Server(folder, **options) as server:
        yield server
