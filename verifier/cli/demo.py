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
from verifier.errors import UsageError

if TYPE_CHECKING:
    from verifier.cli.terminal import Terminal
    from verifier.demo import Comparison, Layout, Row
    from verifier.drill import DrillResult, Interruption
    from verifier.proof import Proof
    from verifier.scenario.scenario import Copy

INTERRUPTED: Final = 130
_LAST_PORT: Final = 65_535
_MOMENT_SECONDS: Final = 0.5
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
    parser.add_argument(
        "--serve-b2",
        action="store_true",
        help="no household: a B2 account in memory, served on this machine till Ctrl-C",
    )
    parser.add_argument("--port", type=_port, metavar="N", help="with --serve-b2: the port (one that is free)")


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to {_LAST_PORT}, got {relpath.show(text)}")
    return number


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Make the household and drill it; return 0 where just what was planted was found, 1 otherwise."""
    if arguments.serve_b2:
        return _serve_b2(arguments, setting)
    if arguments.port is not None:
        raise UsageError("expected --port together with --serve-b2, got it alone")
    from verifier import demo, proof  # noqa: PLC0415 - `--help` answers at once
    from verifier.drill import Interruption  # noqa: PLC0415 - the same

    terminal = setting.terminal
    layout = demo.make_place(arguments.into)
    _make_household(layout, setting)
    interruption = Interruption()
    with demo.serve_cloud(layout.home) as cloud:
        result = _drill(layout, cloud, setting, interruption)
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


def _serve_b2(arguments: argparse.Namespace, setting: Setting) -> int:
    """Serve an account of B2 until somebody ends it; say in one line of JSON how to reach it."""
    import json  # noqa: PLC0415 - `--help` answers at once
    import signal  # noqa: PLC0415 - the same
    import threading  # noqa: PLC0415 - the same

    from verifier.demo.b2_server import B2Server  # noqa: PLC0415 - the same

    if arguments.into is not None:
        raise UsageError("expected one of --into and --serve-b2, got both")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        server = B2Server(arguments.port or 0)
    except OSError as error:
        raise UsageError(f"expected a free port, got {arguments.port}: {error.strerror}") from error
    with server:
        setting.terminal.put(json.dumps(server.description()))
        while not ended.wait(_MOMENT_SECONDS):
            pass  # a wait without end is not ended by a signal on every system
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
    terminal.say(f"  {demo.CLOUD}    a good copy in Backblaze B2, which this machine plays for as long as this takes")
    terminal.say("now every file of all three copies is restored and compared with the manifest, byte for byte")


def _drill(layout: Layout, cloud: Copy, setting: Setting, interruption: Interruption) -> DrillResult:
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
    # The one in B2 is gone with the demo, so the scenario's file, which stays, doesn't name it.
    full = dataclasses.replace(scenario.sample, full=True)
    scenario = dataclasses.replace(scenario, sample=full, copies=(*scenario.copies, cloud))
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
