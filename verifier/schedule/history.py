"""A scenario and the ledger → the drills that count for its schedule, and how it stands.

A drill counts where it was one of all that the scenario asks for today: of each of its copies, limited by no pattern,
with its sample or in full. Anything less proves less, and leaves the scenario as due as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

import msgspec

from verifier import relpath
from verifier.errors import LedgerError
from verifier.ledger import Asked, Attempt, Ledger
from verifier.scenario.scenario import Scenario
from verifier.schedule.calendar import Calendar
from verifier.schedule.due import PastDrill, Standing, delay_minutes, standing

_GOOD = frozenset({"PASSED", "WARNED"})


def whole_drills(scenario: Scenario, attempts: Iterable[Attempt]) -> Iterator[PastDrill]:
    """Yield those of the drills that count for the scenario's schedule.

    Raises:
        LedgerError: a time is none.
    """
    copies = {copy.name for copy in scenario.copies if not copy.live}
    sample = msgspec.json.decode(msgspec.json.encode(scenario.sample))  # as the ledger has it: with lists
    for attempt in attempts:
        asked = Asked.from_text(attempt.options)
        if asked is None or asked.only or not copies.issubset(asked.copies):
            continue
        if asked.sample.get("full") is True or asked.sample == sample:
            yield PastDrill(started_at=_moment(attempt.started_at), good=attempt.verdict in _GOOD)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise LedgerError(f"expected the time that a drill began at, got {relpath.show(text)}") from error


def scenario_standing(
    scenario: Scenario, ledger: Ledger | None, *, machine: str, now: datetime, zone: tzinfo
) -> Standing | None:
    """Return how a scenario stands by its schedule; None where it has none.

    Raises:
        LedgerError: the ledger can't be read.
    """
    if scenario.schedule is None:
        return None
    delay = delay_minutes(scenario.schedule, machine=machine, scenario=scenario.name)
    calendar = Calendar(schedule=scenario.schedule, zone=zone, delay_minutes=delay)
    attempts: Iterable[Attempt] = () if ledger is None else ledger.attempts(scenario.name)
    return standing(calendar, whole_drills(scenario, attempts), now=now)
