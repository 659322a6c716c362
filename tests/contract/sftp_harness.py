"""SFTP joins the contract against the real sshd: by the system's `ssh`, and by a channel of our own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import sshd
from contract.harnesses import OnDisk
from contract.through import Through
from sftp_copy import CopyByChannel, CopyBySsh


class SftpBySsh(Through, OnDisk):
    """The system's `ssh -s`."""

    kind = "sftp by ssh"
    copy_type = CopyBySsh
    refuses_links = fails_by_exceptions = False
    leaves_out: ClassVar = {
        "offer": "OpenSSH offers no such name; hostile packets are the engine's own tests",
        "damage": "a real server's disk can't be made to fail",
        "reply_short": "OpenSSH fills its replies; short ones are the engine's own tests",
    }

    @classmethod
    @contextlib.contextmanager
    def serving(cls, folder: Path) -> Iterator[sshd.Server]:
        with sshd.serving(folder, sftp=sshd.obeying_modes()) as server:
            yield server

    @classmethod
    def unavailable(cls) -> str | None:
        return None if shutil.which("ssh") and shutil.which("sshd", path="/usr/sbin:/usr/bin") else "sshd is not there"


class SftpByChannel(SftpBySsh):
    """A channel of our own."""

    kind = "sftp by channel"
    copy_type = CopyByChannel
