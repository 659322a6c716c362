"""B2 over TLS, as the real one is spoken to: whom b2sdk trusts is trusted, nobody else."""

from __future__ import annotations

import base64
import ipaddress
import os
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from b2_served import BUCKET, open_bucket
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sink import Memory

from verifier.demo.b2_server import B2Server, Fault
from verifier.errors import UnreachableError
from verifier.sources.interface import Landed, Request
from verifier.sources.places.b2.limits import Limits

LARGE = os.urandom(3_000_000)
PARTS = Limits(part_bytes=256 * 1024, connect_seconds=2, silence_seconds=2, first_wait_seconds=0.02)


class EncryptedServer(B2Server):
    """The embedded server behind a certificate."""

    @property
    def realm(self) -> str:
        return super().realm.replace("http://", "https://")

    def encrypt(self, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._wire.socket = context.wrap_socket(self._wire.socket, server_side=True, do_handshake_on_connect=False)


def _certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "embedded B2")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path.write_bytes(key.private_bytes(pem, form, plain) + made.public_bytes(pem))
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return _certificate(tmp_path / "certificate.pem")


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[B2Server]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = EncryptedServer()
    server.encrypt(certificate)
    with server:
        server.make_bucket(BUCKET)
        for number in range(40):
            server.put(BUCKET, f"photos/{number:02d}", b"%d" % number * number)
        server.put(BUCKET, "photos/large.bin", LARGE)
        yield server


def test_small_and_large_files_come_whole(server: B2Server, tmp_path: Path) -> None:
    place = open_bucket(server, tmp_path, limits=PARTS)
    requests = [Request(number=number, listed=listed) for number, listed in enumerate(place.list())]
    for _ in range(2):  # the second time over connections that were kept
        memory = Memory()
        assert all(isinstance(answer, Landed) for answer in place.fetch(requests, memory))
        for number in range(40):
            assert bytes(memory.files[number]) == b"%d" % number * number
        assert bytes(memory.files[40]) == LARGE
    server.faults.add(Fault(where="large.bin", times=3, cut_after_bytes=70_000))
    (answer,) = place.fetch(requests[40:], memory)
    place.close()
    assert isinstance(answer, Landed)
    assert answer.attempts > 1
    assert bytes(memory.files[40]) == LARGE


def test_a_stranger_s_certificate_is_refused(server: B2Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = open_bucket(server, tmp_path, limits=PARTS)
    requests = [Request(number=number, listed=listed) for number, listed in enumerate(place.list())]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(_certificate(tmp_path / "other.pem")))
    before = server.requests.get("b2_download_file_by_id", 0)
    with pytest.raises(UnreachableError, match="can't reach B2") as caught:
        list(place.fetch(requests, Memory()))
    place.close()
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert server.requests.get("b2_download_file_by_id", 0) == before  # no token was given away


class _Proxy(socketserver.BaseRequestHandler):
    """Connects to whom it is told by CONNECT, for those who know the password, and passes bytes on both ways."""

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(4096)
        if b"Basic " + base64.b64encode(b"anna:open sesame") not in head:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = head.split()[1].decode().partition(":")
        with socket.create_connection((host, int(port))) as there:
            assert isinstance(self.server, _ProxyServer)
            self.server.tunnels += 1
            self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            ends = {self.request: there, there: self.request}
            while True:
                for ready in select.select(list(ends), [], [])[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    ends[ready].sendall(data)


class _ProxyServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    tunnels = 0


@pytest.mark.parametrize("password", ["open%20sesame", "wrong"])
def test_the_proxy_that_the_environment_names_is_gone_through(
    server: B2Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with _ProxyServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        proxied = f"http://anna:{password}@127.0.0.1:{proxy.server_address[1]}"
        try:
            place = open_bucket(server, tmp_path, limits=PARTS)
            requests = [Request(number=number, listed=listed) for number, listed in enumerate(place.list())]
            monkeypatch.setenv("HTTPS_PROXY", proxied)
            answers = place.fetch(requests, memory := Memory())
            if password == "wrong":  # noqa: S105 - a proxy's, made up
                with pytest.raises(UnreachableError) as caught:
                    list(answers)
                assert "wrong" not in str(caught.value)
            else:
                assert all(isinstance(answer, Landed) for answer in answers)
                assert bytes(memory.files[40]) == LARGE
                assert proxy.tunnels == 16
            place.close()
        finally:
            proxy.shutdown()
