"""What lies in the outbox → the server that its scenario names now, tried a little."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from verifier import relpath
from verifier.deliver import http, smtp
from verifier.deliver.http import JSON
from verifier.deliver.outbox import Outgoing
from verifier.errors import DeliveryError, RefusedError
from verifier.scenario.delivery import Delivery, Email, Webhook
from verifier.secret import resolve

_NAMED: Final = 5
_T = TypeVar("_T")


def patiently(attempt: Callable[[], _T], pauses: Sequence[float]) -> _T:
    """Try, and after each pause once more, unless it was refused for good.

    Raises:
        DeliveryError: that of the last attempt.
    """
    for pause in pauses:
        try:
            return attempt()
        except RefusedError:
            raise
        except DeliveryError:
            time.sleep(pause)
    return attempt()


def hand_over(outgoing: Outgoing, data: bytes, settings: Email | Webhook) -> dict[str, DeliveryError]:
    """Try once; return the recipients that were refused, each with the reason.

    Raises:
        RefusedError: all of it was refused for good.
        DeliveryError: the server was not reached, or refused for now.
        AccessDeniedError: a secret could not be had.
    """
    if isinstance(settings, Email):
        return smtp.send_mail(settings, data, sender=outgoing.sender, recipients=outgoing.recipients)
    http.post(http.endpoint(resolve(settings.url)), data, kind=JSON)
    return {}


def settings_for(outgoing: Outgoing, deliveries: Mapping[str, Delivery]) -> Email | Webhook | None:
    """Return what the scenarios now say of where to send it; None where none of them is known or wants it any more."""
    for name in outgoing.scenarios:
        if name in deliveries:
            found = deliveries[name].email if outgoing.channel == "email" else deliveries[name].webhook
            if found is not None:
                return found
    return None


def what_is_sent(outgoing: Outgoing, recipients: Sequence[str]) -> str:
    """Return what is sent, in a few words; addresses come from a file that may be anybody's."""
    named = ", ".join(outgoing.scenarios[:_NAMED]) + ("…" if len(outgoing.scenarios) > _NAMED else "")
    if outgoing.channel == "email":
        return relpath.show(f"mail on {named} to {', '.join(recipients)}")
    return relpath.show(f"webhook's post on {named}")
