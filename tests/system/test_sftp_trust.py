"""Whom the SFTP place believes and how it signs in, against the real OpenSSH server; and no secret in any output."""

from __future__ import annotations

import getpass
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from fake_sftp import FakeServer, Node
from secret_file import secret_file
from sshd import Proxy, Server, make_key, public_key

from verifier.errors import AccessDeniedError, HostKeyError, UnreachableError
from verifier.secret import SecretReference
from verifier.sources.places.sftp.place import Sftp
from verifier.sources.places.sftp.transport import Patience

QUICK = Patience(connect_seconds=5.0, silence_seconds=2.0, pauses_seconds=())
PLANTED = "hunter2-correct-horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(params=["ssh", "channel"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    root.mkdir()
    (root / "a").write_bytes(b"abc")
    return root


def names(server: Server, root: Path, way: str, **options: object) -> list[bytes]:
    place = Sftp(server.address(root), {**server.options, "transport": way, **options}, QUICK)
    try:
        return [one.name for one in place.list()]
    finally:
        place.close()


def fingerprint(key: Path) -> str:
    told = subprocess.run(["ssh-keygen", "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True).stdout
    return told.split()[1]


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


# Host keys


def test_a_key_that_is_unknown(server: Server, tmp_path: Path, tree: Path, way: str) -> None:
    other = make_key(tmp_path / "other")
    for known in (
        tmp_path / "no such file",
        written(tmp_path / "empty"),
        written(
            tmp_path / "b", f"[127.0.0.1]:22 {public_key(other)}", f"[127.0.0.2]:{server.port} {public_key(other)}"
        ),
        written(tmp_path / "c", f"!*,* {public_key(server.host_keys[0])}"),
    ):
        with pytest.raises(HostKeyError, match="expected a host key in known_hosts, got none") as caught:
            names(server, tree, way, known_hosts=known)
        assert "add its key to known_hosts" in str(caught.value.hint)


def test_a_key_that_is_another_one(server: Server, tmp_path: Path, tree: Path, way: str) -> None:
    other = make_key(tmp_path / "other")
    known = written(tmp_path / "known", f"[127.0.0.1]:{server.port} {public_key(other)}")
    with pytest.raises(HostKeyError, match=r"expected the host key that known_hosts has.*, got another one"):
        names(server, tree, way, known_hosts=known)


def test_a_key_that_is_revoked(server: Server, tmp_path: Path, tree: Path, way: str) -> None:
    lines = [f"[127.0.0.1]:{server.port} {public_key(key)}" for key in server.host_keys]
    revoked = [f"@revoked * {public_key(key)}" for key in server.host_keys]
    assert names(server, tree, way, known_hosts=written(tmp_path / "known", *lines)) == [b"a"]
    with pytest.raises(HostKeyError, match="got one that known_hosts revokes"):
        names(server, tree, way, known_hosts=written(tmp_path / "known", *lines, *revoked))


def test_names_that_are_hashed_patterns_or_without_the_port(
    server: Server, tmp_path: Path, tree: Path, way: str
) -> None:
    key = public_key(server.host_keys[1])
    hashed = written(tmp_path / "hashed", f"[127.0.0.1]:{server.port} {key}")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(hashed)], check=True, capture_output=True)
    assert "127.0.0.1" not in hashed.read_text("ascii")
    for known in (
        hashed,
        written(tmp_path / "pattern", f"nas,[127.0.0.*]:* {key}"),
        written(tmp_path / "plain", "# comment", "", f"127.0.0.1 {public_key(server.host_keys[0])}"),
        [written(tmp_path / "one", "garbage", f"other {key}"), hashed],
    ):
        assert names(server, tree, way, known_hosts=known) == [b"a"]


def test_a_pinned_key(server: Server, tmp_path: Path, tree: Path, way: str) -> None:
    nowhere = {"known_hosts": None}
    for key in server.host_keys:
        assert names(server, tree, way, host_key=fingerprint(key), **nowhere) == [b"a"]
    other = fingerprint(make_key(tmp_path / "other"))
    with pytest.raises(
        HostKeyError, match=re.escape(f"expected the pinned host key {other}, got another one, SHA256:")
    ):
        names(server, tree, way, host_key=other, **nowhere)


def signed(authority: Path, key: Path, *, principals: str, validity: str = "-1d:+1d", kind: str = "-h") -> None:
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "id", *([kind] if kind else []), "-V", validity]
    subprocess.run([*command, "-n", principals, f"{key}.pub"], check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_that_an_authority_signed(tmp_path: Path, tree: Path, way: str, kind: str) -> None:
    authority, other = make_key(tmp_path / "authority", kind=kind), make_key(tmp_path / "other")
    server = Server(tmp_path / "server", extra="".join(
        f"HostCertificate {tmp_path}/server/host_{name}-cert.pub\n" for name in ("ed25519", "ecdsa")
    ))  # fmt: skip
    trusted = written(tmp_path / "trusted", f"@cert-authority [127.0.0.1]:* {public_key(authority)}")
    for principals, validity, right in (
        ("127.0.0.1,nas", "-1d:+1d", True),
        ("nas", "-1d:+1d", False),
        ("127.0.0.1", "-2d:-1d", False),
    ):
        for key in server.host_keys:
            signed(authority, key, principals=principals, validity=validity)
        with server:
            if right:
                assert names(server, tree, way, known_hosts=trusted) == [b"a"]
                revoked = f"@revoked * {public_key(authority)}\n"
                again = written(tmp_path / "revoked", trusted.read_text("ascii") + revoked)
                wrong = written(tmp_path / "wrong", f"@cert-authority * {public_key(other)}")
                for known in (again, wrong, written(tmp_path / "none")):
                    with pytest.raises(HostKeyError):
                        names(server, tree, way, known_hosts=known)
            else:
                with pytest.raises(HostKeyError):
                    names(server, tree, way, known_hosts=trusted)


# Signing in


def test_a_key_with_a_passphrase(server: Server, tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = make_key(tmp_path / "locked", passphrase=PLANTED)
    server.admit(locked)
    monkeypatch.setenv("A_PASSPHRASE", PLANTED)
    monkeypatch.setenv("ANOTHER", PLANTED + "x")
    passphrase = SecretReference(kind="env", words=("A_PASSPHRASE",))
    assert names(server, tree, "ssh", identity=locked, passphrase=passphrase) == [b"a"]
    for wrong in (None, SecretReference(kind="env", words=("ANOTHER",)), SecretReference(kind="env", words=("NONE",))):
        with pytest.raises(AccessDeniedError) as caught:
            names(server, tree, "channel", identity=locked, passphrase=wrong)
        assert "hunter2" not in "".join(map(str, _chain(caught.value)))


def _chain(error: BaseException | None) -> Iterator[object]:
    while error is not None:
        yield repr(error)
        yield getattr(error, "hint", "")
        error = error.__cause__ or error.__context__


def test_an_agent(server: Server, tmp_path: Path, tree: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        for _ in range(200):
            added = subprocess.run(["ssh-add", "-q", str(server.identity)], check=False, capture_output=True)
            if added.returncode == 0:
                break
        assert names(server, tree, way, identity=None) == [b"a"]
    finally:
        agent.terminate()
        agent.wait(5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_what_the_users_configuration_says_of_a_host(server: Server, home: Path, tree: Path, way: str) -> None:
    written(
        home / ".ssh" / "config",
        "IgnoreUnknown KnownHostsCommand,ForkAfterAuthentication,StdinNull",  # which older ssh doesn't know
        f"Host nas\n HostName 127.0.0.1\n Port {server.port}\n User {getpass.getuser()}",
        f" IdentityFile {server.identity}",
        " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n RemoteCommand false\n RequestTTY force",
        f" GlobalKnownHostsFile {server.known_hosts}\n KnownHostsCommand {_toucher(home, 'asked')} %H",
        # The port is taken, so that ssh would end where it forwarded anything.
        f" LocalForward 127.0.0.1:{server.port} 127.0.0.1:1\n ExitOnForwardFailure yes",
        f" PermitLocalCommand yes\n LocalCommand {_toucher(home, 'ran')}",
        f" ControlMaster yes\n ControlPath {home}/shared\n ForkAfterAuthentication yes\n StdinNull yes",
    )
    written(home / ".ssh" / "known_hosts", server.known_hosts.read_text("ascii"))
    place = Sftp(f"sftp://nas{tree}", {"transport": way}, QUICK)
    assert [one.name for one in place.list()] == [b"a"]
    assert not [name for name in ("ran", "asked", "shared") if (home / name).exists()]
    place.close()
    written(home / ".ssh" / "known_hosts")
    with pytest.raises(HostKeyError):  # whatever the file says of not checking, and of keys elsewhere
        Sftp(f"sftp://nas{tree}", {"transport": way}, QUICK)
    assert not [name for name in ("ran", "asked", "shared") if (home / name).exists()]


def _toucher(folder: Path, name: str) -> Path:
    """Return a program that leaves a file of that name behind."""
    program = written(folder / f"{name}.sh", "#!/bin/sh", f"touch '{folder / name}'")
    program.chmod(0o700)
    return program


def test_a_host_between(server: Server, home: Path, tmp_path: Path, tree: Path, way: str) -> None:
    user, known = getpass.getuser(), home / ".ssh" / "known_hosts"
    with Server(tmp_path / "jump") as jump, Proxy(jump.port) as proxy:
        jump.write_known_hosts(proxy.port)
        jump.admit(server.identity)
        written(
            home / ".ssh" / "config",
            f"Host nas\n HostName 127.0.0.1\n Port {server.port}\n User {user}\n ProxyJump jump",
            f"Host jump\n HostName 127.0.0.1\n Port {proxy.port}\n User {user}\n UserKnownHostsFile {known}",
            f"Host *\n IdentityFile {server.identity}",
        )
        written(known, server.known_hosts.read_text("ascii"), jump.known_hosts.read_text("ascii"))
        place = Sftp(f"sftp://nas{tree}", {"transport": way}, QUICK)
        assert [one.name for one in place.list()] == [b"a"]
        assert proxy.connections == 1
        place.close()
        pinned = Sftp(f"sftp://nas{tree}", {"transport": way, "host_key": fingerprint(server.host_keys[0])}, QUICK)
        pinned.close()
        written(known, server.known_hosts.read_text("ascii"))
        with pytest.raises(UnreachableError):  # the host between is not known
            Sftp(f"sftp://nas{tree}", {"transport": way}, QUICK)


# By password: the real server would need an account with one, so here stands another SSH server.


class _Doorkeeper(paramiko.ServerInterface):
    def get_allowed_auths(self, username: str) -> str:
        del username
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == ("drill", PLANTED)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return paramiko.OPEN_SUCCEEDED


class _FakeSubsystem(paramiko.SubsystemHandler):
    def __init__(self, channel: paramiko.Channel, name: str, server: object, tree: dict[bytes, Node]) -> None:
        super().__init__(channel, name, server)
        self._fake = FakeServer(tree)
        self._channel = channel

    def start_subsystem(self, name: str, transport: object, channel: paramiko.Channel) -> None:
        del name, transport
        while data := channel.recv(65_536):
            channel.sendall(self._fake.feed(data))


@pytest.fixture
def password_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Serve files to whoever knows the password; give the port and a known_hosts."""
    key = make_key(tmp_path / "password host")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    known = written(tmp_path / "password known", f"[127.0.0.1]:{port} {public_key(key)}")
    begun: list[paramiko.Transport] = []
    contents: dict[bytes, Node] = {b"/x": None, b"/x/a": random.Random(0).randbytes(100_000)}

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(paramiko.PKey.from_path(str(key)))
            transport.set_subsystem_handler("sftp", _FakeSubsystem, contents)
            begun.append(transport)
            transport.start_server(server=_Doorkeeper(), event=threading.Event())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield port, known
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for transport in begun:
        transport.close()
        transport.join(5)


def test_a_password(password_server: tuple[int, Path], tmp_path: Path) -> None:
    port, known = password_server
    address = f"sftp://drill@127.0.0.1:{port}/x"
    right = secret_file(tmp_path / "secret", PLANTED)
    place = Sftp(address, {"known_hosts": known, "password": right}, QUICK)
    (one,) = place.list()
    assert place.read_at(one, 0, 100_000) == random.Random(0).randbytes(100_000)
    place.close()
    secret_file(tmp_path / "secret", PLANTED + "!")
    with pytest.raises(AccessDeniedError, match="refused by the server") as caught:
        Sftp(address, {"known_hosts": known, "password": right}, QUICK)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(AccessDeniedError, match="only its owner may read") as again:
        Sftp(address, {"known_hosts": known, "password": right}, QUICK)
    with pytest.raises(HostKeyError):  # a server that isn't known is never told the password
        Sftp(address, {"known_hosts": written(tmp_path / "none"), "password": right}, QUICK)
    for error in (caught.value, again.value):
        assert "hunter2" not in "".join(map(str, _chain(error)))


def test_no_secret_is_in_any_output_of_a_drill(
    password_server: tuple[int, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port, known = password_server
    folder = tmp_path / "drills"
    (folder / "live").mkdir(parents=True)
    (folder / "live" / "a").write_bytes(random.Random(0).randbytes(100_000))
    verifier = [sys.executable, "-m", "verifier.cli.main"]
    created = [*verifier, "manifest", "create", str(folder / "live"), "-o", str(folder / "m.jsonl")]
    subprocess.run(created, check=True)
    written(
        folder / "a.toml",
        f'name = "a"\nmanifest = "m.jsonl"\n[scratch]\npath = "{folder}/scratch"\nbytes = "1GiB"',
        f'[[copy]]\nname = "nas"\nat = "sftp://drill@127.0.0.1:{port}/x"\nknown_hosts = "{known}"',
        'password = { env = "NAS_PASSWORD" }',
    )
    drill = [*verifier, "drill", str(folder / "a.toml"), "--state", str(folder / "state"), "--json", "--full"]
    drill += ["--reports", str(folder / "reports"), "--workers", "2"]
    codes = []
    for password in (PLANTED, PLANTED + "!"):
        environment = {**os.environ, "NAS_PASSWORD": password}
        codes.append(subprocess.run(drill, check=False, env=environment).returncode)
    assert codes == [0, 3]
    told = capfd.readouterr()
    assert '"result":"PASSED"' in told.out
    assert "refused by the server" in told.out
    outputs = [told.out.encode(), told.err.encode()]
    outputs += [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(outputs) > 10
    assert not [output for output in outputs if b"hunter2" in output]
