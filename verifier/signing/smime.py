"""One part of a mail → its detached S/MIME signature, as `openssl cms -verify` and mail programs check it (RFC 8551).

Certificate and key are PEM; RSA and ECDSA sign. What else stands in the certificate's file, its issuers, travels along.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from verifier import relpath
from verifier.errors import SignatureError
from verifier.secret import SecretReference, resolve

_LARGEST_BYTES: Final = 1024 * 1024


class MailSigner:
    """A certificate, its private key, and the issuers that travel along."""

    def __init__(
        self,
        certificate: x509.Certificate,
        issuers: tuple[x509.Certificate, ...],
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    ) -> None:
        self._certificate = certificate
        self._issuers = issuers
        self._key = key

    @classmethod
    def open(cls, certificate: Path, key: Path, *, passphrase: SecretReference | None, at: datetime) -> Self:
        """Read a certificate and its key.

        Args:
            certificate: PEM; the first is the signer's, others are its issuers.
            key: PEM, readable by its owner alone.
            passphrase: where that of a locked key is.
            at: when it will sign.

        Raises:
            SignatureError: one of them can't be read, they don't belong together, or the certificate isn't valid then.
            AccessDeniedError: the passphrase could not be had.
        """
        first, *issuers = _certificates(certificate)
        private = _private_key(key, passphrase)
        if first.public_key() != private.public_key():
            raise SignatureError(f"expected the certificate of the key {_shown(key)}, got another's")
        if not first.not_valid_before_utc <= at <= first.not_valid_after_utc:
            until = f"{first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}"
            raise SignatureError(f"expected a certificate that is valid now, got one from {until}")
        return cls(first, tuple(issuers), private)

    def sign(self, part: bytes) -> bytes:
        """Return the detached signature of a part of a mail, in DER.

        Args:
            part: headers and body with CRLF at the end of each line, 7 bits: what no mail server has reason to change.
        """
        builder = pkcs7.PKCS7SignatureBuilder().set_data(part)
        builder = builder.add_signer(self._certificate, self._key, hashes.SHA256())
        for issuer in self._issuers:
            builder = builder.add_certificate(issuer)
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        return builder.sign(serialization.Encoding.DER, options)


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path, "certificate"))
    except ValueError as error:
        raise SignatureError(f"expected a certificate (PEM) at {_shown(path)}, got something else") from error


def _private_key(path: Path, passphrase: SecretReference | None) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    secret = None if passphrase is None else resolve(passphrase).encode()
    data = _read(path, "key")
    try:
        key = serialization.load_pem_private_key(data, secret)
    except TypeError:
        got = "none" if secret is None else "one for a key without"
        raise SignatureError(f"expected the passphrase of the key {_shown(path)}, got {got}") from None
    except ValueError:
        hint = None if secret is None else "is the passphrase right?"
        raise SignatureError(f"expected a private key (PEM) at {_shown(path)}, got none", hint=hint) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SignatureError(f"expected a key of RSA or ECDSA at {_shown(path)}, got another kind")
    return key


def _read(path: Path, what: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
            if what == "key" and os.fstat(descriptor).st_mode & 0o077:
                raise SignatureError(
                    f"expected a key that only its owner may read at {_shown(path)}, got one that others may",
                    hint="chmod 600 that file",
                )
            return file.read(_LARGEST_BYTES)
    except OSError as error:
        raise SignatureError(f"can't read the {what} {_shown(path)}: {error.strerror}") from error


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))
