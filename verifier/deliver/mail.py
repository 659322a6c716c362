"""What became of the scenarios of a run → the bytes of one mail, signed where that is asked for (RFC 5322, RFC 1847).

All parts are 7 bits with CRLF and no line begins with `From `, so that nothing on the way has a reason to change them.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Final

from verifier import report, signing
from verifier.deliver.attachment import attach
from verifier.errors import VerifierError
from verifier.report import Told
from verifier.scenario.delivery import Email

ATTACHED_AS: Final = "restore-drill.zip"
# Lines of up to 998 characters are allowed; one of 78 would fold a long subject right behind its name, which some show.
_UNFOLDED: Final = SMTP.clone(max_line_length=900)
_LINE_END: Final = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it is sent. `unsigned` says why one that was to be signed is not."""

    message_id: str
    data: bytes
    unsigned: VerifierError | None = None


def compose(settings: Email, told: Sequence[Told], bundles: Sequence[Path], *, at: datetime) -> Mail:
    """Return the mail that tells what became of the scenarios of one run.

    Args:
        settings: from whom to whom, what is attached, and what signs.
        told: at least one, in any order.
        bundles: the folders that the drills left, the most important first.
        at: the mail's date.
    """
    attachment = attach(bundles, whole=settings.attach == "full", limit_bytes=settings.limit_bytes)
    signer, unsigned = _signer(settings, at)
    notes = list(attachment.notes)
    if unsigned is not None:
        notes.insert(0, f"This mail was to be signed, and is not: {unsigned.message}.")
    letter = report.render_letter(told, notes=notes)
    part = _part(letter.markdown, letter.html, attachment.data)
    return _mail(settings, letter.subject, part, signer=signer, unsigned=unsigned, at=at)


def compose_test(settings: Email, *, at: datetime) -> Mail:
    """Return a mail that says it is but a test.

    Raises:
        SignatureError: it was to be signed, and can't be.
        AccessDeniedError: the key's passphrase could not be had.
    """
    signer, unsigned = _signer(settings, at)
    if unsigned is not None:
        raise unsigned
    said = "This is a test: no drill was made, and nothing is claimed."
    part = _part(f"{said}\n", f"<!DOCTYPE html>\n<p>{said}</p>\n", None)
    return _mail(settings, "TEST: restore drills", part, signer=signer, unsigned=None, at=at)


def _mail(
    settings: Email,
    subject: str,
    part: bytes,
    *,
    signer: signing.MailSigner | None,
    unsigned: VerifierError | None,
    at: datetime,
) -> Mail:
    message_id = make_msgid(domain=settings.sender.rpartition("@")[2])
    headers = b"".join(_headers(settings, subject=subject, message_id=message_id, at=at))
    content = part if signer is None else _signed(part, signer.sign(part))
    return Mail(message_id=message_id, data=headers + content, unsigned=unsigned)


def _signer(settings: Email, at: datetime) -> tuple[signing.MailSigner | None, VerifierError | None]:
    """Return what signs; or why nothing can, for a mail that can't be signed is still better than none."""
    if settings.smime_certificate is None or settings.smime_key is None:
        return None, None
    try:
        key, passphrase = settings.smime_key, settings.smime_passphrase
        return signing.MailSigner.open(settings.smime_certificate, key, passphrase=passphrase, at=at), None
    except VerifierError as error:
        return None, error


def _headers(settings: Email, *, subject: str, message_id: str, at: datetime) -> Iterator[bytes]:
    """Yield the mail's own headers; the header of its part, with the empty line, follows."""
    headers = {
        "From": settings.sender,
        "To": ", ".join(settings.recipients),
        "Subject": subject,
        "Date": format_datetime(at),
        "Message-ID": message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's absence is answered to a program
        "MIME-Version": "1.0",
    }
    message = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        message[name] = value  # which refuses whatever would begin another header
        yield _UNFOLDED.fold_binary(name, message[name])


def _part(markdown: str, html: str, attached: bytes | None) -> bytes:
    """Return the content with its headers: text and HTML, and the zip."""
    message = EmailMessage(policy=SMTP)
    message.set_content(markdown, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    if attached is not None:
        message.add_attachment(attached, maintype="application", subtype="zip", filename=ATTACHED_AS)
    del message["MIME-Version"]
    return _LINE_END.sub(b"\r\n", message.as_bytes())


def _signed(part: bytes, signature: bytes) -> bytes:
    """Return a part and its signature as multipart/signed; not a byte of the part is touched."""
    boundary = f"signed-{secrets.token_hex(16)}"
    lines = [
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
        f' micalg=sha-256; boundary="{boundary}"',
        "",
        "This mail is signed as S/MIME.",
        "",
        f"--{boundary}",
        "",
    ]
    after = [
        "",
        f"--{boundary}",
        'Content-Type: application/pkcs7-signature; name="smime.p7s"',
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="smime.p7s"',
        "",
        base64.encodebytes(signature).decode().rstrip("\n").replace("\n", "\r\n"),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode() + part + "\r\n".join(after).encode()
