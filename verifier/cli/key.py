"""`verifier key`: make an SSH key that signs bundles, and show what those need who will check them."""

from __future__ import annotations

import argparse
import os
import socket
from pathlib import Path

from verifier.cli.setting import Setting


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    commands = parser.add_subparsers(dest="key_command", required=True, metavar="create|show")
    create = commands.add_parser("create", help="make a new Ed25519 key, readable by you alone")
    create.add_argument("path", type=Path, metavar="FILE", help="the private key; its public half gets .pub behind")
    show = commands.add_parser("show", help="the line that whoever checks your bundles puts into allowed_signers")
    show.add_argument("path", type=Path, metavar="FILE", help="a private key, or a public one (.pub)")
    for command in (create, show):
        command.add_argument("--name", metavar="WHO", help="who signs, as others will know it (user@machine)")


def run(arguments: argparse.Namespace, setting: Setting) -> int:
    """Make or show a key; return 0.

    Raises:
        SignatureError: there is something there already, or nothing, or no key.
    """
    from verifier import relpath, signing  # noqa: PLC0415 - `--help` loads no cryptography
    from verifier.bundle import NAMESPACE  # noqa: PLC0415 - the same

    path = arguments.path.expanduser()
    shown = relpath.show(os.fsencode(path))
    name = arguments.name or f"{setting.environment.get('USER') or 'verifier'}@{socket.gethostname()}"
    if arguments.key_command == "create":
        line = signing.new_key(path, comment=name)
        setting.terminal.say(f"the private key is {shown}, without a passphrase: keep it where only drills read it")
    else:
        line = signing.public_line(path)
    kind, key = line.split()[:2]
    setting.terminal.say(
        f"fingerprint {signing.fingerprint(line)}; whoever checks puts this line into allowed_signers:"
    )
    setting.terminal.put(f'{_principal(name)} namespaces="{NAMESPACE},restore-manifest" {kind} {key}')
    return 0


def _principal(name: str) -> str:
    """Return a name that one line of allowed_signers can hold as a single principal."""
    return "".join(character if character.isalnum() or character in "@._+-" else "_" for character in name)
