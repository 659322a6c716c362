"""What is to be set up → scenario, shared file and schemas on disk, a manifest, and the first drill.

Until the last file is written, whatever ends it leaves nothing behind. No file is ever written over.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from verifier import relpath
from verifier.cli import check, drill, manifest, readiness
from verifier.cli.init.questions import Answers
from verifier.cli.setting import Setting
from verifier.errors import UsageError
from verifier.manifest.generations import next_name
from verifier.scenario import load, load_text
from verifier.scenario.file import SHARED_NAME
from verifier.scenario.scenario import Scenario
from verifier.scenario.writing import SCENARIO_SCHEMA, SHARED_SCHEMA, share, write_scenario, write_shared
from verifier.sources.table import folder_of

_SCHEMAS: Final = {SCENARIO_SCHEMA: "scenario", SHARED_SCHEMA: "shared"}


def set_up(answers: Answers, arguments: argparse.Namespace, setting: Setting) -> int:
    """Write all, make the manifest, try what a drill needs, and drill a few files; return the exit code.

    Raises:
        UsageError: the scenario exists already, or would lie in the data or in a copy.
            Or a file could not be written.
        ScenarioError: what was stated makes no scenario.
        ManifestError: the data could not be read.
    """
    # The shell has put a home in place of `~` already, where one was meant.
    folder = arguments.folder.absolute()
    scenarios = folder / "scenarios"
    path = scenarios / f"{answers.draft.name}.toml"
    if os.path.lexists(path):
        raise UsageError(
            f"expected a new scenario, got one that exists: {relpath.show(os.fsencode(path))}",
            hint="give another --name; nothing is ever written over",
        )
    texts, scenario = _texts(answers, path)
    _check_apart(folder, scenario)
    with _all_or_nothing() as made:
        _make_folders(scenarios, made)
        manifest_file = _manifest_file(answers, scenarios, made, setting)
        if answers.wants_manifest:
            _make_manifest(answers, manifest_file, made, arguments, setting)
        for name, text in texts.items():
            _write_new(scenarios / name, text, made)
    for name in (path.name, SHARED_NAME, *_SCHEMAS):
        what = "written" if name in texts else "there already, and left as it is"
        setting.terminal.say(f"{what}: {relpath.show(os.fsencode(scenarios / name))}")
    if not answers.wants_manifest:
        words = ["verifier", "manifest", "create", str(answers.data), "-o", str(manifest_file.parent)]
        setting.terminal.say(f"next: {relpath.show(os.fsencode(shlex.join(words)))}")
    return _try_all(answers, path, folder, arguments, setting)


def _check_apart(folder: Path, scenario: Scenario) -> None:
    """Refuse to write into what is to be proven: into the data, where all would be MISSING in each copy, or a copy."""
    for copy in scenario.copies:
        place = folder_of(copy.at)
        if place is not None and Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(place)):
            what = "the data" if copy.live else f"copy {copy.name}"
            shown = relpath.show(os.fsencode(folder))
            raise UsageError(f"expected a folder beside {what}, got one in it: {shown}", hint="name a DIR elsewhere")


def _texts(answers: Answers, path: Path) -> tuple[dict[str, str], Scenario]:
    """Return the text of each file that is to be written, by its name, and the scenario that the checker makes of it.

    Raises:
        ScenarioError: holds every problem.
    """
    draft, shared = answers.draft, None
    if not os.path.lexists(path.parent / SHARED_NAME):
        draft, places = share(draft)
        shared = write_shared(places)
    text = write_scenario(draft)
    scenario = load_text(text, path, shared=shared, home=answers.home)
    texts = {path.name: text}
    if shared is not None:
        texts[SHARED_NAME] = shared
    for name, which in _SCHEMAS.items():
        if not os.path.lexists(path.parent / name):
            texts[name] = check.schema(which) + "\n"
    return texts, scenario


@contextlib.contextmanager
def _all_or_nothing() -> Iterator[list[Path]]:
    """Collect what is made; if the block ends by any error, or by Ctrl-C, take all of it away again."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folders(folder.parent, made)
    try:
        folder.mkdir()
    except OSError as error:
        shown = relpath.show(os.fsencode(folder))
        raise UsageError(f"can't make the folder {shown}: {(error.strerror or 'an error').lower()}") from error
    made.append(folder)


def _manifest_file(answers: Answers, scenarios: Path, made: list[Path], setting: Setting) -> Path:
    """Make the folder of generations, and return the path of the first."""
    generations = scenarios / answers.draft.manifest
    _make_folders(generations, made)
    return next_name(generations, setting.now())


def _make_manifest(
    answers: Answers, target: Path, made: list[Path], arguments: argparse.Namespace, setting: Setting
) -> None:
    """Make the first generation, by the command that makes all others."""
    made.append(target)
    parser = argparse.ArgumentParser()
    manifest.configure(parser)
    words = ["create", str(answers.data), "-o", str(target), "--dataset", answers.draft.name]
    if arguments.state is not None:
        words.append(f"--state={arguments.state}")
    setting.terminal.say("reading the data, to write down what is known good")
    manifest.run(parser.parse_args(words), setting)


def _write_new(path: Path, text: str, made: list[Path]) -> None:
    """Write a file that is not there yet; one that came meanwhile stays as it is."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            made.append(path)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        shown = relpath.show(os.fsencode(path))
        raise UsageError(f"can't write {shown}: {(error.strerror or 'an error').lower()}") from error


def _try_all(answers: Answers, path: Path, folder: Path, arguments: argparse.Namespace, setting: Setting) -> int:
    """Try what a drill needs, and drill a few files of each copy if there is nothing left to do."""
    reports = arguments.reports or folder / "reports"
    # What was written is read as every later command will read it.
    found = check.connect([load(path, home=answers.home)], setting, reports=reports, state=arguments.state)
    relative = relpath.show(os.fsencode(path))
    if not answers.wants_manifest:
        return readiness.exit_code(row for row in found if row.subject != "manifest")
    code = readiness.exit_code(found)
    if code:
        setting.terminal.say(f"when that is done: verifier check --connect {relative}")
        return code
    parser = argparse.ArgumentParser()
    drill.configure(parser)
    words = [str(path), "--sample", str(arguments.sample), f"--reports={reports}"]
    for option in ("state", "scratch"):
        stated = getattr(arguments, option)
        words += [f"--{option}={stated}"] if stated is not None else []
    setting.terminal.say(f"drilling {arguments.sample:,} files of each copy, drawn by lot")
    return drill.run(parser.parse_args(words), setting)
