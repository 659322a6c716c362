"""A mail server on loopback, with TLS and sign-in, that does what a test wants; certificates; a server of pings."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

USER = "drill"
PASSWORD = "planted-S3cret-of-the-mailbox"  # noqa: S105 - of a server that lives as long as its test


@dataclass
class Mailbox:
    """What a server took, as the bytes that came, and what it answers to the next mails instead of taking them."""

    mails: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    refused_recipients: dict[str, str] = field(default_factory=dict)
    attempts: int = 0
    when_asked: Callable[[], None] = lambda: None

    async def handle_RCPT(  # noqa: N802 - the name, and what it is called with, are of aiosmtpd
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused_recipients:
            return self.refused_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        self.attempts += 1
        self.when_asked()
        if self.refusals:
            return self.refusals.pop(0)
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.recipients.append(envelope.rcpt_tos)
        return "250 2.0.0 taken"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _sign_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    if good:
        return AuthResult(success=True)
    # A server that says back what it was told: that must not reach anybody.
    return AuthResult(success=False, handled=False, message=f"535 5.7.8 not {data.password.decode()}")


@contextlib.contextmanager
def mail_server(certificate: Certificate | None, *, security: str = "starttls") -> Iterator[tuple[int, Mailbox]]:
    """Run a server; yield its port and its mailbox. Without a certificate it speaks plainly."""
    mailbox = Mailbox()
    options: dict[str, Any] = {"authenticator": _sign_in, "auth_required": security != "none"}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.file, certificate.key_file)
        options |= (
            {"tls_context": context, "require_starttls": True}
            if security == "starttls"
            else {"ssl_context": context, "auth_required": False, "auth_require_tls": False}
        )
    # Its own name, for a test may change that of the machine.
    options["server_hostname"] = "localhost"
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port, mailbox
    finally:
        controller.stop()


@dataclass(frozen=True)
class Certificate:
    """A certificate that signed itself, and its key, in files."""

    file: Path
    key_file: Path


def certificate(
    folder: Path,
    name: str,
    *,
    elliptic: bool = False,
    days: int = 30,
    began_days_ago: int = 1,
    passphrase: bytes | None = None,
) -> Certificate:
    """Make a certificate for localhost, or for a mail address."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    mail = "@" in name
    names: list[x509.GeneralName] = [x509.RFC822Name(name)] if mail else [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    purpose = ExtendedKeyUsageOID.EMAIL_PROTECTION if mail else ExtendedKeyUsageOID.SERVER_AUTH
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=began_days_ago)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, lock))
    key_file.chmod(0o600)
    return Certificate(file, key_file)


@dataclass
class Pings:
    """What came to a server of pings: method, path, body; `statuses` answers the next ones, then 200."""

    url: str
    came: list[tuple[str, str, bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.came]


@contextlib.contextmanager
def ping_server(answer: Callable[[http.server.BaseHTTPRequestHandler], None] | None = None) -> Iterator[Pings]:
    """Run a server that notes what comes; `answer` answers in its place."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            pings.came.append((self.command, self.path, body))
            if answer is not None:
                answer(self)
                return
            self.send_response(pings.statuses.pop(0) if pings.statuses else 200)
            self.send_header("Location", pings.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that the standard library calls

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the same
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    pings = Pings(f"http://127.0.0.1:{server.server_address[1]}/ping/secret-uuid-of-the-check")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield pings
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
