"""The rows of `[delivery]`: a mail server and what it is to send, a heartbeat's URL, a webhook's URL."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from verifier.scenario.delivery import Delivery, Email, Heartbeat, Webhook
from verifier.scenario.kinds import PATH, PORT, SECRET, SIZE, matching, one_of
from verifier.scenario.section import Key, ListOf, Section, shown

_Problems = Iterator[tuple[tuple[str | int, ...], str]]

_LARGEST_MAIL_BYTES: Final = 100 * 1024**2  # a mail is made in memory, and few servers take a tenth of this
# ASCII alone, and nothing that could end a header or begin another address (RFC 5321, section 4.1.2, without quotes).
_MAIL_ADDRESS: Final = matching(
    "a mail address as ana@example.org",
    r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+(?:\.[0-9A-Za-z!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[0-9A-Za-z](?:[0-9A-Za-z-]{0,62})\.)*[0-9A-Za-z](?:[0-9A-Za-z-]{0,62})",
)
_HOST: Final = matching(
    "a server's name or address", r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,252})|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+"
)


def is_this_machine(host: str) -> bool:
    """Tell whether a host's name or address is that of the loopback, whatever a name server says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _secure_unless_here(values: Mapping[str, Any]) -> _Problems:
    host = values.get("host")
    if values.get("security") == "none" and host is not None and not is_this_machine(host):
        yield ("security",), f"expected starttls or tls for a server elsewhere, got none for {shown(host)}"


def _sign_in_is_whole(values: Mapping[str, Any]) -> _Problems:
    for one, other in (("user", "password"), ("password", "user")):
        if one in values and other not in values:
            yield (one,), f"expected {other} beside it, got nothing"


def _signing_is_whole(values: Mapping[str, Any]) -> _Problems:
    for one, other in (("smime_certificate", "smime_key"), ("smime_key", "smime_certificate")):
        if one in values and other not in values:
            yield (one,), f"expected {other} beside it, got nothing"
    if "smime_passphrase" in values and "smime_key" not in values:
        yield ("smime_passphrase",), "expected smime_key beside it, the key that it belongs to, got nothing"


def _mail_is_bounded(values: Mapping[str, Any]) -> _Problems:
    if values.get("limit_bytes", 0) > _LARGEST_MAIL_BYTES:
        yield ("limit",), "expected at most 100MiB, got more"


_EMAIL: Final = Section(
    makes=Email,
    rules=(_secure_unless_here, _sign_in_is_whole, _signing_is_whole, _mail_is_bounded),
    keys={
        "host": Key(kind=_HOST, goes_to="host", required=True, means="the mail server that takes the mail"),
        "port": Key(kind=PORT, goes_to="port", means="its port (587 for starttls, 465 for tls, 25 for none)"),
        "security": Key(
            kind=one_of("starttls", "tls", "none"),
            goes_to="security",
            means="how it is spoken to (starttls without it); none only on this machine",
        ),
        "user": Key(
            kind=matching("a user's name without control characters", r"[^\x00-\x1f\x7f]{1,255}"),
            goes_to="user",
            means="who signs in",
        ),
        "password": Key(kind=SECRET, goes_to="password", means="the password to sign in by"),
        "from": Key(kind=_MAIL_ADDRESS, goes_to="sender", required=True, means="the sender's address"),
        "to": Key(
            kind=ListOf(item=_MAIL_ADDRESS, expected="a list of mail addresses", at_least=1),
            goes_to="recipients",
            required=True,
            means="who gets it",
        ),
        "when": Key(
            kind=one_of("always", "failed", "changed"),
            goes_to="when",
            means="failed: only of a drill that is FAILED, INCONCLUSIVE or could not be made, or whose bundle is "
            "unsigned; changed: of these without a verdict, and of a verdict other than the one before (always "
            "without it)",
        ),
        "attach": Key(
            kind=one_of("summary", "full"),
            goes_to="attach",
            means="full: with findings.jsonl and outcomes.jsonl.zst, which name files (summary without it)",
        ),
        "limit": Key(kind=SIZE, goes_to="limit_bytes", means="how large the attachment may be (10MiB without it)"),
        "smime_certificate": Key(
            kind=PATH, goes_to="smime_certificate", means="the certificate (PEM) that mails are signed by, as S/MIME"
        ),
        "smime_key": Key(kind=PATH, goes_to="smime_key", means="its private key (PEM): RSA or ECDSA"),
        "smime_passphrase": Key(kind=SECRET, goes_to="smime_passphrase", means="that key's passphrase"),
    },
)

_HEARTBEAT: Final = Section(
    makes=Heartbeat,
    keys={
        "url": Key(
            kind=SECRET,
            goes_to="url",
            required=True,
            means="the URL to ping: /start as a run begins, the URL itself when all PASSED, /fail otherwise, and /log "
            "where --only or --copy left something out",
        ),
    },
)

_WEBHOOK: Final = Section(
    makes=Webhook,
    keys={"url": Key(kind=SECRET, goes_to="url", required=True, means="the URL that what a run came to is posted to")},
)

DELIVERY: Final = Section(
    makes=Delivery,
    keys={
        "email": Key(kind=_EMAIL, goes_to="email", means="one mail for each run of drills"),
        "heartbeat": Key(kind=_HEARTBEAT, goes_to="heartbeat", means="a dead man's switch: silence is noticed"),
        "webhook": Key(kind=_WEBHOOK, goes_to="webhook", means="a short JSON for each run of drills"),
    },
)
"""Who is told of drills."""
