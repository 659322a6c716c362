"""What tests of B2 share: the embedded server, a bucket that rclone fills, and how a drill is told of both."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from verifier.demo.b2_server import B2Server
from verifier.secret import SecretReference
from verifier.sources.places.b2.address import parse
from verifier.sources.places.b2.bucket import B2Bucket
from verifier.sources.places.b2.limits import Limits

BUCKET = "family-backup"
QUICK = Limits(connect_seconds=2, silence_seconds=1.0, first_wait_seconds=0.02, longest_wait_seconds=2)
DAY_MS = 1_700_000_000_000


def open_bucket(
    server: B2Server,
    folder: Path,
    address: str = f"b2://{BUCKET}/photos",
    limits: Limits = QUICK,
    *,
    key: str = "read_key",
) -> B2Bucket:
    """Return the place, opened with a key that lies in a file."""
    keys = server.description()
    options: dict[str, object] = {"realm": keys["realm"]}
    for option, name in (("key_id", f"{key}_id"), ("key", key)):
        path = folder / option
        path.write_text(keys[name] + "\n")
        path.chmod(0o600)
        options[option] = SecretReference(kind="file", words=(str(path),))
    return B2Bucket(parse(address), options, limits)


def prove_environment(server: B2Server, *, key: str = "read_key") -> dict[str, str]:
    """Return what `verifier prove b2://…` is told by the environment."""
    keys = server.description()
    return {
        "B2_REALM": keys["realm"],
        "B2_APPLICATION_KEY_ID": keys[f"{key}_id"],
        "B2_APPLICATION_KEY": keys[key],
    }


def rclone_environment(server: B2Server) -> Mapping[str, str]:
    """Return how rclone's own client of B2 is led to the server: by nothing that a process list shows."""
    keys = server.description()
    return {
        **os.environ,
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_B2_ACCOUNT": keys["key_id"],
        "RCLONE_B2_KEY": keys["key"],
        "RCLONE_B2_ENDPOINT": keys["realm"],
        "RCLONE_B2_UPLOAD_CUTOFF": "5M",
        "RCLONE_B2_CHUNK_SIZE": "5M",
    }


def rclone_programs() -> list[str]:
    """Return the rclone of this environment, and the system's, as far as they are there."""
    ours = Path(sys.executable).with_name("rclone")
    found = [
        str(ours) if ours.exists() else None,
        shutil.which("rclone", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin"),
    ]
    return [program for program in found if program is not None]


def rclone(server: B2Server, *arguments: str, program: str | None = None) -> str:
    """Run rclone and return what it says on standard output."""
    done = subprocess.run(
        [program or rclone_programs()[0], *arguments],
        env=rclone_environment(server),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def need_rclone(must_run: Callable[[str, str], NoReturn]) -> None:
    """Give the test up where no rclone is there."""
    if not rclone_programs():
        must_run("rclone", "rclone is not installed")


class Memory:
    """A sink that remembers what was written to it."""

    def __init__(self) -> None:
        self.files: dict[int, bytearray] = {}
        self.created: list[int] = []

    def create(self, number: int) -> None:
        self.created.append(number)
        self.files[number] = bytearray()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        file = self.files[number]
        if len(file) < offset + len(data):
            file.extend(b"?" * (offset + len(data) - len(file)))
        file[offset : offset + len(data)] = data
