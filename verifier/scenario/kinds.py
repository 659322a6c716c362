"""The kinds of value that a scenario knows: slugs, durations, sizes, shares, paths, addresses, patterns, secrets."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from verifier import relpath, secret
from verifier.errors import ScenarioError, UnsafePathError, UsageError
from verifier.patterns import Patterns
from verifier.scenario.section import Base, Scalar, shown
from verifier.sources.table import address_problem, folder_of

_LARGEST_COUNT: Final = 2**53
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PASSWORD: Final = re.compile(r"[^/@]*://[^/@]*:[^/]*@")


def matching(expected: str, pattern: str, **schema: object) -> Scalar:
    """Return the kind of text that matches a pattern as a whole."""
    compiled = re.compile(pattern)

    def read(value: object, _base: Base) -> object:
        """Return the text as it is where it matches."""
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        raise ScenarioError(f"expected {expected}, got {shown(value)}")

    return Scalar(expected=expected, schema={"type": "string", "pattern": f"^(?:{pattern})$", **schema}, read=read)


def one_of(*choices: str) -> Scalar:
    """Return the kind of text that is one of a few words."""
    expected = "one of " + ", ".join(choices)

    def read(value: object, _base: Base) -> object:
        """Return the word where it is one of them."""
        if isinstance(value, str) and value in choices:
            return value
        raise ScenarioError(f"expected {expected}, got {shown(value)}")

    return Scalar(expected=expected, schema={"enum": list(choices)}, read=read)


_HOLDS: Final = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
}


def number(expected: str, **limits: float) -> Scalar:
    """Return the kind of number within limits, which are named as in JSON Schema."""

    def read(value: object, _base: Base) -> object:
        """Return the number where it is within the limits."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ScenarioError(f"expected {expected}, got {shown(value)}")
        # "Not a number" (nan) is within no limit.
        if not all(_HOLDS[name](value, limit) for name, limit in limits.items()):
            raise ScenarioError(f"expected {expected}, got {shown(value)}")
        return float(value)

    return Scalar(expected=expected, schema={"type": "number", **limits}, read=read)


def _read_boolean(value: object, _base: Base) -> object:
    if isinstance(value, bool):
        return value
    raise ScenarioError(f"expected true or false, got {shown(value)}")


BOOLEAN: Final = Scalar(expected="true or false", schema={"type": "boolean"}, read=_read_boolean)


def _read_count(value: object, _base: Base) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST_COUNT:
        return value
    raise ScenarioError(f"expected a whole number of at least 1, got {shown(value)}")


COUNT: Final = Scalar(
    expected="a whole number of at least 1",
    schema={"type": "integer", "minimum": 1, "maximum": _LARGEST_COUNT},
    read=_read_count,
)


_LARGEST_PORT: Final = 65_535


def _read_port(value: object, _base: Base) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST_PORT:
        return value
    raise ScenarioError(f"expected a port from 1 to {_LARGEST_PORT}, got {shown(value)}")


PORT: Final = Scalar(
    expected=f"a port from 1 to {_LARGEST_PORT}",
    schema={"type": "integer", "minimum": 1, "maximum": _LARGEST_PORT},
    read=_read_port,
)


def _measure(expected: str, pattern: str, units: Mapping[str, int], most: int) -> Scalar:
    """Return the kind of text that is an amount and a unit, read as a whole number of the smallest unit."""
    compiled = re.compile(pattern)

    def read(value: object, _base: Base) -> object:
        """Return the amount in the smallest unit."""
        match = compiled.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ScenarioError(f"expected {expected}, got {shown(value)}")
        amount = round(float(match[1]) * units[match[2]]) if "." in match[1] else int(match[1]) * units[match[2]]
        if not 1 <= amount <= most:
            raise ScenarioError(f"expected {expected}, neither zero nor beyond measure, got {shown(value)}")
        return amount

    return Scalar(expected=expected, schema={"type": "string", "pattern": f"^(?:{pattern})$"}, read=read)


_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
DURATION: Final = _measure(
    'a duration as "30m", "24h", "90d" or "2w"', r"([0-9]{1,10}) ?([smhdw])", _SECONDS, 36_525 * 86_400
)
_BYTES: Final = {"B": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kMGT", 1)
    for suffix, base in (("B", 1000), ("iB", 1024))
}
_BYTES["KB"], _BYTES["KiB"] = 1000, _BYTES.pop("kiB")
SIZE: Final = _measure(
    'a size as "20GiB", "500MB" or "10 KiB"',
    r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(" + "|".join(_BYTES) + ")",
    _BYTES,
    _LARGEST_COUNT,
)

RATE: Final = _measure(
    'a rate as "10MiB/s" or "500KB/s"',
    r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(" + "|".join(_BYTES) + ")/s",
    _BYTES,
    _LARGEST_COUNT,
)

SLUG: Final = matching("a slug of lower-case letters, digits and hyphens, at most 64", r"[a-z0-9][a-z0-9-]{0,63}")


def _read_path(value: object, base: Base) -> object:
    if not isinstance(value, str):
        raise ScenarioError(f"expected a path, got {shown(value)}")
    return base.resolve(value)


PATH: Final = Scalar(expected="a path", schema={"type": "string", "minLength": 1}, read=_read_path)


def _read_paths(value: object, base: Base) -> object:
    if not isinstance(value, list):
        return (_read_path(value, base),)
    if not value:
        raise ScenarioError("expected a path, or a list of paths, got an empty list")
    return tuple(_read_path(path, base) for path in value)


PATHS: Final = Scalar(
    expected="a path, or a list of paths",
    schema={"type": ["string", "array"], "minLength": 1, "minItems": 1, "items": {"type": "string", "minLength": 1}},
    read=_read_paths,
)


MANIFEST: Final = replace(PATH, expected="the path of a manifest's file, or of a folder of them")


def _read_path_inside(value: object, _base: Base) -> object:
    if not isinstance(value, str):
        raise ScenarioError(f"expected a path inside the copy, got {shown(value)}")
    try:
        relpath.check(value.encode())
    except UnsafePathError as error:
        raise ScenarioError(error.message) from error
    return value


PATH_INSIDE: Final = Scalar(
    expected="a path inside the copy", schema={"type": "string", "minLength": 1}, read=_read_path_inside
)


def _read_address(value: object, base: Base) -> object:
    if not isinstance(value, str):
        raise ScenarioError(f"expected an address, got {shown(value)}")
    if _PASSWORD.match(value):
        raise ScenarioError("expected an address without a password, got one with a password (not shown)")
    problem = address_problem(value)
    if problem is not None:
        raise ScenarioError(problem)
    # Our own `~` first: a folder's address is the same whoever reads the scenario.
    address = str(base.resolve(value)) if value.startswith("~") else value
    return address if folder_of(address) is None else str(base.resolve(address))


ADDRESS: Final = Scalar(expected="an address", schema={"type": "string", "minLength": 1}, read=_read_address)


def _read_pattern(value: object, _base: Base) -> object:
    if not isinstance(value, str) or not value.strip() or _CONTROL.search(value):
        raise ScenarioError(f"expected a pattern as in .gitignore, got {shown(value)}")
    try:
        Patterns([value])
    except UsageError as error:
        raise ScenarioError(f"expected a pattern as in .gitignore, got {shown(value)}") from error
    return value


PATTERN: Final = Scalar(
    expected="a pattern as in .gitignore", schema={"type": "string", "minLength": 1}, read=_read_pattern
)


def _read_secret(value: object, base: Base) -> object:
    return secret.parse(value, resolve=lambda text: str(base.resolve(text)))


SECRET: Final = Scalar(
    expected=secret.EXPECTED,
    schema={
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    kind: {"type": "array", "items": {"type": "string"}} if kind == "command" else {"type": "string"}
                },
                "required": [kind],
                "additionalProperties": False,
            }
            for kind in secret.KINDS
        ]
    },
    read=_read_secret,
)
