"""Servers that mean no good: answers without end, a byte now and then, secrets said back, other names, other places."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mail_server import certificate, free_port, ping_server

from verifier.deliver import http, smtp
from verifier.errors import DeliveryError, RefusedError
from verifier.scenario.delivery import Email
from verifier.secret import SecretReference

SECRET = "planted-S3cret"  # noqa: S105 - of nobody
Answers = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(answer: Answers) -> Iterator[int]:
    """Answer one connection after the other by a function."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def mail_by(port: int, **more: object) -> None:
    settings = Email(
        host="127.0.0.1",
        port=port,
        security="none",
        sender="a@b.c",
        recipients=("d@e.f",),
        **more,  # type: ignore[arg-type]
    )
    smtp.send_mail(settings, b"Subject: x\r\n\r\nx\r\n", sender="a@b.c", recipients=["d@e.f"])


def endless_lines(connection: socket.socket) -> None:
    line = b"220-" + b"x" * 4000 + b"\r\n"
    for _ in range(20_000):
        connection.sendall(line)


def endless_line(connection: socket.socket) -> None:
    for _ in range(20_000):
        connection.sendall(b"x" * 4000)


def dripping(connection: socket.socket) -> None:
    for _ in range(600):
        connection.sendall(b"2")
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [endless_lines, endless_line])
def test_answers_without_end_end_the_connection_and_fill_no_memory(answer: Answers) -> None:
    with server(answer) as port:
        tracemalloc.start()
        try:
            with pytest.raises(DeliveryError):
                mail_by(port)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 8 * 1024 * 1024


def test_a_byte_now_and_then_does_not_hold_a_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "WHOLE_SECONDS", 0.3)
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.3)
    with server(dripping) as port:
        began = time.monotonic()
        with pytest.raises(DeliveryError):
            mail_by(port)
        with pytest.raises(DeliveryError):
            http.post(http.endpoint(f"http://127.0.0.1:{port}/x"), b"", kind=http.TEXT)
        assert time.monotonic() - began < 5


def replies(*lines: str) -> Answers:
    def answer(connection: socket.socket) -> None:
        file = connection.makefile("rb")
        for line in lines:
            connection.sendall(f"{line}\r\n".encode())
            if not file.readline():
                return

    return answer


@pytest.mark.parametrize(
    ("lines", "error", "says"),
    [
        (["554 go away {s}"], RefusedError, "refused (554)"),
        (["421 4.3.2 later {s}"], DeliveryError, "refused (421 4.3.2)"),
        (["220 hi", "250-hi\r\n250 AUTH PLAIN", "535 5.7.8 no such {s}"], RefusedError, "refused (535 5.7.8)"),
        (["220 hi", "250-hi\r\n250 AUTH PLAIN", "454 4.7.0 later {s}"], DeliveryError, "refused (454 4.7.0)"),
        (["220 hi", "250 hi"], RefusedError, "expected a way to sign in"),
        (["nonsense {s}"], DeliveryError, "an answer that makes no sense"),
        (
            ["220 hi", "250-hi\r\n250 AUTH PLAIN", "235 2.7.0 good", "250 ok", "451 4.7.1 {s}", "250 ok"],
            DeliveryError,
            "refused (451 4.7.1)",
        ),
    ],
)
def test_what_a_server_says_is_not_repeated(
    lines: list[str], error: type[DeliveryError], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", SECRET)
    reference = SecretReference(kind="env", words=("MAIL_PASSWORD",))
    with server(replies(*(line.format(s=SECRET) for line in lines))) as port, pytest.raises(DeliveryError) as caught:
        mail_by(port, user="ana", password=reference)
    assert type(caught.value) is error
    assert says in caught.value.message
    assert SECRET not in caught.value.message
    assert caught.value.__cause__ is None


def test_a_password_that_smtp_can_t_carry_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "pässword")
    reference = SecretReference(kind="env", words=("MAIL_PASSWORD",))
    hello = replies("220 hi", "250-hi\r\n250 AUTH PLAIN")
    with server(hello) as port, pytest.raises(RefusedError, match="of ASCII") as caught:
        mail_by(port, user="ana", password=reference)
    assert "ssword" not in caught.value.message.replace("password", "")


def test_a_connection_that_breaks_after_the_mail_was_taken_is_no_failure() -> None:
    def answer(connection: socket.socket) -> None:
        file = connection.makefile("rb")
        for line in ("220 hi", "250 hi", "250 ok", "250 ok", "354 go"):
            connection.sendall(f"{line}\r\n".encode())
            file.readline()
        while file.readline() not in {b".\r\n", b""}:
            pass
        connection.sendall(b"250 taken\r\n")

    with server(answer) as port:
        mail_by(port)


BAD_URLS = [
    "ftp://secret.example/",
    "file:///etc/passwd",
    "https://",
    "https://user:word@secret.example/",
    "http://secret.example:99999/",
    "http://secret.example:x/",
    "http://[secret/",
    "http://secret.example/\r\nX-Other: 1",
    "http://secret.example/ x",
    "http://sécret.example/",
    "http://secret.example/" + "x" * 3000,
    "secret",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_what_is_no_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(RefusedError) as caught:
        http.endpoint(url)
    assert "ecret" not in caught.value.message
    assert "word@" not in caught.value.message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(301, RefusedError), (302, RefusedError), (307, RefusedError), (404, RefusedError), (410, RefusedError)]
    + [(status, DeliveryError) for status in (408, 429, 500, 503)],
)
def test_only_success_is_one_and_nobody_is_followed(status: int, error: type[DeliveryError]) -> None:
    with ping_server() as pings:
        pings.statuses = [status]
        with pytest.raises(DeliveryError) as caught:
            http.post(http.endpoint(pings.url), b"x", kind=http.TEXT)
    assert type(caught.value) is error
    assert str(status) in caught.value.message
    assert "127.0.0.1" not in caught.value.message
    assert len(pings.came) == 1


@pytest.mark.parametrize(
    ("url", "below", "path"),
    [
        ("{}", "", "/ping/secret-uuid-of-the-check"),
        ("{}", "/fail", "/ping/secret-uuid-of-the-check/fail"),
        ("{}/", "/start", "/ping/secret-uuid-of-the-check/start"),
        ("{}?create=1#x", "/log", "/ping/secret-uuid-of-the-check/log?create=1"),
    ],
)
def test_signals_are_below_the_url(url: str, below: str, path: str) -> None:
    with ping_server() as pings:
        assert http.post(http.endpoint(url.format(pings.url)), b"", kind=http.TEXT, below=below) == 200
    assert pings.paths() == [path]


def test_headers_without_end_are_no_answer() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 4000))

    with server(answer) as port, pytest.raises(DeliveryError):
        http.post(http.endpoint(f"http://127.0.0.1:{port}/"), b"", kind=http.TEXT)


def test_a_server_that_is_not_trusted_gets_no_ping_and_is_not_named(tmp_path: Path) -> None:
    own = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.file, own.key_file)
    heard = bytearray()

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            heard.extend(secure.recv(100))

    with server(answer) as port, pytest.raises(DeliveryError) as caught:
        http.post(http.endpoint(f"https://localhost:{port}/uuid"), b"", kind=http.TEXT)
    assert not heard
    assert "a certificate that signed itself" in caught.value.message
    assert "localhost" not in caught.value.message


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "no-such-host.invalid"])
def test_a_name_that_is_no_host_s_is_told(host: str) -> None:
    settings = Email(host=host, sender="a@b.c", recipients=("d@e.f",))
    with pytest.raises(DeliveryError, match="expected the mail server"):
        smtp.send_mail(settings, b"\r\n", sender="a@b.c", recipients=["d@e.f"])
    with pytest.raises(DeliveryError):
        http.post(http.endpoint(f"http://{host}/"), b"", kind=http.TEXT)


def test_nobody_there_is_told_without_saying_where() -> None:
    with pytest.raises(DeliveryError) as caught:
        http.post(http.endpoint(f"http://127.0.0.1:{free_port()}/uuid"), b"", kind=http.TEXT)
    assert caught.value.message == "expected an answer to what was posted, got: connection refused"
    with pytest.raises(DeliveryError) as caught:
        http.post(http.endpoint("https://no-such-host.invalid/uuid"), b"", kind=http.TEXT)
    assert "no-such" not in caught.value.message
