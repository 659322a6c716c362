"""`verifier report PROOF -o DIR`: a proof → its reports again, byte for byte as they were at the time."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from verifier.cli.setting import Setting


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = "Renders report.html and report.md again from proof.json."
    parser.add_argument("proof", metavar="PROOF", type=Path, help="a proof.json, or the folder of its bundle")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="where the reports are put; made if missing"
    )


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Render the reports; return 0.

    Raises:
        UsageError: there is no such proof.
        BundleError: it is no proof in canonical form, or the reports can't be written.
    """
    from verifier import relpath  # noqa: PLC0415 - `verifier --help` answers at once
    from verifier.bundle import write_reports  # noqa: PLC0415 - the same
    from verifier.errors import UsageError  # noqa: PLC0415 - the same

    path: Path = arguments.proof / "proof.json" if arguments.proof.is_dir() else arguments.proof
    try:
        proof_bytes = path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a proof, got {relpath.show(os.fsencode(path))}: {error.strerror}") from error
    for written in write_reports(arguments.output, proof_bytes):
        setting.terminal.put(relpath.show(os.fsencode(written)))
    return 0
