"""A scenario and a drill → where their folders lie in REPORTS, never outside of it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import BundleError
from verifier.proof import DrillFacts

MANIFESTS: Final = "manifests"
INDEX: Final = "index.html"
SCENARIO: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_MOMENT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|\+00:00)\Z", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
PARTIAL: Final = re.compile(r"\.\d{8}T\d{6}Z-[A-Za-z0-9-]{1,64}\.partial\Z", re.ASCII)


def shown(path: Path) -> str:
    """Return a path as it may be shown to a person."""
    return relpath.show(os.fsencode(path))


def trouble(doing: str, path: Path, error: OSError) -> BundleError:
    """Return what to tell the user when the system refuses to write in REPORTS."""
    return BundleError(
        f"expected to {doing} {shown(path)}, got: {error.strerror or error}",
        hint="make room there, or name a folder that can be written with --reports",
    )


def bundle_name(drill: DrillFacts) -> str:
    """Return the name of a drill's folder: `20261122T183000Z-7c1fe2`, from its start in UTC and its id.

    Raises:
        BundleError: the id or the time can't be part of a name.
    """
    if not _ID.match(drill.id):
        raise BundleError(f"expected a drill's id of letters, digits and hyphens, got {relpath.show(drill.id)}")
    started = _MOMENT.match(drill.started_at)
    if started is None:
        raise BundleError(f"expected a drill's start as RFC 3339 in UTC, got {relpath.show(drill.started_at)}")
    return f"{''.join(started.groups()[:3])}T{''.join(started.groups()[3:])}Z-{drill.id}"


def scenario_folder(reports: Path, scenario: str) -> Path:
    """Return the folder of a scenario, made where it is missing.

    Raises:
        BundleError: the name is no slug or is taken, or the folder is a link that leads elsewhere.
    """
    if not SCENARIO.match(scenario) or scenario in {MANIFESTS, INDEX}:
        raise BundleError(
            f"expected a scenario's name of letters, digits, . _ and - (not {MANIFESTS}), got {relpath.show(scenario)}",
            hint="give the scenario another name",
        )
    return own_folder(reports, scenario)


def own_folder(reports: Path, name: str) -> Path:
    """Return a real folder directly in REPORTS, made where it is missing.

    Raises:
        BundleError: it can't be made, or something else lies there: a link would lead the proof elsewhere.
    """
    folder = reports / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mode = folder.lstat().st_mode
    except OSError as error:
        raise trouble("make", folder, error) from error
    if not stat.S_ISDIR(mode):
        raise BundleError(
            f"expected a folder, got {'a link' if stat.S_ISLNK(mode) else 'something else'}: {shown(folder)}",
            hint="move it away",
        )
    return folder
