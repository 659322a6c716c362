"""The bytes of a mail → a mail server that has taken them, by SMTP over TLS (RFC 5321, RFC 3207).

The server is nobody's friend: its certificate is checked, its answers are bounded in size and time, and nothing of
their text is repeated but the codes, for a server that refuses a password may well repeat it.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final, cast

from verifier import relpath
from verifier.deliver.tls import context, said_of
from verifier.errors import DeliveryError, RefusedError
from verifier.scenario.delivery import Email
from verifier.scenario.delivery_table import is_this_machine
from verifier.secret import resolve

ANSWER_SECONDS: Final = 30.0
WHOLE_SECONDS: Final = 120.0
_LARGEST_ANSWERS_BYTES: Final = 1024 * 1024
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_ENHANCED: Final = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?:\s|\Z)")
_REFUSALS: Final = range(400, 600)
_PERMANENT: Final = 500
_NAME: Final = re.compile(r"[0-9A-Za-z-]{1,63}(?:\.[0-9A-Za-z-]{1,63}){0,20}\Z")
_SLOWEST_BYTES_PER_SECOND: Final = 20_000


class _Answers:
    """What a server says, up to a limit; a line without end, or lines without end, break the connection."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left_bytes = _LARGEST_ANSWERS_BYTES

    def readline(self, size: int = -1) -> bytes:
        line = self._file.readline(size)
        self._left_bytes -= len(line)
        if self._left_bytes < 0:
            raise OSError("answers without end")
        return line

    def close(self) -> None:
        self._file.close()


class _Bounded(smtplib.SMTP):
    """A connection whose answers are bounded, and that ends by itself: a byte now and then outwits any other limit."""

    _timer: threading.Timer | None = None

    def getreply(self) -> tuple[int, bytes]:
        if self._timer is None:
            self.end_after(WHOLE_SECONDS)
        if self.file is None and self.sock is not None:
            self.file = cast("BinaryIO", _Answers(self.sock.makefile("rb")))
        return super().getreply()

    def end_after(self, seconds: float) -> None:
        """Break the connection when so much time has gone by."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            if self.sock is not None:
                # Below TLS, which two threads can't speak at once.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().close()


class _BoundedOverTls(smtplib.SMTP_SSL, _Bounded):
    """The same, with TLS from the first byte."""


def send_mail(settings: Email, mail: bytes, *, sender: str, recipients: Sequence[str]) -> dict[str, DeliveryError]:
    """Hand one mail to the server; return the recipients that it refused, each with the reason.

    Args:
        settings: the server and how to sign in.
        mail: headers and body with CRLF, 7 bits; sent as these bytes and not folded again, for it may be signed.
        sender: where failures are reported to.
        recipients: at least one.

    Raises:
        RefusedError: the server refused the mail, or every recipient, for good.
        DeliveryError: the server was not reached, isn't who it should be, or refused for now.
        AccessDeniedError: the password could not be had.
    """
    with _signed_in(settings) as server:
        seconds = WHOLE_SECONDS + len(mail) / _SLOWEST_BYTES_PER_SECOND
        server.end_after(seconds)
        if server.sock is not None:
            server.sock.settimeout(seconds)  # which is for all of the mail, not for each piece of it
        refused = server.sendmail(sender, list(recipients), mail)
        # The mail is taken; a connection that breaks while saying goodbye must not make it be sent once more.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
    return {address: _refused(code, text) for address, (code, text) in refused.items()}


@contextlib.contextmanager
def _signed_in(settings: Email) -> Iterator[_Bounded]:
    """Connect and sign in; what goes wrong in the block becomes a sentence of ours; the connection is closed."""
    password = None if settings.password is None else resolve(settings.password)
    where = f"{relpath.show(settings.host)}:{settings.port or _PORTS[settings.security]}"
    server: _Bounded | None = None
    try:
        server = _connect(settings)
        _secure(server, settings)
        if settings.user is not None and password is not None:
            _sign_in(server, settings.user, password)
        yield server
    except smtplib.SMTPRecipientsRefused as error:
        raise _least_final(error.recipients.values()) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError:
        missing = "STARTTLS" if settings.security == "starttls" and not _is_secure(server) else "a way to sign in"
        raise RefusedError(f"expected {missing} from the mail server {where}, got none") from None
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        raise DeliveryError(f"expected the mail server {where}, got: {said_of(error)}") from None
    finally:
        if server is not None:
            server.close()


def _connect(settings: Email) -> _Bounded:
    port = settings.port or _PORTS[settings.security]
    if settings.security == "none" and not is_this_machine(settings.host):
        raise AssertionError("the scenario's table refuses this")
    # A machine's name is from outside, too: one that isn't a name would be refused, or worse.
    name = socket.getfqdn()
    local = name if _NAME.match(name) else "[127.0.0.1]"
    if settings.security == "tls":
        return _BoundedOverTls(settings.host, port, local, timeout=ANSWER_SECONDS, context=context())
    return _Bounded(settings.host, port, local, ANSWER_SECONDS)


def _secure(server: _Bounded, settings: Email) -> None:
    server.ehlo()
    if settings.security == "starttls":
        server.starttls(context=context())
        server.ehlo()


def _is_secure(server: smtplib.SMTP | None) -> bool:
    return server is not None and isinstance(server.sock, ssl.SSLSocket)


def _sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    if not (user + password).isascii():
        raise RefusedError("expected a user and a password of ASCII for the mail server, got other characters")
    try:
        server.login(user, password)
    except smtplib.SMTPAuthenticationError as error:
        code = error.smtp_code
        kind = RefusedError if code >= _PERMANENT else DeliveryError
        raise kind(f"expected to sign in at the mail server, got: refused ({_codes(code, error.smtp_error)})") from None


def _least_final(answers: Iterable[tuple[int, bytes | str]]) -> DeliveryError:
    """Return the error of a mail that nobody's mailbox took; for good only where each refused for good."""
    errors = [_refused(code, text) for code, text in answers]
    return next((error for error in errors if not isinstance(error, RefusedError)), errors[0])


def _refused(code: int, text: bytes | str) -> DeliveryError:
    if code not in _REFUSALS:
        return DeliveryError("expected the mail server to answer as SMTP has it, got: an answer that makes no sense")
    kind = RefusedError if code >= _PERMANENT else DeliveryError
    return kind(f"expected the mail server to take the mail, got: refused ({_codes(code, text)})")


def _codes(code: int, text: bytes | str) -> str:
    """Return a reply's codes, `452 4.2.2`; its text is the server's own and stays unsaid."""
    found = _ENHANCED.match(text if isinstance(text, bytes) else text.encode("ascii", "replace"))
    return f"{code} {found[1].decode()}" if found else str(code)
