"""Flags, and the answers of whoever sits at the terminal → what is to be set up.

What a flag states is not asked. With --yes, what can be proposed is taken as proposed. Without a terminal, what is
neither stated nor proposed is told, all at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.cli.init import copies
from verifier.cli.init.asking import Person, somebody
from verifier.cli.init.glimpse import Glimpse, glimpse
from verifier.cli.setting import Setting
from verifier.errors import SourceError, UsageError
from verifier.scenario.file import SHARED_NAME
from verifier.scenario.section import Base
from verifier.scenario.writing import CopyDraft, Draft
from verifier.sources.table import kind_of

_ORIGINAL: Final = "original"
_ASKED: Final = {
    "sftp": (
        ("identity", "the private key to sign in by (empty: what ssh finds by itself)", None),
        ("known_hosts", "the file with the server's key (empty: ~/.ssh/known_hosts)", None),
    ),
    "b2": (
        ("key_id", "where the key's id is: env:NAME, file:PATH or keyring:NAME", "env:B2_APPLICATION_KEY_ID"),
        ("key", "where the key itself is", "env:B2_APPLICATION_KEY"),
    ),
}
"""What a place needs beside its address: key, question, proposal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is to be set up. `data` is the folder of the original; `home` what `~` means."""

    draft: Draft
    data: Path
    wants_manifest: bool
    home: Path | None


def answer(arguments: argparse.Namespace, setting: Setting) -> Answers:
    """Return what is to be set up, from flags and from whoever can be asked.

    Raises:
        UsageError: a flag's value can't be used, or a flag is missing and nobody can be asked.
        SourceError: with --connect, a copy can't be reached and nobody can be asked whether to keep it.
    """
    person = somebody(setting.terminal)
    if person is None:
        _tell_missing(arguments)
    return _Interview(arguments, setting, person).answers()


def _tell_missing(arguments: argparse.Namespace) -> None:
    missing = [flag for flag, given in (("--data", arguments.data), ("--copy", arguments.copy)) if not given]
    if not arguments.yes:
        missing += ["--name"] if arguments.name is None else []
        missing += ["--manifest or --no-manifest"] if arguments.manifest is None else []
    if missing:
        hint = None if arguments.yes else "--yes takes what would be proposed as name, and makes the manifest"
        raise UsageError(f"expected {', '.join(missing)}, for there is no terminal to ask at, got nothing", hint=hint)


class _Interview:
    def __init__(self, arguments: argparse.Namespace, setting: Setting, person: Person | None) -> None:
        home = setting.environment.get("HOME")
        self._arguments = arguments
        self._terminal = setting.terminal
        self._environment = setting.environment
        self._person = person
        self._base = Base(folder=Path.cwd(), home=Path(home) if home else None)

    def answers(self) -> Answers:
        """Ask from the data to the manifest."""
        address, data = self._data()
        name = self._name(data)
        found: list[CopyDraft] = []
        for text in self._arguments.copy:
            found.append(self._stated_copy(text, found, address, data))
        while self._person is not None and not self._arguments.copy:
            copy = self._asked_copy(self._person, found, address, data)
            if copy is None:
                break
            found.append(copy)
        wants = self._arguments.manifest
        if wants is None:
            question = "Write down now what is known good? All of the data is read"
            wants = self._person is None or self._arguments.yes or self._person.agree(question)
        draft = Draft(name=name, data=address, copies=tuple(found), manifest=f"manifests/{name}")
        return Answers(draft=draft, data=data, wants_manifest=wants, home=self._base.home)

    def _data(self) -> tuple[str, Path]:
        stated = self._arguments.data
        if stated is None and self._person is not None:
            stated = self._person.ask(
                "Which folder holds the data that must survive?", lambda text: _ignore(self._folder(text))
            )
        return self._folder(stated or "")

    def _folder(self, text: str) -> tuple[str, Path]:
        address = copies.absolute(text, self._base)
        folder = Path(str(self._base.resolve(text)))
        if kind_of(text) in ("sftp", "b2") or not folder.is_dir():
            raise UsageError(f"expected a folder of data, got none at {relpath.show(text)}")
        return address, folder

    def _name(self, data: Path) -> str:
        def check(text: str) -> None:
            copies.check_slug(text)
            if f"{text}.toml" == SHARED_NAME:
                raise UsageError(f"expected another name than {text}, which the shared file has, got it")

        proposal = copies.slug(data.name) or "data"
        name: str | None = self._arguments.name
        if name is None:
            name = proposal
            if self._person is not None and not self._arguments.yes:
                return self._person.ask("What is it called?", check, proposal=proposal)
        check(name)
        return name

    def _stated_copy(self, text: str, found: Collection[CopyDraft], address: str, data: Path) -> CopyDraft:
        copy = copies.parse_copy(text, self._base, _names(found))
        copies.check_differs(copy.at, [address, *(other.at for other in found if "place" not in other.keys)])
        copy = self._with_realm(copy)
        return copy if "place" in copy.keys else self._looked_at(copy, data)

    def _asked_copy(self, person: Person, found: Collection[CopyDraft], address: str, data: Path) -> CopyDraft | None:
        def check(text: str) -> None:
            if text or not found:
                absolute = copies.absolute(text, self._base)
                copies.check_differs(absolute, [address, *(other.at for other in found)])

        which = "another copy (empty: there is none)" if found else "a copy of it"
        text = person.ask(f"Where is {which}? A folder, sftp://user@host/path or b2://bucket/prefix", check)
        if not text:
            return None
        at = copies.absolute(text, self._base)
        proposed = copies.propose_keys(at)
        copy = self._with_realm(CopyDraft(name=copies.propose_name(at, _names(found)), at=at, keys=proposed))
        for key, question, proposal in _ASKED.get(kind_of(at) or "", ()):
            copy = self._asked_key(person, copy, key, question, proposal)
        try:
            copy = self._looked_at(copy, data)
        except SourceError as error:
            self._terminal.warn(error.message + (f" (hint: {error.hint})" if error.hint else ""))
            if not person.agree("Keep it all the same?", proposal=False):
                return self._asked_copy(person, found, address, data)

        def own_name(name: str) -> None:
            copies.check_slug(name)
            if name in _names(found):
                raise UsageError(f"expected a copy's own name, got that of another copy, {name}")

        copy = replace(copy, name=person.ask("What is this copy called?", own_name, proposal=copy.name))
        for key, what in (("medium", "ssd, hdd, nas, usb, cloud, …"), ("site", "home, office, offsite, …")):
            stated = proposed.get(key)
            proposal = stated if isinstance(stated, str) else None
            copy = self._asked_key(person, copy, key, f"Its {key}: {what} (empty: not stated)", proposal)
        return copy

    def _asked_key(self, person: Person, copy: CopyDraft, key: str, question: str, proposal: str | None) -> CopyDraft:
        def check(text: str) -> None:
            if text:
                copies.read_key(f"{key}={text}", self._base)

        text = person.ask(question, check, proposal=proposal)
        return (
            replace(copy, keys={**copy.keys, **dict([copies.read_key(f"{key}={text}", self._base)])}) if text else copy
        )

    def _with_realm(self, copy: CopyDraft) -> CopyDraft:
        """Take over where B2 is spoken to from the environment, as `prove` does."""
        realm = self._environment.get("B2_REALM")
        if kind_of(copy.at) != "b2" or not realm or "realm" in copy.keys:
            return copy
        return replace(copy, keys={**copy.keys, **dict([copies.read_key(f"realm={realm}", self._base)])})

    def _looked_at(self, copy: CopyDraft, data: Path) -> CopyDraft:
        """With --connect, say what lies there, and take the folder that looks like the data if that is wanted.

        Raises:
            SourceError: it can't be reached.
        """
        if not self._arguments.connect:
            return copy
        self._terminal.say(f"opening {relpath.show(copy.at)}")
        seen = glimpse(copies.location(copy, self._base), data)
        for line in seen.lines():
            self._terminal.say(f"  {line}")
        return copy if not seen.folder else self._narrowed(copy, seen)

    def _narrowed(self, copy: CopyDraft, seen: Glimpse) -> CopyDraft:
        """Offer the folder that looks like the data in place of the whole address."""
        shown = relpath.show(seen.folder)
        self._terminal.say(f"  {shown} looks like the data")
        try:
            at = copies.below(copy.at, seen.folder, self._base)
        except UsageError as error:
            self._terminal.say(f"  which an address can't name: {error.message}")
            return copy
        if not self._arguments.yes and (
            self._person is None or not self._person.agree(f"Take {shown} in it as the copy?")
        ):
            return copy
        self._terminal.say(f"  taken: {relpath.show(at)}")
        return replace(copy, at=at)


def _names(found: Collection[CopyDraft]) -> set[str]:
    return {_ORIGINAL, *(copy.name for copy in found)}


def _ignore(_value: object) -> None:
    """Check only whether it can be had."""
