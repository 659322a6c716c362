"""What became of the scenarios of a run → mails, pings and posts, each tried a little and then kept, with receipts.

Nothing that goes wrong here is raised or changes what a drill came to: it is said loudly, and stands in the receipts.
What is promised: a mail or a post lies in the outbox before its first attempt, and leaves it when it was taken. What is
not: that it comes but once, for a connection may break after a server took it. A ping is worth its moment and is never
sent later: an old success would say that all is well now, and the silence is noticed by whoever waits for pings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from verifier import relpath
from verifier.deliver import http, mail, receipt
from verifier.deliver.bodies import ping_text, webhook_json
from verifier.deliver.http import TEXT
from verifier.deliver.news import News, distinct, drill_of, grouped, is_wanted, signal_of
from verifier.deliver.outbox import Drill, Outbox, Outgoing, Sent
from verifier.deliver.receipt import Channel, Receipt, State
from verifier.deliver.sending import hand_over, patiently, settings_for, what_is_sent
from verifier.errors import DeliveryError, RefusedError, VerifierError
from verifier.report import worst_first
from verifier.scenario.delivery import Delivery, Email, Heartbeat, Webhook
from verifier.secret import resolve

PAUSES_SECONDS: Final = (1.0, 4.0)
"""Before the second and the third attempt of what was not refused for good."""

_AGAIN: Final = "verifier deliver --pending"


class Post:
    """Tells of runs of drills.

    Args:
        state: the folder that the outbox lies in.
        now: the time as an aware datetime in UTC.
        warn: says loudly what could not be delivered; never holds a secret.
        say: says what was.
        pauses: seconds before each further attempt of what was not refused for good; `PAUSES_SECONDS` without it.
    """

    def __init__(
        self,
        *,
        state: Path,
        now: Callable[[], datetime],
        warn: Callable[[str], None],
        say: Callable[[str], None],
        pauses: Sequence[float] | None = None,
    ) -> None:
        self._outbox = Outbox(state)
        self._now = now
        self._warn = warn
        self._say = say
        self._pauses = PAUSES_SECONDS if pauses is None else pauses

    def begin(self, deliveries: Iterable[Delivery]) -> None:
        """Ping that a run begins, each heartbeat once and with one attempt, for the drills wait for it."""
        for heartbeat in distinct(one.heartbeat for one in deliveries):
            try:
                http.post(http.endpoint(resolve(heartbeat.url)), b"", kind=TEXT, below="/start")
            except VerifierError as error:
                self._warn(f"the heartbeat was not told that a drill begins: {error.message}")

    def tell(self, news: Sequence[News], *, limited: bool) -> None:
        """Tell of a run: one mail, one ping and one post for all scenarios that share where to.

        Args:
            news: of each scenario of the run, also of those that could not be drilled.
            limited: something was left out on purpose (--only, --copy), so that a PASSED is not the dataset's.
        """
        for heartbeat, concerned in grouped(news, lambda one: one.delivery.heartbeat):
            self._ping(heartbeat, concerned, limited=limited)
        for webhook, concerned in grouped(news, lambda one: one.delivery.webhook):
            self._keep_and_send("webhook", concerned, webhook_json([one.told for one in concerned]), webhook)
        for email, concerned in grouped(news, lambda one: one.delivery.email):
            if is_wanted(email.when, [one.told for one in concerned]):
                self._write(email, concerned)
        self._keep_within_bounds()

    def _keep_within_bounds(self) -> None:
        try:
            for dropped in self._outbox.drop_oldest():
                when = "one that can't be read" if dropped is None else f"the one of {relpath.show(dropped.created_at)}"
                self._warn(f"the outbox is full: its oldest, {when}, was thrown out undelivered")
                if dropped is not None:
                    self._note(dropped, "dropped", detail="the outbox was full")
        except DeliveryError as error:
            self._warn(error.message)

    def pending(self) -> list[Path]:
        """Return the files of what lies in the outbox, the oldest first."""
        return self._outbox.paths()

    def send(self, pending: Iterable[Path], deliveries: Mapping[str, Delivery]) -> int:
        """Try once more, once each, what lies in the outbox; return how much of what concerns these scenarios is left.

        Args:
            pending: some of its files.
            deliveries: by the scenario's name; what concerns none of these is left alone.
        """
        left = 0
        down: set[Email | Webhook] = set()
        for path in pending:
            try:
                with self._outbox.taken(path) as held:
                    if held is None:
                        continue
                    outgoing, data = held
                    settings = settings_for(outgoing, deliveries)
                    if settings is None:
                        continue
                    # A server that did not answer is not asked again for each mail that waits for it.
                    if settings in down or not self._send(path, outgoing, data, settings, pauses=(), down=down):
                        left += 1
            except VerifierError as error:
                self._warn(error.message)
                left += 1
        return left

    def _ping(self, heartbeat: Heartbeat, news: Sequence[News], *, limited: bool) -> None:
        told = [one.told for one in news]
        signal = signal_of(told, limited=limited)
        state: State = "delivered"
        detail: str | None = None
        try:
            to = http.endpoint(resolve(heartbeat.url))
            below = "" if signal == "success" else f"/{signal}"
            patiently(lambda: http.post(to, ping_text(told), kind=TEXT, below=below), self._pauses)
        except VerifierError as error:
            state, detail = "failed", error.message
            self._warn(f"the heartbeat did not get its ping ({signal}): {error.message}")
        for one in news:
            drill = drill_of(one)
            if drill is not None:
                self._append(drill, "heartbeat", state, signal=signal, detail=detail)

    def _write(self, email: Email, news: Sequence[News]) -> None:
        ordered = worst_first(one.told for one in news)
        folders = {one.told.scenario: one.folder for one in news}
        bundles = [folder for told in ordered if (folder := folders[told.scenario]) is not None]
        made = mail.compose(email, ordered, bundles, at=self._now())
        if made.unsigned is not None:
            self._warn(f"the mail is not signed: {made.unsigned.message}")
        self._keep_and_send("email", news, made.data, email, message_id=made.message_id)

    def _keep_and_send(
        self,
        channel: Sent,
        news: Sequence[News],
        data: bytes,
        settings: Email | Webhook,
        *,
        message_id: str | None = None,
    ) -> None:
        drills = [drill for one in news if (drill := drill_of(one)) is not None]
        outgoing = Outgoing(
            channel=channel,
            created_at=f"{self._now():%Y-%m-%dT%H:%M:%SZ}",
            scenarios=tuple(one.told.scenario for one in news),
            drills=tuple(drills),
            sender=settings.sender if isinstance(settings, Email) else "",
            recipients=settings.recipients if isinstance(settings, Email) else (),
            message_id=message_id,
        )
        try:
            path = self._outbox.put(outgoing, data)
            with self._outbox.taken(path) as held:
                if held is not None:
                    self._send(path, outgoing, data, settings, pauses=self._pauses)
        except VerifierError as error:
            self._warn(f"{error.message}; it is tried now, and lost if that fails")
            self._send(None, outgoing, data, settings, pauses=self._pauses)

    def _send(
        self,
        path: Path | None,
        outgoing: Outgoing,
        data: bytes,
        settings: Email | Webhook,
        *,
        pauses: Sequence[float],
        down: set[Email | Webhook] | None = None,
    ) -> bool:
        """Send what is held; return whether all of it was taken. What was not stays at `path`, if it has one."""
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            refused = patiently(lambda: hand_over(outgoing, data, settings), pauses)
        except VerifierError as error:
            if down is not None and not isinstance(error, RefusedError):
                down.add(settings)
            self._kept(path, outgoing, sha256, error)
            return False
        taken = tuple(one for one in outgoing.recipients if one not in refused)
        self._note(outgoing, "delivered", to=taken, sha256=sha256)
        self._say(f"  {what_is_sent(outgoing, taken)}: delivered")
        rest = msgspec.structs.replace(outgoing, recipients=tuple(refused))
        if path is not None:
            try:
                if refused:
                    self._outbox.replace(path, rest, data)
                else:
                    self._outbox.remove(path)
            except DeliveryError as error:
                self._warn(error.message)
        if not refused:
            return True
        self._kept(path, rest, sha256, next(iter(refused.values())))
        return False

    def _kept(self, path: Path | None, outgoing: Outgoing, sha256: str, error: VerifierError) -> None:
        what = what_is_sent(outgoing, outgoing.recipients)
        self._note(
            outgoing, "failed" if path is None else "kept", to=outgoing.recipients, sha256=sha256, detail=error.message
        )
        after = "it is lost" if path is None else f"it is kept: {_AGAIN}"
        self._warn(f"{what}: not delivered: {error.message}; {after}")

    def _note(
        self,
        outgoing: Outgoing,
        state: State,
        *,
        to: tuple[str, ...] = (),
        sha256: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Leave a receipt in the bundle of each drill that is told of."""
        for drill in outgoing.drills:
            self._append(
                drill,
                outgoing.channel,
                state,
                to=to,
                message_id=outgoing.message_id,
                sha256=sha256,
                detail=detail,
            )

    def _append(self, drill: Drill, channel: Channel, state: State, **more: Any) -> None:  # noqa: ANN401 - as Receipt has it
        try:
            receipt.append(
                drill.folder,
                Receipt(
                    at=f"{self._now():%Y-%m-%dT%H:%M:%SZ}",
                    channel=channel,
                    state=state,
                    head=f"{drill.number}:{drill.sha256}",
                    number=drill.number,
                    proof_sha256=drill.sha256,
                    **more,
                ),
            )
        except DeliveryError as error:
            self._warn(error.message)
