"""Bytes → an SSH signature → verified bytes. Knows nothing of drills.

The envelope is OpenSSH's own (PROTOCOL.sshsig), so whoever has `ssh-keygen` can check what was signed here, without
this program. Keys are SSH keys, from a file or from the agent; whom to trust stands in an `allowed_signers` file.
Mails are signed as mail programs expect it, by certificates (`smime`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from verifier.signing.allowed import AllowedSigner, AllowedSigners, read_allowed_signers
    from verifier.signing.keys import Signer, fingerprint, new_key, open_signer, public_line
    from verifier.signing.raw import raw_signature
    from verifier.signing.smime import MailSigner
    from verifier.signing.verifying import Signature, Standing, verify

__all__ = [
    "AllowedSigner",
    "AllowedSigners",
    "MailSigner",
    "Signature",
    "Signer",
    "Standing",
    "fingerprint",
    "new_key",
    "open_signer",
    "public_line",
    "raw_signature",
    "read_allowed_signers",
    "verify",
]

_HOMES: Final = {
    "AllowedSigner": "allowed",
    "AllowedSigners": "allowed",
    "MailSigner": "smime",
    "Signature": "verifying",
    "Signer": "keys",
    "Standing": "verifying",
    "fingerprint": "keys",
    "new_key": "keys",
    "open_signer": "keys",
    "public_line": "keys",
    "raw_signature": "raw",
    "read_allowed_signers": "allowed",
    "verify": "verifying",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: the cryptography behind keys takes a tenth of a second, and few drills sign."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"verifier.signing.{_HOMES[name]}"), name)
