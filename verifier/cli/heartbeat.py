"""`verifier heartbeat PATH`: writes the time into live data, so that a copy of it can tell how old it is."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from verifier.cli.setting import Setting


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Writes a small dated file into a folder of live data. Call it from a timer, at least as often as you back up: "
        "a drill then tells from the copy's heartbeat how old the copy is, whatever times its files have."
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="the folder of live data that is backed up")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Write the heartbeat, whole or not at all; return 0 and say nothing, as a timer's command should.

    Raises:
        UsageError: PATH is no folder, or can't be written to.
    """
    import socket  # noqa: PLC0415 - `verifier --help` answers at once

    from verifier import heartbeat, relpath  # noqa: PLC0415 - the same
    from verifier.bundle.durable import replace_file  # noqa: PLC0415 - the same
    from verifier.errors import UsageError  # noqa: PLC0415 - the same

    folder: Path = arguments.path
    shown = relpath.show(os.fsencode(folder))
    if not folder.is_dir():
        raise UsageError(f"expected a folder of live data, got none at {shown}")
    beat = heartbeat.Heartbeat(written_at=setting.now(), machine=socket.gethostname())
    try:
        replace_file(folder / os.fsdecode(heartbeat.NAME), [heartbeat.to_bytes(beat)])
    except OSError as error:
        raise UsageError(f"can't write a heartbeat into {shown}: {error.strerror}") from error
    return 0
