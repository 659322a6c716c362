"""`verifier plan`: what a drill would restore, show, take and cost, before a byte moves."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from verifier import relpath
from verifier.cli.drill import add_scenarios, chosen_scenarios
from verifier.cli.drilling import file_count, worker_count
from verifier.cli.setting import Setting
from verifier.cli.terminal import duration, size

if TYPE_CHECKING:
    from verifier.drill import CopyPlan, ScenarioPlan
    from verifier.drill.expense import Duration, Money
    from verifier.drill.planning import Proven
    from verifier.ledger import Ledger

_UNREACHABLE = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = "Say what a drill would restore, show, take and cost. Exit code 3: a copy can't be drilled."
    add_scenarios(parser)
    size_options = parser.add_mutually_exclusive_group()
    size_options.add_argument("--full", action="store_true", help="as if every comparable file were to be restored")
    size_options.add_argument("--sample", type=file_count, metavar="N", help="as if N files were to be drawn")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="only these paths")
    parser.add_argument("--workers", type=file_count, metavar="N", help="how many files would be worked on at once")
    parser.add_argument("--state", type=Path, metavar="DIR", help="default: the platform's folder for state")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="default: the platform's folder for caches")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON, one line for each scenario")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """List every copy, and say what a drill would do with it; exit 3 where one can't be listed."""
    import msgspec  # noqa: PLC0415 - loaded when a plan is made

    from verifier.drill import plan_scenario  # noqa: PLC0415 - loaded when a plan is made
    from verifier.scratch import default_folder  # noqa: PLC0415 - loaded when a plan is made

    troubled = False
    for scenario in chosen_scenarios(arguments):
        # Names stand in these tables, so they are as private as scratch, and gone with the plan.
        with tempfile.TemporaryDirectory(prefix="verifier-plan-") as folder, _ledger(arguments.state) as book:
            plan = plan_scenario(
                scenario,
                now=setting.now(),
                folder=Path(os.path.realpath(folder)),
                scratch=arguments.scratch or default_folder(),
                workers=worker_count(arguments),
                book=book,
            )
        troubled = troubled or any(copy.trouble is not None for copy in plan.copies)
        if arguments.json:
            setting.terminal.put(msgspec.json.encode(plan, order="sorted").decode())
        else:
            for line in _lines(plan):
                setting.terminal.put(line)
    return _UNREACHABLE if troubled else 0


@contextlib.contextmanager
def _ledger(state: Path | None) -> Iterator[Ledger | None]:
    """Open the ledger if there is one: a plan leaves nothing behind, and a first drill has none."""
    from verifier.ledger import Ledger, default_state  # noqa: PLC0415 - loaded when a plan is made

    folder = state or default_state()
    if not Ledger.exists(folder):
        yield None
        return
    with Ledger.open(folder) as book:
        yield book


def _lines(plan: ScenarioPlan) -> Iterator[str]:
    yield plan.scenario
    for copy in plan.copies:
        name = relpath.show(copy.copy)
        if copy.trouble is not None:
            yield f"  {name}: can't be drilled: {copy.trouble}"
            continue
        whole = f"{_files(copy.comparable_files, 'comparable ')} ({size(copy.comparable_bytes)})"
        yield f"  {name}: restores {_files(copy.restored_files)}, about {size(copy.restored_bytes)}, of {whole}"
        for line in _copy_lines(copy):
            yield f"    {line}"
    room = plan.scratch
    if room is not None:
        short = "" if room.free_bytes > room.most_bytes else ", which is too little for it to go fast"
        yield (
            f"  scratch: takes at most {size(room.most_bytes)} of {size(room.free_bytes)} that are free in "
            f"{relpath.show(room.folder)}{short}"
        )


def _copy_lines(copy: CopyPlan) -> Iterator[str]:
    if not copy.restored_files:
        yield "nothing would be restored, so the drill would be INCONCLUSIVE"
    yield from copy.assurance
    if copy.newer_files:
        yield f"changed since, which would be counted and not held against it: {_files(copy.newer_files)}"
    if copy.listing_findings:
        yield f"differences that the listing shows already: {copy.listing_findings:,}"
    if copy.too_large_files:
        yield (
            f"can't be drilled, since the budget is smaller than each: {_files(copy.too_large_files)} "
            f"({size(copy.too_large_bytes)})"
        )
    if copy.proven is not None:
        yield from _coverage_lines(copy.proven)
    yield from _duration_lines(copy.duration)
    if copy.money is not None:
        yield from _money_lines(copy.money)


def _coverage_lines(proven: Proven) -> Iterator[str]:
    oldest = "" if proven.oldest_at is None else f", the longest ago on {proven.oldest_at[:10]}"
    yield (
        f"ever proven from it: {proven.files:,} of {_files(proven.of_files)}{oldest}; after this drill about "
        f"{proven.after_files:,}"
    )
    if proven.overdue_files:
        yield f"overdue, not proven for longer than wanted: {_files(proven.overdue_files)}"


def _duration_lines(expected: Duration | None) -> Iterator[str]:
    from verifier.trend import in_words  # noqa: PLC0415 - loaded when a plan is made

    if expected is None:
        yield "how long it takes can't be told before the first drill"
        return
    drills = "the last drill" if expected.drills == 1 else f"the last {expected.drills} drills"
    yield (
        f"takes about {duration(expected.seconds)} ({duration(expected.low_seconds)} to "
        f"{duration(expected.high_seconds)}), by {drills}"
    )
    if expected.full_seconds is not None:
        change = in_words(expected.restore_share, expected.pace_share, is_slower=expected.is_slower)
        yield f"a full restore takes about {duration(expected.full_seconds)}{change}"


def _money_lines(money: Money) -> Iterator[str]:
    before = f", of which {size(money.egress_before_bytes)} left this month" if money.egress_before_bytes else ""
    yield (
        f"asks B2 for {money.class_b_calls:,} calls of class B and {money.class_c_calls:,} of class C, and "
        f"{size(money.egress_bytes)} of egress; {size(money.free_egress_bytes)} a month are free{before}"
    )
    charged = f", for {size(money.charged_egress_bytes)} beyond what is free" if money.charged_egress_bytes else ""
    costs = f"{money.dollars:.4f} dollars{charged}" if money.dollars else "nothing"
    yield f"costs {costs}, by B2's prices since {money.prices_since}, read on {money.prices_read_on}"


def _files(count: int, what: str = "") -> str:
    return f"{count:,} {what}{'file' if count == 1 else 'files'}"
