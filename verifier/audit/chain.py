"""The drills of one scenario → whether they are one chain, from the first drill to the last that is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from verifier.audit.check import Check, settled, unchecked
from verifier.relpath import show


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One drill's place in the chain, as its proof states it; `sha256` is that of the proof's own bytes."""

    number: int
    previous: str | None
    sha256: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An anchor from outside, from a mail or a ping: the number of a drill and the SHA-256 of its proof."""

    number: int
    sha256: str


def check_chain(links: Sequence[Link]) -> Check:
    """Tell whether each drill follows the one before it, without a gap, a second root or a second successor."""
    by_number: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        by_number[link.number].append(link)
    problems = []
    last = max(by_number, default=0)
    gap_begins: int | None = None
    for number in range(1, last + 1):
        here = by_number.get(number, [])
        if not here:
            gap_begins = gap_begins or number
            continue
        if gap_begins is not None:
            problems.append(_missing(gap_begins, number - 1))
            gap_begins = None
        if len(here) > 1:
            folders = " and ".join(sorted(show(link.folder) for link in here))
            problems.append(f"expected one drill {number}, got {len(here)}: {folders}")
        problems += [problem for link in here if (problem := _wrong_previous(link, by_number.get(number - 1, [])))]
    return settled("the chain of drills", problems)


def _missing(first: int, last: int) -> str:
    return f"drill {first} is missing" if first == last else f"drills {first} to {last} are missing"


def _wrong_previous(link: Link, before: Sequence[Link]) -> str | None:
    if link.number == 1:
        return None if link.previous is None else f"drill 1 names a drill before it: {show(link.folder)}"
    if link.previous is None:
        return f"drill {link.number} begins a chain of its own: {show(link.folder)}"
    if before and all(link.previous != earlier.sha256 for earlier in before):
        return f"drill {link.number} does not follow the drill {link.number - 1} that is there: {show(link.folder)}"
    return None


def check_end(links: Sequence[Link], heads: Sequence[Head]) -> Check:
    """Tell whether the end of the chain is anchored: without an anchor, nobody sees that the newest were taken away."""
    name = "the end of the chain"
    last = max((link.number for link in links), default=0)
    held = [head for head in heads if any((link.number, link.sha256) == (head.number, head.sha256) for link in links)]
    if not held:
        return unchecked(name, "no anchor from outside is about this chain: the newest drills may have been taken away")
    anchored = max(head.number for head in held)
    if anchored < last:
        return unchecked(name, f"anchored up to drill {anchored}; behind {last} more may have been taken away")
    return settled(name, [])
