"""The system's `ssh -s host sftp` as a transport: its cipher runs in a process of its own, which is the fastest.

What `~/.ssh/config` says of a host counts, but for whatever would weaken the check of the server's key, ask somebody,
share a connection, forward or run something.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import multiprocessing
import os
import pwd
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import AccessDeniedError, HostKeyError, SourceError, UnreachableError
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience, Transport

_PIPE_BYTES: Final = 1024 * 1024
_TOLD_BYTES: Final = 8 * 1024
_END_SECONDS: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1
_FIXED_OPTIONS: Final = (
    # Older ssh knows not all of these; what it doesn't know it can't do either.
    "IgnoreUnknown=KnownHostsCommand,ForkAfterAuthentication,StdinNull,SessionType,RemoteCommand,UpdateHostKeys",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none",
    "VerifyHostKeyDNS=no",
    "UpdateHostKeys=no",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "EscapeChar=none",
    "ForkAfterAuthentication=no",
    "StdinNull=no",
    "ControlMaster=no",
    "ControlPath=none",
    "Tunnel=no",
    "LogLevel=ERROR",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "ConnectionAttempts=1",
)
_SAID: Final[tuple[tuple[re.Pattern[str], type[SourceError], str, str | None], ...]] = tuple(
    (re.compile(pattern), kind, message, hint)
    for pattern, kind, message, hint in (
        (
            r"REVOKED HOST KEY|is marked as revoked|revoked host key",
            HostKeyError,
            "expected a host key that holds, got one that known_hosts revokes",
            "somebody had reason to revoke it: ask who did",
        ),
        (
            r"REMOTE HOST IDENTIFICATION HAS CHANGED|POSSIBLE DNS SPOOFING",
            HostKeyError,
            "expected the host key that known_hosts has, got another one",
            "the server was set up anew, or it is another one: find out which before its key is replaced",
        ),
        (
            r"[Hh]ost key is known for|Host key verification failed|authenticity of host",
            HostKeyError,
            "expected a host key in known_hosts, got none for this server",
            "compare the server's fingerprint with what its owner says, then add its key to known_hosts",
        ),
        (
            r"no matching (?:host key type|cipher|key exchange method|MAC) found",
            UnreachableError,
            "expected a server with algorithms that ssh still trusts, got none in common",
            None,
        ),
        (
            r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
            AccessDeniedError,
            "expected a private key that only its owner may read, got one that others may",
            "chmod 600 the key's file",
        ),
        (
            r"Permission denied \(|Too many authentication failures|[Nn]o supported authentication methods",
            AccessDeniedError,
            "expected to be let in, got refused by the server",
            "is the user right, and is the key's public half among the account's authorized_keys?",
        ),
        (
            r"[Ss]ubsystem request failed",
            UnreachableError,
            "expected SFTP, got a server that offers none to this account",
            "turn SFTP on there",
        ),
        (
            r"Could not resolve hostname|Name or service not known",
            UnreachableError,
            "expected a host, got no such name",
            None,
        ),
        (
            r"Connection refused",
            UnreachableError,
            "expected an answer, got a refused connection",
            "does SSH run there, on this port?",
        ),
        (r"timed out|Timeout", UnreachableError, "expected an answer in time, got none", None),
        (
            r"No route to host|Network is unreachable|Host is down",
            UnreachableError,
            "expected a way to the host, got none",
            None,
        ),
    )
)


def options(
    *, known_hosts: Sequence[Path], identity: Path | None, gcm_first: bool, connect_seconds: float
) -> list[str]:
    """Return ssh's options, each with its `-o`: first come, first served, so nothing in a file overrides them."""
    stated = [*_FIXED_OPTIONS, "UserKnownHostsFile=" + " ".join(_quoted(path) for path in known_hosts)]
    stated.append(f"ConnectTimeout={max(1, round(connect_seconds))}")
    if gcm_first:
        stated.append("Ciphers=^aes128-gcm@openssh.com,aes256-gcm@openssh.com")
    if identity is not None:
        stated += [f"IdentityFile={_quoted(identity)}", "IdentitiesOnly=yes"]
    return [word for option in stated for word in ("-o", option)]


def _quoted(path: Path) -> str:
    text = str(path)
    if '"' in text or "\n" in text:
        raise AccessDeniedError(f"expected a path that ssh can be told, got {relpath.show(text)}")
    # ssh reads % and $ in these paths as its own; doubled, a % stands for itself.
    return f'"{text.replace("%", "%%")}"'


def config_options() -> list[str]:
    """Return the options that make ssh read the `~/.ssh/config` of `HOME`, where that is not the account's own home."""
    home = os.environ.get("HOME")
    if not home or os.path.realpath(home) == os.path.realpath(pwd.getpwuid(os.geteuid()).pw_dir):
        return []
    config = Path(home) / ".ssh" / "config"
    return ["-F", str(config) if config.is_file() else "none"]


class PipeTransport(Transport):
    """A program whose standard input and output are the stream.

    Args:
        command: the program and its words; no secret is among them.
        name: the server as a person knows it, for messages.
    """

    def __init__(self, command: Sequence[str], *, name: str) -> None:
        self.note = "read over SFTP by the system's ssh"
        self._name = name
        self._told = b""
        try:
            # A worker's tools stay in its group and end with it; elsewhere the terminal's signals are not theirs.
            self._process = subprocess.Popen(  # noqa: S603 - our own words; the host's name can't be taken for an option
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=multiprocessing.parent_process() is None,
                preexec_fn=_ends_with_parent(),  # noqa: PLW1509 - one system call, looked up before the fork
            )
        except OSError as error:
            raise SourceError(f"can't run {relpath.show(command[0])}: {error.strerror}") from error
        if self._process.stdin is None or self._process.stdout is None or self._process.stderr is None:
            raise AssertionError
        self._to = self._process.stdin.fileno()
        self._from = self._process.stdout.fileno()
        self._stderr = self._process.stderr.fileno()
        for descriptor in (self._to, self._from, self._stderr):
            os.set_blocking(descriptor, False)
        _enlarge(self._from)
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN)
        self._poll.register(self._stderr, select.POLLIN)

    def send(self, data: bytes | bytearray) -> int:
        """Write what the pipe takes."""
        try:
            return os.write(self._to, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._ended() from error

    def receive_into(self, room: memoryview, wait_seconds: float, *, wants_to_send: bool) -> int:
        """Read what the pipe has, waiting where it has nothing."""
        count = self._read(room)
        if count:
            return count
        if wants_to_send:
            self._poll.register(self._to, select.POLLOUT)
        events = dict(self._poll.poll(wait_seconds * 1000))
        if wants_to_send:
            self._poll.unregister(self._to)
        if self._stderr in events:
            self._listen()
        return self._read(room) if self._from in events else 0

    def _read(self, room: memoryview) -> int:
        try:
            count = os.readv(self._from, [room])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._ended() from error
        if not count:
            raise self._ended()
        return count

    def _listen(self) -> None:
        """Keep the end of what the program says; it is never let wait for us to hear it."""
        try:
            told = os.read(self._stderr, _TOLD_BYTES)
        except BlockingIOError:
            return
        if told:
            self._told = (self._told + told)[-_TOLD_BYTES:]
        else:
            self._poll.unregister(self._stderr)

    def _ended(self) -> SourceError:
        """Return why the program ended, from what it said."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        with contextlib.suppress(OSError, KeyError):
            while select.select([self._stderr], [], [], 0)[0]:
                before = self._told
                self._listen()
                if before == self._told:
                    break
        return said_error(self._told.decode("utf-8", "backslashreplace"), self._name)

    def close(self) -> None:
        """Let the program end, and end it where it doesn't."""
        process = self._process
        if process.returncode is not None and process.stdout is not None and process.stdout.closed:
            return
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def said_error(told: str, name: str) -> SourceError:
    """Return which of our errors the words of ssh are; words that it has for none of them mean a lost connection."""
    for pattern, kind, message, hint in _SAID:
        if pattern.search(told):
            return kind(f"{message}: {relpath.show(name)}", hint=hint)
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = f" ({relpath.show(lines[-1][:200])})" if lines else ""
    return ConnectionLostError(f"the connection to {relpath.show(name)} ended{said}")


def _ends_with_parent() -> Callable[[], None] | None:
    """Return what makes a new process end with ours, where the system can; elsewhere it ends with its pipe."""
    if sys.platform != "linux":
        return None
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


def _enlarge(descriptor: int) -> None:
    """Let more bytes lie in a pipe, so that both its ends may work at once; some systems can't."""
    command = getattr(fcntl, "F_SETPIPE_SZ", None)
    if command is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, command, _PIPE_BYTES)


def new_pipe_transport(
    *,
    program: str,
    host: str,
    user: str | None,
    port: int | None,
    known_hosts: Sequence[Path],
    host_key_alias: str | None,
    identity: Path | None,
    gcm_first: bool,
    patience: Patience,
) -> PipeTransport:
    """Return the stream to a server's SFTP through the system's ssh; whether it is let in shows at the first answer."""
    words = [program, *config_options()]
    words += options(
        known_hosts=known_hosts, identity=identity, gcm_first=gcm_first, connect_seconds=patience.connect_seconds
    )
    if host_key_alias is not None:
        words += ["-o", f"HostKeyAlias={host_key_alias}"]
    if user is not None:
        words += ["-l", user]
    if port is not None:
        words += ["-p", str(port)]
    return PipeTransport([*words, "-s", "--", host, "sftp"], name=host if user is None else f"{user}@{host}")
