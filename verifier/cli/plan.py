"""`verifier plan`: what a drill would restore, before a byte moves."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from verifier import relpath
from verifier.cli.drill import add_scenarios, chosen_scenarios
from verifier.cli.drilling import file_count
from verifier.cli.setting import Setting
from verifier.cli.terminal import size

if TYPE_CHECKING:
    from verifier.drill import CopyPlan

_UNREACHABLE = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    add_scenarios(parser)
    size_options = parser.add_mutually_exclusive_group()
    size_options.add_argument("--full", action="store_true", help="as if every comparable file were to be restored")
    size_options.add_argument("--sample", type=file_count, metavar="N", help="as if N files were to be drawn")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="only these paths")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON, one line for each scenario")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """List every copy, and say what a drill would restore of it; exit 3 where one can't be listed."""
    import msgspec  # noqa: PLC0415 - loaded when a plan is made

    from verifier.drill import plan_copies  # noqa: PLC0415 - loaded when a plan is made

    troubled = False
    for scenario in chosen_scenarios(arguments):
        # Names stand in these tables, so they are as private as scratch, and gone with the plan.
        with tempfile.TemporaryDirectory(prefix="verifier-plan-") as folder:
            plans = plan_copies(scenario, now=setting.now(), folder=Path(os.path.realpath(folder)))
        troubled = troubled or any(plan.trouble is not None for plan in plans)
        if arguments.json:
            stated = {"scenario": scenario.name, "copies": [msgspec.to_builtins(plan) for plan in plans]}
            setting.terminal.put(msgspec.json.encode(stated, order="sorted").decode())
            continue
        setting.terminal.put(scenario.name)
        for plan in plans:
            for line in _lines(plan):
                setting.terminal.put(f"  {line}")
    return _UNREACHABLE if troubled else 0


def _lines(plan: CopyPlan) -> list[str]:
    name = relpath.show(plan.copy)
    if plan.trouble is not None:
        return [f"{name}: can't be drilled: {plan.trouble}"]
    whole = f"{plan.comparable_files:,} comparable files ({size(plan.comparable_bytes)})"
    lines = [f"{name}: restores {plan.restored_files:,} files, about {size(plan.restored_bytes)}, of {whole}"]
    if not plan.restored_files:
        lines.append("nothing would be restored, so the drill would be INCONCLUSIVE")
    elif plan.at_most_bad_files:
        lines.append(
            f"with no bad file among them, at most {plan.at_most_bad_files:,} of {plan.comparable_files:,} "
            f"could be bad, at {plan.confidence:.0%}"
        )
    if plan.newer_files:
        lines.append(f"changed since, which would be counted and not held against it: {plan.newer_files:,} files")
    if plan.listing_findings:
        lines.append(f"differences that the listing shows already: {plan.listing_findings:,}")
    return lines
