"""Who is told of a drill, and how: by mail, by the pings of a dead man's switch, by a webhook. Values alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from verifier.secret import SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """A mail server, and what is sent by it.

    `security` is `starttls`, `tls` or, on this machine alone, `none`; `port` None means the usual one of it. `when` is
    `always`, `failed` or `changed`; `attach` is `summary` (no lists of all findings and outcomes) or `full`.
    `limit_bytes` bounds the attachment as it travels. With `smime_certificate` and `smime_key` every mail is signed.
    """

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int | None = None
    security: str = "starttls"
    user: str | None = None
    password: SecretReference | None = None
    when: str = "always"
    attach: str = "summary"
    limit_bytes: int = 10 * 1024**2
    smime_certificate: Path | None = None
    smime_key: Path | None = None
    smime_passphrase: SecretReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A check of healthchecks.io, or of what keeps its convention; whoever has the URL can ping, so it is a secret."""

    url: SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that is sent what a drill came to, as JSON; a secret."""

    url: SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Who is told. Scenarios that state the same are told of together, in one mail and by one ping."""

    email: Email | None = None
    heartbeat: Heartbeat | None = None
    webhook: Webhook | None = None
