"""`verifier demo`: a household in a folder, one copy of it damaged, drilled: was just what was planted found?"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier import relpath
from verifier.cli.setting import Setting

if TYPE_CHECKING:
    from verifier.cli.terminal import Terminal
    from verifier.demo import Comparison, Layout, Row
    from verifier.drill import DrillResult, Interruption
    from verifier.proof import Proof

INTERRUPTED: Final = 130
_WHAT_WIDTH: Final = 48
_KIND_WIDTH: Final = 11
_NEXT: Final = """
your own data next: hold a copy against the original, with nothing to prepare
  verifier prove /path/to/copy --against /path/to/original
or write down what is good now, to find what goes bad from now on
  verifier manifest create /path/to/original -o original.jsonl.zst"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--into", type=Path, metavar="DIR", help="an empty folder, or one to be made (a temporary one)")
    parser.add_argument("--quiet", action="store_true", help="no talk and no progress")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Make the household and drill it; return 0 where just what was planted was found, 1 otherwise."""
    from verifier import demo, proof  # noqa: PLC0415 - `--help` answers at once
    from verifier.drill import Interruption  # noqa: PLC0415 - the same

    terminal = setting.terminal
    layout = demo.make_place(arguments.into)
    _make_household(layout, setting)
    interruption = Interruption()
    result = _drill(layout, setting, interruption)
    facts = proof.from_bytes(result.proof_bytes)
    if result.interrupted:
        terminal.warn("interrupted, so nothing is said of what was planted")
        _say_places(layout, result.folder, terminal)
        return INTERRUPTED
    comparison = demo.compare(facts)
    _show(facts, comparison, terminal)
    _say_places(layout, result.folder, terminal)
    if comparison.amiss:
        terminal.warn("expected the drill to find just what was planted, and it did not:")
        for sentence in comparison.amiss:
            terminal.warn(f"  {sentence}")
        return 1
    terminal.say(_NEXT)
    return 0


def _make_household(layout: Layout, setting: Setting) -> None:
    """Write the data, its manifest and its copies, saying what is made."""
    from verifier import demo  # noqa: PLC0415 - `--help` answers at once

    terminal = setting.terminal
    terminal.say(f"a small household is made in {relpath.show(os.fsencode(layout.root))}")
    demo.lay_out_data(layout)
    created = setting.now()
    with terminal.progress("writing down what is good") as update:
        totals = demo.make_manifest(
            layout,
            created=created,
            machine=_machine(),
            on_progress=lambda files, files_total, size_bytes: update(files, files_total, size_bytes, None),
        )
    demo.lay_out_copies(layout, manifest_made=created)
    terminal.say(f"  home  {totals.files:,} files, {totals.bytes / 1e6:.0f} MB: photos, letters, music, taxes")
    terminal.say(f"  {demo.GOOD}   a good copy")
    terminal.say(f"  {demo.DAMAGED}   a copy that {len(demo.PLANTED)} things have happened to")
    terminal.say("now every file of both copies is restored and compared with the manifest, byte for byte")


def _drill(layout: Layout, setting: Setting, interruption: Interruption) -> DrillResult:
    """Drill the scenario in full, as `verifier drill --full` does."""
    import dataclasses  # noqa: PLC0415 - `--help` answers at once
    import secrets  # noqa: PLC0415 - the same

    from verifier.cli.drilling import TerminalWatcher, signals  # noqa: PLC0415 - the same
    from verifier.demo import WORKERS  # noqa: PLC0415 - the same
    from verifier.drill import Surroundings, drill  # noqa: PLC0415 - the same
    from verifier.outcome import Finding  # noqa: PLC0415 - the same
    from verifier.scenario import load  # noqa: PLC0415 - the same

    class Watcher(TerminalWatcher):
        def found(self, copy: str, finding: Finding) -> None:
            """Say nothing yet: all findings stand in one table at the end, beside what was planted."""

    scenario = load(layout.scenario)
    scenario = dataclasses.replace(scenario, sample=dataclasses.replace(scenario.sample, full=True))
    surroundings = Surroundings(
        reports=layout.reports,
        state=layout.state,
        scratch=layout.scratch,
        workers=WORKERS,
        machine=_machine(),
        now=setting.now,
        new_seed=lambda: (secrets.token_bytes(32), "fresh"),
        new_id=lambda: secrets.token_hex(8),
    )
    with signals(interruption, setting.terminal), contextlib.closing(Watcher(setting.terminal)) as watcher:
        return drill(scenario, surroundings, watcher=watcher, interruption=interruption)


def _machine() -> str:
    import socket  # noqa: PLC0415 - `--help` answers at once

    return socket.gethostname()


def _show(facts: Proof, comparison: Comparison, terminal: Terminal) -> None:
    """Show each copy's verdict, and beside each planted damage what was found."""
    from verifier import demo  # noqa: PLC0415 - `--help` answers at once

    for copy in facts.copies:
        word = terminal.coloured(copy.verdict.result, copy.verdict.result)
        proven = f"{copy.proven.files:,} of {facts.manifest.files:,} files restored with every byte equal"
        terminal.put(f"\n{copy.name}: {word}, {proven}")
        if copy.name == demo.DAMAGED:
            _show_rows(comparison, terminal)
    found = sum(row.found == row.planted.kind for row in comparison.rows)
    rest = "and more is amiss" if comparison.amiss else "and nothing else"
    terminal.put(terminal.coloured(f"\nfound {found} of {len(comparison.rows)} planted, {rest}", "strong"))


def _show_rows(comparison: Comparison, terminal: Terminal) -> None:
    terminal.put(terminal.coloured(f"  {'planted':{_WHAT_WIDTH}}  {'found':{_KIND_WIDTH}} in", "faint"))
    for row in comparison.rows:
        kind = "nothing" if row.found is None else row.found.value
        found = terminal.coloured(f"{kind:{_KIND_WIDTH}}", _style(row))
        terminal.put(f"  {row.planted.what:{_WHAT_WIDTH}}→ {found} {relpath.show(row.planted.path)}")


def _style(row: Row) -> str:
    """Return the style of what such a finding leads to; of one that is not as planted, that of what can't be told."""
    from verifier.outcome import WARNING_KINDS  # noqa: PLC0415 - `--help` answers at once

    if row.found != row.planted.kind:
        return "INCONCLUSIVE"
    if not row.planted.is_damage:
        return "PASSED"
    return "WARNED" if row.found in WARNING_KINDS else "FAILED"


def _say_places(layout: Layout, bundle: Path, terminal: Terminal) -> None:
    """Say where the report lies, and how all of it is removed."""
    terminal.put(f"report: {relpath.show(os.fsencode(bundle / 'report.html'))}")
    terminal.say(f"remove all of it with: rm -r {relpath.show(shlex.quote(os.fspath(layout.root)))}")
