"""A scenario's table → a reference to a secret: where the secret is, never the secret itself.

What is read here may be a secret that somebody put in the wrong place. So no message repeats a value, and neither
`repr` nor `str` of a reference shows more than its kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from verifier.errors import ScenarioError

_TEXT_KINDS: Final[dict[str, tuple[str, re.Pattern[str]]]] = {
    "env": ("the name of an environment variable", re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")),
    "file": ("the path of a file", re.compile(r"[^\x00-\x1f\x7f]{1,4096}\Z")),
    "credential": ("the name of a systemd credential", re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}\Z")),
    "keyring": ("the name of an entry in the keyring", re.compile(r"[^\x00-\x1f\x7f]{1,255}\Z")),
}
KINDS: Final = (*_TEXT_KINDS, "command")
"""Where a secret may be: an environment variable, a file, a systemd credential, the keyring, a command's output."""

EXPECTED: Final = "a reference to a secret, one of " + ", ".join(f"{{ {kind} = … }}" for kind in KINDS)


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
