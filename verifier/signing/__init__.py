"""Bytes → an SSH signature → verified bytes. Knows nothing of drills.

The envelope is OpenSSH's own (PROTOCOL.sshsig), so whoever has `ssh-keygen` can check what was signed here, without
this program. Keys are SSH keys, from a file or from the agent; whom to trust stands in an `allowed_signers` file.
"""

from __future__ import annotations

from verifier.signing.allowed import AllowedSigner, AllowedSigners, read_allowed_signers
from verifier.signing.keys import Signer, new_key, open_signer
from verifier.signing.verifying import Signature, Standing, verify

__all__ = [
    "AllowedSigner",
    "AllowedSigners",
    "Signature",
    "Signer",
    "Standing",
    "new_key",
    "open_signer",
    "read_allowed_signers",
    "verify",
]
