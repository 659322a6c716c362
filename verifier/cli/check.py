"""`verifier check`: scenario files → all their problems at once; with --connect also what is wrong where they point."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from verifier.cli.setting import Setting

if TYPE_CHECKING:
    from verifier.scenario.scenario import Copy, Scenario

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
        "--connect", action="store_true", help="open every copy, read every manifest, look for room, send test messages"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of a scenario instead")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Print `NAME: ok` for each scenario; return 0, or with --connect the exit code of what was found wrong.

    Raises:
        ScenarioError: holds every problem of all scenarios.
    """
    if arguments.schema:
        _put_schema(setting)
        return 0
    from verifier.scenario import find, load_all  # noqa: PLC0415 - `--help` reads no scenario

    home = setting.environment.get("HOME")
    scenarios = load_all(arguments.scenarios or find(_SCENARIOS), home=Path(home) if home else None)
    codes = {0}
    for scenario in scenarios:
        setting.terminal.put(f"{scenario.name}: ok")
        if arguments.connect:
            codes |= _connect(scenario, setting)
    # A manifest that is wrong has to be put right first: trying again helps only where something was out of reach.
    return min(codes - {0}, default=0)


def _put_schema(setting: Setting) -> None:
    import json  # noqa: PLC0415 - only the schema needs it

    from verifier.scenario.reference import json_schema  # noqa: PLC0415 - the same

    setting.terminal.put(json.dumps(json_schema(), indent=2))


def _connect(scenario: Scenario, setting: Setting) -> set[int]:
    """Try all that a drill of the scenario would open, and tell of each; return the exit codes of what failed."""
    from verifier.deliver import test  # noqa: PLC0415 - `--help` opens nothing
    from verifier.errors import VerifierError  # noqa: PLC0415 - the same

    tries: list[tuple[str, Callable[[], str]]] = [
        *((f"copy {copy.name}", lambda copy=copy: _reach(copy)) for copy in scenario.copies),
        ("manifest", lambda: _read_manifest(scenario)),
        ("scratch", lambda: _find_room(scenario)),
        *test(scenario.delivery, at=setting.now()),
    ]
    codes = set()
    for what, attempt in tries:
        try:
            told = attempt()
        except VerifierError as error:
            codes.add(error.exit_code)
            told = error.message + (f" (hint: {error.hint})" if error.hint else "")
        setting.terminal.put(f"  {what}: {told}")
    return codes


def _reach(copy: Copy) -> str:
    """Open a copy and look whether it lists anything.

    Raises:
        SourceError: it can't be opened, isn't what was pinned, or is empty.
    """
    from verifier import relpath  # noqa: PLC0415 - as in `_connect`
    from verifier.errors import UnreachableError  # noqa: PLC0415 - the same
    from verifier.sources.table import open_source  # noqa: PLC0415 - the same

    with open_source(copy.location) as source:
        # An empty folder looks just like a share that isn't mounted, so it is never taken for a copy.
        if next(source.list(), None) is None:
            raise UnreachableError(f"expected files in {relpath.show(copy.at)}, got an empty folder")
        facts = source.facts()
    told = (*facts.notes, *facts.warnings)
    return "; ".join([f"reachable at {relpath.show(facts.address)}", *map(relpath.show, told)])


def _read_manifest(scenario: Scenario) -> str:
    """Read the manifest whole.

    Raises:
        ManifestError: it isn't there, or something in it is wrong.
    """
    from verifier.cli.terminal import size  # noqa: PLC0415 - as in `_connect`
    from verifier.manifest import open_manifest  # noqa: PLC0415 - the same

    if scenario.manifest is None:
        raise AssertionError("a scenario from a file has a manifest")
    with open_manifest(scenario.manifest) as manifest:
        totals = manifest.check()
    return f"{totals.files:,} files, {totals.links:,} links, {size(totals.bytes)}, identity {totals.identity}"


def _find_room(scenario: Scenario) -> str:
    """Compare what scratch may grow to with the free space where it lies.

    Raises:
        ScratchError: there is less.
    """
    import shutil  # noqa: PLC0415 - as in `_connect`

    from verifier import relpath  # noqa: PLC0415 - the same
    from verifier.cli.terminal import size  # noqa: PLC0415 - the same
    from verifier.errors import ScratchError  # noqa: PLC0415 - the same
    from verifier.scratch import default_folder  # noqa: PLC0415 - the same

    folder = scenario.scratch_path or default_folder()
    shown = relpath.show(str(folder))
    try:
        free_bytes = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    except OSError as error:
        raise ScratchError(f"expected a folder for scratch at {shown}, got: {error.strerror}") from error
    if free_bytes < scenario.scratch_bytes:
        wanted, free = size(scenario.scratch_bytes), size(free_bytes)
        raise ScratchError(f"expected {wanted} free at {shown}, got {free}", hint="lower bytes in [scratch]")
    return f"{size(free_bytes)} free at {shown}, up to {size(scenario.scratch_bytes)} wanted"
