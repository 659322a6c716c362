"""A job → a systemd timer and its service, for a user or, hardened, for the whole machine.

Sources: systemd.timer(5), systemd.service(5), systemd.exec(5), and systemd.syntax(7) for quoting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from verifier import relpath
from verifier.errors import UsageError
from verifier.schedule.timers.job import MARK, Job, Timer, TimerFile, refuse_control

SERVICE: Final = "verifier-drill.service"
TIMER: Final = "verifier-drill.timer"
USER_FOLDER: Final = "~/.config/systemd/user"
SYSTEM_FOLDER: Final = "/etc/systemd/system"
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "%": "%%"}


def timer(job: Job) -> Timer:
    """Return the two units, and how to set them going.

    Raises:
        UsageError: the program's path, or the working folder's, can't stand in a unit.
    """
    folder = SYSTEM_FOLDER if job.system else USER_FOLDER
    control = "sudo systemctl" if job.system else "systemctl --user"
    install = [f"{control} daemon-reload", f"{control} enable --now {TIMER}"]
    if job.system:
        account = "sudo useradd --system --home-dir /var/lib/verifier --shell /usr/sbin/nologin verifier"
        install = [account, "sudo install -d -m 0755 /etc/verifier/scenarios", *install]
        install += [
            f"put the secret {name} into /etc/verifier/credentials/{name}, readable by root alone"
            for name in job.credentials
        ]
    else:
        install.append("loginctl enable-linger  # so that it runs while you are not signed in")
    return Timer(
        files=(
            TimerFile(name=SERVICE, text="\n".join(_service(job)) + "\n", folder=folder),
            TimerFile(name=TIMER, text="\n".join(_timer(job)) + "\n", folder=folder),
        ),
        to_install=install,
        to_remove=[f"{control} disable --now {TIMER}", f"{control} daemon-reload"],
    )


def _timer(job: Job) -> Iterator[str]:
    yield f"# {MARK}"
    yield from ("[Unit]", "Description=When drills of backups are due", "", "[Timer]")
    for hour, minute in sorted({start.clock for start in job.starts}):
        yield f"OnCalendar=*-*-* {hour:02}:{minute:02}:00"
    # What the machine slept through is asked for when it is back: `drill --due` knows whether there is still time.
    yield from ("Persistent=true", "AccuracySec=1min", f"Unit={SERVICE}", "", "[Install]", "WantedBy=timers.target")


def _service(job: Job) -> Iterator[str]:
    yield f"# {MARK}"
    yield from ("[Unit]", "Description=Drills of backups that are due")
    if job.system:
        yield from ("Wants=network-online.target", "After=network-online.target")
    yield from ("", "[Service]", "Type=oneshot")
    # With `:` no variables are looked for in the words: a `$` in a path is itself.
    yield "ExecStart=" + " ".join(_word(word) for word in (f":{_program(job.command[0])}", *job.command[1:]))
    yield f"WorkingDirectory={_folder(job.folder)}"
    for name in job.credentials:
        where = "/etc/verifier/credentials" if job.system else "%h/.config/verifier/credentials"
        yield f"LoadCredential={name}:{where}/{name}"
    # The drill alone is asked to stop: it ends its workers itself, and leaves a proof of what was done.
    yield from ("KillMode=mixed", "TimeoutStopSec=2min", "Nice=10", "IOSchedulingClass=idle", "UMask=0077")
    yield from ("NoNewPrivileges=yes", "LockPersonality=yes", "RestrictRealtime=yes", "RestrictSUIDSGID=yes")
    if job.system:
        yield from _HARDENED
        yield from (f"ReadWritePaths={_word(path)}" for path in job.writable)


_HARDENED: Final = (
    "User=verifier",
    "Group=verifier",
    "StateDirectory=verifier",
    "StateDirectoryMode=0750",
    "CacheDirectory=verifier",
    "CacheDirectoryMode=0700",
    # Copies may lie anywhere, also in homes: all is there to be read, as far as the user may, nothing to be written.
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "RemoveIPC=yes",
)


def _program(path: str) -> str:
    """Return the path of a program that systemd runs: it takes no quotes, backslashes or control characters in it."""
    if any(letter in "\"'\\" for letter in refuse_control(path, where="systemd")):
        shown = relpath.show(path)
        raise UsageError(f"expected a program's path without quotes and backslashes for systemd, got {shown}")
    return path


def _word(text: str) -> str:
    """Return a word as it stands in a unit: in quotes, with what quotes, escapes or specifiers would be, escaped."""
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if "\udc80" <= letter <= "\udcff":  # a byte of a name that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter if letter.isprintable() else "".join(f"\\x{byte:02x}" for byte in letter.encode())


def _folder(text: str) -> str:
    """Return a folder as it stands in a unit where quotes are letters like any other."""
    refuse_control(text, where="systemd")
    if text != text.strip() or text.endswith("\\"):
        raise UsageError("expected a working folder without blanks or a backslash at its ends for systemd, got one")
    return text.replace("%", "%%")
