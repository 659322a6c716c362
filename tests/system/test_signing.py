"""Signatures that ssh-keygen accepts, and those that it makes; keys from files and from the agent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from verifier.errors import AccessDeniedError, SignatureError
from verifier.secret import SecretReference
from verifier.signing import Standing, new_key, open_signer, read_allowed_signers, verify
from verifier.signing import keys as signing_keys
from verifier.signing.envelope import string

NAMESPACE = "restore-proof"
MESSAGE = b"0123  proof.json\n"
NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
KINDS = [["ed25519"], ["ecdsa", "-b", "256"], ["ecdsa", "-b", "384"], ["ecdsa", "-b", "521"], ["rsa", "-b", "3072"]]
MustRun = Callable[..., None]


@pytest.fixture(autouse=True)
def _openssh(must_run: MustRun) -> None:
    for program in ("ssh-keygen", "ssh-agent", "ssh-add"):
        if shutil.which(program) is None:
            must_run("signing", f"{program} is not installed")


def keygen(path: Path, kind: list[str], passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", *kind, "-N", passphrase, "-C", "drill", "-f", path], check=True)
    return path


def allow(folder: Path, public: Path, options: str = "") -> Path:
    file = folder / "allowed_signers"
    kind, key, *_ = public.read_text().split()
    file.write_text(f"# trusted\n\nana@example.org {options}{' ' if options else ''}{kind} {key} a comment\n")
    return file


def stranger_checks(folder: Path, allowed: Path, signature: bytes, message: bytes = MESSAGE, at: str = "") -> int:
    (folder / "sums.sig").write_bytes(signature)
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "ana@example.org", "-n", NAMESPACE]
    command += ["-s", folder / "sums.sig", *(["-O", f"verify-time={at}"] if at else [])]
    return subprocess.run(command, input=message, capture_output=True, check=False).returncode


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_ssh_keygen_accepts_what_is_signed_here(kind: list[str], tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", kind)
    with open_signer(key) as signer:
        signature = signer.sign(MESSAGE, namespace=NAMESPACE)
    allowed = allow(tmp_path, tmp_path / "id.pub")
    assert stranger_checks(tmp_path, allowed, signature) == 0
    assert stranger_checks(tmp_path, allowed, signature, MESSAGE + b"x") != 0
    found = verify(MESSAGE, signature, namespace=NAMESPACE, allowed=read_allowed_signers(allowed), at=NOW)
    assert (found.standing, found.principals) == (Standing.GOOD, "ana@example.org")
    printed = subprocess.run(["ssh-keygen", "-l", "-f", key], capture_output=True, text=True, check=True).stdout
    assert found.fingerprint == printed.split()[1]


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_what_ssh_keygen_signs_is_accepted_here(kind: list[str], tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", kind)
    (tmp_path / "m").write_bytes(MESSAGE)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, tmp_path / "m"], check=True)
    allowed = read_allowed_signers(allow(tmp_path, tmp_path / "id.pub"))
    signature = (tmp_path / "m.sig").read_bytes()
    assert verify(MESSAGE, signature, namespace=NAMESPACE, allowed=allowed, at=NOW).standing == Standing.GOOD
    assert verify(MESSAGE + b"x", signature, namespace=NAMESPACE, allowed=allowed, at=NOW).standing == Standing.BAD
    assert verify(MESSAGE, signature, namespace="git", allowed=allowed, at=NOW).standing == Standing.BAD


def test_a_key_that_is_not_listed_is_not_trusted(tmp_path: Path) -> None:
    listed, other = keygen(tmp_path / "listed", ["ed25519"]), keygen(tmp_path / "other", ["ed25519"])
    allowed = read_allowed_signers(allow(tmp_path, listed.with_name("listed.pub")))
    with open_signer(other) as signer:
        signature = signer.sign(MESSAGE, namespace=NAMESPACE)
    found = verify(MESSAGE, signature, namespace=NAMESPACE, allowed=allowed, at=NOW)
    assert (found.standing, found.principals) == (Standing.NOT_TRUSTED, "")
    assert verify(MESSAGE, signature, namespace=NAMESPACE, allowed=None, at=NOW).standing == Standing.NOT_TRUSTED


@pytest.mark.parametrize(
    ("options", "standing"),
    [
        (f'namespaces="{NAMESPACE}"', Standing.GOOD),
        ('namespaces="restore-*,git"', Standing.GOOD),
        ('namespaces="git"', Standing.NOT_TRUSTED),
        ('namespaces="*,!restore-proof"', Standing.NOT_TRUSTED),
        ('valid-after="20261122Z"', Standing.GOOD),
        ('valid-after="202611221831Z"', Standing.NOT_TRUSTED),
        ('valid-before="20261122183001Z"', Standing.GOOD),
        ('valid-before="202611221830Z"', Standing.GOOD),
        ('valid-before="202611221829Z"', Standing.NOT_TRUSTED),
        ("cert-authority", Standing.NOT_TRUSTED),
        (f'namespaces="{NAMESPACE}",valid-after="20200101Z",valid-before="20300101Z"', Standing.GOOD),
    ],
)
def test_what_a_line_allows_is_what_ssh_keygen_lets_it(options: str, standing: Standing, tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", ["ed25519"])
    with open_signer(key) as signer:
        signature = signer.sign(MESSAGE, namespace=NAMESPACE)
    allowed = allow(tmp_path, tmp_path / "id.pub", options)
    found = verify(MESSAGE, signature, namespace=NAMESPACE, allowed=read_allowed_signers(allowed), at=NOW)
    assert found.standing == standing
    code = stranger_checks(tmp_path, allowed, signature, at="20261122183000Z")
    assert (code == 0) == (standing == Standing.GOOD)


@pytest.mark.parametrize(
    "line",
    [
        "ana@example.org ssh-ed25519",
        "ana@example.org ssh-ed25519 !!!",
        "ana@example.org ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA",
        'ana@example.org only-on="monday" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA',
        'ana@example.org valid-after="soon" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA',
        'ana@example.org valid-after="20200101",valid-after="20300101" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA',
    ],
)
def test_half_a_file_trusts_nobody(line: str, tmp_path: Path) -> None:
    keygen(tmp_path / "id", ["ed25519"])
    file = allow(tmp_path, tmp_path / "id.pub")
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(SignatureError, match=":4: expected an allowed signer"):
        read_allowed_signers(file)


def test_rsa_by_sha_1_is_refused(tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", ["rsa", "-b", "3072"])
    allowed = read_allowed_signers(allow(tmp_path, tmp_path / "id.pub"))
    with open_signer(key) as signer:
        private = serialization.load_ssh_private_key(key.read_bytes(), None)
        assert isinstance(private, rsa.RSAPrivateKey)
        signer._sign = lambda data: string(b"ssh-rsa") + string(private.sign(data, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303 - what is refused here
        signature = signer.sign(MESSAGE, namespace=NAMESPACE)
    assert verify(MESSAGE, signature, namespace=NAMESPACE, allowed=allowed, at=NOW).standing == Standing.BAD


def test_a_locked_key_wants_its_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = keygen(tmp_path / "id", ["ed25519"], "correct horse")
    monkeypatch.setenv("PASSPHRASE", "correct horse")
    monkeypatch.setenv("WRONG", "battery staple")
    reference = SecretReference(kind="env", words=("PASSPHRASE",))
    with open_signer(key, passphrase=reference) as signer:
        assert (
            stranger_checks(tmp_path, allow(tmp_path, tmp_path / "id.pub"), signer.sign(MESSAGE, namespace=NAMESPACE))
            == 0
        )
    with pytest.raises(SignatureError, match="expected a passphrase"):
        open_signer(key)
    with pytest.raises(SignatureError) as raised:
        open_signer(key, passphrase=SecretReference(kind="env", words=("WRONG",)))
    assert "battery" not in str(raised.value)
    with pytest.raises(AccessDeniedError):
        open_signer(key, passphrase=SecretReference(kind="env", words=("NOWHERE",)))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield
        process.terminate()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("kind", [["ed25519"], ["ecdsa"], ["rsa", "-b", "3072"]], ids=lambda kind: kind[0])
def test_the_agent_signs_for_a_public_key_and_for_a_locked_one(kind: list[str], tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", kind, "locked")
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho locked\n")
    ask.chmod(0o700)
    surroundings = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", key], check=True, env=surroundings)
    allowed = allow(tmp_path, tmp_path / "id.pub")
    for path in (key.with_name("id.pub"), key):
        with open_signer(path) as signer:
            assert stranger_checks(tmp_path, allowed, signer.sign(MESSAGE, namespace=NAMESPACE)) == 0


@pytest.mark.usefixtures("agent")
def test_a_key_that_asks_for_confirmation_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keygen(tmp_path / "id", ["ed25519"])
    subprocess.run(["ssh-add", "-q", key], check=True)
    monkeypatch.setattr(signing_keys, "AGENT_SECONDS", 0.2)
    with open_signer(key.with_name("id.pub")) as signer:
        agents = signing_keys.paramiko.agent.AgentKey
        never = signing_keys.threading.Event()
        monkeypatch.setattr(agents, "sign_ssh_data", lambda *_: never.wait(5))
        with pytest.raises(SignatureError, match=r"within 0 s") as raised:
            signer.sign(MESSAGE, namespace=NAMESPACE)
        never.set()
    assert "touch" in str(raised.value.hint)


@pytest.mark.usefixtures("agent")
def test_a_refusal_of_the_agent_is_told(tmp_path: Path) -> None:
    key = keygen(tmp_path / "id", ["ed25519"])
    surroundings = {**os.environ, "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", "-c", key], check=True, env=surroundings)
    with open_signer(key.with_name("id.pub")) as signer, pytest.raises(SignatureError, match="got a refusal"):
        signer.sign(MESSAGE, namespace=NAMESPACE)


def test_no_agent_and_no_key_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = keygen(tmp_path / "id", ["ed25519"])
    for path, message in (
        (key.with_name("id.pub"), "got an agent without it"),
        (tmp_path / "nothing", "can't read the key"),
        (tmp_path / "nothing.pub", "can't read the key"),
    ):
        with pytest.raises(SignatureError, match=message):
            open_signer(path)
    (tmp_path / "text").write_text("no key\n")
    with pytest.raises(SignatureError, match="expected a private SSH key"):
        open_signer(tmp_path / "text")


def test_a_new_key_signs_is_private_and_takes_no_others_place(tmp_path: Path) -> None:
    line = new_key(tmp_path / "id", comment="restore verifier")
    assert ((tmp_path / "id").stat().st_mode & 0o777) == 0o600
    assert (tmp_path / "id.pub").read_text() == line + "\n"
    before = (tmp_path / "id").read_bytes()
    with pytest.raises(SignatureError, match="File exists"):
        new_key(tmp_path / "id", comment="another")
    assert (tmp_path / "id").read_bytes() == before
    with open_signer(tmp_path / "id") as signer:
        assert line.startswith(signer.public_line)
        assert (
            stranger_checks(tmp_path, allow(tmp_path, tmp_path / "id.pub"), signer.sign(MESSAGE, namespace=NAMESPACE))
            == 0
        )
