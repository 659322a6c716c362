"""A proof's bytes, its findings and outcomes → REPORTS/<scenario>/<time>-<id>/, whole or not at all.

Everything that needs room is written and synced under hidden names first; then there is nothing left but renames. So
whoever sees a bundle sees all of it, and a drill that is killed, or that meets a full disk, leaves none.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

import zstandard

from verifier import proof as proofs
from verifier import report, signing
from verifier.attest import envelope, statement
from verifier.bundle.durable import (
    STAGED,
    HashedFile,
    remove_dead,
    remove_flat,
    replace_file,
    staged_file,
    sync_folder,
    try_lock,
)
from verifier.bundle.overview import href_of, index_rows, row_of
from verifier.bundle.place import INDEX, MANIFESTS, PARTIAL, bundle_name, own_folder, scenario_folder, shown, trouble
from verifier.errors import BundleError, SignatureError, UsageError
from verifier.manifest.native import recognizes
from verifier.proof import Proof

RENDERERS: Final[dict[str, tuple[str, Callable[..., str]]]] = {
    "html": ("report.html", report.render_html),
    "markdown": ("report.md", report.render_markdown),
}
"""The formats that a scenario may ask for: the file's name, and what renders it."""

NAMESPACE: Final = "restore-proof"
"""What a bundle's sums are signed for: a signature for any other purpose is none."""

_IDENTITY: Final = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK_BYTES: Final = 1 << 18
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_INDEX_PATIENCE_SECONDS: Final = 10.0


def write_bundle(
    reports: Path,
    proof_bytes: bytes,
    *,
    findings: Iterable[bytes],
    outcomes: Iterable[bytes],
    manifests: Mapping[str, Path],
    formats: Sequence[str],
    signer: signing.Signer | None = None,
    when_unsigned: Callable[[SignatureError], None] | None = None,
) -> Path:
    """Write the bundle of a drill, and the page of all drills; return the bundle's folder.

    Args:
        reports: the folder of all reports, made where it is missing.
        proof_bytes: the canonical bytes of the proof; the reports are rendered from them alone.
        findings: every finding as one JSON object each, with or without a newline.
        outcomes: the same for `outcomes.jsonl.zst`.
        manifests: the file of each manifest that was used, by its identity; each is kept once for all bundles.
        formats: those of `RENDERERS` that are wanted.
        signer: the key that signs the sums, and an attestation where it can.
        when_unsigned: is told why it could not; the bundle is left all the same, for it is evidence still.

    Raises:
        BundleError: the bytes are no proof, or it could not be written; then no bundle is there.
        UsageError: a format is none that we know.
    """
    proof = proofs.from_bytes(proof_bytes)
    unknown = [name for name in formats if name not in RENDERERS]
    if unknown:
        raise UsageError(f"expected report formats out of {', '.join(RENDERERS)}, got {', '.join(unknown)}")
    folder = scenario_folder(reports, proof.scenario.name) / bundle_name(proof.drill)
    try:
        remove_dead(folder.parent, PARTIAL)
        remove_dead(reports, STAGED)
        for identity, file in manifests.items():
            _keep_manifest(reports, identity, file)
        with _partial_folder(folder) as partial:
            sums = _fill(partial, proof_bytes, proof, findings=findings, outcomes=outcomes, formats=formats)
            _seal(partial, proof, sums, signer, when_unsigned)
            _publish(reports, partial, folder, proof)
    except OSError as error:
        raise trouble("write the bundle", folder, error) from error
    return folder


def write_reports(folder: Path, proof_bytes: bytes) -> tuple[Path, ...]:
    """Render every report of a proof into `folder`, made where it is missing; return the files, replaced at once.

    Raises:
        BundleError: the bytes are no proof, or the reports could not be written.
    """
    proof = proofs.from_bytes(proof_bytes)
    sha256 = hashlib.sha256(proof_bytes).hexdigest()
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file_name, render in RENDERERS.values():
            written.append(folder / file_name)
            replace_file(written[-1], [render(proof, proof_sha256=sha256).encode()])
    except OSError as error:
        raise BundleError(f"expected to write in {shown(folder)}, got: {error.strerror or error}") from error
    return tuple(written)


def _fill(
    partial: Path,
    proof_bytes: bytes,
    proof: Proof,
    *,
    findings: Iterable[bytes],
    outcomes: Iterable[bytes],
    formats: Sequence[str],
) -> dict[str, str]:
    """Write every file of a bundle that a proof is made of; return the SHA-256 of each."""
    sha256 = hashlib.sha256(proof_bytes).hexdigest()
    sums = {"proof.json": _write(partial / "proof.json", [proof_bytes])}
    for name in formats:
        file_name, render = RENDERERS[name]
        sums[file_name] = _write(partial / file_name, [render(proof, proof_sha256=sha256).encode()])
    sums["findings.jsonl"] = _write(partial / "findings.jsonl", _lines(findings))
    sums["outcomes.jsonl.zst"] = _write(partial / "outcomes.jsonl.zst", _compressed(_lines(outcomes)))
    return sums


def _seal(
    partial: Path,
    proof: Proof,
    sums: dict[str, str],
    signer: signing.Signer | None,
    when_unsigned: Callable[[SignatureError], None] | None,
) -> None:
    """Write the sums, and what the key makes of them: an attestation, which they hold, and their signature."""
    attestation: bytes | None = None
    signature: bytes | None = None
    if signer is not None:
        content = statement(proof, sums)
        try:
            attestation = envelope(content, sign=signer.sign_raw, fingerprint=signer.fingerprint)
            if attestation is not None:
                sums = sums | {"attestation.json": hashlib.sha256(attestation).hexdigest()}
            signature = signer.sign(_sums_text(sums), namespace=NAMESPACE)
        except SignatureError as error:
            attestation = None
            sums = {name: sha256 for name, sha256 in sums.items() if name != "attestation.json"}
            if when_unsigned is not None:
                when_unsigned(error)
    files = {"attestation.json": attestation, "SHA256SUMS": _sums_text(sums), "SHA256SUMS.sig": signature}
    for name, data in files.items():
        if data is not None:
            _write(partial / name, [data])
    sync_folder(partial)


def _sums_text(sums: Mapping[str, str]) -> bytes:
    # Two spaces, binary or not: the form of `sha256sum`, which is also what `shasum -a 256` reads.
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()


def _write(path: Path, chunks: Iterable[bytes]) -> str:
    """Write a new file, synced; return its SHA-256."""
    with contextlib.closing(HashedFile(path)) as file:
        for chunk in chunks:
            file.write(chunk)
        file.sync()
        return file.sha256()


def _lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines in blocks, each line with its newline: a million of them are not worth a million writes."""
    block = bytearray()
    for line in lines:
        block += line
        if not line.endswith(b"\n"):
            block += b"\n"
        if len(block) >= _CHUNK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()


def _publish(reports: Path, partial: Path, folder: Path, proof: Proof) -> None:
    """Give the bundle and the page of all drills their names; only renames can fail once the bundle has its own."""
    report_name = next((RENDERERS[name][0] for name in RENDERERS if (partial / RENDERERS[name][0]).exists()), None)
    href = href_of(proof.scenario.name, folder.name, report_name) if report_name else None
    with _alone(reports):
        rows = [*index_rows(reports), row_of(proof, folder=folder.name, href=href)]
        with staged_file(reports / INDEX, [report.render_index(rows).encode()]) as index:
            if os.path.lexists(folder):
                raise BundleError(f"expected a new folder, got one that exists: {shown(folder)}")
            partial.rename(folder)
            sync_folder(folder.parent)
            # The bundle is there and whole, so a page that can't be renamed is no reason to call the drill lost; the
            # next bundle makes the page anew.
            with contextlib.suppress(OSError):
                index.replace(reports / INDEX)
                sync_folder(reports)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others from making the page of all drills meanwhile, so that none of them forgets a bundle."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + _INDEX_PATIENCE_SECONDS
        # Who holds it this long was stopped in the middle; a page that is old for a while harms less than waiting.
        while try_lock(descriptor) is False and time.monotonic() < deadline:
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _partial_folder(folder: Path) -> Iterator[Path]:
    """Make the hidden folder that a bundle is written in; what is left of it in the end is removed.

    An flock on it tells others that its writer is alive.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    partial.mkdir()
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try_lock(descriptor)
        yield partial
    finally:
        with contextlib.suppress(OSError):  # what happened before is what the user must hear of
            remove_flat(partial)
        os.close(descriptor)


def _keep_manifest(reports: Path, identity: str, manifest_file: Path) -> None:
    """Put the manifest into REPORTS/manifests under its identity, unless it lies there already.

    Another program's list is kept by its own bytes, of which the identity is the SHA-256, as `<identity>.list.zst`.
    """
    if not _IDENTITY.match(identity):
        raise BundleError(f"expected a manifest's identity as the hex of a SHA-256, got {identity!r}")
    folder = own_folder(reports, MANIFESTS)
    remove_dead(folder, STAGED)
    with manifest_file.open("rb") as file:
        with contextlib.closing(_unpacked(file)) as plain:
            first = next(plain, b"")
        kept = folder / f"{identity}.{'jsonl' if recognizes(first) else 'list'}.zst"
        if os.path.lexists(kept):
            return
        file.seek(0)
        is_packed = file.read(len(_ZSTD_MAGIC)) == _ZSTD_MAGIC
        file.seek(0)
        replace_file(kept, _chunks(file) if is_packed else _compressed(_unpacked(file)))


def _unpacked(file: BinaryIO) -> Generator[bytes, None, None]:
    """Yield the plain bytes of a file that stands at its start."""
    magic = file.read(len(_ZSTD_MAGIC))
    file.seek(0)
    if magic == _ZSTD_MAGIC:
        with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as inner:
            yield from _chunks(cast("BinaryIO", inner))
    elif magic.startswith(_GZIP_MAGIC):
        with gzip.open(file) as inner:
            yield from _chunks(inner)
    else:
        yield from _chunks(file)


def _chunks(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
