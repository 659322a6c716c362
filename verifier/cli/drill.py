"""`verifier drill`: restore from every copy of a scenario, and leave the proof."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from verifier import relpath
from verifier.cli.drilling import add_options, run_drills
from verifier.cli.due import Turns
from verifier.cli.setting import Setting
from verifier.errors import UsageError

if TYPE_CHECKING:
    from verifier.scenario.scenario import Scenario


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_scenarios(parser)
    add_options(parser)
    parser.add_argument("--due", action="store_true", help="only what is due by its [schedule], until its hours end")


def add_scenarios(parser: argparse.ArgumentParser) -> None:
    """Add the scenarios, and which of their copies are meant."""
    parser.add_argument("scenarios", nargs="*", type=Path, metavar="SCENARIO", help="default: every file in scenarios/")
    parser.add_argument("--copy", action="append", default=[], metavar="NAME", help="only this copy; may be repeated")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Drill every scenario, or what is due, and return the exit code of the gravest verdict; 0 if nothing is due."""
    if not arguments.due:
        return run_drills(chosen_scenarios(arguments), arguments, setting)
    import socket  # noqa: PLC0415 - `--help` answers at once

    from verifier.ledger import default_state  # noqa: PLC0415 - the same

    if arguments.copy or arguments.only or arguments.sample is not None:
        raise UsageError("expected --due without --copy, --only or --sample, got less than what is due")
    with Turns(arguments.state or default_state(), machine=socket.gethostname(), setting=setting) as turns:
        due = turns.take(chosen_scenarios(arguments))
        return run_drills(due, arguments, setting, limit=turns.limit) if due else 0


def chosen_scenarios(arguments: argparse.Namespace) -> list[Scenario]:
    """Return the scenarios that the options mean, each with what the options change of it.

    Raises:
        ScenarioError: holds every problem of all of them.
        UsageError: a copy is named that none of them has.
    """
    from verifier.scenario import find, load_all  # noqa: PLC0415 - loaded when scenarios are read

    scenarios = load_all(arguments.scenarios or find(Path("scenarios")))
    known = {copy.name for scenario in scenarios for copy in scenario.copies if not copy.live}
    unknown = [name for name in arguments.copy if name not in known]
    if unknown:
        had = ", ".join(sorted(known))
        raise UsageError(f"expected a copy out of {had}, got {', '.join(map(relpath.show, unknown))}")
    changed = [_changed(scenario, arguments) for scenario in scenarios]
    return [scenario for scenario in changed if any(not copy.live for copy in scenario.copies)]


def _changed(scenario: Scenario, arguments: argparse.Namespace) -> Scenario:
    sample = scenario.sample
    if arguments.full or arguments.sample is not None:
        sample = dataclasses.replace(
            sample, full=arguments.full, files=arguments.sample, percent=None, size_bytes=None, alone=True
        )
    names: Sequence[str] = arguments.copy
    copies = tuple(copy for copy in scenario.copies if not names or copy.live or copy.name in names)
    others = tuple(copy for copy in scenario.copies if copy not in copies)
    # Less than everything counts for no schedule, and the proof says so.
    limited = arguments.only or arguments.sample is not None or others
    return dataclasses.replace(
        scenario,
        sample=sample,
        only=tuple(arguments.only),
        copies=copies,
        not_drilled=others,
        schedule=None if limited else scenario.schedule,
    )
