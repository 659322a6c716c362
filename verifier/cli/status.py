"""`verifier status`: what was proven when and what is due, of every scenario and copy, as a table, JSON or metrics."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting
from verifier.cli.terminal import duration

if TYPE_CHECKING:
    from verifier.scenario.scenario import Scenario
    from verifier.status import CopyStatus, ScenarioStatus

_HEADINGS: Final = (
    "scenario", "copy", "drills", "last drill", "verdict", "proven of planned", "last PASSED", "coverage", "next due",
)  # fmt: skip
_ATTENTION_EXIT: Final = 1
_SCENARIOS: Final = Path("scenarios")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        "Show the last drill, the last PASSED and the next one due of each scenario and copy. Exit code 1: one FAILED, "
        "or is overdue."
    )
    parser.add_argument(
        "scenarios",
        nargs="*",
        type=Path,
        metavar="SCENARIO",
        help="default: every file in scenarios/, if there are any",
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="the state folder (the platform's by default)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one line of JSON for each scenario")
    form.add_argument("--prometheus", action="store_true", help="metrics, for node_exporter's folder of text files")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print the status; return 1 if the last drill of any scenario or copy FAILED or one is overdue, else 0.

    Raises:
        ScenarioError: a scenario's file can't be used, so what is due can't be told.
        LedgerError: the ledger can't be read.
    """
    from verifier import relpath  # noqa: PLC0415 - `--help` loads no database
    from verifier.ledger import Ledger, default_state  # noqa: PLC0415 - the same
    from verifier.schedule import LocalZone  # noqa: PLC0415 - the same
    from verifier.status import attention, exposition, read_status  # noqa: PLC0415 - the same

    state = arguments.state or default_state()
    with contextlib.ExitStack() as stack:
        # Asking must not make anything: a mistyped --state would else look like a state that knows of no drill.
        ledger = stack.enter_context(Ledger.open(state)) if Ledger.exists(state) else None
        statuses = read_status(
            ledger,
            _scenarios(arguments, setting),
            reports=arguments.reports,
            machine=socket.gethostname(),
            now=setting.now(),
            zone=LocalZone(),
        )
    if arguments.json:
        _put_json(statuses, setting)
    elif arguments.prometheus:
        setting.terminal.put(exposition(statuses).removesuffix("\n"))
    elif statuses:
        setting.terminal.put(attention(statuses))
        _put_table(statuses, setting)
    else:
        setting.terminal.put(f"nothing was ever drilled: no drill in {relpath.show(os.fsencode(state))}")
    return _ATTENTION_EXIT if any(status.failed or status.overdue for status in statuses) else 0


def _scenarios(arguments: argparse.Namespace, setting: Setting) -> Sequence[Scenario]:
    """Return the scenarios that are named, or those of the folder where they usually are; where it isn't, none."""
    from verifier.scenario import find, load_all  # noqa: PLC0415 - `--help` reads no scenario

    home = setting.environment.get("HOME")
    paths = arguments.scenarios or (find(_SCENARIOS) if _SCENARIOS.is_dir() else [])
    return load_all(paths, home=Path(home) if home else None)


def _put_json(statuses: Iterable[ScenarioStatus], setting: Setting) -> None:
    import msgspec  # noqa: PLC0415 - `--help` needs none

    for status in statuses:
        stated = {**msgspec.to_builtins(status), "failed": status.failed, "overdue": status.overdue}
        setting.terminal.put(msgspec.json.encode(stated, order="sorted").decode())


def _put_table(statuses: Iterable[ScenarioStatus], setting: Setting) -> None:
    from verifier import relpath  # noqa: PLC0415 - as in `run`
    from verifier.trend import in_words  # noqa: PLC0415 - as in `run`

    lines: list[Sequence[str]] = [_HEADINGS]
    notes: list[str] = []
    for status in statuses:
        name, due = relpath.show(status.name), _due(status)
        lines.extend((name, *_copy_cells(copy), due) for copy in status.copies)
        if not status.copies:
            last = status.last_at or "never", status.last_verdict or "-"
            lines.append((name, "-", str(status.drills), *last, "-", status.last_passed_at or "never", "-", due))
        notes.extend(
            f"{name}: drill {relpath.show(drill.id)} was begun at {drill.started_at} and has left no proof"
            for drill in status.unfinished
        )
        notes.extend(
            f"{name}: a full restore of {relpath.show(copy.name)} takes about {duration(copy.restore.full_seconds)}"
            f"{in_words(copy.restore.restore_share, copy.restore.pace_share, is_slower=copy.restore.is_slower)}"
            for copy in status.copies
            if copy.restore.full_seconds is not None
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        setting.terminal.put("  ".join(padded).rstrip())
    for note in notes:
        setting.terminal.put(note)


def _copy_cells(copy: CopyStatus) -> Sequence[str]:
    from verifier import relpath  # noqa: PLC0415 - as in `run`

    proven = f"{copy.proven_files:,} of {copy.planned_files:,} files" if copy.drills else "-"
    coverage = copy.coverage
    return (
        relpath.show(copy.name),
        str(copy.drills),
        copy.last_at or "never",
        copy.last_verdict or "-",
        proven,
        copy.last_passed_at or "never",
        f"{coverage.proven_files:,} of {coverage.of_files:,} files" if coverage else "-",
    )


def _due(status: ScenarioStatus) -> str:
    if status.due is None:
        return "-"
    due = f"now, since {status.due.next_at}" if status.due.now else status.due.next_at
    return f"{due} OVERDUE" if status.due.overdue else due
