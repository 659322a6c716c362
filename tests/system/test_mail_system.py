"""A signed mail through a mail system that others run: queue, delivery; verified as it lies in the mailbox.

It is spoken to plainly, on loopback: TLS and sign-in are shown with another server, for the one of Debian 12 offers
STARTTLS and then ends every handshake with an internal error.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from drilled import Place, noise
from mail_server import certificate, free_port

from verifier.deliver import post

SENDER, ANA = "verifier@example.org", "ana@example.org"
_SMTPD = "/usr/sbin/smtpd"

CONFIGURATION = """\
table people file:{folder}/people
listen on 127.0.0.1 port {port} hostname localhost
action "keep" maildir "{folder}/mailbox" virtual <people> user nobody
match from local for any action "keep"
"""


@pytest.fixture
def mail_system(must_run: Callable[[str, str], NoReturn]) -> Iterator[tuple[int, Path]]:
    """Run a mail system; yield its port and the folder of its mailbox."""
    if not Path(_SMTPD).exists() or shutil.which("smtpctl") is None:
        must_run("mail system", "opensmtpd is not installed (apt-get install opensmtpd)")
    if os.geteuid() != 0:
        must_run("mail system", "it delivers as other users, which only root can let it")
    folder = Path(tempfile.mkdtemp(prefix="verifier-tests-mail-"))
    folder.chmod(0o755)
    (folder / "people").write_text("@: nobody\n")
    nobody = pwd.getpwnam("nobody")
    (folder / "mailbox").mkdir()
    os.chown(folder / "mailbox", nobody.pw_uid, nobody.pw_gid)
    port = free_port()
    (folder / "smtpd.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([_SMTPD, "-d", "-f", folder / "smtpd.conf"], stdout=log, stderr=log)
    try:
        _wait_for(port, running, folder / "log")
        yield port, folder / "mailbox"
    finally:
        running.terminate()
        running.wait(10)
        shutil.rmtree(folder)


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert running.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(log.read_text())


def _mails(mailbox: Path, count: int) -> list[bytes]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [file.read_bytes() for file in sorted(mailbox.glob("new/*"))]
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise AssertionError(mailbox.with_name("log").read_text())


def test_a_signed_mail_lies_in_a_mailbox_and_verifies(
    mail_system: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, mailbox = mail_system
    monkeypatch.setattr(post, "PAUSES_SECONDS", ())
    own = certificate(tmp_path / "own", SENDER)
    place = Place(tmp_path)
    place.fill({f"photos/{number}.jpg": noise(40_000, number) for number in range(5)})
    place.back_up()
    place.know()
    drilled = place.drill(
        f'name = "photos"\nmanifest = "{place.manifest}"\n[[copy]]\nname = "nas"\nat = "{place.copy}"\n'
        f'[delivery.email]\nhost = "localhost"\nport = {port}\nsecurity = "none"\n'
        f'from = "{SENDER}"\nto = ["{ANA}"]\nsmime_certificate = "{own.file}"\nsmime_key = "{own.key_file}"\n'
    )
    assert drilled.code == 0
    assert drilled.folder is not None
    assert '"delivered"' in (drilled.folder / "delivery.jsonl").read_text()
    (mail,) = _mails(mailbox, 1)
    assert b"Received: " in mail  # it went through the system, which added what such systems add
    for changed, good in ((mail, True), (mail.replace(b"\nUEsDB", b"\nUEsDC"), False)):
        assert good == (changed == mail)
        (tmp_path / "mail.eml").write_bytes(changed)
        verified = subprocess.run(
            [
                "openssl",
                "cms",
                "-verify",
                "-in",
                tmp_path / "mail.eml",
                "-CAfile",
                own.file,
                "-out",
                tmp_path / "content",
            ],
            capture_output=True,
            check=False,
        )
        assert (verified.returncode == 0) == good, verified.stderr
