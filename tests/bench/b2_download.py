"""A bucket → a folder, by b2sdk as its documentation shows it: list, and download one file after another."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from b2_serve import BUCKET, PREFIX
from b2sdk.v3 import B2Api, InMemoryAccountInfo


def main() -> int:
    """Download everything under the prefix; b2sdk checks each SHA-1."""
    folder = Path(sys.argv[1])
    api = B2Api(InMemoryAccountInfo())
    api.authorize_account(
        application_key_id=os.environ["B2_APPLICATION_KEY_ID"],
        application_key=os.environ["B2_APPLICATION_KEY"],
        realm=os.environ["B2_REALM"],
    )
    for version, _ in api.get_bucket_by_name(BUCKET).ls(PREFIX, recursive=True):
        path = folder / version.file_name.removeprefix(f"{PREFIX}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        version.download().save_to(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
