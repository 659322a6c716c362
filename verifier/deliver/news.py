"""What became of one scenario and whom that concerns → who is told what: groups, what is wanted, which ping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from verifier.deliver.outbox import Drill, drill_in
from verifier.report import Told
from verifier.scenario.delivery import Delivery

Signal = Literal["success", "fail", "log"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What became of one scenario, who is to be told, and its drill's bundle if there was a drill."""

    told: Told
    delivery: Delivery
    folder: Path | None = None


def grouped(news: Sequence[News], to: Callable[[News], _T | None]) -> list[tuple[_T, list[News]]]:
    """Return the news by where they go to; those that go nowhere are left out."""
    return [(place, [one for one in news if to(one) == place]) for place in distinct(to(one) for one in news)]


def distinct(places: Iterable[_T | None]) -> list[_T]:
    """Return each place once, in order."""
    return list(dict.fromkeys(place for place in places if place is not None))


def drill_of(news: News) -> Drill | None:
    """Return the drill that is told of, None where none was made."""
    told = news.told
    if news.folder is None or told.number is None or told.sha256 is None:
        return None
    return drill_in(news.folder, scenario=told.scenario, number=told.number, sha256=told.sha256)


def is_wanted(when: str, told: Sequence[Told]) -> bool:
    """Tell whether a mail is to be sent: `always`, where anything `failed`, or where any verdict `changed`.

    What has no verdict, or a bundle that is not all that was asked for, is always told.
    """
    if when == "always" or any(one.result is None or one.trouble is not None for one in told):
        return True
    if when == "failed":
        return any(one.result in {"FAILED", "INCONCLUSIVE"} for one in told)
    return any(one.result != one.verdict_before for one in told)


def signal_of(told: Sequence[Told], *, limited: bool) -> Signal:
    """Return what a heartbeat is told of a run: success where every drill PASSED and left all that was asked for.

    Of a run that was limited by options, success would say more than was shown: it is but logged.
    """
    if not told or any(one.result != "PASSED" or one.trouble is not None for one in told):
        return "fail"
    return "log" if limited or any(one.only or one.interrupted for one in told) else "success"
