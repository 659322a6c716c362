"""What `drill` and `prove` share: their options, the watcher on the terminal, signals, and the summary at the end."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from verifier import relpath
from verifier.cli.setting import Setting
from verifier.cli.telling import Telling
from verifier.cli.terminal import Terminal, Update, duration, size
from verifier.engine.starting import start_ahead
from verifier.errors import UsageError, VerifierError

if TYPE_CHECKING:
    from verifier.drill import DrillResult, Interruption, Surroundings
    from verifier.outcome import Finding
    from verifier.proof import CopyFacts, FindingFacts, Proof
    from verifier.scenario.scenario import Scenario

INTERRUPTED: Final = 130
WORKER_MODULES: Final = ("verifier.restore", "verifier.sources.places.folder", "verifier.sources.formats.plain")
"""What a drill's workers import, named here so that they can begin to before this process has loaded a drill."""

_EXIT: Final = {"PASSED": 0, "WARNED": 0, "FAILED": 1, "INCONCLUSIVE": 3}
_WARNED_STRICT: Final = 4
_SEED_BYTES: Final = 32
_FOUND_SHOWN: Final = 20
_NAMED: Final = 10
_WORKERS_AT_MOST: Final = 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a drill."""
    size_options = parser.add_mutually_exclusive_group()
    size_options.add_argument("--full", action="store_true", help="restore every comparable file")
    size_options.add_argument("--sample", type=file_count, metavar="N", help="restore N files, drawn by lot")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="only these paths, as in a .gitignore"
    )
    parser.add_argument("--seed", metavar="HEX", help="32 bytes in hex, to draw the same sample again")
    parser.add_argument("--resume", action="store_true", help="take up a drill that was killed, or begin one")
    parser.add_argument("--workers", type=file_count, metavar="N", help="how many files are worked on at once")
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    parser.add_argument("--state", type=Path, metavar="DIR", help="default: the platform's folder for state")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="default: the platform's folder for caches")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="the SSH key that signs (.pub: the agent's)")
    parser.add_argument("--strict", action="store_true", help="exit 4 on WARNED")
    parser.add_argument("--json", action="store_true", help="print the proof to standard output, one line each")
    parser.add_argument("--quiet", action="store_true", help="no talk and no progress")


def file_count(text: str) -> int:
    """Return a number of files from the command line: 1 or more."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {relpath.show(text)}")
    return number


def surroundings(arguments: argparse.Namespace, setting: Setting) -> Surroundings:
    """Return where and with what to drill, from the options and the world around."""
    import secrets  # noqa: PLC0415 - loaded when a drill begins
    import socket  # noqa: PLC0415 - loaded when a drill begins

    from verifier.drill import Surroundings  # noqa: PLC0415 - loaded when a drill begins
    from verifier.ledger import default_state  # noqa: PLC0415 - loaded when a drill begins
    from verifier.scratch import default_folder  # noqa: PLC0415 - loaded when a drill begins

    return Surroundings(
        reports=arguments.reports,
        state=arguments.state or default_state(),
        scratch=arguments.scratch or default_folder(),
        workers=worker_count(arguments),
        machine=socket.gethostname(),
        now=setting.now,
        new_seed=_seed_giver(arguments.seed, secrets.token_bytes),
        new_id=lambda: secrets.token_hex(8),
        resume=arguments.resume,
        preload=WORKER_MODULES,
    )


def worker_count(arguments: argparse.Namespace) -> int:
    """Return how many processes work at once: as many as asked for, or as fit this machine."""
    return arguments.workers or min(_WORKERS_AT_MOST, os.cpu_count() or 1)


def _seed_giver(
    given: str | None, draw: Callable[[int], bytes]
) -> Callable[[], tuple[bytes, Literal["fresh", "public", "given"]]]:
    if given is None:
        return lambda: (draw(_SEED_BYTES), "fresh")
    try:
        seed = bytes.fromhex(given)
    except ValueError:
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise UsageError(f"expected {_SEED_BYTES} bytes of hex as a seed, got {relpath.show(given)}")
    return lambda: (seed, "given")


class TerminalWatcher:
    """Tells a person how the drill goes on, with findings as they appear."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._stack = contextlib.ExitStack()
        self._update: Update | None = None
        self._found = 0

    def stage(self, text: str) -> None:
        """Begin a new line of progress."""
        self._stack.close()
        self._update = self._stack.enter_context(self._terminal.progress(text))

    def progress(self, files_done: int, files_total: int | None, bytes_done: int, bytes_total: int | None) -> None:
        """Show how far the stage is."""
        if self._update is not None:
            self._update(files_done, files_total, bytes_done, bytes_total)

    def found(self, copy: str, finding: Finding) -> None:
        """Say what was found, as long as it is not too much."""
        self._found += 1
        if self._found <= _FOUND_SHOWN:
            kind = self._terminal.coloured(finding.kind.value, "FAILED")
            self._terminal.interject(f"  {copy}: {kind} {relpath.show(finding.path)}")
        elif self._found == _FOUND_SHOWN + 1:
            self._terminal.interject("  … more stand in the report")

    def close(self) -> None:
        """End the line of progress."""
        self._stack.close()


@contextlib.contextmanager
def signals(interruption: Interruption, terminal: Terminal) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP alike into a wish to stop, for as long as the block lasts.

    SIGHUP stays ignored where it was when we were started: that is what `nohup` asks for.
    """

    def handle(_number: int, _frame: object) -> None:
        first = not interruption.requested
        interruption.request()
        if first:
            terminal.interject("stopping: a proof of what was done is written; once more to stop without grace")

    before = {number: signal.signal(number, handle) for number in _stopping_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopping_signals() -> Iterator[int]:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            yield number


def _worker_modules(scenarios: Sequence[Scenario]) -> tuple[str, ...]:
    """Return what the workers of these scenarios import: that of SFTP or B2 only where a copy lies there."""
    from verifier.sources.table import module_of  # noqa: PLC0415 - loaded when a drill begins

    modules = {module_of(copy.at) for scenario in scenarios for copy in scenario.copies if not copy.live}
    return (*WORKER_MODULES, *sorted(module for module in modules if module is not None))


def _unlimited(_scenario: Scenario, interruption: Interruption) -> contextlib.AbstractContextManager[Interruption]:
    return contextlib.nullcontext(interruption)


def run_drills(
    scenarios: Sequence[Scenario],
    arguments: argparse.Namespace,
    setting: Setting,
    *,
    limit: Callable[[Scenario, Interruption], contextlib.AbstractContextManager[Interruption]] = _unlimited,
) -> int:
    """Carry out a drill of each scenario, say what it came to, and return the exit code of the gravest.

    One that could not be drilled keeps none of the others from it. `limit` gives what ends one drill, from what ends
    them all.
    """
    if arguments.sign is not None:
        key = arguments.sign.expanduser()
        scenarios = [dataclasses.replace(scenario, sign=key, sign_passphrase=None) for scenario in scenarios]
    preload = _worker_modules(scenarios)
    if worker_count(arguments) > 1:
        start_ahead(preload)
    from verifier.drill import Interruption  # noqa: PLC0415 - loaded when a drill begins

    around = dataclasses.replace(surroundings(arguments, setting), preload=preload)
    interruption = Interruption()
    telling = Telling(scenarios, arguments, setting, state=around.state)
    telling.begin()
    run = _Run(around=around, arguments=arguments, terminal=setting.terminal, telling=telling)
    stopped = False
    with signals(interruption, setting.terminal):
        for scenario in scenarios:
            if stopped := interruption.requested:
                break
            with limit(scenario, interruption) as own:
                run.drill(scenario, own, alone=len(scenarios) == 1)
    # Not under our signals any more: what is in the outbox outlives whoever has no patience with a mail server.
    telling.end()
    # A drill that was ended with its hours alone is INCONCLUSIVE, and no more.
    if stopped or (interruption.requested and any(result.interrupted for result in run.results)):
        return INTERRUPTED
    return exit_code([result.verdict.result.value for result in run.results], run.errors, strict=arguments.strict)


@dataclasses.dataclass(kw_only=True)
class _Run:
    """The drills of one run, as far as it has come: what they left, and what kept others from being made."""

    around: Surroundings
    arguments: argparse.Namespace
    terminal: Terminal
    telling: Telling
    results: list[DrillResult] = dataclasses.field(default_factory=list)
    errors: list[VerifierError] = dataclasses.field(default_factory=list)

    def drill(self, scenario: Scenario, interruption: Interruption, *, alone: bool) -> None:
        """Carry out one drill, and say what it came to."""
        from verifier.drill import drill  # noqa: PLC0415 - loaded when a drill begins

        watcher = TerminalWatcher(self.terminal)
        try:
            with contextlib.closing(watcher):
                result = drill(scenario, self.around, watcher=watcher, interruption=interruption)
        except VerifierError as error:
            if not alone:
                self.terminal.warn(f"{scenario.name} was not drilled")
            self.terminal.fail(error)
            self.errors.append(error)
            self.telling.add_error(scenario, error)
            return
        self.results.append(result)
        self.telling.add(scenario, result)
        if result.unsigned is not None:
            self.terminal.fail(result.unsigned)
            self.errors.append(result.unsigned)
        if self.arguments.json:
            self.terminal.put_bytes(result.proof_bytes)
        summarize(result, self.terminal)


def exit_code(results: Sequence[str], errors: Sequence[VerifierError] = (), *, strict: bool) -> int:
    """Return the exit code of the gravest of some verdicts, and of what kept other drills from having one."""
    from verifier.verdict import Result, gravest  # noqa: PLC0415 - loaded when a drill begins

    worst = gravest(Result(result) for result in results).value
    if errors and worst != "FAILED":
        undecided = [_EXIT[worst]] if worst == "INCONCLUSIVE" and results else []
        return max([error.exit_code for error in errors] + undecided)
    return _WARNED_STRICT if worst == "WARNED" and strict else _EXIT[worst]


def summarize(result: DrillResult, terminal: Terminal) -> None:
    """Say what a drill came to, in a screen at most, and where its report lies."""
    from verifier import proof  # noqa: PLC0415 - loaded when a drill ends

    facts = proof.from_bytes(result.proof_bytes)
    word = terminal.coloured(facts.verdict.result, facts.verdict.result)
    terminal.say(f"{facts.scenario.name}: {word}")
    if facts.drill.only:
        terminal.say(f"  only what matches: {', '.join(map(relpath.show, facts.drill.only))}")
    for copy in facts.copies:
        _say_copy(copy, facts, terminal)
    report = next((result.folder / name for name in _reports(result.folder)), result.folder)
    terminal.say(f"  report: {relpath.show(os.fsencode(report))}")


def _reports(folder: Path) -> list[str]:
    return [name for name in ("report.html", "report.md") if (folder / name).exists()]


def _say_copy(copy: CopyFacts, facts: Proof, terminal: Terminal) -> None:
    word = terminal.coloured(copy.verdict.result, copy.verdict.result)
    terminal.say(f"  {copy.name}: {word}")
    for reason in copy.verdict.reasons[:8]:
        terminal.say(f"    {relpath.show(reason)}")
    for finding in copy.findings[:_NAMED]:
        terminal.say(f"      {_named(finding, terminal)}")
    if len(copy.findings) > _NAMED:
        terminal.say("      … and more, in the report")
    if facts.manifest.live and copy.proven.files:
        moment = facts.manifest.created_at or ""
        terminal.say(f"    {copy.proven.files:,} restored files match the live data at {moment}")
    seconds = copy.measured.get("seconds")
    if copy.proven.files and isinstance(seconds, float):
        rate = copy.measured.get("bytes_per_second")
        speed = f", {size(int(rate))}/s" if isinstance(rate, int | float) else ""
        terminal.say(terminal.coloured(f"    {size(copy.proven.bytes)} in {duration(seconds)}{speed}", "faint"))


def _named(finding: FindingFacts, terminal: Terminal) -> str:
    from verifier.outcome import WARNING_KINDS  # noqa: PLC0415 - loaded when a drill ends

    word = terminal.coloured(finding.kind, "WARNED" if finding.kind in WARNING_KINDS else "FAILED")
    if finding.path is None and finding.path_b64 is None:
        return f"{word} {relpath.show(finding.detail)}: {relpath.show(finding.actual)}"
    return f"{word} {relpath.show(relpath.from_json(finding.path, finding.path_b64))}"
