"""Scenario files → scenarios, or every problem of all of them at once.

Each problem is one line: `file:line: key: expected …, got …`. `verifier.toml` beside a scenario holds what the
scenarios of a folder share; a scenario's own keys win. A problem with what a copy has from its place is told where it
stands.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from verifier import relpath
from verifier.errors import ScenarioError
from verifier.scenario.checker import Checker, Problem, make_fields
from verifier.scenario.lines import Lines, Place
from verifier.scenario.names import hand_down
from verifier.scenario.place import Completed, complete
from verifier.scenario.scenario import Scenario
from verifier.scenario.section import Base, shown
from verifier.scenario.table import SCENARIO, SHARED

SHARED_NAME: Final = "verifier.toml"
_LARGEST_BYTES: Final = 1024 * 1024
_MOST_PROBLEMS: Final = 200
_MOST_DOTS: Final = 100
_AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What one file gave: its document and fields, the lines of its keys, and its problems, each as a whole line.

    `document` is None where the file is no TOML. Of a scenario, `uses_shared` says that one of its copies has a place
    that `verifier.toml` knows.
    """

    path: Path
    sha256: str = ""
    document: Mapping[str, Any] | None = None
    lines: Lines = field(default_factory=lambda: Lines(""))
    fields: Mapping[str, Any] = field(default_factory=dict)
    places: frozenset[Place] = frozenset()
    uses_shared: bool = False
    problems: list[str] = field(default_factory=list)


class _BrokenError(Exception):
    """A file that can't be read as TOML at all; `line` is None where it has no lines."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.line = line


def load(path: Path, *, home: Path | None = None) -> Scenario:
    """Return the scenario of one file; `home` is what `~` means, by default that of whoever runs the program.

    Raises:
        ScenarioError: holds every problem of the file and of `verifier.toml` beside it, a line each.
    """
    return load_all([path], home=home)[0]


def load_all(paths: Sequence[Path], *, home: Path | None = None) -> tuple[Scenario, ...]:
    """Return the scenarios of several files, in their order.

    Raises:
        ScenarioError: holds every problem of all files, a line each; two scenarios of one name are one, too.
    """
    shared: dict[Path, _Reading] = {}
    readings = []
    # What is wrong with a place that several copies name is told once.
    problems: dict[str, None] = {}
    named: dict[str, _Reading] = {}
    for path in paths:
        folder = path.parent
        if folder not in shared:
            shared[folder] = _read_shared(folder / SHARED_NAME, home)
            problems |= dict.fromkeys(shared[folder].problems)
        reading = _checked_scenario(_read(path), shared[folder], home)
        readings.append(reading)
        problems |= dict.fromkeys([*shared[folder].problems, *reading.problems])
        name = reading.fields.get("name")
        if name in named:
            other = relpath.show(str(named[name].path))
            sentence = f"expected a name of its own, got {shown(name)}, which {other} has"
            problems[_line(path, reading.lines.of(("name",)), f"name: {sentence}")] = None
        elif name is not None:
            named[name] = reading
    if problems:
        raise ScenarioError("\n".join(problems))
    return tuple(_made(reading, shared[reading.path.parent]) for reading in readings)


def load_text(text: str, path: Path, *, shared: str | None = None, home: Path | None = None) -> Scenario:
    """Return the scenario that a file of this text would be at `path`, before anything is written.

    `shared` is the text of the `verifier.toml` that would lie beside it; without it, the one that does.

    Raises:
        ScenarioError: holds every problem of the two, a line each.
    """
    beside = path.parent / SHARED_NAME
    around = _read_shared(beside, home) if shared is None else _checked_shared(_parsed(beside, shared.encode()), home)
    reading = _checked_scenario(_parsed(path, text.encode()), around, home)
    if around.problems or reading.problems:
        raise ScenarioError("\n".join([*around.problems, *reading.problems]))
    return _made(reading, around)


def find(folder: Path) -> list[Path]:
    """Return the scenario files of a folder, sorted by name.

    Raises:
        ScenarioError: the folder can't be read, or holds none.
    """
    hint = "name a scenario's file, or put one there: scenarios/README.md has examples"
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        got = (error.strerror or "an error").lower()
        raise ScenarioError(
            f"expected a folder of scenarios as {relpath.show(str(folder))}, got: {got}", hint=hint
        ) from error
    found = [name for name in names if name.endswith(".toml") and not name.startswith(".") and name != SHARED_NAME]
    if not found:
        raise ScenarioError(f"expected scenarios (*.toml) in {relpath.show(str(folder))}, got none", hint=hint)
    return [folder / name for name in found]


def _made(reading: _Reading, shared: _Reading) -> Scenario:
    # Of `[delivery]` each channel by itself: a scenario with a heartbeat of its own keeps the mail that all share.
    own = {name: _joined(shared.fields.get(name), value) for name, value in reading.fields.items()}
    fields = make_fields(SCENARIO, hand_down({**shared.fields, **own}))
    return Scenario(**fields, sha256=_identity(reading, shared), path=reading.path.absolute())


def _identity(reading: _Reading, shared: _Reading) -> str:
    """Return the SHA-256 of all that makes a scenario what it is: of its file, or of both files (see `Scenario`)."""
    if not reading.uses_shared and not shared.fields.keys() - reading.fields.keys():
        return reading.sha256
    return hashlib.sha256(f"{reading.sha256}\n{shared.sha256}\n".encode()).hexdigest()


def _joined(shared: object, own: object) -> object:
    return {**shared, **own} if isinstance(shared, Mapping) and isinstance(own, Mapping) else own


def _read_shared(path: Path, home: Path | None) -> _Reading:
    # Looked at without following: a link to nowhere is a mistake to be told, not an absent file.
    try:
        path.lstat()
    except OSError:
        return _Reading(path=path, document={})
    return _checked_shared(_read(path), home)


def _checked_shared(reading: _Reading, home: Path | None) -> _Reading:
    if reading.document is not None:
        checker = Checker(SHARED, Base(folder=reading.path.absolute().parent, home=home))
        reading.fields = checker.check(reading.document)
        _tell(reading, checker.problems)
    return reading


def _checked_scenario(reading: _Reading, shared: _Reading, home: Path | None) -> _Reading:
    path = reading.path
    if reading.document is None:
        return reading
    if path.name == SHARED_NAME:
        reading.problems = [_line(path, 1, "expected a scenario, got the file of what scenarios share")]
        return reading
    base = Base(folder=path.absolute().parent, home=home)
    completed = complete(reading.document, shared.document, base)
    reading.uses_shared = completed.uses_shared
    checker = Checker(SCENARIO, base)
    reading.fields = checker.check(completed.document)
    own, places = _sorted_out([*checker.problems, *completed.problems], completed, shared)
    _tell(reading, own)
    _tell(shared, places)
    return reading


def _read(path: Path) -> _Reading:
    try:
        data = _bytes(path)
    except _BrokenError as error:
        return _Reading(path=path, problems=[_line(path, error.line, error.sentence)])
    reading = _parsed(path, data)
    if _names_a_command(reading.document) and (sentence := _others_may_write(path)) is not None:
        reading.problems.append(_line(path, None, sentence))
    return reading


def _parsed(path: Path, data: bytes) -> _Reading:
    reading = _Reading(path=path)
    try:
        reading.sha256 = hashlib.sha256(data).hexdigest()
        text = _text(data)
        reading.lines = Lines(text)
        reading.document = _document(text, reading.lines)
    except _BrokenError as error:
        reading.problems.append(_line(path, error.line, error.sentence))
    return reading


def _sorted_out(
    problems: Sequence[Problem], completed: Completed, shared: _Reading
) -> tuple[list[Problem], list[Problem]]:
    """Return the scenario's own problems, and one of each key that a copy has from a shared place."""
    own: list[Problem] = []
    foreign: dict[Place, Problem] = {}
    told_here = {problem.place for problem in problems}
    for problem in problems:
        origin = completed.origins.get(problem.place[:3])
        if origin is None:
            own.append(problem)
            continue
        place = (*origin.place, *problem.place[3:])
        if problem.place[2] == "at" and place not in (shared.places if origin.is_shared else told_here):
            # The place's address is right in itself: what is wrong is that this copy has it.
            own.append(replace(problem, place=(*problem.place[:2], "place")))
        elif not origin.is_shared:
            own.append(replace(problem, place=place))
        elif place not in shared.places:
            foreign.setdefault(place, replace(problem, place=place))
    return own, list(foreign.values())


def _tell(reading: _Reading, problems: Iterable[Problem]) -> None:
    """Note each problem once, by the order of lines, and of many only the first and how many more there are."""
    lines = reading.lines
    told = list(dict.fromkeys(sorted(problems, key=lambda problem: lines.of(problem.place))))
    reading.places |= {problem.place for problem in told}
    reading.problems += [
        _line(reading.path, lines.of(problem.place), f"{problem.label()}: {problem.sentence}")
        for problem in told[:_MOST_PROBLEMS]
    ]
    if len(told) > _MOST_PROBLEMS:
        rest = len(told) - _MOST_PROBLEMS
        line = lines.of(told[_MOST_PROBLEMS].place)
        reading.problems.append(_line(reading.path, line, f"and {rest:,} more problems"))


def _names_a_command(value: object) -> bool:
    """Tell whether a secret is to be had from a command, anywhere in a document."""
    if isinstance(value, dict):
        return isinstance(value.get("command"), list) or any(map(_names_a_command, value.values()))
    return isinstance(value, list) and any(map(_names_a_command, value))


def _others_may_write(path: Path) -> str | None:
    """Return why a file may not name commands: whoever can write it would have us run anything."""
    status = path.stat()
    if status.st_uid not in (0, os.geteuid()):
        return "expected a file of our own, for it names a command to run, got somebody else's"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "expected a file that nobody else can write, for it names a command to run, got one that others can"
    return None


def _line(path: Path, line: int | None, text: str) -> str:
    return f"{relpath.show(str(path))}:{'' if line is None else f'{line}:'} {text}"


def _bytes(path: Path) -> bytes:
    """Return the bytes of a file that may be a scenario."""
    try:
        # A pipe would be waited for without end, so the kind is known before the file is opened.
        if not stat.S_ISREG(path.stat().st_mode):
            got = "a folder" if path.is_dir() else "something else"
            raise _BrokenError(f"expected the file of a scenario, got {got}")
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        got = (getattr(error, "strerror", None) or "a name that no file can have").lower()
        raise _BrokenError(f"expected the file of a scenario, got: {got}") from error
    if len(data) > _LARGEST_BYTES:
        raise _BrokenError("expected a scenario of at most 1 MiB, got a larger file")
    return data


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _BrokenError("expected text in UTF-8, got other bytes", data.count(b"\n", 0, error.start) + 1) from error


def _document(text: str, lines: Lines) -> dict[str, Any]:
    """Return what the text holds; a mistake in its syntax stands alone, for what follows it can't be told."""
    if lines.most_dots > _MOST_DOTS:
        raise _BrokenError(f"expected keys of at most {_MOST_DOTS} dots, got one of {lines.most_dots:,}")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise _BrokenError("expected TOML, got lists or tables nested without end", 1) from error
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        match = _AT_LINE.search(message)
        problem = _AT_LINE.sub("", message)
        if match is None or match[1] is None:
            line, where = text.count("\n") + 1, "at the end"
        else:
            line, where = int(match[1]), f"in column {match[2]}"
        sentence = f"expected TOML, got a mistake {where}: {relpath.show(problem[:1].lower() + problem[1:])}"
        raise _BrokenError(sentence, line) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise _BrokenError("expected TOML, got a number of thousands of digits", 1) from error
