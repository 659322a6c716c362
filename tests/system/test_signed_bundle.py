"""A drill whose bundle is signed: what a stranger checks with stock tools, and what happens when the key fails."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from drilled import Drilled, Place, noise
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from verifier import attest
from verifier.cli.main import main
from verifier.errors import SignatureError
from verifier.signing import Signer


@pytest.fixture(autouse=True)
def _openssh(must_run: Callable[[str, str], NoReturn]) -> None:
    for program in ("ssh-keygen", "sha256sum"):
        if shutil.which(program) is None:
            must_run("signing", f"{program} is not installed")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"photos/{number}.jpg": noise(1000, number) for number in range(6)})
    place.back_up()
    place.know()
    return place


@pytest.fixture
def key(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """Return a new key, and the line for allowed_signers that `verifier key` prints."""
    path = tmp_path / "id_drill"
    assert main(["key", "create", str(path), "--name", "ana@example.org"]) == 0
    line = capfd.readouterr().out
    assert main(["key", "show", str(path), "--name", "ana@example.org"]) == 0
    assert capfd.readouterr().out == line
    return path, line


def folder_of(drilled: Drilled) -> Path:
    assert drilled.folder is not None
    return drilled.folder


def commands_of(report: str) -> list[str]:
    """Return the commands that the report prints for whoever checks it."""
    blocks = re.findall(r"```\n(.*?)```", report, re.DOTALL)
    return [block for block in blocks if "sha256sum" in block or "ssh-keygen" in block]


def run_commands(folder: Path) -> list[int]:
    """Do what the report says, in its folder; return the exit codes."""
    commands = commands_of((folder / "report.md").read_text())
    assert len(commands) == 2
    return [
        subprocess.run(["sh", "-c", it], cwd=folder, capture_output=True, check=False).returncode for it in commands
    ]


def test_a_stranger_checks_the_bundle_by_the_commands_that_its_report_prints(
    place: Place, key: tuple[Path, str]
) -> None:
    drilled = place.prove("--full", "--sign", key[0])
    folder = folder_of(drilled)
    assert drilled.code == 0
    (folder / "allowed_signers").write_text(key[1])
    assert run_commands(folder) == [0, 0]
    # Somebody who writes a file, and the sums of it anew, still has no key.
    report = folder / "report.html"
    report.write_text(report.read_text().replace("PASSED", "passed"))
    assert run_commands(folder)[0] != 0
    sums = subprocess.run(["sha256sum", *_named(folder)], cwd=folder, capture_output=True, check=True).stdout
    (folder / "SHA256SUMS").write_bytes(sums)
    codes = run_commands(folder)
    assert codes[0] == 0
    assert codes[1] != 0


def _named(folder: Path) -> list[str]:
    return [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]


def test_the_html_report_prints_the_same_commands(place: Place, key: tuple[Path, str]) -> None:
    folder = folder_of(place.prove("--full", "--sign", key[0]))
    html = (folder / "report.html").read_text().replace("&lt;", "<").replace("&#34;", '"')
    for command in commands_of((folder / "report.md").read_text()):
        assert command.strip() in html


def test_everything_but_the_sums_and_their_signature_is_in_the_sums(place: Place, key: tuple[Path, str]) -> None:
    folder = folder_of(place.prove("--full", "--sign", key[0]))
    assert {file.name for file in folder.iterdir()} - set(_named(folder)) == {"SHA256SUMS", "SHA256SUMS.sig"}
    assert "attestation.json" in _named(folder)


@pytest.mark.parametrize("kind", [["ed25519"], ["ecdsa", "-b", "256"], ["ecdsa", "-b", "384"], ["ecdsa", "-b", "521"]])
def test_the_attestation_holds_for_others(kind: list[str], place: Place, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", *kind, "-N", "", "-f", key], check=True)
    drilled = place.prove("--full", "--sign", key)
    folder = folder_of(drilled)
    assert drilled.proof is not None
    assert drilled.proof.signer is not None
    public = serialization.load_ssh_public_key(key.with_name("id.pub").read_bytes())
    trusted = SSlibKey.from_crypto(public, keyid=drilled.proof.signer.fingerprint)
    content = json.loads((folder / "attestation.json").read_text())
    Envelope.from_dict(copy.deepcopy(content)).verify([trusted], 1)
    tampered = Envelope.from_dict(copy.deepcopy(content))
    tampered.payload = tampered.payload.replace(b"PASSED", b"FAILED")
    with pytest.raises(VerificationError):
        tampered.verify([trusted], 1)


def test_the_statement_names_every_file_and_fits_its_schema(place: Place, key: tuple[Path, str]) -> None:
    drilled = place.prove("--full", "--sign", key[0])
    folder = folder_of(drilled)
    assert drilled.proof is not None
    stated = attest.statement_of((folder / "attestation.json").read_bytes())
    assert (stated["_type"], stated["predicateType"]) == (attest.STATEMENT_TYPE, attest.PREDICATE_TYPE)
    subjects = {subject["name"]: subject["digest"]["sha256"] for subject in stated["subject"]}
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    del sums["attestation.json"]
    identity = drilled.proof.manifest.identity
    assert subjects == sums | {f"manifests/{identity}": identity}
    jsonschema.Draft202012Validator.check_schema(attest.SCHEMA)
    validator = jsonschema.Draft202012Validator(attest.SCHEMA)
    validator.validate(stated["predicate"])
    for wrong in ({"verdict": "FINE"}, {"drill": {}}, {"copies": [{}]}):
        assert not validator.is_valid(stated["predicate"] | wrong)


def test_rsa_signs_the_sums_and_attests_nothing(place: Place, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", key], check=True)
    folder = folder_of(place.prove("--full", "--sign", key))
    assert (folder / "SHA256SUMS.sig").exists()
    assert not (folder / "attestation.json").exists()


def test_a_key_that_cannot_be_had_is_told_before_anything_is_restored(
    place: Place, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    drilled = place.prove("--full", "--sign", tmp_path / "nowhere")
    assert (drilled.code, drilled.proof) == (3, None)
    assert "can't read the key" in capfd.readouterr().err


def test_a_key_that_fails_at_the_end_costs_the_signature_and_not_the_evidence(
    place: Place, key: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise SignatureError("expected a signature from the agent, got a refusal")

    monkeypatch.setattr(Signer, "sign", refuse)
    drilled = place.prove("--full", "--sign", key[0])
    folder = folder_of(drilled)
    assert drilled.code == 3, "what was asked for was not done"
    assert "got a refusal" in capfd.readouterr().err
    assert {"SHA256SUMS.sig", "attestation.json"}.isdisjoint(file.name for file in folder.iterdir())
    assert (
        subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, check=False).returncode == 0
    )
    monkeypatch.undo()
    following = place.prove("--full", "--sign", key[0])
    assert following.proof is not None
    assert (following.code, following.proof.drill.number) == (0, 2), "the unsigned drill is a link of the chain"


def test_a_scenario_names_the_key_and_where_its_passphrase_is(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("KEY_PASSPHRASE", "planted-passphrase")
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "planted-passphrase", "-f", key], check=True)
    drilled = place.drill(
        f"""
        name = "photos"
        manifest = "{place.manifest}"
        [[copy]]
        name = "nas"
        at = "{place.copy}"
        [report]
        sign = "id"
        passphrase = {{ env = "KEY_PASSPHRASE" }}
        """
    )
    folder = folder_of(drilled)
    assert drilled.code == 0
    assert (folder / "SHA256SUMS.sig").exists()
    assert all(b"planted-passphrase" not in file.read_bytes() for file in folder.iterdir())
