"""A failed connection → words that hold no host, no address and no secret; and the TLS that we speak."""

from __future__ import annotations

import smtplib
import ssl
from typing import Final

_UNTRUSTED: Final = {
    9: "a certificate that is not valid yet",
    10: "a certificate that has expired",
    18: "a certificate that signed itself",
    19: "a certificate from an issuer that isn't trusted here",
    20: "a certificate from an issuer that isn't trusted here",
    62: "a certificate of another host",
    64: "a certificate of another host",
}
"""By OpenSSL's X509_V_ERR numbers."""


def context() -> ssl.SSLContext:
    """Return a context that checks certificates and names; SSL_CERT_FILE names another list of trusted issuers."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def said_of(error: Exception) -> str:
    """Return what happened to a connection, in words of the system or ours and none of the other side's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _UNTRUSTED.get(error.verify_code, "a certificate that isn't trusted")
    if isinstance(error, ssl.SSLError):
        return "no TLS that both speak"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "a connection that broke"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "an answer that makes no sense"
