"""`verifier audit`: a folder of bundles → what holds and what doesn't, without anything but the folder."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting
from verifier.relpath import show

if TYPE_CHECKING:
    from verifier.audit import Audit, Check
    from verifier.audit.chain import Head

_HEAD: Final = re.compile(r"([1-9][0-9]{0,8}):([0-9a-f]{64})\Z")
_FOUND_EXIT: Final = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Check every bundle of a folder: sums, signatures, chain, samples. Exit code 1: something broken."
    )
    parser.add_argument("reports", type=Path, metavar="REPORTS", help="the folder of all bundles; it is only read")
    parser.add_argument("--signers", type=Path, metavar="FILE", help="whom to trust, as ssh-keygen's allowed_signers")
    parser.add_argument(
        "--head",
        action="append",
        default=[],
        type=_head,
        metavar="N:SHA256",
        help="a drill's number and its proof's SHA-256, known from a mail or a ping; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="everything as one line of JSON")


def _head(text: str) -> tuple[int, str]:
    match = _HEAD.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected a number and a SHA-256 as 12:9f86…, got {show(text)}")
    return int(match[1]), match[2]


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print what was checked; return 1 if anything is broken, else 0.

    Raises:
        BundleError: there is no bundle there.
        SignatureError: the file of signers can't be read whole.
    """
    from verifier import audit  # noqa: PLC0415 - `--help` loads no cryptography
    from verifier.audit.chain import Head  # noqa: PLC0415 - the same
    from verifier.signing import read_allowed_signers  # noqa: PLC0415 - the same
    from verifier.spool import Workspace  # noqa: PLC0415 - the same

    allowed = None if arguments.signers is None else read_allowed_signers(arguments.signers)
    heads: list[Head] = [Head(number=number, sha256=sha256) for number, sha256 in arguments.head]
    with tempfile.TemporaryDirectory(prefix="verifier-audit-") as folder:
        workspace = Workspace(Path(folder))
        try:
            found = audit.audit_reports(
                arguments.reports, allowed=allowed, heads=heads, workspace=workspace, now=setting.now()
            )
        finally:
            workspace.close()
    if arguments.json:
        _put_json(found, setting)
    else:
        _put(found, setting)
    return _FOUND_EXIT if found.is_broken else 0


def _put_json(found: Audit, setting: Setting) -> None:
    import msgspec  # noqa: PLC0415 - only JSON needs it

    setting.terminal.put(msgspec.json.encode(found).decode())


def _put(found: Audit, setting: Setting) -> None:
    """Print a line for each drill, then what is broken or could not be checked of it; each chain; and the sum."""
    from verifier.audit import State  # noqa: PLC0415 - `--help` loads no cryptography

    terminal = setting.terminal
    for drill in found.drills:
        number = f"drill {drill.number}" if drill.number is not None else "no proof that can be read"
        terminal.put(f"{show(drill.scenario)}/{show(drill.folder)}: {number}, {drill.result or 'no verdict'}")
        _put_checks(drill.checks, setting)
    for chain in found.chains:
        terminal.put(f"{show(chain.scenario)}: {chain.drills:,} drills")
        _put_checks(chain.checks, setting)
    _put_checks(found.anchors, setting)
    states = [check.state for check in found.checks()]
    terminal.put(", ".join(f"{states.count(state):,} {state.value}" for state in State if state in states))


def _put_checks(checks: tuple[Check, ...], setting: Setting) -> None:
    from verifier.audit import State  # noqa: PLC0415 - `--help` loads no cryptography

    colours = {State.HOLDS: "PASSED", State.BROKEN: "FAILED", State.UNCHECKED: "INCONCLUSIVE"}
    for check in checks:
        word = setting.terminal.coloured(check.state.value, colours[check.state])
        setting.terminal.put(f"  {word}: {check.name}" + (f": {check.detail}" if check.detail else ""))
