"""Where a scenario delivers to → a trial of each: a mail, a ping and a post that say that they are but a test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from verifier.deliver import http, mail, smtp
from verifier.deliver.bodies import WEBHOOK_FORMAT
from verifier.deliver.http import JSON, TEXT
from verifier.scenario.delivery import Delivery, Email, Heartbeat, Webhook
from verifier.secret import resolve

_SAID = "a test: no drill was made, and nothing is claimed"


def test(delivery: Delivery, *, at: datetime) -> list[tuple[str, Callable[[], str]]]:
    """Return each place's name and its trial, which says in words what came of it or raises a `VerifierError`."""
    trials: list[tuple[str, Callable[[], str]]] = []
    if (email := delivery.email) is not None:
        trials.append(("email", lambda: _mail(email, at)))
    if (heartbeat := delivery.heartbeat) is not None:
        trials.append(("heartbeat", lambda: _ping(heartbeat)))
    if (webhook := delivery.webhook) is not None:
        trials.append(("webhook", lambda: _post(webhook)))
    return trials


def _mail(email: Email, at: datetime) -> str:
    made = mail.compose_test(email, at=at)
    refused = smtp.send_mail(email, made.data, sender=email.sender, recipients=email.recipients)
    for error in refused.values():
        raise error
    signed = ", signed" if email.smime_key is not None else ""
    return f"a test mail{signed} was taken for {', '.join(email.recipients)}"


def _ping(heartbeat: Heartbeat) -> str:
    # Neither success nor failure: a test must not keep a dead man's switch quiet.
    http.post(http.endpoint(resolve(heartbeat.url)), f"{_SAID}\n".encode(), kind=TEXT, below="/log")
    return "a test ping (/log) was taken"


def _post(webhook: Webhook) -> str:
    body = msgspec.json.encode({"format": WEBHOOK_FORMAT, "result": "TEST", "text": _SAID, "drills": []}) + b"\n"
    http.post(http.endpoint(resolve(webhook.url)), body, kind=JSON)
    return "a test was taken"
