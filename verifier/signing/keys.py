"""Where an SSH key is → what signs by it: a private key's file, or the agent that holds it.

A file that ends in `.pub` names a key in the agent. So does a private key that is locked by a passphrase which nobody
stated, if the agent has it. RSA signs by `rsa-sha2-512`: the agent's default for it is SHA-1, which nobody accepts.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from verifier import relpath
from verifier.errors import SignatureError
from verifier.secret import SecretReference, resolve
from verifier.signing.envelope import HASH, Envelope, armored, block_to_sign, hash_of

AGENT_SECONDS: Final = 30.0
"""How long an agent may take, whose key perhaps asks for a touch or a confirmation."""

_RSA_ALGORITHM: Final = "rsa-sha2-512"
_PUBLIC_SUFFIX: Final = ".pub"
_PRIVATE_MODE: Final = 0o600


class Signer:
    """A key that signs.

    Args:
        public_key: the key as SSH writes it on the wire.
        sign: returns the signature, as SSH writes it on the wire, of the bytes that it is given.
        close: lets go of the agent.
    """

    def __init__(self, public_key: bytes, sign: Callable[[bytes], bytes], close: Callable[[], None]) -> None:
        self.public_key = public_key
        self._sign = sign
        self._close = close

    @property
    def public_line(self) -> str:
        """The key as a line of an `authorized_keys` or `allowed_signers` file has it: its kind and base64."""
        return f"{key_kind(self.public_key)} {base64.b64encode(self.public_key).decode()}"

    @property
    def kind(self) -> str:
        """What the key is, as `ssh-ed25519`."""
        return key_kind(self.public_key)

    @property
    def fingerprint(self) -> str:
        """The fingerprint as `ssh-keygen -l` prints it."""
        return fingerprint_of(self.public_key)

    def sign(self, message: bytes, *, namespace: str) -> bytes:
        """Return an armored signature of a message, which `ssh-keygen -Y verify -n NAMESPACE` checks.

        Raises:
            SignatureError: the key could not sign.
        """
        block = block_to_sign(hash_of(message), namespace=namespace)
        signature = self.sign_raw(block)
        return armored(Envelope(public_key=self.public_key, namespace=namespace, hash_name=HASH, signature=signature))

    def sign_raw(self, data: bytes) -> bytes:
        """Return the signature of the bytes themselves, as SSH writes it on the wire.

        Raises:
            SignatureError: the key could not sign.
        """
        return self._sign(data)

    def close(self) -> None:
        """Let go of the agent; doing so twice is fine."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def key_kind(public_key: bytes) -> str:
    """Return what a key's blob says it is, as `ssh-ed25519`."""
    length = int.from_bytes(public_key[:4], "big")
    return public_key[4 : 4 + length].decode("ascii", "replace")


def fingerprint_of(public_key: bytes) -> str:
    """Return a key's fingerprint as `ssh-keygen -l` prints it."""
    digest = base64.b64encode(hashlib.sha256(public_key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def open_signer(path: Path, *, passphrase: SecretReference | None = None) -> Signer:
    """Return what signs by the key at `path`.

    Args:
        path: a private key, or a public one (`.pub`) whose private half the agent holds.
        passphrase: where that of a locked private key is.

    Raises:
        SignatureError: there is no such key, it can't be unlocked, or the agent doesn't hold it.
        AccessDeniedError: the passphrase could not be had.
    """
    if path.name.endswith(_PUBLIC_SUFFIX):
        return _from_agent(_public_blob(path), path)
    try:
        private = paramiko.PKey.from_path(path, None if passphrase is None else resolve(passphrase).encode())
    except (paramiko.PasswordRequiredException, TypeError) as error:
        # `cryptography` says by a TypeError that a passphrase is missing.
        return _locked(path, error)
    except OSError as error:
        raise SignatureError(f"can't read the key {_shown(path)}: {error.strerror}") from error
    except (ValueError, paramiko.SSHException) as error:
        message = f"expected a private SSH key at {_shown(path)}, got none that can be read"
        raise SignatureError(message, hint=None if passphrase is None else "is the passphrase right?") from error
    algorithm = _RSA_ALGORITHM if private.get_name() == "ssh-rsa" else None
    return Signer(private.asbytes(), lambda data: bytes(private.sign_ssh_data(data, algorithm).asbytes()), lambda: None)


def _locked(path: Path, error: Exception) -> Signer:
    """Return the agent's half of a private key that needs a passphrase, if it has it."""
    public = path.with_name(path.name + _PUBLIC_SUFFIX)
    hint = "state its passphrase by reference, or add the key to the agent: ssh-add"
    try:
        return _from_agent(_public_blob(public), path)
    except SignatureError:
        message = f"expected a passphrase for the key {_shown(path)}, got none, and the agent does not hold it"
        raise SignatureError(message, hint=hint) from error


def public_line(path: Path) -> str:
    """Return the public half of a key, kind and base64, from its `.pub`, or from the private key where that is open.

    Raises:
        SignatureError: there is no such key.
    """
    beside = path if path.name.endswith(_PUBLIC_SUFFIX) else path.with_name(path.name + _PUBLIC_SUFFIX)
    if beside.exists():
        blob = _public_blob(beside)
        return f"{key_kind(blob)} {base64.b64encode(blob).decode()}"
    with open_signer(path) as signer:
        return signer.public_line


def fingerprint(line: str) -> str:
    """Return the fingerprint of a key of which the line of its public half is given."""
    return fingerprint_of(base64.b64decode(line.split()[1]))


def _public_blob(path: Path) -> bytes:
    try:
        words = path.read_text("utf-8").split()
        return base64.b64decode(words[1], validate=True)
    except OSError as error:
        raise SignatureError(f"can't read the key {_shown(path)}: {error.strerror}") from error
    except (IndexError, ValueError) as error:
        raise SignatureError(f"expected a public SSH key at {_shown(path)}, got something else") from error


def _from_agent(public_key: bytes, path: Path) -> Signer:
    agent = paramiko.Agent()
    key = next((key for key in agent.get_keys() if key.asbytes() == public_key), None)
    if key is None:
        agent.close()
        raise SignatureError(
            f"expected the agent to hold the key {_shown(path)}, got an agent without it", hint="ssh-add the key"
        )
    algorithm = _RSA_ALGORITHM if key.get_name() == "ssh-rsa" else None

    def sign(data: bytes) -> bytes:
        return _in_time(lambda: bytes(key.sign_ssh_data(data, algorithm)))

    return Signer(public_key, sign, agent.close)


def _in_time(ask: Callable[[], bytes]) -> bytes:
    """Return what an agent answers, which may wait for somebody to touch a key, within the limit."""
    answers: list[bytes] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except (OSError, paramiko.SSHException) as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="ask the agent", daemon=True)
    thread.start()
    thread.join(AGENT_SECONDS)
    if answers:
        return answers[0]
    if errors:
        raise SignatureError(
            "expected a signature from the agent, got a refusal", hint="was the question for confirmation declined?"
        ) from errors[0]
    raise SignatureError(
        f"expected a signature from the agent within {AGENT_SECONDS:.0f} s, got none",
        hint="the key wants a touch or a confirmation: a drill at night needs a key without",
    )


def new_key(path: Path, *, comment: str) -> str:
    """Make a new Ed25519 key at `path`, readable by its owner alone, and its public half beside it; return that line.

    Raises:
        SignatureError: something is there already, or it can't be written.
    """
    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} {comment}"
    beside = path.with_name(path.name + _PUBLIC_SUFFIX)
    made: list[Path] = []
    try:
        for place, data in ((path, private), (beside, f"{line}\n".encode())):
            with _new_file(place) as file:
                made.append(place)
                file.write(data)
    except OSError as error:
        for place in made:
            place.unlink(missing_ok=True)
        raise SignatureError(f"can't write the key {_shown(path)}: {error.strerror}") from error
    return line


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[Any]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_MODE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - of an open descriptor
        yield file
        file.flush()
        os.fsync(descriptor)


def _shown(path: Path) -> str:
    return relpath.show(os.fsencode(path))
