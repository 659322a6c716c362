"""An address, and the keys that somebody states for it → the draft of a copy, checked by the scenario's own table.

A secret is never taken, only where it is: `env:NAME`, `file:PATH`, `credential:NAME`, `keyring:NAME`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from verifier import relpath, secret
from verifier.errors import ScenarioError, UsageError
from verifier.scenario.kinds import ADDRESS, BOOLEAN, PATH, PATHS, SECRET, SLUG
from verifier.scenario.place import join
from verifier.scenario.section import Base, Scalar
from verifier.scenario.table import COPY
from verifier.scenario.writing import CopyDraft, Value
from verifier.sources.interface import Location
from verifier.sources.places import mounts
from verifier.sources.places.sftp.address import parse
from verifier.sources.table import folder_of, kind_of

_KEYS: Final[Mapping[str, Scalar]] = {
    name: key.kind for name, key in COPY.keys.items() if isinstance(key.kind, Scalar) and name not in ("at", "live")
}
_STATED: Final = re.compile(rf",(?=(?:{'|'.join(_KEYS)})=)")
_PINS: Final = ("mount", "marker", "filesystem")
_REMOVABLE: Final = ("/media/", "/run/media/", "/Volumes/")
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG: Final = 64


def parse_copy(text: str, base: Base, taken: Collection[str]) -> CopyDraft:
    """Return the copy that `ADDRESS[,KEY=VALUE]...` states, with a name of its own, and what its address tells.

    Args:
        text: as on the command line; a comma ends the address only where a key follows.
        base: what relative paths start at.
        taken: names that other copies have.

    Raises:
        UsageError: the address or a value can't be used; a value that may be a secret is not repeated.
    """
    address, *stated = _STATED.split(text)
    keys = dict(read_key(part, base) for part in stated)
    if "place" not in keys:
        address = absolute(address, base)
    name = str(keys.pop("name", "")) or propose_name(address, taken)
    if name in taken:
        raise UsageError(f"expected a copy's own name, got that of another copy, {name}")
    return CopyDraft(name=name, at=address, keys={**propose_keys(address), **keys})


def read_key(text: str, base: Base) -> tuple[str, Value]:
    """Return a key and its value from `KEY=VALUE`, as the scenario is to state them.

    Raises:
        UsageError: the value is none of the key's kind.
    """
    name, _, typed = text.partition("=")
    kind = _KEYS[name]
    value: Value = typed
    if kind is BOOLEAN:
        value = {"true": True, "false": False}.get(typed, typed)
    elif kind is SECRET:
        where, _, what = typed.partition(":")
        if where not in secret.KINDS or where == "command" or not what:
            known = ", ".join(f"{each}:…" for each in secret.KINDS if each != "command")
            raise UsageError(f"expected where the secret is as {name}, one of {known}, got something else (not shown)")
        value = {where: _absolute_path(what, base) if where == "file" else what}
    elif kind in (PATH, PATHS):
        value = _absolute_path(typed, base)
    try:
        kind.read(value, base)
    except ScenarioError as error:
        raise UsageError(f"{name}: {error.message}") from error
    return name, value


def location(copy: CopyDraft, base: Base) -> Location:
    """Return where a copy is to be opened, read as its scenario will be."""
    options: dict[str, object] = {}
    for name, value in copy.keys.items():
        group, _, option = COPY.keys[name].goes_to.partition(".")
        if group == "options" or name in _PINS:
            plain = value if isinstance(value, str | bool) else dict(value)
            options[option or name] = _KEYS[name].read(plain, base)
    folder = folder_of(copy.at)
    return Location(address=copy.at if folder is None else str(base.resolve(copy.at)), options=options)


def absolute(address: str, base: Base) -> str:
    """Return an address as a scenario anywhere can state it: a folder's absolute, or from `~` on.

    Raises:
        UsageError: no copy can be there.
    """
    try:
        ADDRESS.read(address, base)
    except ScenarioError as error:
        raise UsageError(error.message) from error
    return address if kind_of(address) in ("sftp", "b2") else _absolute_path(address, base)


def below(address: str, folder: bytes, base: Base) -> str:
    """Return the address of a folder that a copy listed.

    Raises:
        UsageError: its name is none that an address can hold.
    """
    try:
        name = folder.decode()
        return absolute(join(address, name.replace("%", "%25") if kind_of(address) == "sftp" else name), base)
    except (UnicodeDecodeError, ScenarioError) as error:
        raise UsageError(f"expected a folder of plain names in UTF-8, got {relpath.show(folder)}") from error


def _absolute_path(path: str, base: Base) -> str:
    try:
        return path if path.startswith("~") else str(base.resolve(path))
    except ScenarioError as error:
        raise UsageError(error.message) from error


def propose_name(address: str, taken: Collection[str]) -> str:
    """Return what a copy at an address may be called: by its server, or its folder; not what others are."""
    kind = kind_of(address)
    if kind == "sftp":
        first = slug(parse(address).host.partition(".")[0]) or "nas"
    else:
        first = "b2" if kind == "b2" else slug(address.rstrip("/").rpartition("/")[2]) or "copy"
    name, number = first, 1
    while name in taken:
        number += 1
        name = f"{first[: _LONGEST_SLUG - 8]}-{number}"
    return name


def slug(text: str) -> str:
    """Return what of a name may stand in a slug, lower-case and without accents; empty where nothing may."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")[:_LONGEST_SLUG].rstrip("-")


def propose_keys(address: str) -> dict[str, Value]:
    """Return medium and site as far as an address tells them, and nothing where it doesn't."""
    kind = kind_of(address)
    if kind == "b2":
        return {"medium": "cloud", "site": "offsite"}
    if kind == "sftp":
        return {"medium": "nas", "site": "home" if _is_near(parse(address).host) else "offsite"}
    folder = Path(address).expanduser()
    if mounts.mount_of(folder).is_network:
        return {"medium": "nas", "site": "home"}
    return {"medium": "usb"} if str(folder).startswith(_REMOVABLE) else {}


def _is_near(host: str) -> bool:
    """Tell whether a server is one of this house: by a name that has no place in the world, or a private address."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_private
    except ValueError:
        return "." not in host or host.lower().endswith((".lan", ".local", ".home", ".internal", ".home.arpa"))


def check_slug(text: str) -> None:
    """Refuse what is no slug.

    Raises:
        UsageError: it is none.
    """
    try:
        SLUG.read(text, Base(folder=Path("/")))
    except ScenarioError as error:
        raise UsageError(error.message) from error


def check_differs(address: str, others: Collection[str]) -> None:
    """Refuse an address that another copy, or the data itself, has.

    Raises:
        UsageError: says so.
    """
    if any(_same(address, other) for other in others):
        raise UsageError(f"expected a place of its own for each copy, got {relpath.show(address)} again")


def _same(one: str, other: str) -> bool:
    if one == other:
        return True
    if kind_of(one) in ("sftp", "b2") or kind_of(other) in ("sftp", "b2"):
        return False
    return os.path.realpath(os.path.expanduser(one)) == os.path.realpath(os.path.expanduser(other))  # noqa: PTH111 - `~nobody` is no error here
