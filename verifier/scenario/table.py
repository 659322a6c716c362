"""The one table of all that a scenario may state: each key, its kind, where it goes, what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from verifier.digest import HEX_LENGTH
from verifier.scenario.delivery_table import DELIVERY
from verifier.scenario.kinds import (
    ADDRESS,
    BOOLEAN,
    COUNT,
    DURATION,
    MANIFEST,
    PATH,
    PATH_INSIDE,
    PATHS,
    PATTERN,
    RATE,
    SECRET,
    SIZE,
    SLUG,
    matching,
    number,
    one_of,
)
from verifier.scenario.names import KEYS as NAMES
from verifier.scenario.names import names_fit_together
from verifier.scenario.scenario import Budget, Copy, Objectives, Sample
from verifier.scenario.schedule_table import SCHEDULE
from verifier.scenario.section import Key, ListOf, Section, TablesOf, shown
from verifier.sources.places.sftp.address import FINGERPRINT
from verifier.sources.table import folder_of, kind_of

_Problems = Iterator[tuple[tuple[str | int, ...], str]]

_PATTERNS: Final = ListOf(item=PATTERN, expected="a list of patterns")
_SHARE: Final = number("a share from 0 to 1", minimum=0, maximum=1)
_PROPER_SHARE: Final = number("a share between 0 and 1", exclusiveMinimum=0, exclusiveMaximum=1)


_WAYS_TO_SAMPLE: Final = {"full": "full", "files": "files", "percent": "percent", "bytes": "size_bytes"}


def _one_way_to_sample(values: Mapping[str, Any]) -> _Problems:
    stated = [key for key, field in _WAYS_TO_SAMPLE.items() if values.get(field)]
    for key in stated[1:]:
        yield (key,), f"expected one of {stated[0]} and {key}, got both"


def _copies_differ(values: Mapping[str, Any]) -> _Problems:
    for key in ("name", "at"):
        seen = set()
        for index, copy in enumerate(values.get("copies", ())):
            value = copy.get(key)
            # One address may hold several copies, each in a folder of its own.
            told_apart = (value, repr(copy.get("naming")) if key == "at" else None)
            if value is not None and told_apart in seen:
                yield ("copy", index, key), f"expected a copy's own {key}, got that of another copy, {shown(value)}"
            seen.add(told_apart)


def _one_copy_is_drilled(values: Mapping[str, Any]) -> _Problems:
    copies = values.get("copies", ())
    if copies and all(copy.get("live") for copy in copies):
        yield ("copy",), "expected at least one copy that is not live, got only the live data"


def _b2_needs_a_key(values: Mapping[str, Any]) -> _Problems:
    if kind_of(values.get("at", "")) != "b2" or values.get("live"):
        return
    for key in ("key_id", "key"):
        if key not in values.get("options", {}):
            yield (key,), f"expected {SECRET.expected} for a copy in B2, got nothing"


_PLACES: Final = {
    "folder": ("a folder", ("mount", "filesystem")),
    "sftp": (
        "an address of SFTP",
        ("known_hosts", "host_key", "identity", "passphrase", "password", "rate", "transport"),
    ),
    "b2": ("an address of B2", ("key_id", "key", "realm")),
}
"""What each kind of place is called, and the keys that only its copies state."""


def _options_fit_the_address(values: Mapping[str, Any]) -> _Problems:
    if "at" not in values:
        return
    kind = "folder" if folder_of(values["at"]) is not None else kind_of(values["at"])
    stated = {*values, *values.get("options", {})}
    for other, (called, keys) in _PLACES.items():
        for key in keys:
            if other != kind and key in stated:
                yield (key,), f"expected {called} as at, got {shown(values['at'])}"


def _options_fit_each_other(values: Mapping[str, Any]) -> _Problems:
    options = values.get("options", {})
    if "host_key" in options and "known_hosts" in options:
        yield ("host_key",), "expected one of host_key and known_hosts, got both"
    if "passphrase" in options and "identity" not in options:
        yield ("passphrase",), "expected identity beside it, the key that it belongs to, got nothing"


_OBJECTIVES: Final = Section(
    makes=Objectives,
    keys={
        "rpo": Key(kind=DURATION, goes_to="rpo_seconds", means="the newest file of a copy is no older, else STALE"),
        "rto": Key(kind=DURATION, goes_to="rto_seconds", means="a full restore is projected to take no longer"),
        "coverage": Key(
            kind=DURATION,
            goes_to="coverage_seconds",
            means="every file is proven from every drilled copy at least this often",
        ),
        "changed_share": Key(
            kind=_SHARE,
            goes_to="changed_share",
            means="how much of the manifest's files may be newer in a copy (0.2 without it)",
        ),
        "rule": Key(
            kind=matching('a rule of five digits as "3-2-1-1-0"', "[0-9](?:-[0-9]){4}"),
            goes_to="rule",
            means="the rule that the copies must keep, else WARNED",
        ),
    },
)

_SAMPLE: Final = Section(
    makes=Sample,
    rules=(_one_way_to_sample,),
    keys={
        "confidence": Key(
            kind=_PROPER_SHARE, goes_to="confidence", means="how sure the sample makes (0.95 without it)"
        ),
        "tolerable": Key(
            kind=_PROPER_SHARE,
            goes_to="tolerable",
            means="the share of bad files that the sample is large enough to find (0.01 without it)",
        ),
        "always": Key(kind=_PATTERNS, goes_to="always", means="files that are restored in every drill"),
        "files": Key(kind=COUNT, goes_to="files", means="how many files, in place of confidence and tolerable"),
        "percent": Key(
            kind=number("a number over 0, at most 100", exclusiveMinimum=0, maximum=100),
            goes_to="percent",
            means="how many of 100 files",
        ),
        "bytes": Key(kind=SIZE, goes_to="size_bytes", means="as many files as are expected to have so many bytes"),
        "full": Key(kind=BOOLEAN, goes_to="full", means="everything, in place of a sample"),
    },
)

_BUDGET: Final = Section(
    makes=Budget,
    keys={
        "bytes": Key(kind=SIZE, goes_to="size_bytes", means="restore no more than this from each copy, but in full"),
        "duration": Key(
            kind=DURATION, goes_to="seconds", means="begin nothing more from a copy after this, but in full"
        ),
    },
)

_SCRATCH: Final = Section(
    keys={
        "path": Key(
            kind=PATH, goes_to="scratch_path", means="where restored files lie (the platform's cache folder without it)"
        ),
        "bytes": Key(kind=SIZE, goes_to="scratch_bytes", means="how large it may become (20GiB without it)"),
    },
)

_MEDIUM: Final = replace(
    SLUG, schema={**SLUG.schema, "examples": ["ssd", "hdd", "nas", "usb", "optical", "tape", "cloud"]}
)

COPY: Final = Section(
    makes=Copy,
    repeated=True,
    rules=(_b2_needs_a_key, _options_fit_the_address, _options_fit_each_other, names_fit_together),
    keys={
        "name": Key(kind=SLUG, goes_to="name", required=True, means="what the copy is called"),
        "at": Key(
            kind=ADDRESS,
            goes_to="at",
            required=True,
            unless="place",
            means="its address: a folder, sftp://user@host[:port]/path, b2://bucket/prefix",
        ),
        "place": Key(
            kind=SLUG,
            goes_to="",
            means="the [place.NAME] whose keys it has where it states none; at is then a path below the place's",
        ),
        "live": Key(kind=BOOLEAN, goes_to="live", means="it is the original: counted by the rule, not drilled"),
        **NAMES,
        "medium": Key(
            kind=_MEDIUM, goes_to="medium", means="what it lies on: ssd, hdd, nas, usb, optical, tape, cloud"
        ),
        "site": Key(kind=SLUG, goes_to="site", means="where that is: home, office, offsite"),
        "mount": Key(kind=PATH, goes_to="mount", means="a mount point that must be mounted, else UNREACHABLE"),
        "marker": Key(kind=PATH_INSIDE, goes_to="marker", means="a file that must be in the copy, else UNREACHABLE"),
        "filesystem": Key(
            kind=matching("a file system's id as `findmnt -o UUID` prints it", "[0-9A-Za-z-]{4,64}"),
            goes_to="filesystem",
            means="the id of the file system that it must lie on, else UNREACHABLE",
        ),
        "times": Key(
            kind=BOOLEAN, goes_to="keeps_times", means="false: its modification times are not those of the original"
        ),
        "immutable": Key(
            kind=BOOLEAN, goes_to="immutable", means="nobody can change it: B2's Object Lock is looked at"
        ),
        "offline": Key(kind=BOOLEAN, goes_to="offline", means="it is connected only while it is written or drilled"),
        "known_hosts": Key(
            kind=PATHS, goes_to="options.known_hosts", means="SFTP: the servers' keys (~/.ssh/known_hosts without it)"
        ),
        "host_key": Key(
            kind=matching("a fingerprint as `ssh-keygen -l` prints it, SHA256:…", FINGERPRINT),
            goes_to="options.host_key",
            means="SFTP: the fingerprint that the server's key must have, in place of known_hosts",
        ),
        "identity": Key(kind=PATH, goes_to="options.identity", means="SFTP: the private key to sign in by"),
        "passphrase": Key(kind=SECRET, goes_to="options.passphrase", means="SFTP: the private key's passphrase"),
        "password": Key(kind=SECRET, goes_to="options.password", means="SFTP: the password, in place of a key"),
        "rate": Key(kind=RATE, goes_to="options.rate", means="SFTP: read no faster than this, all workers together"),
        "transport": Key(
            kind=one_of("ssh", "channel"),
            goes_to="options.transport",
            means="SFTP: channel reads without the system's ssh, which is taken otherwise",
        ),
        "key_id": Key(kind=SECRET, goes_to="options.key_id", means="the id of the key for B2"),
        "key": Key(kind=SECRET, goes_to="options.key", means="the key for B2: one that only reads"),
        "realm": Key(
            kind=matching("a URL as https://api.backblazeb2.com", r"https?://[0-9A-Za-z.:\[\]-]{1,253}/?"),
            goes_to="options.realm",
            means="where B2 is spoken to (Backblaze's own without it)",
        ),
    },
)

_REPORT: Final = Section(
    keys={
        "formats": Key(
            kind=ListOf(item=one_of("html", "markdown"), expected="a list of html, markdown or both", at_least=1),
            goes_to="formats",
            means="how the proof is rendered (both without it)",
        ),
        "sign": Key(
            kind=PATH, goes_to="sign", means="the SSH key that signs the bundle; a .pub: the agent's half of it signs"
        ),
        "passphrase": Key(kind=SECRET, goes_to="sign_passphrase", means="that key's passphrase, where it has one"),
    },
)

_NOT_SHARED: Final = ("name", "place", "live")
PLACE: Final = Section(
    keys={name: replace(key, required=False) for name, key in COPY.keys.items() if name not in _NOT_SHARED}
)
"""What copies of one place share. What must fit together is looked at in each copy, with all that it has."""

_ANYTHING: Final = Section(keys={}, open=True)

SCENARIO: Final = Section(
    rules=(_copies_differ, _one_copy_is_drilled, names_fit_together),
    keys={
        "name": Key(kind=SLUG, goes_to="name", required=True, means="what the dataset is called"),
        "manifest": Key(
            kind=MANIFEST,
            goes_to="manifest",
            required=True,
            means="what `verifier manifest create` wrote; of a folder, each copy has the newest that is older",
        ),
        "digest": Key(
            kind=one_of(*HEX_LENGTH),
            goes_to="digest",
            means="which checksums the manifest holds, if it is another program's list that can't say it itself",
        ),
        "unchanging": Key(
            kind=_PATTERNS, goes_to="unchanging", means="files that never change: here a newer one is damage, too"
        ),
        **NAMES,
        "objectives": Key(kind=_OBJECTIVES, goes_to="objectives", means="what must hold"),
        "sample": Key(kind=_SAMPLE, goes_to="sample", means="how much is restored"),
        "budget": Key(kind=_BUDGET, goes_to="budget", means="what a drill may cost"),
        "scratch": Key(kind=_SCRATCH, goes_to="scratch", means="where restored files lie until they are compared"),
        "copy": Key(kind=COPY, goes_to="copies", required=True, means="a place that holds the dataset"),
        "report": Key(kind=_REPORT, goes_to="report", means="what a drill leaves"),
        "place": Key(
            kind=TablesOf(each=PLACE, names=SLUG, expected="a table [place.NAME]"),
            goes_to="",
            means='what the copies with place = "NAME" share: every key of a copy but name, place and live',
        ),
        "delivery": Key(kind=DELIVERY, goes_to="delivery", means="who is told"),
        "schedule": Key(kind=SCHEDULE, goes_to="schedule", means="when `verifier drill --due` drills"),
    },
)
"""A scenario's file."""

SHARED: Final = Section(
    keys={name: SCENARIO.keys[name] for name in ("scratch", "report", "place", "delivery", "schedule")}
)
"""`verifier.toml`: what all scenarios beside it share; their own keys win."""
