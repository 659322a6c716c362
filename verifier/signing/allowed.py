"""An `allowed_signers` file → whose keys are trusted, for what, and from when to when.

Source: ssh-keygen(1), ALLOWED SIGNERS. Lines of a certificate authority are read and never match: certificates are not
checked here.
"""

from __future__ import annotations

import base64
import fnmatch
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.errors import SignatureError

_LARGEST_BYTES: Final = 1024 * 1024
_WORD: Final = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
_TIME: Final = re.compile(r"([0-9]{8})([0-9]{4}(?:[0-9]{2})?)?(Z)?\Z")
_OPTION: Final = re.compile(r'([a-z-]+)(?:="((?:[^"\\]|\\.)*)")?(?:,|\Z)')
_KEY_KINDS: Final = re.compile(r"(?:ssh-|ecdsa-|sk-)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSigner:
    """One line. `namespaces` empty: all; the times are seconds since 1970, None: without limit."""

    principals: str
    public_key: bytes
    namespaces: tuple[str, ...] = ()
    valid_after: float | None = None
    valid_before: float | None = None
    is_authority: bool = False

    def allows(self, namespace: str, at: datetime) -> bool:
        """Tell whether this line trusts its key for a namespace at a time."""
        if self.is_authority or (self.namespaces and not _matches(self.namespaces, namespace)):
            return False
        moment = at.timestamp()
        return (self.valid_after is None or moment >= self.valid_after) and (
            self.valid_before is None or moment <= self.valid_before
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSigners:
    """All lines of a file, in order; the first that trusts a key speaks."""

    lines: tuple[AllowedSigner, ...]

    def of_key(self, public_key: bytes) -> list[AllowedSigner]:
        """Return the lines that name a key, whether or not they allow what is asked."""
        return [line for line in self.lines if line.public_key == public_key]


def read_allowed_signers(path: Path) -> AllowedSigners:
    """Return what a file says.

    Raises:
        SignatureError: it can't be read, or a line is none; nothing is trusted by half a file.
    """
    shown = relpath.show(os.fsencode(path))
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise SignatureError(f"can't read the allowed signers {shown}: {error.strerror}") from error
    if len(data) > _LARGEST_BYTES:
        raise SignatureError(f"expected allowed signers of at most 1 MiB in {shown}, got more")
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                found.append(_parsed(text))
            except ValueError as error:
                raise SignatureError(f"{shown}:{number}: expected an allowed signer, got {error}") from error
    return AllowedSigners(lines=tuple(found))


def _parsed(text: str) -> AllowedSigner:
    words = _WORD.findall(text)
    if len(words) < 3:  # noqa: PLR2004 - principals, kind, key
        raise ValueError("too few words")
    principals, rest = words[0].strip('"'), words[1:]
    options = "" if _KEY_KINDS.match(rest[0]) else rest.pop(0)
    if len(rest) < 2 or not _KEY_KINDS.match(rest[0]):  # noqa: PLR2004 - kind and key
        raise ValueError("no kind of key that is known")
    try:
        public_key = base64.b64decode(rest[1], validate=True)
    except ValueError:
        raise ValueError("a key that is not base64") from None
    kind = rest[0].encode()
    if public_key[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind:
        raise ValueError("a key that is of another kind than it says")
    stated = _options(options)
    return AllowedSigner(
        principals=principals,
        public_key=public_key,
        namespaces=tuple(stated["namespaces"].split(",")) if stated.get("namespaces") else (),
        valid_after=_seconds(stated.get("valid-after")),
        valid_before=_seconds(stated.get("valid-before")),
        is_authority="cert-authority" in stated,
    )


def _options(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _OPTION.match(text, position)
        if match is None or match[1] not in ("cert-authority", "namespaces", "valid-after", "valid-before"):
            # An option that is not understood may be a restriction: the line can't be followed without it.
            raise ValueError(f"an option that is not known: {relpath.show(text[position : position + 40])}")
        if match[1] in found:
            raise ValueError(f"{match[1]} twice")
        found[match[1]] = match[2] or ""
        position = match.end()
    return found


def _seconds(text: str | None) -> float | None:
    """Return a time as ssh-keygen states it: in UTC with a Z behind, else in this machine's own zone."""
    if text is None:
        return None
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"a time that is none: {relpath.show(text[:40])}")
    digits = match[1] + (match[2] or "0000").ljust(6, "0")
    moment = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone is told apart below
    return (moment.replace(tzinfo=UTC) if match[3] else moment.astimezone()).timestamp()


def _matches(patterns: Iterable[str], name: str) -> bool:
    """Tell whether patterns mean a name; one that begins with `!` takes it back (ssh_config(5), PATTERNS)."""
    meant = False
    for pattern in patterns:
        text = pattern.strip()
        if text.startswith("!") and fnmatch.fnmatchcase(name, text[1:]):
            return False
        meant = meant or fnmatch.fnmatchcase(name, text)
    return meant
