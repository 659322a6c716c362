"""`--due`: scenarios → those whose turn it is now, one process at a time, each drill ended when its hours are over."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from verifier.cli.setting import Setting
from verifier.errors import BusyError, UsageError

if TYPE_CHECKING:
    from verifier.drill import Interruption
    from verifier.scenario.scenario import Scenario
    from verifier.schedule import Standing

# The clock on the wall is looked at, not slept by: a machine that was suspended sees at once that it is too late.
_LOOK_SECONDS: Final = 1.0


class Turns:
    """The scenarios that are due, each held for this process for as long as the block lasts.

    What is held is another lock than a drill's own, from the question to the end of the run: of two processes that ask
    at once one has its turn, and the other sees what came of it.

    Args:
        state: where the ledger and the locks are.
        machine: this machine's name, by which the beginning of its drills is spread.
        setting: the clock, and where to speak.
    """

    def __init__(self, state: Path, *, machine: str, setting: Setting) -> None:
        self._state = state
        self._machine = machine
        self._setting = setting
        self._held = contextlib.ExitStack()
        self._ends_at: dict[str, datetime] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._held.close()

    def take(self, scenarios: Sequence[Scenario]) -> list[Scenario]:
        """Return the scenarios whose turn it is; say until when nothing is due, where none is.

        Raises:
            UsageError: none of them has a schedule.
            LedgerError: the ledger can't be read.
        """
        planned = [scenario for scenario in scenarios if scenario.schedule is not None]
        if not planned:
            raise UsageError("expected a scenario with a [schedule], got none", hint="write one, or leave --due out")
        taken, until = [], []
        for scenario in planned:
            with contextlib.ExitStack() as held:
                try:
                    held.enter_context(self._claim(scenario))
                except BusyError:
                    self._setting.terminal.say(f"{scenario.name}: another process drills what is due")
                    continue
                found = self._standing(scenario)
                if not found.due:
                    until.append(found.next_at)
                    continue
                taken.append(scenario)
                self._ends_at[scenario.name] = found.ends_at
                self._held.enter_context(held.pop_all())
        if not taken and until:
            self._setting.terminal.say(f"nothing is due until {time_text(min(until))}")
        return taken

    def _claim(self, scenario: Scenario) -> contextlib.AbstractContextManager[None]:
        from verifier.ledger import claim_scenario, describe_holder  # noqa: PLC0415 - `--help` opens no database

        holder = describe_holder(since=time_text(self._setting.now()))
        # No scenario's name begins like this.
        return claim_scenario(self._state, f"_due.{scenario.name}", holder=holder)

    def _standing(self, scenario: Scenario) -> Standing:
        from verifier.ledger import Ledger  # noqa: PLC0415 - `--help` opens no database
        from verifier.schedule import LocalZone, scenario_standing  # noqa: PLC0415 - the same

        with Ledger.open(self._state) as ledger:
            found = scenario_standing(
                scenario, ledger, machine=self._machine, now=self._setting.now(), zone=LocalZone()
            )
        if found is None:
            raise AssertionError("only scenarios with a schedule have a turn")
        return found

    @contextlib.contextmanager
    def limit(self, scenario: Scenario, interruption: Interruption) -> Iterator[Interruption]:
        """Give what ends the drill of a scenario: the end of its hours, or what ends the run.

        One whose hours are over before it begins is ended at once: that it could not be done is in its proof.
        """
        from verifier.drill import Interruption  # noqa: PLC0415 - loaded when a drill begins

        own = Interruption()
        interruption.attach(own.request)
        with self._ended(own, scenario, self._ends_at[scenario.name]):
            yield own

    @contextlib.contextmanager
    def _ended(self, interruption: Interruption, scenario: Scenario, ends_at: datetime) -> Iterator[None]:
        """Ask for the end of a drill when its hours are over; it leaves a proof of what it had done until then."""
        done = threading.Event()

        def wait() -> None:
            while self._setting.now() < ends_at:
                if done.wait(_LOOK_SECONDS):
                    return
            over = f"its hours are over since {time_text(ends_at)}"
            self._setting.terminal.interject(f"{scenario.name}: {over}: a proof of what was done is written")
            interruption.request()

        watch = threading.Thread(target=wait, name="end of the hours", daemon=True)
        watch.start()
        try:
            yield
        finally:
            done.set()
            watch.join()


def time_text(moment: datetime) -> str:
    """Return a time in UTC as it stands everywhere else: `2026-11-22T18:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
