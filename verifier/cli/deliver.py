"""`verifier deliver --pending`: what earlier drills could not deliver → sent, by what the scenarios say now."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from verifier.cli.setting import Setting

_LEFT_EXIT: Final = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = "Send the mails and posts that lie in the outbox. Exit code 3: not all of them were taken."
    parser.add_argument("scenarios", nargs="*", type=Path, metavar="SCENARIO", help="default: every file in scenarios/")
    parser.add_argument("--pending", action="store_true", required=True, help="what lies in the outbox; needed")
    parser.add_argument("--state", type=Path, metavar="DIR", help="the state folder (the platform's by default)")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Try once what lies in the outbox; return 0 if none of it is left, else 3.

    Raises:
        ScenarioError: holds every problem of all scenarios.
    """
    from verifier.cli.telling import open_post  # noqa: PLC0415 - `--help` loads no scenario
    from verifier.ledger import default_state  # noqa: PLC0415 - the same
    from verifier.scenario import find, load_all  # noqa: PLC0415 - the same

    scenarios = load_all(arguments.scenarios or find(Path("scenarios")))
    post = open_post(setting, arguments.state or default_state())
    pending = post.pending()
    left = post.send(pending, {scenario.name: scenario.delivery for scenario in scenarios})
    others = len(post.pending()) - left
    setting.terminal.put(f"{len(pending) - left - others:,} of {len(pending):,} delivered")
    if others > 0:
        why = "another process sends them, or no scenario among these delivers there any more"
        setting.terminal.warn(f"{others:,} left as they were: {why}")
    return _LEFT_EXIT if post.pending() else 0
