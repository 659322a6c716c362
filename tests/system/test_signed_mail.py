"""Signed mails as they lie in a mailbox: `openssl cms -verify` takes them, and none of which a byte was changed."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from drilled import Place, noise
from mail_server import Certificate, Mailbox, certificate, mail_server

from verifier.deliver.mail import compose, compose_test
from verifier.errors import SignatureError
from verifier.report import Told
from verifier.scenario.delivery import Email
from verifier.secret import SecretReference

AT = datetime.now(UTC)
SENDER = "verifier@example.org"
TOLD = [Told(scenario="photos", problem="From the start: nothing was there\r\nBcc: eve@example.org <b>ü</b>")]


@pytest.fixture(autouse=True)
def _openssl(must_run: Callable[[str, str], NoReturn]) -> None:
    if shutil.which("openssl") is None:
        must_run("signed mail", "openssl is not installed")


@pytest.fixture
def mailbox() -> Iterator[tuple[int, Mailbox]]:
    with mail_server(None, security="none") as running:
        yield running


def settings(own: Certificate, port: int = 25, passphrase: SecretReference | None = None) -> Email:
    return Email(
        host="127.0.0.1",
        port=port,
        security="none",
        sender=SENDER,
        recipients=("ana@example.org", "bo@example.org"),
        smime_certificate=own.file,
        smime_key=own.key_file,
        smime_passphrase=passphrase,
    )


def verifies(mail: bytes, own: Certificate, folder: Path) -> bytes | None:
    """Return the content that was signed, None if the signature is not good."""
    (folder / "mail.eml").write_bytes(mail)
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-in", "mail.eml", "-CAfile", own.file, "-out", "content"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0 or b"erification fail" in done.stderr, done.stderr
    return (folder / "content").read_bytes() if done.returncode == 0 else None


@pytest.mark.parametrize("elliptic", [False, True])
def test_a_mail_in_the_mailbox_verifies_and_no_other_byte_does(
    *,
    elliptic: bool,
    tmp_path: Path,
    mailbox: tuple[int, Mailbox],
) -> None:
    own = certificate(tmp_path / "own", SENDER, elliptic=elliptic)
    place = Place(tmp_path)
    place.fill({f"photos/{number}.jpg": noise(1000, number) for number in range(3)})
    place.back_up()
    place.know()
    drilled = place.drill(
        f'name = "photos"\nmanifest = "{place.manifest}"\n[[copy]]\nname = "nas"\nat = "{place.copy}"\n'
        f'[delivery.email]\nhost = "127.0.0.1"\nport = {mailbox[0]}\nsecurity = "none"\nfrom = "{SENDER}"\n'
        f'to = ["ana@example.org"]\nsmime_certificate = {json.dumps(str(own.file))}\n'
        f"smime_key = {json.dumps(str(own.key_file))}\n"
    )
    assert drilled.code == 0
    (mail,) = mailbox[1].mails
    content = verifies(mail, own, tmp_path)
    assert content is not None
    assert b"application/zip" in content
    read = email.message_from_bytes(mail, policy=email.policy.default)
    assert read.get_content_type() == "multipart/signed"
    assert read["Subject"] == "PASSED: photos"
    begin, end = mail.index(b"Content-Transfer-Encoding: base64"), mail.rindex(b"--signed-")
    for position in range(begin + 100, end, (end - begin) // 7):
        changed = bytearray(mail)
        changed[position] = ord("A") if changed[position] != ord("A") else ord("B")
        assert verifies(bytes(changed), own, tmp_path) is None, position


def test_nothing_on_the_way_has_a_reason_to_change_a_mail(tmp_path: Path) -> None:
    own = certificate(tmp_path / "own", SENDER)
    mail = compose(settings(own), TOLD, [], at=AT).data
    lines = mail.split(b"\r\n")
    assert all(b"\n" not in line and b"\r" not in line and len(line) <= 998 for line in lines)
    assert mail.isascii()
    assert not [line for line in lines[1:] if line.startswith((b"From ", b"."))]
    assert not [line for line in lines if line.endswith((b" ", b"\t"))]
    assert verifies(mail, own, tmp_path) is not None
    assert not [line for line in lines if line.lower().startswith(b"bcc")]


def test_a_scenario_s_name_adds_no_header(tmp_path: Path) -> None:
    own = certificate(tmp_path / "own", SENDER)
    told = Told(scenario="photos\r\nBcc: eve@example.org\r\n\r\n<script>x</script>", problem="none")
    mail = compose(settings(own), [told], [], at=AT).data
    read = email.message_from_bytes(mail, policy=email.policy.default)
    assert read["Bcc"] is None
    assert read["Subject"] == "NOT DRILLED: photos\\r\\nBcc: eve@example.org\\r\\n\\r\\n<script>x</script>"
    assert verifies(mail, own, tmp_path) is not None


def test_another_s_certificate_does_not_verify_it(tmp_path: Path) -> None:
    own, other = (certificate(tmp_path / name, SENDER) for name in ("own", "other"))
    assert verifies(compose(settings(own), TOLD, [], at=AT).data, other, tmp_path) is None


def test_the_key_may_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = certificate(tmp_path / "own", SENDER, passphrase=b"opened sesame")
    monkeypatch.setenv("KEY_WORD", "opened sesame")
    reference = SecretReference(kind="env", words=("KEY_WORD",))
    assert verifies(compose(settings(own, passphrase=reference), TOLD, [], at=AT).data, own, tmp_path) is not None
    monkeypatch.setenv("KEY_WORD", "shut")
    made = compose(settings(own, passphrase=reference), TOLD, [], at=AT)
    assert made.unsigned is not None
    assert "shut" not in made.unsigned.message
    assert compose(settings(own), TOLD, [], at=AT).unsigned is not None


def spoiled(own: Certificate, how: str, folder: Path) -> Certificate:
    if how == "another kind":
        form = serialization.PrivateFormat.PKCS8
        key = ed25519.Ed25519PrivateKey.generate()
        own.key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    elif how == "readable":
        own.key_file.chmod(0o644)
    made = {
        "other key": lambda: Certificate(own.file, certificate(folder / "other", SENDER).key_file),
        "expired": lambda: certificate(folder / "old", SENDER, days=2, began_days_ago=9),
        "no certificate": lambda: Certificate(own.key_file, own.key_file),
        "no key": lambda: Certificate(own.file, own.file),
        "gone": lambda: Certificate(folder / "gone", own.key_file),
    }
    return made[how]() if how in made else own


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("other key", "expected the certificate of the key"),
        ("expired", "expected a certificate that is valid now"),
        ("no certificate", "expected a certificate (PEM)"),
        ("no key", "expected a key that only its owner may read"),
        ("gone", "can't read the certificate"),
        ("another kind", "expected a key of RSA or ECDSA"),
        ("readable", "expected a key that only its owner may read"),
    ],
)
def test_a_mail_that_can_not_be_signed_goes_out_and_says_so(how: str, says: str, tmp_path: Path) -> None:
    bad = spoiled(certificate(tmp_path / "own", SENDER), how, tmp_path)
    made = compose(settings(bad), TOLD, [], at=AT)
    assert made.unsigned is not None
    assert says in made.unsigned.message
    read = email.message_from_bytes(made.data, policy=email.policy.default)
    body = read.get_body(("plain",))  # type: ignore[attr-defined]
    assert "This mail was to be signed, and is not" in body.get_content()
    # A test of it is no such case: there is nothing to tell but that it can't be signed.
    with pytest.raises(SignatureError, match=r"^"):
        compose_test(settings(bad), at=AT)
