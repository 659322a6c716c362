"""`verifier ledger rebuild REPORTS`: bundles and manifests → the state again, after it was lost."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting

if TYPE_CHECKING:
    from verifier.rebuild import Rebuilt

_INCOMPLETE: Final = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    commands = parser.add_subparsers(dest="ledger_command", required=True, metavar="rebuild")
    again = commands.add_parser("rebuild", help="know again what the bundles in REPORTS tell")
    again.description = (
        "Takes into the ledger what bundles and manifests tell: the chain of every scenario, and what was proven when "
        "from which copy. What the ledger knows already stays. Exit code 3: something could not be read."
    )
    again.add_argument("reports", metavar="REPORTS", type=Path, help="the folder that drills leave their bundles in")
    again.add_argument("--state", type=Path, metavar="DIR", help="the state folder (the platform's by default)")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Rebuild the ledger and say what came of each scenario; return 3 if anything could not be taken in, else 0.

    Raises:
        UsageError: REPORTS is no folder.
        VerifierError: it can't be listed, the ledger can't be written, or a scenario is being drilled.
    """
    from verifier import relpath  # noqa: PLC0415 - `--help` loads no database
    from verifier.errors import UsageError  # noqa: PLC0415 - the same
    from verifier.ledger import default_state, describe_holder  # noqa: PLC0415 - the same
    from verifier.rebuild import rebuild  # noqa: PLC0415 - the same

    reports: Path = arguments.reports
    if not reports.is_dir():
        raise UsageError(f"expected a folder of bundles, got none at {relpath.show(os.fsencode(reports))}")
    holder = describe_holder(since=f"{setting.now():%Y-%m-%dT%H:%M:%SZ}")
    complete, scenarios = True, 0
    for rebuilt in rebuild(reports, arguments.state or default_state(), holder=holder):
        scenarios += 1
        setting.terminal.put(_line(rebuilt))
        for problem in rebuilt.problems:
            complete = False
            setting.terminal.warn(problem)
    if not scenarios:
        setting.terminal.put(f"no bundle in {relpath.show(os.fsencode(reports))}: nothing was changed")
    return 0 if complete else _INCOMPLETE


def _line(rebuilt: Rebuilt) -> str:
    from verifier import relpath  # noqa: PLC0415 - as in `run`

    parts = [f"{rebuilt.drills:,} drills in REPORTS, {rebuilt.added:,} of them new to the ledger"]
    if rebuilt.abandoned:
        parts.append(f"{rebuilt.abandoned:,} abandoned")
    parts.append("none is known" if rebuilt.head is None else f"the next is number {rebuilt.head + 1}")
    return f"{relpath.show(rebuilt.scenario)}: {', '.join(parts)}"
