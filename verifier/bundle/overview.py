"""All bundles in REPORTS → the rows of the page that shows them; a proof that can't be read is a row, too."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from verifier.bundle.place import MANIFESTS, SCENARIO
from verifier.proof import FORMAT, DrillFacts, Proof, VerdictFacts
from verifier.report import IndexRow

_LARGEST_PROOF_BYTES: Final = 256 * 1024 * 1024
_REPORTS: Final = ("report.html", "report.md")


class _CopyHead(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    verdict: VerdictFacts


class _ProofHead(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a proof as a row needs; the rest, up to some 100 MB of findings, is passed over as it is read."""

    proof: str
    drill: DrillFacts
    copies: tuple[_CopyHead, ...]
    verdict: VerdictFacts


def index_rows(reports: Path) -> Iterator[IndexRow]:
    """Yield a row for each bundle in REPORTS, in no order; of each only `proof.json` is read.

    Raises:
        OSError: REPORTS can't be listed.
    """
    for scenario in _folders(reports):
        if scenario == MANIFESTS or not SCENARIO.match(scenario):
            continue
        try:
            folders = _folders(reports / scenario)
        except OSError as error:
            yield IndexRow(scenario=scenario, folder="", problem=f"the folder can't be listed: {error.strerror}")
            continue
        for folder in folders:
            if not folder.startswith("."):
                yield _row(reports, scenario, folder)


def row_of(proof: Proof, *, folder: str, href: str | None) -> IndexRow:
    """Return the row of a proof that lies, or will lie, in `folder`."""
    head = _ProofHead(
        proof=proof.proof,
        drill=proof.drill,
        copies=tuple(_CopyHead(name=copy.name, verdict=copy.verdict) for copy in proof.copies),
        verdict=proof.verdict,
    )
    return _row_of_head(head, scenario=proof.scenario.name, folder=folder, href=href)


def href_of(scenario: str, folder: str, report: str) -> str:
    """Return the way from the page of all drills to a report."""
    # The dot in front keeps a name with a colon from being read as a scheme.
    return "./" + "/".join(quote(part, safe="", errors="surrogateescape") for part in (scenario, folder, report))


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _row(reports: Path, scenario: str, folder: str) -> IndexRow:
    bundle = reports / scenario / folder
    report = next((name for name in _REPORTS if (bundle / name).is_file()), None)
    href = href_of(scenario, folder, report) if report else None
    try:
        head = msgspec.json.decode(_read(bundle / "proof.json"), type=_ProofHead, strict=False)
    except OSError as error:
        problem = f"proof.json: {error.strerror or error}"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = f"proof.json: {error}"
    else:
        if head.proof == FORMAT:
            return _row_of_head(head, scenario=scenario, folder=folder, href=href)
        problem = f"proof.json: expected version {FORMAT}, got {head.proof}"
    return IndexRow(scenario=scenario, folder=folder, href=href, problem=problem)


def _read(path: Path) -> bytes:
    """Return a file's bytes, if it is a regular one: a pipe would wait for ever, a link lead out of REPORTS."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        data = file.read(_LARGEST_PROOF_BYTES + 1)
    if len(data) > _LARGEST_PROOF_BYTES:
        raise OSError("larger than 256 MiB")
    return data


def _row_of_head(head: _ProofHead, *, scenario: str, folder: str, href: str | None) -> IndexRow:
    return IndexRow(
        scenario=scenario,
        folder=folder,
        href=href,
        number=head.drill.number,
        started_at=head.drill.started_at,
        machine=head.drill.machine,
        interrupted=head.drill.interrupted,
        result=head.verdict.result,
        copies=tuple((copy.name, copy.verdict.result) for copy in head.copies),
    )
