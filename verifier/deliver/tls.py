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

_WORDS: Final = {
    ssl.SSLError: "no TLS that both speak",
    UnicodeError: "a name that no host can have",
    TimeoutError: "no answer in time",
    smtplib.SMTPServerDisconnected: "a connection that broke",
}


def context() -> ssl.SSLContext:
    """Return a context that checks certificates and names; SSL_CERT_FILE names another list of trusted issuers."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def said_of(error: Exception) -> str:
    """Return what happened to a connection, in words of the system or ours and none of the other side's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _UNTRUSTED.get(error.verify_code, "a certificate that isn't trusted")
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "an answer that makes no sense"
