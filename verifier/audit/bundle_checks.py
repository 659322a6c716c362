"""One bundle → what holds of it by itself: its sums, its signature, its proof, its reports and its lists."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier import __version__, relpath, report, signing
from verifier import proof as proofs
from verifier.audit.check import Check, broken, holds, settled, unchecked
from verifier.audit.draw_again import check_draw
from verifier.bundle import NAMESPACE, bundle_name, kept_manifest
from verifier.bundle.folder import OUTSIDE, SIGNATURE, SUMS, BundleFolder
from verifier.errors import BundleError, ManifestError
from verifier.manifest import Manifest, open_manifest
from verifier.outcome import FAILING_KINDS, Reason
from verifier.proof import CopyFacts, ManifestFacts, Proof
from verifier.spool import Workspace

_MATCH: Final = "match"
_MANIFEST: Final = "the manifest"
_RENDERERS: Final[dict[str, Callable[..., str]]] = {
    "report.html": report.render_html,
    "report.md": report.render_markdown,
}


def check_sums(bundle: BundleFolder) -> Iterator[Check]:
    """Hold every file against its sum, and tell of those that no sum is of."""
    name = "the checksums"
    try:
        sums, names = bundle.sums(), bundle.names()
    except BundleError as error:
        yield broken(name, error.message)
        return
    problems = []
    for file, stated in sums.items():
        try:
            if bundle.sha256(file) != stated:
                problems.append(f"expected the bytes that were summed, got others: {relpath.show(file)}")
        except BundleError as error:
            problems.append(error.message)
    if "proof.json" not in sums:
        problems.append("expected a sum of proof.json, got none")
    yield settled(name, problems)
    beside = [name for name in names if name not in sums and not OUTSIDE.match(name)]
    yield settled("nothing beside the sums", [f"no sum is of {relpath.show(name)}" for name in beside])


def check_signature(
    bundle: BundleFolder, proof: Proof | None, allowed: signing.AllowedSigners | None
) -> Iterator[Check]:
    """Tell who signed the sums, and whether that key is trusted at the time that the proof states."""
    name = "the signature"
    try:
        signature = bundle.whole(SIGNATURE) if SIGNATURE in bundle.names() else None
        sums = bundle.whole(SUMS)
    except BundleError as error:
        yield broken(name, error.message)
        return
    if signature is None:
        if proof is not None and proof.signer is not None:
            yield broken(name, f"expected a signature by {proof.signer.fingerprint}, got none")
        elif allowed is None:
            yield unchecked(name, "the bundle was not signed")
        else:
            yield broken(name, "expected a signature, got none: whoever can write here could have made this bundle")
        return
    at = _time(proof.drill.finished_at) if proof is not None else datetime.now(UTC)
    found = signing.verify(sums, signature, namespace=NAMESPACE, allowed=allowed, at=at)
    if found.standing == signing.Standing.GOOD:
        yield holds(name, f"by {relpath.show(found.principals)}, {found.fingerprint}")
    elif found.standing == signing.Standing.NOT_TRUSTED and allowed is None:
        yield unchecked(name, f"by {found.fingerprint}; whom to trust was not said (--signers)")
    else:
        yield broken(name, f"{found.standing.value}: {found.detail}")


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)  # a time that is none trusts no key with a limit
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def check_place(bundle: BundleFolder, proof: Proof) -> Check:
    """Hold the folder's names against what the proof says that it is."""
    name = "the folder's name"
    try:
        expected = bundle_name(proof.drill)
    except BundleError as error:
        return broken(name, error.message)
    problems = []
    if bundle.path.name != expected:
        problems.append(f"expected {expected}, got {relpath.show(bundle.path.name)}")
    if bundle.path.parent.name != proof.scenario.name:
        shown = relpath.show(proof.scenario.name)
        problems.append(f"expected the folder of {shown}, got {relpath.show(bundle.path.parent.name)}")
    return settled(name, problems)


def check_reports(bundle: BundleFolder, proof: Proof, proof_bytes: bytes) -> Check:
    """Render the reports again from the proof."""
    name = "the reports, rendered again"
    present = [file for file in _RENDERERS if file in bundle.names()]
    if not present:
        return unchecked(name, "the bundle has no report")
    if proof.tool.version != __version__:
        made, here = relpath.show(proof.tool.version), __version__
        return unchecked(name, f"made by version {made}, which lays them out in its own way; this is {here}")
    sha256 = hashlib.sha256(proof_bytes).hexdigest()
    problems = [
        f"expected what the proof says, got other words: {file}"
        for file in present
        if bundle.whole(file) != _RENDERERS[file](proof, proof_sha256=sha256).encode()
    ]
    return settled(name, problems)


def check_lists(bundle: BundleFolder, proof: Proof) -> Check:
    """Count the lists of findings and of outcomes, and hold them against the proof's own counts."""
    problems: list[str] = []
    kinds: Counter[tuple[str, str]] = Counter()
    for record in bundle.records("findings.jsonl"):
        kinds[str(record.get("copy")), str(record.get("kind"))] += 1
    lines: Counter[str] = Counter()
    matches: Counter[str] = Counter()
    for record in bundle.records("outcomes.jsonl.zst"):
        # What is larger than the budget stands in the list and was never planned.
        lines[str(record.get("copy"))] += record.get("outcome") != Reason.OVER_BUDGET
        matches[str(record.get("copy"))] += record.get("outcome") == _MATCH
    for copy in proof.copies:
        problems += _miscounted(copy, proof, kinds, lines[copy.name], matches[copy.name])
    known = {copy.name for copy in proof.copies}
    problems += [f"a list speaks of a copy that the proof has not: {relpath.show(it)}" for it in {*lines} - known]
    return settled("the lists, counted", problems)


def _miscounted(
    copy: CopyFacts, proof: Proof, kinds: Counter[tuple[str, str]], lines: int, matches: int
) -> Iterator[str]:
    for failing in FAILING_KINDS & copy.counts.keys():
        amount, found = copy.counts[failing], kinds[copy.name, failing]
        if found != amount.files:
            yield f"{relpath.show(copy.name)}: expected {amount.files:,} findings {failing}, got {found:,}"
    for (name, kind), found in kinds.items():
        if name == copy.name and kind not in copy.counts:
            yield f"{relpath.show(copy.name)}: expected no finding {relpath.show(kind)}, got {found:,}"
    unproven = copy.planned.files - copy.proven.files
    if lines - matches != unproven:
        yield f"{relpath.show(copy.name)}: expected {unproven:,} drawn files without a match, got {lines - matches:,}"
    if not proof.scenario.full and matches != copy.proven.files:
        yield f"{relpath.show(copy.name)}: expected {copy.proven.files:,} matches, got {matches:,}"


def check_verdict(proof: Proof) -> Check:
    """Tell whether a green verdict stands over findings that are none."""
    problems = []
    failing = {kind.value for kind in FAILING_KINDS}
    for copy in proof.copies:
        bad = sorted(kind for kind, amount in copy.counts.items() if kind in failing and amount.files)
        if bad and copy.verdict.result != "FAILED":
            problems.append(
                f"{relpath.show(copy.name)}: expected FAILED for {', '.join(bad)}, got {copy.verdict.result}"
            )
        if copy.verdict.result in ("PASSED", "WARNED") and (not copy.proven.files or copy.control != "detected"):
            problems.append(f"{relpath.show(copy.name)}: expected no {copy.verdict.result} where nothing was shown")
    results = [copy.verdict.result for copy in proof.copies]
    order = ("FAILED", "INCONCLUSIVE", "WARNED", "PASSED")
    gravest = next((result for result in order if result in results), "INCONCLUSIVE")
    if order.index(proof.verdict.result) > order.index(gravest):
        problems.append(f"expected {gravest} of its copies, got {proof.verdict.result}")
    return settled("the verdict", problems)


def check_manifests(reports: Path, bundle: BundleFolder, proof: Proof, workspace: Workspace) -> Iterator[Check]:
    """Hold each kept manifest against its identity and the proof, and draw the samples again from it."""
    for facts in proof.all_manifests:
        copies = [copy for copy in proof.copies if proof.manifest_of(copy) == facts]
        try:
            file = kept_manifest(reports, facts.identity)
            digest = facts.digest if file.name.endswith(".list.zst") else None
            with open_manifest(file, digest=digest, folder=workspace.folder) as manifest:
                yield _described(manifest, facts)
                for copy in copies:
                    yield check_draw(bundle, proof, copy, manifest.entries(), workspace)
        except ManifestError as error:
            yield broken(_MANIFEST, error.message)
        except BundleError as error:
            yield broken(_MANIFEST, error.message)


def _described(manifest: Manifest, facts: ManifestFacts) -> Check:
    totals = manifest.check()
    problems = []
    if totals.identity != facts.identity:
        problems.append("expected the manifest of this identity, got another")
    if (totals.files, totals.bytes) != (facts.files, facts.bytes):
        problems.append(
            f"expected {facts.files:,} files, {facts.bytes:,} bytes, got {totals.files:,}, {totals.bytes:,}"
        )
    return settled(_MANIFEST, problems)


def read_proof(bundle: BundleFolder) -> tuple[Proof, bytes]:
    """Return a bundle's proof and its bytes.

    Raises:
        BundleError: there is none in canonical form.
    """
    data = bundle.whole("proof.json")
    return proofs.from_bytes(data), data


def signers(path: Path | None) -> signing.AllowedSigners | None:
    """Return whom to trust; None where nobody said.

    Raises:
        SignatureError: the file can't be read whole.
    """
    return None if path is None else signing.read_allowed_signers(path)
