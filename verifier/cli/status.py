"""`verifier status`: what was drilled and proven when, of every scenario and copy, as a table or as JSON."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting
from verifier.cli.terminal import duration

if TYPE_CHECKING:
    from verifier.status import CopyStatus, ScenarioStatus

_HEADINGS: Final = ("scenario", "copy", "drills", "last drill", "verdict", "proven of planned", "last PASSED")
_FAILED_EXIT: Final = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Show the last drill and the last PASSED of each scenario and copy. Exit code 1: one FAILED."
    parser.add_argument("--state", type=Path, metavar="DIR", help="the state folder (the platform's by default)")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each scenario")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print the status; return 1 if the last drill of any scenario or copy FAILED, else 0."""
    from verifier import relpath  # noqa: PLC0415 - `--help` loads no database
    from verifier.ledger import Ledger, default_state  # noqa: PLC0415 - the same
    from verifier.status import read_status  # noqa: PLC0415 - the same

    state = arguments.state or default_state()
    scenarios: tuple[ScenarioStatus, ...] = ()
    # Asking must not make anything: a mistyped --state would else look like a state that knows of no drill.
    if Ledger.exists(state):
        with Ledger.open(state) as ledger:
            scenarios = read_status(ledger)
    if arguments.json:
        _put_json(scenarios, setting)
    elif scenarios:
        _put_table(scenarios, setting)
    else:
        setting.terminal.put(f"nothing was ever drilled: no drill in {relpath.show(os.fsencode(state))}")
    return _FAILED_EXIT if any(scenario.failed for scenario in scenarios) else 0


def _put_json(scenarios: Iterable[ScenarioStatus], setting: Setting) -> None:
    import msgspec  # noqa: PLC0415 - `--help` needs none

    for scenario in scenarios:
        setting.terminal.put(msgspec.json.encode(scenario, order="sorted").decode())


def _put_table(scenarios: Iterable[ScenarioStatus], setting: Setting) -> None:
    from verifier import relpath  # noqa: PLC0415 - as in `run`
    from verifier.trend import in_words  # noqa: PLC0415 - as in `run`

    lines: list[Sequence[str]] = [_HEADINGS]
    notes: list[str] = []
    for scenario in scenarios:
        name = relpath.show(scenario.name)
        lines.extend(_copy_line(name, relpath.show(copy.name), copy) for copy in scenario.copies)
        if not scenario.copies:
            lines.append((name, "-", str(scenario.drills), scenario.last_at or "never", scenario.last_verdict or "-"))
        notes.extend(
            f"{name}: drill {relpath.show(drill.id)} was begun at {drill.started_at} and has left no proof"
            for drill in scenario.unfinished
        )
        notes.extend(
            f"{name}: a full restore of {relpath.show(copy.name)} takes about {duration(copy.full_seconds)}"
            f"{in_words(copy.restore_share, copy.pace_share, is_slower=copy.is_slower)}"
            for copy in scenario.copies
            if copy.full_seconds is not None
        )
    widths = [max(len(line[column]) if column < len(line) else 0 for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=False))
        setting.terminal.put("  ".join(padded).rstrip())
    for note in notes:
        setting.terminal.put(note)


def _copy_line(scenario: str, shown_copy: str, copy: CopyStatus) -> Sequence[str]:
    return (
        scenario,
        shown_copy,
        str(copy.drills),
        copy.last_at,
        copy.last_verdict,
        f"{copy.proven_files:,} of {copy.planned_files:,} files",
        copy.last_passed_at or "never",
    )
