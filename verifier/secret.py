"""A scenario's table → a reference to a secret → the secret, at the moment that it is needed.

What is read here may be a secret that somebody put in the wrong place. So no message repeats a value, and neither
`repr` nor `str` of a reference shows more than its kind. References travel to workers; secrets are resolved there.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verifier.errors import AccessDeniedError, ScenarioError

_TEXT_KINDS: Final[dict[str, tuple[str, re.Pattern[str]]]] = {
    "env": ("the name of an environment variable", re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")),
    "file": ("the path of a file", re.compile(r"[^\x00-\x1f\x7f]{1,4096}\Z")),
    "credential": ("the name of a systemd credential", re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}\Z")),
    "keyring": ("the name of an entry in the keyring", re.compile(r"[^\x00-\x1f\x7f]{1,255}\Z")),
}
KINDS: Final = (*_TEXT_KINDS, "command")
"""Where a secret may be: an environment variable, a file, a systemd credential, the keyring, a command's output."""

EXPECTED: Final = "a reference to a secret, one of " + ", ".join(f"{{ {kind} = … }}" for kind in KINDS)

_LARGEST_BYTES: Final = 64 * 1024
_COMMAND_SECONDS: Final = 60.0
_KEYRING_SERVICE: Final = "restore-verifier"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SecretReference:
    """Where a secret is: its kind, and the name, the path or the command's words."""

    kind: str
    words: tuple[str, ...]

    def __repr__(self) -> str:
        return f"SecretReference({self.kind})"


def parse(value: object, *, resolve: Callable[[str], str]) -> SecretReference:
    """Return the reference that a scenario's value states; `resolve` makes a path absolute.

    Raises:
        ScenarioError: the value is no reference; it is not repeated, for it may be the secret.
    """
    if not isinstance(value, dict):
        raise ScenarioError(f"expected {EXPECTED}, got a plain value (not shown)")
    if len(value) != 1 or next(iter(value)) not in KINDS:
        raise ScenarioError(f"expected {EXPECTED}, got a table with other keys (not shown)")
    kind, content = next(iter(value.items()))
    if kind == "command":
        return SecretReference(kind=kind, words=_words(content))
    expected, pattern = _TEXT_KINDS[kind]
    if not isinstance(content, str) or not pattern.match(content):
        raise ScenarioError(f"expected {expected} as {kind}, got something else (not shown)")
    return SecretReference(kind=kind, words=(resolve(content) if kind == "file" else content,))


def _words(content: object) -> tuple[str, ...]:
    if isinstance(content, list) and content and all(isinstance(word, str) and word for word in content):
        return tuple(content)
    raise ScenarioError("expected a list of words as command, got something else (not shown)")


def resolve(reference: SecretReference, *, environment: Mapping[str, str] | None = None) -> str:
    """Return the secret itself: text of at least one character, without the newline that ends a file.

    Args:
        reference: where it is.
        environment: this process's own by default.

    Raises:
        AccessDeniedError: it isn't there, or others than its owner may read its file. The secret, the reference's words
            and what a command said are not repeated.
    """
    surroundings = os.environ if environment is None else environment
    word = reference.words[0]
    if reference.kind == "env":
        secret = surroundings.get(word, "")
    elif reference.kind == "file":
        secret = _text(_file_bytes(word, owner_only=True))
    elif reference.kind == "credential":
        secret = _text(_file_bytes(_credential_path(word, surroundings), owner_only=False))
    elif reference.kind == "keyring":
        secret = _from_keyring(word)
    else:
        secret = _text(_output(reference.words))
    if not secret:
        raise AccessDeniedError(f"expected a secret from {_where(reference)}, got nothing")
    return secret


def _where(reference: SecretReference) -> str:
    """Say where a secret was looked for; the name of a variable is no secret, a file's or command's words might be."""
    if reference.kind == "env":
        return f"the environment variable {reference.words[0]}"
    return f"its {reference.kind}"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        pass  # the error itself would hold the bytes
    raise AccessDeniedError("expected a secret of UTF-8 text, got other bytes (not shown)")


def _credential_path(name: str, environment: Mapping[str, str]) -> str:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise AccessDeniedError(
            f"expected the credential {name}, got no CREDENTIALS_DIRECTORY",
            hint="state LoadCredential= in the systemd unit that runs the drill",
        )
    return f"{folder}/{name}"


def _file_bytes(path: str, *, owner_only: bool) -> bytes:
    try:
        # O_NONBLOCK: a pipe that lies there would be waited for without end.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "a name that no file can have"
        raise AccessDeniedError(f"expected a file that holds a secret, got: {said.lower()}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AccessDeniedError("expected a file that holds a secret, got something else")
        if owner_only and (status.st_mode & 0o077 or status.st_uid not in (0, os.geteuid())):
            raise AccessDeniedError(
                "expected a secret's file that only its owner may read, got one that others may",
                hint="chmod 600 that file, and let it belong to the account that runs the drill",
            )
        data = os.read(descriptor, _LARGEST_BYTES + 1)
    except OSError as error:
        raise AccessDeniedError("can't read the file that holds a secret") from error
    finally:
        os.close(descriptor)
    return _bounded(data)


def _bounded(data: bytes) -> bytes:
    if len(data) > _LARGEST_BYTES:
        raise AccessDeniedError(f"expected a secret of at most {_LARGEST_BYTES} bytes, got more")
    return data


def _from_keyring(name: str) -> str:
    """Return a password of the system's keyring; `service/user`, or a user of this program's own service."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as error:
        raise AccessDeniedError(
            "expected the package keyring, which reads the system's keyring, got none", hint="pip install keyring"
        ) from error
    service, _, user = name.rpartition("/")
    try:
        return keyring.get_password(service or _KEYRING_SERVICE, user) or ""
    except Exception as error:  # noqa: BLE001 - each keyring has errors of its own, with no parent in common
        raise AccessDeniedError(f"expected a secret from the keyring, got its {type(error).__name__}") from None


def _output(words: tuple[str, ...]) -> bytes:
    """Return what a command writes to standard output; what it says beside that may hold the secret and is dropped."""
    try:
        process = subprocess.Popen(  # noqa: S603 - only from a scenario that nobody else can write
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "words that no command can have"
        raise AccessDeniedError(f"can't run the command that gives a secret: {said.lower()}") from error
    with process:
        try:
            data = _read_until(process, time.monotonic() + _COMMAND_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    if code:
        raise AccessDeniedError(f"expected a secret from a command, got its exit code {code}")
    return _bounded(data)


def _read_until(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """Read to the end, or to one byte more than a secret may have, and let the process end."""
    if process.stdout is None:
        raise AssertionError
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while len(data) <= _LARGEST_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                break
            part = os.read(process.stdout.fileno(), _LARGEST_BYTES)
            if not part:
                break
            data += part
    try:
        process.wait(max(0.0, deadline - time.monotonic()) if len(data) <= _LARGEST_BYTES else 0)
    except subprocess.TimeoutExpired:
        if len(data) <= _LARGEST_BYTES:
            raise AccessDeniedError(
                f"expected a secret from a command within {_COMMAND_SECONDS:.0f} s, got none"
            ) from None
    return data
