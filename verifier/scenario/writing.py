"""A draft of a scenario → commented TOML: the scenario's own file, and what scenarios share.

What stands in a draft was typed by somebody, or listed by a server: it gets into values alone, written so that no text
can end its value, and never into comments. TOML's own writers keep no comments of ours, and what is written here are
texts, booleans and references alone; whatever comes of it is read back by the checker before it is written to disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from verifier.errors import ScenarioError
from verifier.scenario.place import join

SCENARIO_SCHEMA: Final = "scenario.schema.json"
SHARED_SCHEMA: Final = "verifier.schema.json"

Value = str | bool | Mapping[str, str]
"""What a key may be given: a text, a boolean, or a reference to a secret, as `{"env": "NAME"}`."""

_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f]')
_SERVER: Final = re.compile(
    r"(?P<server>sftp://[^/]+/(?:~(?=/|\Z))?|b2://[^/]+)(?P<below>.*)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDraft:
    """A copy as its owner describes it: name, address, and any other keys by their names."""

    name: str
    at: str
    keys: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDraft:
    """What copies of one server share."""

    name: str
    keys: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A scenario as its owner describes it. `data` is the address of the original."""

    name: str
    data: str
    copies: tuple[CopyDraft, ...]
    manifest: str
    """The path of the generations' folder, of slugs alone, from the scenario's folder."""


def share(draft: Draft) -> tuple[Draft, tuple[PlaceDraft, ...]]:
    """Return a draft whose copies on servers name places, and these places, each with all that a server needs.

    Copies that need the same of one server have one place. One that names a place already stays as it is.
    """
    places: dict[tuple[str, str], PlaceDraft] = {}
    copies = []
    for copy in draft.copies:
        match = _SERVER.fullmatch(copy.at)
        if match is None or "place" in copy.keys:
            copies.append(copy)
            continue
        server, below = match["server"], match["below"].strip("/")
        if below and not _joins(server, below):
            server, below = copy.at, ""
        known = (server, repr(sorted(copy.keys.items(), key=lambda item: item[0])))
        place = places.setdefault(known, PlaceDraft(name=copy.name, keys={"at": server, **copy.keys}))
        copies.append(CopyDraft(name=copy.name, at=below, keys={"place": place.name}))
    return Draft(name=draft.name, data=draft.data, copies=tuple(copies), manifest=draft.manifest), tuple(
        places.values()
    )


def _joins(server: str, below: str) -> bool:
    try:
        join(server, below)
    except ScenarioError:
        return False
    return True


def write_scenario(draft: Draft) -> str:
    """Return the file of a scenario, with what its owner is likely to want next in comments.

    Raises:
        ScenarioError: a value is no text that a file can hold.
    """
    lines = [
        f"#:schema ./{SCENARIO_SCHEMA}",
        "# What is known good, where its copies are, and how much of them a drill restores. After a change:",
        "#",
        "#   verifier check --connect     is everything in reach, and what is there to do",
        "#   verifier drill               restore from every copy, and prove it",
        f"#   verifier manifest update scenarios/{draft.manifest}     when the data itself has changed",
        "",
        _stated("name", draft.name),
        _stated("manifest", draft.manifest) + "   # a folder: each copy is held against the newest that is older",
        '# unchanging = ["2015/**"]            # what nobody edits any more: here a newer file is damage, too',
        "",
        "[objectives]",
        '# rpo = "7d"                          # the newest file of a copy is no older than this, else STALE',
        '# rto = "12h"                         # a full restore is projected to take no longer, else SLOW',
        "",
        "[sample]",
        "confidence = 0.95                     # large enough to have found",
        "tolerable = 0.01                      # 1 % bad files, 95 times in 100",
        '# always = ["**/*.kdbx"]              # what is restored in every drill',
        "",
        "# The original: it counts as a copy, and is not drilled.",
        "[[copy]]",
        _stated("name", "original"),
        _stated("at", draft.data),
        _stated("live", value=True),
    ]
    for copy in draft.copies:
        lines += ["", "[[copy]]", _stated("name", copy.name), *_copy_lines(copy)]
    return "\n".join(lines) + "\n"


def _copy_lines(copy: CopyDraft) -> Iterator[str]:
    if "place" in copy.keys:
        yield _stated("place", copy.keys["place"]) + "   # as [place.NAME] in verifier.toml says"
    if copy.at:
        yield _stated("at", copy.at)
    for key, value in copy.keys.items():
        if key != "place":
            yield _stated(key, value)


def write_shared(places: Sequence[PlaceDraft]) -> str:
    """Return `verifier.toml`: the places, and in comments what else scenarios may share.

    Raises:
        ScenarioError: a value is no text that a file can hold.
    """
    lines = [
        f"#:schema ./{SHARED_SCHEMA}",
        "# What all scenarios of this folder share; a scenario's own keys win.",
        "",
        "[scratch]",
        '# path = "/var/tmp/verifier-scratch"  # where restored files lie until they are compared',
        '# bytes = "20GiB"                     # how large that may become',
        "",
        "[report]",
        '# formats = ["html", "markdown"]',
    ]
    if places:
        lines += ["", "# A copy with `place` has these keys where it states none; its `at` is then a path below."]
    for place in places:
        lines += ["", f"[place.{place.name}]", *(_stated(key, value) for key, value in place.keys.items())]
    return "\n".join(lines) + "\n"


def _stated(key: str, value: Value) -> str:
    return f"{key} = {_written(value)}"


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    return "{ " + ", ".join(f"{key} = {quoted(text)}" for key, text in value.items()) + " }"


def quoted(text: str) -> str:
    """Return a text as TOML's basic string, on one line, whatever it holds. Source: TOML 1.0, "String".

    Raises:
        ScenarioError: it is no Unicode text, as a name that was no UTF-8.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ScenarioError("expected text in UTF-8, got other bytes") from error
    escaped = _ESCAPED.sub(lambda match: _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}", text)
    return f'"{escaped}"'
