"""The household's data → a bucket of B2 that holds it, served on this machine for as long as the demo takes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from verifier.scenario.scenario import Copy
from verifier.secret import SecretReference

CLOUD: Final = "b2"
"""The name of the copy in B2. It is good."""

_BUCKET: Final = "household-backup"
_PREFIX: Final = "home"
_NS_IN_MS: Final = 1_000_000


@contextlib.contextmanager
def serve_cloud(home: Path) -> Iterator[Copy]:
    """Put every file of `home` into a bucket, serve it, and yield the copy that a scenario names.

    Links stay behind, since B2 has none. The copy is opened with a key that only reads, which lies in a file of ours.

    Raises:
        OSError: a file can't be read.
    """
    from verifier.demo.b2_server import B2Server  # noqa: PLC0415 - it takes a third of a second to load

    with B2Server() as server, tempfile.TemporaryDirectory(prefix="verifier-demo-keys-") as keys:
        server.make_bucket(_BUCKET)
        for path in sorted(home.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = f"{_PREFIX}/{path.relative_to(home).as_posix()}"
                modified_ms = path.stat().st_mtime_ns // _NS_IN_MS
                server.put(_BUCKET, name, path.read_bytes(), modified_ms=modified_ms)
        described = server.description()
        yield Copy(
            name=CLOUD,
            at=f"b2://{_BUCKET}/{_PREFIX}",
            medium="cloud",
            site="offsite",
            options={
                "realm": described["realm"],
                "key_id": _reference(Path(keys) / "key_id", described["read_key_id"]),
                "key": _reference(Path(keys) / "key", described["read_key"]),
            },
        )


def _reference(path: Path, secret: str) -> SecretReference:
    path.touch(0o600)
    path.write_text(secret, "ascii")
    return SecretReference(kind="file", words=(str(path),))
