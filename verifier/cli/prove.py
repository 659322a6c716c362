"""`verifier prove`: an ad-hoc drill of one copy, against a manifest or against the live data."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from verifier import relpath
from verifier.cli.drilling import add_options, run_drills
from verifier.cli.setting import Setting
from verifier.errors import UnsafePathError, UsageError

if TYPE_CHECKING:
    from verifier.scenario.scenario import Scenario
    from verifier.sources.naming import Naming

_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,6})([mhdw])\Z")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "address", metavar="ADDRESS", help="the copy: a folder, sftp://user@host/path, b2://bucket/prefix"
    )
    reference = parser.add_mutually_exclusive_group(required=True)
    reference.add_argument("--manifest", type=Path, metavar="FILE", help="what was known good")
    reference.add_argument("--against", type=Path, metavar="FOLDER", help="the live data, as it is now")
    parser.add_argument("--newer", type=_seconds, metavar="AGE", help="with --against: only what changed since, as 30d")
    parser.add_argument("--root", metavar="PATH", help="where the data lay, if the copy stores whole paths")
    parser.add_argument("--digest", metavar="NAME", help="which checksums a list holds that can't say it itself")
    parser.add_argument("--known-hosts", type=Path, metavar="FILE", help="SFTP: default ~/.ssh/known_hosts")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="SFTP: the private key to sign in by")
    add_options(parser)


def _seconds(text: str) -> int:
    match = _DURATION.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected an age like 30d, 12h or 2w, got {relpath.show(text)}")
    return int(match[1]) * _UNIT_SECONDS[match[2]]


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Prove the copy and return the exit code of its verdict."""
    return run_drills([scenario_of(arguments, setting.environment)], arguments, setting)


def scenario_of(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Scenario:
    """Return the scenario that the options amount to; each address and manifest has a chain of its own."""
    from verifier.scenario.scenario import Copy, Sample, Scenario  # noqa: PLC0415 - loaded when a drill begins
    from verifier.sources.table import address_problem, folder_of  # noqa: PLC0415 - loaded when a drill begins

    problem = address_problem(arguments.address)
    if problem is not None:
        raise UsageError(problem)
    if arguments.newer is not None and arguments.against is None:
        raise UsageError("expected --newer together with --against, got it alone")
    if arguments.digest is not None and arguments.manifest is None:
        raise UsageError("expected --digest together with --manifest, got it alone")
    folder = folder_of(arguments.address)
    address = arguments.address if folder is None else str(folder)
    reference = Path(os.path.realpath((arguments.manifest or arguments.against).expanduser()))
    if arguments.against is not None and not reference.is_dir():
        raise UsageError(f"expected a folder of live data, got none at {relpath.show(os.fsencode(reference))}")
    naming = _naming(arguments.root)
    # Without a root it is what it was before there were roots, so that a chain goes on.
    root = [naming.root.hex()] if naming else []
    stated = json.dumps([address, str(reference), arguments.newer, *root], ensure_ascii=True)
    sha256 = hashlib.sha256(stated.encode()).hexdigest()
    return Scenario(
        name=f"prove-{_slug(address)}-{sha256[:8]}",
        sha256=sha256,
        copies=(Copy(name="copy", at=address, options=_options(arguments, address, environment), naming=naming),),
        manifest=None if arguments.manifest is None else reference,
        digest=arguments.digest,
        against=None if arguments.against is None else reference,
        newer_seconds=arguments.newer,
        only=tuple(arguments.only),
        sample=Sample(full=arguments.full, files=arguments.sample, alone=True),
    )


def _naming(root: str | None) -> Naming:
    from verifier.sources.naming import Naming, folder_name  # noqa: PLC0415 - loaded when a drill begins

    try:
        return Naming() if root is None else Naming(root=folder_name(root))
    except UnsafePathError as error:
        raise UsageError(f"--root: {error.message}") from error


def _options(arguments: argparse.Namespace, address: str, environment: Mapping[str, str]) -> dict[str, object]:
    """Return what a place needs beside its address: for B2 what its own tools take, by the names that they have."""
    from verifier.secret import SecretReference  # noqa: PLC0415 - loaded when a drill begins
    from verifier.sources.table import kind_of  # noqa: PLC0415 - loaded when a drill begins

    files = {"known_hosts": arguments.known_hosts, "identity": arguments.identity}
    stated: dict[str, object] = {key: path.expanduser().absolute() for key, path in files.items() if path is not None}
    if stated and kind_of(address) != "sftp":
        option = next(iter(stated)).replace("_", "-")
        raise UsageError(f"expected --{option} together with an address of SFTP, got {relpath.show(address)}")
    if kind_of(address) != "b2":
        return stated
    names = {"key_id": "B2_APPLICATION_KEY_ID", "key": "B2_APPLICATION_KEY"}
    options: dict[str, object] = {key: SecretReference(kind="env", words=(name,)) for key, name in names.items()}
    if environment.get("B2_REALM"):
        options["realm"] = environment["B2_REALM"]
    return options


def _slug(address: str) -> str:
    last = address.rstrip("/").rpartition("/")[2].lower()
    return re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:32] or "copy"
