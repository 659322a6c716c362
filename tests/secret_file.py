"""A secret → a file that only its owner may read, and the reference by which a copy states it."""

from __future__ import annotations

from pathlib import Path

from verifier.secret import SecretReference


def secret_file(path: Path, secret: str) -> SecretReference:
    """Write a secret to a private file, and return the reference to it."""
    path.touch(mode=0o600)
    path.write_text(secret + "\n", "utf-8")
    return SecretReference(kind="file", words=(str(path),))
