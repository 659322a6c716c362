"""`verifier init`: a few questions → a commented scenario, its first manifest, and a first drill.

Every question has a flag. Nothing is written until all is known, and nothing that exists is written over.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from verifier.cli.drilling import file_count
from verifier.cli.setting import Setting

_SAMPLE_FILES = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where scenarios/ is to lie (default: here)"
    )
    parser.add_argument("--data", metavar="FOLDER", help="the data that must survive")
    parser.add_argument("--name", help="what it is called (by default as its folder)")
    parser.add_argument(
        "--copy",
        action="append",
        default=[],
        metavar="ADDRESS[,KEY=VALUE]...",
        help="where a copy is, with any keys of a copy, as ,medium=usb,site=office or ,key=env:NAME; may be repeated",
    )
    parser.add_argument("--connect", action="store_true", help="open each copy at once, and propose what it shows")
    parser.add_argument(
        "--manifest", action=argparse.BooleanOptionalAction, help="write down what is known good now (with --yes: do)"
    )
    parser.add_argument(
        "--sample", type=file_count, default=_SAMPLE_FILES, metavar="N", help="how many files the first drill restores"
    )
    parser.add_argument("--yes", action="store_true", help="take what would be proposed, and ask for the rest alone")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="default: DIR/reports")
    parser.add_argument("--state", type=Path, metavar="DIR", help="default: the platform's folder for state")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="default: the platform's folder for caches")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Ask, write, make the first manifest, try all, drill a few files; return the exit code of what came of it."""
    from verifier.cli.init.questions import answer  # noqa: PLC0415 - `--help` asks nothing
    from verifier.cli.init.setting_up import set_up  # noqa: PLC0415 - the same

    return set_up(answer(arguments, setting), arguments, setting)
