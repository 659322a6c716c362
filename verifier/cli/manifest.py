"""`verifier manifest`: make a manifest of what is known good, show it, hold it against a folder or another one."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from verifier.cli.drilling import file_count
from verifier.cli.setting import Setting
from verifier.engine.starting import start_ahead


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    commands = parser.add_subparsers(
        dest="manifest_command", required=True, metavar="create|update|show|verify|diff|export|prune|accept"
    )
    create = commands.add_parser("create", help="read a folder and write down what is there")
    create.add_argument("address", metavar="ADDRESS", help="the folder that is known good")
    create.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="*.jsonl, *.jsonl.zst, …; a folder gets one more generation",
    )
    create.add_argument("--digest", choices=("xxh3_128", "xxh3_64", "sha256", "blake3"), default="xxh3_128")
    create.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="as in a .gitignore")
    create.add_argument("--dataset", metavar="NAME", help="what the data is called (the folder's name)")
    update = commands.add_parser("update", help="bring a manifest up to date with what changed since")
    update.add_argument("file", type=Path, metavar="FILE", help="a manifest, or a folder of generations")
    update.add_argument("--accept", action="store_true", help="take over what changed, however much, and damage, too")
    update.add_argument("--from", dest="data", type=Path, metavar="FOLDER", help="where the data is now")
    update.add_argument("--reread", default="1/30", metavar="PART", help="read this part of all bytes again (1/30)")
    update.add_argument(
        "--unchanging", action="append", default=[], metavar="PATTERN", help="where nothing may change or vanish"
    )
    update.add_argument("--scenario", type=Path, metavar="FILE", help="what is unchanging by this scenario, too")
    verify = _configure_reading(commands)
    prune = commands.add_parser("prune", help="remove the oldest generations of a folder")
    prune.add_argument("folder", type=Path, metavar="FOLDER")
    prune.add_argument("--keep", type=file_count, default=24, metavar="N", help="how many stay (24)")
    prune.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    accept = commands.add_parser("accept", help="what is doubtful in a folder's generations is meant")
    accept.add_argument("folder", type=Path, metavar="FOLDER")
    for remembering in (create, update):
        remembering.add_argument(
            "--state", type=Path, metavar="DIR", help="the state folder (the platform's by default)"
        )
    for reading in (create, update, verify):
        reading.add_argument("--workers", type=int, metavar="N", help="processes that read (one for each processor)")
        reading.add_argument("--quiet", action="store_true", help="no progress and no talk")


def _configure_reading(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Declare the commands that read a manifest, or another program's list; return that of `verify`."""
    show = commands.add_parser("show", help="what a manifest says of itself, or which generations a folder holds")
    show.add_argument("file", type=Path, metavar="FILE", help="a manifest, or a folder of them")
    show.add_argument("--json", action="store_true", help="header and totals as one line of JSON")
    verify = commands.add_parser("verify", help="is the manifest whole, and does the folder still hold what it says")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="is read again, all of it")
    difference = commands.add_parser("diff", help="what changed from one manifest to another")
    difference.add_argument("old", type=Path, metavar="OLD")
    difference.add_argument("new", type=Path, metavar="NEW")
    export = commands.add_parser("export", help="write a manifest as a list that another tool checks")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--format", choices=("xxhsum", "sha256sum", "b3sum"), required=True)
    export.add_argument("-o", "--output", type=Path, metavar="LIST", help="standard output without it")
    for listing in (show, verify, difference, export):
        listing.add_argument("--digest", metavar="NAME", help="which checksums a list holds that can't say it itself")
    return verify


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Do what was asked; return 0, of `verify` and `diff` 1 where something differs, 3 where it can't be told."""
    with _ended_alike():
        return _run(arguments, setting)


@contextlib.contextmanager
def _ended_alike() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does, leaving nothing behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What is ignored stays so: that is how nohup works.
    before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(arguments: argparse.Namespace, setting: Setting) -> int:
    if arguments.manifest_command == "create":
        if arguments.workers != 1:
            start_ahead(("verifier.inventory.survey",))
        from verifier.cli import manifest_create  # noqa: PLC0415 - `--help` loads neither engine nor manifests

        return manifest_create.create(arguments, setting)
    if arguments.manifest_command == "update":
        if arguments.workers != 1:
            start_ahead(("verifier.inventory.revision",))
        from verifier.cli import manifest_update  # noqa: PLC0415 - as above

        return manifest_update.update(arguments, setting)
    if arguments.manifest_command in ("prune", "accept") or (
        arguments.manifest_command == "show" and _is_generations(arguments.file)
    ):
        return _of_folder(arguments, setting)
    from verifier.cli import manifest_compare, manifest_export  # noqa: PLC0415 - as above

    commands: Mapping[str, Callable[[argparse.Namespace, Setting], int]] = {
        "show": manifest_compare.show,
        "verify": manifest_compare.verify,
        "diff": manifest_compare.diff,
        "export": manifest_export.export,
    }
    return commands[arguments.manifest_command](arguments, setting)


def _is_generations(path: Path) -> bool:
    """Tell whether a path is a folder of generations, and not one that is a list by itself, as a bag is."""
    if not path.is_dir():
        return False
    from verifier.manifest import is_list  # noqa: PLC0415 - as in `_run`

    return not is_list(path)


def _of_folder(arguments: argparse.Namespace, setting: Setting) -> int:
    """Do what was asked of a folder of generations."""
    if arguments.manifest_command == "prune":
        from verifier.cli import manifest_prune  # noqa: PLC0415 - as in `_run`

        return manifest_prune.prune(arguments, setting)
    from verifier.cli import manifest_generations  # noqa: PLC0415 - as in `_run`

    if arguments.manifest_command == "accept":
        return manifest_generations.accept(arguments.folder, setting)
    return manifest_generations.show(arguments.file, setting, as_json=arguments.json)
