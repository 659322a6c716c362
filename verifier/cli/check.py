"""`verifier check`: scenario files → all their problems at once; with --connect also what is wrong where they point."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting

if TYPE_CHECKING:
    from verifier.cli.readiness import Row
    from verifier.scenario.scenario import Scenario

_SCENARIOS: Final = Path("scenarios")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Tell every problem of the scenarios at once, each with its line. Nothing is restored."
    parser.add_argument(
        "scenarios",
        metavar="SCENARIO",
        nargs="*",
        type=Path,
        help=f"a scenario's file (without any: all in {_SCENARIOS}/)",
    )
    parser.add_argument(
        "--connect",
        action="store_true",
        help="open every copy, read every manifest, look for room, send test messages; say what there is to do",
    )
    parser.add_argument(
        "--schema",
        nargs="?",
        const="scenario",
        choices=("scenario", "shared"),
        help="print the JSON Schema of a scenario instead, or with --schema=shared that of verifier.toml",
    )
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument("--state", type=Path, metavar="DIR", help="default: the platform's folder for state")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print `NAME: ok` for each scenario; return 0, or with --connect the exit code of what was found wrong.

    Raises:
        ScenarioError: holds every problem of all scenarios.
    """
    if arguments.schema:
        setting.terminal.put(schema(arguments.schema))
        return 0
    from verifier.scenario import find, load_all  # noqa: PLC0415 - `--help` reads no scenario

    home = setting.environment.get("HOME")
    scenarios = load_all(arguments.scenarios or find(_SCENARIOS), home=Path(home) if home else None)
    for scenario in scenarios:
        setting.terminal.put(f"{scenario.name}: ok")
    if not arguments.connect:
        return 0
    from verifier.cli.readiness import exit_code  # noqa: PLC0415 - `check` alone opens nothing

    return exit_code(connect(scenarios, setting, reports=arguments.reports, state=arguments.state))


def schema(which: str) -> str:
    """Return the JSON Schema of a scenario, or of what scenarios share (`shared`), as text."""
    import json  # noqa: PLC0415 - only the schema needs it

    from verifier.scenario.reference import json_schema, shared_json_schema  # noqa: PLC0415 - the same

    return json.dumps(shared_json_schema() if which == "shared" else json_schema(), indent=2)


def connect(scenarios: Sequence[Scenario], setting: Setting, *, reports: Path, state: Path | None) -> list[Row]:
    """Try all that drills of the scenarios would open, print the table of it, and return its rows."""
    from verifier.cli import readiness  # noqa: PLC0415 - `--help` opens nothing
    from verifier.ledger import default_state  # noqa: PLC0415 - the same

    found = []
    for scenario in scenarios:
        setting.terminal.say(f"trying all that a drill of {scenario.name} needs")
        each = readiness.rows(scenario, reports=reports.absolute(), state=state or default_state(), now=setting.now())
        found += [(scenario.name, row) for row in each]
    for line in readiness.table(found, setting.terminal):
        setting.terminal.put(line)
    return [row for _, row in found]
