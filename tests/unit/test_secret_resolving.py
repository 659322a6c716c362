from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from verifier import secret
from verifier.errors import AccessDeniedError
from verifier.secret import SecretReference, resolve

PLANTED = "hunter2-hunter2"


def reference(kind: str, *words: str) -> SecretReference:
    return SecretReference(kind=kind, words=words)


def private(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def refused(kind: str, *words: str) -> AccessDeniedError:
    with pytest.raises(AccessDeniedError) as caught:
        resolve(reference(kind, *words))
    assert "hunter2" not in repr(caught.value) + str(caught.value.hint)
    return caught.value


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", PLANTED)
    assert resolve(reference("env", "A_KEY")) == PLANTED
    assert resolve(reference("env", "A_KEY"), environment={"A_KEY": "other"}) == "other"
    monkeypatch.setenv("A_KEY", "")
    assert "A_KEY" in refused("env", "A_KEY").message


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_a_file_without_the_newline_that_ends_it(tmp_path: Path, ending: bytes) -> None:
    path = private(tmp_path / "key", f" {PLANTED} ".encode() + ending)
    assert resolve(reference("file", str(path))) == f" {PLANTED} "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "key", PLANTED.encode())
    path.chmod(mode)
    assert "chmod 600" in str(refused("file", str(path)).hint)


def test_files_that_hold_no_secret(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, says in (
        (tmp_path / "pipe", "something else"),
        (tmp_path, "something else"),
        (tmp_path / "hunter2-is-no-file", "no such file"),
        (private(tmp_path / "empty", b"\n"), "got nothing"),
        (private(tmp_path / "bytes", PLANTED.encode() + b"\xff"), "other bytes"),
        (private(tmp_path / "large", PLANTED.encode() * 10_000), "got more"),
    ):
        assert says in refused("file", str(path)).message, path


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    refused("credential", "key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    private(tmp_path / "key", PLANTED.encode()).chmod(0o440)
    assert resolve(reference("credential", "key")) == PLANTED
    refused("credential", "other")


def test_a_commands_output() -> None:
    told = "import sys; sys.stderr.write('hunter2'); print('{}'); sys.exit({})"
    assert resolve(reference("command", sys.executable, "-c", told.format(PLANTED, 0))) == PLANTED
    assert "exit code 3" in refused("command", sys.executable, "-c", told.format(PLANTED, 3)).message
    refused("command", "/nonexistent/hunter2")
    refused("command", sys.executable, "-c", "print('hunter2' * 100_000)")


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "_COMMAND_SECONDS", 0.5)
    began = time.monotonic()
    for wait in ("import time; time.sleep(60)", "import os, time; os.close(1); time.sleep(60)"):
        assert "within" in refused("command", sys.executable, "-c", wait).message
    assert time.monotonic() - began < 20


def test_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install keyring" in str(refused("keyring", "nas").hint)
    # The real package asks a desktop that no test machine has: here stands a module of its one function that we call.
    (tmp_path / "keyring.py").write_text("def get_password(service, user):\n    return f'{service}|{user}'\n", "utf-8")
    monkeypatch.delitem(sys.modules, "keyring")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve(reference("keyring", "nas")) == "restore-verifier|nas"
    assert resolve(reference("keyring", "nas/drill")) == "nas|drill"
    monkeypatch.delitem(sys.modules, "keyring")
