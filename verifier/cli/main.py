"""Arguments → a command → an exit code. Answers `--help` at once: a command is loaded when it is called.

Exit codes: 0 PASSED, or WARNED without --strict · 1 FAILED · 2 scenario or usage · 3 INCONCLUSIVE or could not finish ·
4 WARNED with --strict · 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from verifier import __version__
from verifier.cli.setting import Setting
from verifier.cli.terminal import Terminal
from verifier.errors import VerifierError

UNFINISHED: Final = 3
INTERRUPTED: Final = 130

COMMANDS: Final = {
    "demo": "a household in a folder, with damage planted, drilled",
    "init": "a first scenario, asked for and written; its manifest; a first drill",
    "check": "say everything that is wrong with scenarios, at once",
    "manifest": "lists of what is known good: create, show, verify, diff",
    "plan": "what a drill would restore, before a byte moves",
    "drill": "restore from every copy of a scenario and prove it",
    "prove": "prove one copy now, against a manifest or the live data",
    "report": "render a proof's reports again",
    "status": "what was proven when, what is due",
    "schedule": "the timer that drills what is due: show, install, remove",
    "audit": "a folder of bundles: what holds and what doesn't",
    "ledger": "the ledger again, from the bundles in REPORTS",
    "heartbeat": "write the time into live data, for its copies to carry",
    "deliver": "send what an earlier drill could not deliver",
    "key": "the SSH key that signs bundles: create, show",
}


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        prog="verifier",
        description="Restores your backups into a scratch area, checks every byte, and writes a proof.",
        epilog="exit codes: 0 PASSED, or WARNED without --strict; 1 FAILED; 2 scenario or usage; "
        "3 INCONCLUSIVE or could not finish; 4 WARNED with --strict; 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"verifier {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    return parser, {name: commands.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}


def _clock() -> datetime:
    return datetime.now(UTC)


def main(arguments: Sequence[str] | None = None, *, now: Callable[[], datetime] = _clock) -> int:
    """Run one command line and return its exit code; `now` returns the time as an aware datetime in UTC."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(given, now)
    except KeyboardInterrupt:
        Terminal().warn("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough (`| head`); the interpreter must not complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNFINISHED


def _run(given: Sequence[str], now: Callable[[], datetime]) -> int:
    parser, commands = _parser()
    chosen = next((word for word in given if not word.startswith("-")), None)
    module = None
    if chosen in commands:
        module = importlib.import_module(f"verifier.cli.{chosen}")
        module.configure(commands[chosen])
    parsed = parser.parse_args(given)
    if module is None:
        raise AssertionError("argparse refuses a command that is none")
    terminal = Terminal(quiet=getattr(parsed, "quiet", False))
    setting = Setting(now=now, environment=os.environ, terminal=terminal)
    try:
        return int(module.run(parsed, setting))
    except VerifierError as error:
        terminal.fail(error)
        return error.exit_code


def run_process() -> int:
    """Do what `main` does, for a whole process: a bug shows its traceback, and is never taken for a verdict.

    The interpreter's own exit code for it would be 1, which is FAILED.
    """
    try:
        return main()
    except Exception:  # noqa: BLE001 - a bug may raise anything; nothing is hidden
        traceback.print_exc()
        return UNFINISHED


if __name__ == "__main__":
    sys.exit(run_process())
