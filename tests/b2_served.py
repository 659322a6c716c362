"""What tests of B2 share: the embedded server, a bucket that rclone fills, and how a drill is told of both."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from secret_file import secret_file

from verifier.demo.b2_server import B2Server
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
    return B2Bucket(parse(address), stated(server, folder, key=key), limits)


def stated(server: B2Server, folder: Path, *, key: str = "read_key") -> dict[str, object]:
    """Return what a copy on this server states beside its address: the realm, and a key that lies in files."""
    keys = server.description()
    names = {"key_id": f"{key}_id", "key": key}
    references = {option: secret_file(folder / option, keys[name]) for option, name in names.items()}
    return {"realm": keys["realm"], **references}


def hide(server: B2Server, name: str) -> None:
    """Hide a file, as deleting it does in B2."""
    simulator = server.simulator
    bucket = simulator.bucket_name_to_bucket[BUCKET]
    simulator.hide_file(simulator.API_URL, simulator.owner_token(), bucket.bucket_id, name)


def put_unchecked(server: B2Server, name: str, content: bytes) -> None:
    """Put a file under a name that the server's own rules may forbid, as a server of somebody else's may.

    Raises:
        ValueError: not even the simulator takes it.
    """
    simulator = server.simulator
    bucket = simulator.bucket_name_to_bucket[BUCKET]
    address = simulator.get_upload_url(simulator.API_URL, simulator.owner_token(), bucket.bucket_id)["uploadUrl"]
    sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    size_bytes, kind = len(content), "application/octet-stream"
    simulator.upload_file(address, address, name, size_bytes, kind, sha1, {}, io.BytesIO(content))


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
