"""A folder → a bucket of B2 that holds it, served on loopback by a process of its own till its standard input ends.

Prints one line of JSON: how to reach it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from verifier.demo.b2_server import B2Server

BUCKET: Final = "bench-backup"
PREFIX: Final = "data"
_NS_IN_MS: Final = 1_000_000


def main() -> int:
    """Put every file of the folder into the bucket, then serve it."""
    folder = Path(sys.argv[1])
    with B2Server() as server:
        server.make_bucket(BUCKET)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = f"{PREFIX}/{path.relative_to(folder).as_posix()}"
            server.put(BUCKET, name, path.read_bytes(), modified_ms=path.stat().st_mtime_ns // _NS_IN_MS)
        print(json.dumps(server.description()), flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
