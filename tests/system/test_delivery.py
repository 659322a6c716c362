"""Drills that are told of: mails in a real mailbox over TLS, pings, posts, what is kept and sent later, receipts."""

from __future__ import annotations

import email
import email.policy
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from drilled import Drilled, Place, change, flip, noise
from mail_server import PASSWORD, USER, Certificate, Mailbox, Pings, certificate, free_port, mail_server, ping_server

from verifier.cli import drilling
from verifier.cli.main import main
from verifier.deliver import post
from verifier.errors import SignatureError
from verifier.signing import Signer

SENDER, ANA, BO = "verifier@example.org", "ana@example.org", "bo@example.org"


@pytest.fixture(scope="session")
def server_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("server"), "localhost")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_certificate: Certificate) -> Place:
    monkeypatch.setattr(post, "PAUSES_SECONDS", (0.01, 0.01))
    monkeypatch.setenv("SSL_CERT_FILE", str(server_certificate.file))
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    place = Place(tmp_path)
    place.fill({f"photos/{number}.jpg": noise(1000, number) for number in range(6)})
    place.back_up()
    place.know()
    return place


@pytest.fixture
def mailbox(server_certificate: Certificate) -> Iterator[tuple[int, Mailbox]]:
    with mail_server(server_certificate) as running:
        yield running


@pytest.fixture
def pings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pings]:
    with ping_server() as running:
        monkeypatch.setenv("PING_URL", running.url)
        yield running


def by_mail(port: int, *more: str, to: tuple[str, ...] = (ANA,)) -> str:
    lines = [
        "[delivery.email]",
        'host = "localhost"',
        f"port = {port}",
        f'user = "{USER}"',
        'password = { env = "MAIL_PASSWORD" }',
        f'from = "{SENDER}"',
        f"to = {json.dumps(list(to))}",
        *more,
    ]
    return "\n".join(lines) + "\n"


BY_PING = '[delivery.heartbeat]\nurl = { env = "PING_URL" }\n'
BY_POST = '[delivery.webhook]\nurl = { env = "PING_URL" }\n'


def scenario(place: Place, *delivery: str, name: str = "photos", copy: Path | None = None) -> str:
    at = copy or place.copy
    head = f'name = "{name}"\nmanifest = "{place.manifest}"\n[sample]\nfull = true\n'
    return f'{head}[[copy]]\nname = "nas"\nat = "{at}"\n' + "".join(delivery)


def run(place: Place, *files: Path, options: tuple[str, ...] = ()) -> int:
    """Drill several scenarios in one run."""
    places = ["--reports", place.reports, "--state", place.state, "--scratch", place.scratch]
    return main([os.fspath(one) for one in ("drill", *files, *places, "--workers", "1", *options)])


def read(mail: bytes) -> EmailMessage:
    read = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def text_of(mail: bytes, kind: str = "plain") -> str:
    body = read(mail).get_body((kind,))
    assert body is not None
    return str(body.get_content())


def zip_of(mail: bytes) -> dict[str, bytes]:
    (attached,) = (part for part in read(mail).walk() if part.get_content_type() == "application/zip")
    with zipfile.ZipFile(io.BytesIO(attached.get_payload(decode=True))) as archive:  # type: ignore[arg-type]
        assert archive.testzip() is None
        return {name.split("/", 2)[2]: archive.read(name) for name in archive.namelist()}


def receipts(folder: Path | None) -> list[dict[str, Any]]:
    assert folder is not None
    return [json.loads(line) for line in (folder / "delivery.jsonl").read_text().splitlines()]


def head_of(drilled: Drilled) -> str:
    assert drilled.proof is not None
    assert drilled.folder is not None
    return f"{drilled.proof.drill.number}:{hashlib.sha256((drilled.folder / 'proof.json').read_bytes()).hexdigest()}"


def outbox(place: Place) -> list[Path]:
    return sorted((place.state / "outbox").glob("*"))


def test_a_drill_is_told_by_a_mail_that_holds_its_head_and_its_bundle(
    place: Place, mailbox: tuple[int, Mailbox]
) -> None:
    drilled = place.drill(scenario(place, by_mail(mailbox[0])))
    assert drilled.code == 0
    (mail,) = mailbox[1].mails
    head = head_of(drilled)
    assert read(mail)["Subject"] == "PASSED: photos"
    assert (read(mail)["From"], read(mail)["To"]) == (SENDER, ANA)
    assert text_of(mail).splitlines()[0] == "PASSED: photos"
    assert head in text_of(mail)
    assert head in text_of(mail, "html")
    assert drilled.folder is not None
    inside = zip_of(mail)
    assert set(inside) == {"SHA256SUMS", "report.html", "report.md", "proof.json"}
    assert all((drilled.folder / name).read_bytes() == data for name, data in inside.items())
    assert "Left out, because they name files: findings.jsonl" in text_of(mail)
    for name, data in inside.items():
        (place.root / "unpacked").mkdir(exist_ok=True)
        (place.root / "unpacked" / name).write_bytes(data)
    # What the mail says that its reader can do, its reader can do.
    assert "sha256sum -c --ignore-missing SHA256SUMS" in text_of(mail)
    check = ["sha256sum", "-c", "--ignore-missing", "SHA256SUMS"]
    assert subprocess.run(check, cwd=place.root / "unpacked", capture_output=True, check=False).returncode == 0
    (receipt,) = receipts(drilled.folder)
    assert (receipt["channel"], receipt["state"], receipt["head"], receipt["to"]) == ("email", "delivered", head, [ANA])
    assert receipt["message_id"] == read(mail)["Message-ID"]
    assert receipt["sha256"] == hashlib.sha256(mail).hexdigest()
    assert outbox(place) == []
    # The bundle is what it was: receipts lie outside the sums, and `audit` takes the head out of the mail.
    assert main(["audit", str(place.reports), "--head", head]) == 0


def test_the_lists_are_attached_where_all_is_asked_for(place: Place, mailbox: tuple[int, Mailbox]) -> None:
    place.drill(scenario(place, by_mail(mailbox[0], 'attach = "full"')))
    assert {"findings.jsonl", "outcomes.jsonl.zst"} < set(zip_of(mailbox[1].mails[0]))


def test_what_does_not_fit_is_left_out_and_named(place: Place, mailbox: tuple[int, Mailbox]) -> None:
    place.drill(scenario(place, by_mail(mailbox[0], 'limit = "9KiB"')))
    (mail,) = mailbox[1].mails
    assert "SHA256SUMS" in zip_of(mail)
    assert "report.html" not in zip_of(mail)
    assert "Left out, because the attachment would be larger than it may be" in text_of(mail)
    (attached,) = (part for part in read(mail).walk() if part.get_content_type() == "application/zip")
    assert len(str(attached.get_payload())) <= 9 * 1024


def test_one_mail_tells_of_a_run_the_worst_first(
    place: Place, mailbox: tuple[int, Mailbox], pings: Pings, capfd: pytest.CaptureFixture[str]
) -> None:
    (place.root / "verifier.toml").write_text(by_mail(mailbox[0]) + BY_PING)
    damaged = place.root / "damaged"
    shutil.copytree(place.copy, damaged)
    change(damaged, "photos/3.jpg", lambda data: flip(data, 5))
    files = []
    copies = {"alright": None, "broken": damaged, "gone": place.root / "gone", "unknown": None}
    for name, copy in copies.items():
        files.append(place.root / f"{name}.toml")
        files[-1].write_text(scenario(place, name=name, copy=copy))
    files[-1].write_text(files[-1].read_text().replace("manifest.jsonl", "nothing.jsonl"))
    assert run(place, *files) == 1
    (mail,) = mailbox[1].mails
    subject = "FAILED: broken; NOT DRILLED: unknown; INCONCLUSIVE: gone; PASSED: alright"
    assert read(mail)["Subject"] == subject
    assert text_of(mail).splitlines()[0] == subject
    text = text_of(mail)
    assert [text.index(f"## {part}") for part in subject.split("; ")] == sorted(
        text.index(f"## {part}") for part in subject.split("; ")
    )
    # A heartbeat that several share is pinged once, and not by the best of them.
    assert [path.rpartition("/")[2] for path in pings.paths()] == ["start", "fail"]
    assert pings.came[1][2].decode().splitlines()[0] == subject
    for bundle in place.bundles():
        number_and_digest = f"1:{hashlib.sha256((bundle / 'proof.json').read_bytes()).hexdigest()}"
        assert number_and_digest in text
        assert number_and_digest in pings.came[1][2].decode()
        assert {one["head"] for one in receipts(bundle)} == {number_and_digest}


@pytest.mark.parametrize(
    ("options", "damage", "signals"),
    [
        ((), False, ["start", "secret-uuid-of-the-check"]),
        ((), True, ["start", "fail"]),
        (("--only", "photos/1.jpg"), False, ["log"]),
        (("--copy", "nas"), False, ["log"]),
        (("--only", "photos/3.jpg"), True, ["fail"]),
    ],
)
def test_only_a_whole_drill_that_passed_pings_success(
    place: Place, pings: Pings, options: tuple[str, ...], *, damage: bool, signals: list[str]
) -> None:
    if damage:
        change(place.copy, "photos/3.jpg", lambda data: flip(data, 5))
    drilled = place.drill(scenario(place, BY_PING), *options)
    assert [path.rpartition("/")[2] for path in pings.paths()] == signals
    assert head_of(drilled) in pings.came[-1][2].decode()
    (receipt,) = receipts(drilled.folder)
    assert receipt["signal"] == {"secret-uuid-of-the-check": "success"}.get(signals[-1], signals[-1])


def test_a_warned_drill_pings_no_success(place: Place, pings: Pings) -> None:
    (place.copy / "photos" / "more.jpg").write_bytes(b"x")
    os.utime(place.copy / "photos" / "more.jpg", (1, 1))
    drilled = place.drill(scenario(place, BY_PING))
    assert (drilled.code, drilled.result) == (0, "WARNED")
    assert pings.paths()[-1].endswith("/fail")


def test_a_drill_that_passed_and_could_not_be_signed_pings_no_success(
    place: Place, pings: Pings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "id"
    assert main(["key", "create", str(key)]) == 0

    def refuse(self: Signer, data: bytes) -> bytes:
        raise SignatureError("the key was taken away")

    monkeypatch.setattr(Signer, "sign_raw", refuse)
    drilled = place.drill(scenario(place, BY_PING), "--sign", key)
    assert drilled.result == "PASSED"
    assert pings.paths()[-1].endswith("/fail")


def test_a_webhook_gets_a_short_json(place: Place, pings: Pings) -> None:
    drilled = place.drill(scenario(place, BY_POST))
    ((method, path, body),) = pings.came
    assert (method, path) == ("POST", "/ping/secret-uuid-of-the-check")
    told = json.loads(body)
    assert (told["result"], told["text"]) == ("PASSED", "PASSED: photos")
    assert told["drills"][0]["head"] == head_of(drilled)
    assert receipts(drilled.folder)[0]["state"] == "delivered"


def test_a_redirect_is_not_followed_and_the_post_is_kept(
    place: Place, pings: Pings, capfd: pytest.CaptureFixture[str]
) -> None:
    pings.statuses = [302]
    drilled = place.drill(scenario(place, BY_POST))
    assert drilled.code == 0
    assert len(pings.came) == 1
    assert "sent elsewhere (302), not followed" in capfd.readouterr().err
    assert receipts(drilled.folder)[0]["state"] == "kept"
    assert len(outbox(place)) == 1


def test_a_server_that_is_down_changes_no_exit_code_and_the_mail_goes_out_later(
    place: Place, server_certificate: Certificate, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    drilled = place.drill(scenario(place, by_mail(port)))
    assert drilled.code == 0
    said = capfd.readouterr().err
    assert "warning: mail on photos to ana@example.org: not delivered" in said
    assert "verifier deliver --pending" in said
    assert [one["state"] for one in receipts(drilled.folder)] == ["kept"]
    (kept,) = outbox(place)
    assert oct(kept.parent.stat().st_mode & 0o777) == "0o700"
    file = place.root / "scenario.toml"
    assert main(["deliver", "--pending", str(file), "--state", str(place.state)]) == 3
    with mail_server(server_certificate) as (other, mailbox):
        # Where it goes is what the scenario says now: the mistake may have been there.
        file.write_text(scenario(place, by_mail(other)))
        assert main(["deliver", "--pending", str(file), "--state", str(place.state)]) == 0
        assert main(["deliver", "--pending", str(file), "--state", str(place.state)]) == 0
        assert len(mailbox.mails) == 1
    assert read(mailbox.mails[0])["Subject"] == "PASSED: photos"
    states = [(one["state"], one["message_id"]) for one in receipts(drilled.folder)]
    assert [state for state, _ in states] == ["kept", "kept", "delivered"]
    assert len({message_id for _, message_id in states}) == 1
    assert outbox(place) == []
    assert main(["audit", str(place.reports), "--head", head_of(drilled)]) == 0


def test_a_mail_is_kept_before_the_first_attempt_so_that_a_power_cut_loses_none(
    place: Place, mailbox: tuple[int, Mailbox]
) -> None:
    lay: list[bytes] = []
    mailbox[1].when_asked = lambda: lay.extend(path.read_bytes() for path in outbox(place))
    place.drill(scenario(place, by_mail(mailbox[0])))
    (kept,) = lay
    assert kept.endswith(mailbox[1].mails[0])
    assert PASSWORD.encode() not in kept
    assert outbox(place) == []


def test_two_that_send_at_once_send_each_mail_once(
    place: Place, server_certificate: Certificate, verifier: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    text = scenario(place, by_mail(free_port()))
    for _ in range(3):
        place.drill(text)
    with mail_server(server_certificate) as (port, mailbox):
        file = place.root / "scenario.toml"
        file.write_text(scenario(place, by_mail(port)))
        mailbox.when_asked = lambda: time.sleep(0.2)
        environment = {"SSL_CERT_FILE": str(server_certificate.file), "MAIL_PASSWORD": PASSWORD}
        with ThreadPoolExecutor(2) as both:
            words = ("deliver", "--pending", file, "--state", place.state)
            ended = [both.submit(verifier, *words, env=environment) for _ in range(2)]
        codes = [one.result().returncode for one in ended]
    assert len(mailbox.mails) == 3
    assert len(set(mailbox.mails)) == 3
    assert 0 in codes
    assert outbox(place) == []


def test_what_is_printed_as_json_is_the_proof_alone(
    place: Place, pings: Pings, capfd: pytest.CaptureFixture[str]
) -> None:
    pings.statuses = [500] * 9
    capfd.readouterr()
    drilled = place.drill(scenario(place, by_mail(free_port()), BY_PING, BY_POST), "--json")
    assert drilled.folder is not None
    assert capfd.readouterr().out.encode() == (drilled.folder / "proof.json").read_bytes()
    assert drilled.code == 0


def test_what_concerns_other_scenarios_is_left_to_them(
    place: Place, mailbox: tuple[int, Mailbox], capfd: pytest.CaptureFixture[str]
) -> None:
    place.drill(scenario(place, by_mail(free_port())))
    other = place.root / "other.toml"
    other.write_text(scenario(place, by_mail(mailbox[0]), name="other"))
    assert main(["deliver", "--pending", str(other), "--state", str(place.state)]) == 3
    assert "1 left as they were" in capfd.readouterr().err
    assert (mailbox[1].mails, len(outbox(place))) == ([], 1)


def test_the_next_drill_sends_what_was_kept(place: Place, server_certificate: Certificate) -> None:
    first = place.drill(scenario(place, by_mail(free_port())))
    with mail_server(server_certificate) as (port, mailbox):
        second = place.drill(scenario(place, by_mail(port)))
    heads = [head_of(second), head_of(first)]
    assert [head in text_of(mail) for head, mail in zip(heads, mailbox.mails, strict=True)] == [True, True]
    assert outbox(place) == []


@pytest.mark.parametrize(
    ("answer", "attempts"), [("450 4.7.1 greylisted, come again", 3), ("552 5.2.2 mailbox full", 1)]
)
def test_what_is_refused_for_now_is_tried_again_and_for_good_is_not(
    place: Place, mailbox: tuple[int, Mailbox], answer: str, attempts: int, capfd: pytest.CaptureFixture[str]
) -> None:
    mailbox[1].refusals = [answer] * 9
    drilled = place.drill(scenario(place, by_mail(mailbox[0])))
    assert (drilled.code, mailbox[1].attempts) == (0, attempts)
    assert f"refused ({answer[:9]})" in capfd.readouterr().err
    assert [one["state"] for one in receipts(drilled.folder)] == ["kept"]
    assert len(outbox(place)) == 1


def test_greylisting_that_ends_is_waited_for(place: Place, mailbox: tuple[int, Mailbox]) -> None:
    mailbox[1].refusals = ["450 4.7.1 greylisted"] * 2
    drilled = place.drill(scenario(place, by_mail(mailbox[0])))
    assert [one["state"] for one in receipts(drilled.folder)] == ["delivered"]


def test_of_several_only_who_was_refused_is_tried_again(place: Place, mailbox: tuple[int, Mailbox]) -> None:
    mailbox[1].refused_recipients = {BO: "452 4.2.2 full"}
    text = scenario(place, by_mail(mailbox[0], to=(ANA, BO)))
    drilled = place.drill(text)
    assert mailbox[1].recipients == [[ANA]]
    assert [(one["state"], one["to"]) for one in receipts(drilled.folder)] == [("delivered", [ANA]), ("kept", [BO])]
    mailbox[1].refused_recipients = {}
    assert main(["deliver", "--pending", str(place.root / "scenario.toml"), "--state", str(place.state)]) == 0
    assert mailbox[1].recipients == [[ANA], [BO]]
    assert mailbox[1].mails[0] == mailbox[1].mails[1]


def test_a_server_with_a_wrong_certificate_gets_nothing(
    place: Place, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with mail_server(certificate(tmp_path / "other", "localhost")) as (port, mailbox):
        drilled = place.drill(scenario(place, by_mail(port)))
    assert drilled.code == 0
    assert mailbox.mails == []
    assert "a certificate that signed itself" in capfd.readouterr().err


def test_a_server_without_starttls_gets_nothing(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    with mail_server(None, security="none") as (port, mailbox):
        place.drill(scenario(place, by_mail(port)))
        assert mailbox.mails == []
        assert "expected STARTTLS from the mail server" in capfd.readouterr().err
        text = scenario(place, by_mail(port, 'security = "none"'))
        without = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(("user", "password")))
        place.drill(without)
        assert len(mailbox.mails) == 2  # with the one that was kept


def test_tls_from_the_first_byte(place: Place, server_certificate: Certificate) -> None:
    with mail_server(server_certificate, security="tls") as (port, mailbox):
        place.drill(scenario(place, by_mail(port, 'security = "tls"')))
    assert len(mailbox.mails) == 1


def test_a_run_that_is_interrupted_tells_what_it_did_not_reach(
    place: Place, mailbox: tuple[int, Mailbox], pings: Pings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.root / "verifier.toml").write_text(by_mail(mailbox[0]) + BY_PING)
    files = [place.root / "first.toml", place.root / "second.toml"]
    for file in files:
        file.write_text(scenario(place, name=file.stem))
    # Both PASS if they are drilled, so only what was not reached can keep the ping from success.
    monkeypatch.setattr(drilling, "summarize", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert run(place, *files) == 130
    assert read(mailbox[1].mails[0])["Subject"] == "NOT DRILLED: second; PASSED: first"
    assert "the run was interrupted before its turn" in text_of(mailbox[1].mails[0])
    assert [path.rpartition("/")[2] for path in pings.paths()] == ["start", "fail"]


def test_no_output_holds_a_secret(
    place: Place,
    mailbox: tuple[int, Mailbox],
    pings: Pings,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = f"{PASSWORD}-of-yesterday"
    monkeypatch.setenv("MAIL_PASSWORD", wrong)
    pings.statuses = [500, 404, 302, 500, 500, 500]
    drilled = place.drill(scenario(place, by_mail(mailbox[0]), BY_PING, BY_POST))
    said = capfd.readouterr()
    assert drilled.code == 0
    assert "refused (535 5.7.8)" in said.err
    everything = [said.out, said.err, *(path.name for path in place.leavings.rglob("*"))]
    everything += [path.read_text("latin-1") for path in place.leavings.rglob("*") if path.is_file()]
    secrets = (wrong, PASSWORD, "secret-uuid-of-the-check", pings.url.split("/ping")[0])
    assert not [secret for secret in secrets for text in everything if secret in text]


@pytest.mark.parametrize(
    ("when", "mails"), [("always", [1, 1, 1, 1]), ("failed", [0, 0, 1, 1]), ("changed", [1, 0, 1, 0])]
)
def test_when_a_mail_is_sent(place: Place, mailbox: tuple[int, Mailbox], when: str, mails: list[int]) -> None:
    text = scenario(place, by_mail(mailbox[0], f'when = "{when}"'))
    sent = []
    for number in range(4):
        if number == 2:
            change(place.copy, "photos/3.jpg", lambda data: flip(data, 5))
        before = len(mailbox[1].mails)
        place.drill(text)
        sent.append(len(mailbox[1].mails) - before)
    assert sent == mails


def test_both_dates_stand_in_the_mail(place: Place, mailbox: tuple[int, Mailbox]) -> None:
    text = scenario(place, by_mail(mailbox[0]))
    good = place.drill(text)
    change(place.copy, "photos/3.jpg", lambda data: flip(data, 5))
    bad = place.drill(text)
    assert good.proof is not None
    assert bad.proof is not None
    moment = good.proof.drill.finished_at.replace("T", " ").removesuffix("Z")[:19]
    assert f"Last PASSED: {moment}" in text_of(mailbox[1].mails[1])
    assert bad.proof.drill.started_at.replace("T", " ")[:19] in text_of(mailbox[1].mails[1])


def test_a_machine_s_name_adds_no_header_and_no_markup(
    place: Place, mailbox: tuple[int, Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "cellar\r\nBcc: eve@example.org\r\n\r\n<script>x</script>")
    place.drill(scenario(place, by_mail(mailbox[0])))
    (mail,) = mailbox[1].mails
    assert mailbox[1].recipients == [[ANA]]
    assert read(mail)["Bcc"] is None
    assert "<script" not in text_of(mail, "html")
    assert "cellar\\r\\nBcc: eve@example.org" in text_of(mail, "html")


def test_a_state_that_takes_nothing_costs_no_mail_and_no_exit_code(
    place: Place, mailbox: tuple[int, Mailbox], capfd: pytest.CaptureFixture[str]
) -> None:
    place.state.mkdir(parents=True)
    (place.state / "outbox").write_text("in the way")
    drilled = place.drill(scenario(place, by_mail(mailbox[0])))
    assert drilled.code == 0
    assert len(mailbox[1].mails) == 1
    assert "it is tried now, and lost if that fails" in capfd.readouterr().err


def test_check_tries_each_place_and_says_that_it_is_a_test(
    place: Place, mailbox: tuple[int, Mailbox], pings: Pings, capfd: pytest.CaptureFixture[str]
) -> None:
    file = place.root / "scenario.toml"
    file.write_text(scenario(place, by_mail(mailbox[0]), BY_PING, BY_POST))
    assert main(["check", str(file), "--connect"]) == 0
    said = capfd.readouterr().out
    assert re.search(r"email +test message +ready +a test mail was taken for ana@example\.org", said)
    assert read(mailbox[1].mails[0])["Subject"] == "TEST: restore drills"
    assert pings.paths()[0].endswith("/log")
    assert json.loads(pings.came[1][2])["result"] == "TEST"
    pings.statuses = [404, 404]
    assert main(["check", str(file), "--connect"]) == 3


def test_pending_is_what_has_to_be_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["deliver"])
    assert ended.value.code == 2
