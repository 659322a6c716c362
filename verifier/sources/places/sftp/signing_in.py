"""A connection whose server is known → one that is signed in: by key, by agent, or by password."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import paramiko

from verifier import relpath, secret
from verifier.errors import AccessDeniedError
from verifier.sources.places.sftp.settings import Settings
from verifier.sources.places.sftp.way import Way

_DEFAULT_IDENTITIES: Final = ("id_ed25519", "id_ecdsa", "id_rsa")


def sign_in(connection: paramiko.Transport, way: Way, settings: Settings) -> None:
    """Sign in as the user of the way: by the stated key alone, or by the agent's and the usual ones; then by password.

    Raises:
        AccessDeniedError: the server refuses all that we have, or a key or secret can't be read.
    """
    user = way.user
    try:
        if settings.identity is not None or settings.password is None:
            for key in _keys(way, settings):
                with contextlib.suppress(paramiko.AuthenticationException):
                    connection.auth_publickey(user, key)
                    if connection.is_authenticated():
                        return
                if not connection.is_active():
                    break
        if settings.password is not None and connection.is_active():
            with contextlib.suppress(paramiko.AuthenticationException):
                connection.auth_password(user, secret.resolve(settings.password))
                if connection.is_authenticated():
                    return
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise AccessDeniedError(f"expected to be let in, got an end while signing in to {way.shown}") from error
    raise AccessDeniedError(
        f"expected to be let in, got refused by the server: {relpath.show(user)}@{way.shown}",
        hint="is the user right, and is the key's public half among the account's authorized_keys?",
    )


def _keys(way: Way, settings: Settings) -> Iterator[paramiko.PKey]:
    if settings.identity is not None:
        yield _key(settings.identity, settings)
        return
    agent = paramiko.Agent()
    try:
        yield from agent.get_keys()
    finally:
        agent.close()
    usual = (Path.home() / ".ssh" / name for name in _DEFAULT_IDENTITIES)
    for path in way.identities or usual:
        if path.is_file():
            # One of several usual keys that can't be read is as good as none: the next may do.
            with contextlib.suppress(AccessDeniedError):
                yield _key(path, settings)


def _key(path: Path, settings: Settings) -> paramiko.PKey:
    shown = relpath.show(str(path))
    passphrase = None if settings.passphrase is None else secret.resolve(settings.passphrase).encode()
    try:
        if os.stat(path).st_mode & 0o077:  # noqa: PTH116 - beside os, one way of speaking
            raise AccessDeniedError(
                f"expected a private key that only its owner may read, got one that others may: {shown}",
                hint="chmod 600 the key's file",
            )
        return paramiko.PKey.from_path(str(path), passphrase)
    except OSError as error:
        raise AccessDeniedError(f"can't read the private key {shown}: {error.strerror}") from error
    except paramiko.PasswordRequiredException as error:
        raise AccessDeniedError(
            f"expected a private key without a passphrase, got one that needs it: {shown}",
            hint="state its passphrase by reference",
        ) from error
    except (paramiko.SSHException, ValueError, TypeError, paramiko.UnknownKeyType) as error:
        # What the error says may hold what it was made of, so it is not repeated.
        raise AccessDeniedError(
            f"expected a private key, got a file or a passphrase that is none for it: {shown}"
        ) from error
