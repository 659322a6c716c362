"""What to restore, how much, and why: pure decisions over what the listing and the manifest say.

A joined pair is *comparable* (its bytes must be equal), *newer* in the copy or in the live data (a living dataset's
own doing, counted), or already a finding by its size. Only the comparable are drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from verifier import relpath, sample
from verifier.compare import is_emptied, is_newer, size_kind
from verifier.entry import PIECE_BYTES, Entry, Item, Listed, piece_count
from verifier.outcome import Finding, FindingKind, Outcome
from verifier.sample import SizeSpread
from verifier.scenario.scenario import Sample

_BATCH_FILES: Final = 1_000
_BATCH_BYTES: Final = 256_000_000
_SMALLEST_BATCH_FILES: Final = 64
_SMALLEST_BATCH_BYTES: Final = 16_000_000
_BATCHES_WANTED: Final = 24

_MOST_PLACES: Final = 6
_TWO_DIGITS: Final = 10
_DAY_SECONDS: Final = 86_400

INSPECTED_FILES: Final = 200
"""How many of the newer files a sample drill restores, to see whether they look encrypted."""


_OTHER_BYTES: Final = frozenset({FindingKind.MISMATCH, FindingKind.TRUNCATED, FindingKind.GROWN, FindingKind.CHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the listing alone says of a pair. Both None: comparable.

    `newer` is the kind that a pair stands for unless its bytes turn out equal when it is restored all the same.
    """

    finding: Finding | None = None
    newer: FindingKind | None = None


COMPARABLE: Final = Judgement()


def judge_listed(  # noqa: PLR0911 - a return for each line of the table
    entry: Entry, listed: Listed, *, keeps_times: bool, unchanging: bool, live: bool
) -> Judgement:
    """Decide what the listing says of an entry that the copy has, before a byte moves.

    `keeps_times` says that the copy's times are those of the source's files; `unchanging` that the path is one where a
    newer file is damage, too; `live` that the entry is a file of the live data as it is now, not of a manifest.
    """
    if entry.link is not None:
        return _judge_link(entry, listed)
    if listed.kind != "file":
        actual = "a symbolic link" if listed.kind == "link" else "something that is no regular file"
        return Judgement(finding=_finding(entry, FindingKind.MISSING, "a regular file", actual, ""))
    if live and is_newer(entry.mtime_ns, listed.mtime_ns):
        return Judgement(newer=FindingKind.EDITED)
    same_size = listed.size_bytes == entry.size_bytes
    newer = keeps_times and is_newer(listed.mtime_ns, entry.mtime_ns)
    if newer and not is_emptied(entry.size_bytes, listed.size_bytes):
        if not unchanging:
            return Judgement(newer=FindingKind.CHANGED)
        if not same_size:
            detail = "newer than the manifest, in a place where nothing may change"
            return Judgement(finding=replace(_sized(entry, listed, FindingKind.CHANGED, detail), unchanging=True))
    elif not same_size:
        older = is_newer(entry.mtime_ns, listed.mtime_ns)
        detail = "an older version: its time is before the manifest's" if older else ""
        detail = "newer in the copy, and empty: a full disk leaves such files" if newer else detail
        return Judgement(finding=_sized(entry, listed, size_kind(entry.size_bytes, listed.size_bytes), detail))
    return COMPARABLE


def newer_finding(item: Item) -> Finding:
    """Return what an item stands for that was changed since and was not restored."""
    kind = FindingKind(item.newer or FindingKind.CHANGED)
    detail = "the live file is newer" if kind == FindingKind.EDITED else "newer in the copy"
    return _sized(item.entry, item.listed, kind, detail)


def as_newer(outcome: Outcome, item: Item) -> Outcome:
    """Return the outcome of a newer item that was restored: other bytes are what its kind says, not damage."""
    if item.newer is None or not isinstance(outcome, Finding) or outcome.kind not in _OTHER_BYTES:
        return outcome
    return replace(outcome, kind=FindingKind(item.newer))


def _sized(entry: Entry, listed: Listed, kind: FindingKind, detail: str) -> Finding:
    return _finding(entry, kind, f"{entry.size_bytes} bytes", f"{listed.size_bytes} bytes", detail)


def _judge_link(entry: Entry, listed: Listed) -> Judgement:
    if listed.kind == "link" and listed.link == entry.link:
        return COMPARABLE
    actual = f"a link to {relpath.show(listed.link or b'')}" if listed.kind == "link" else "something that is no link"
    expected = f"a link to {relpath.show(entry.link or b'')}"
    kind = FindingKind.MISMATCH if listed.kind == "link" else FindingKind.MISSING
    return Judgement(finding=_finding(entry, kind, expected, actual, ""))


def _finding(entry: Entry, kind: FindingKind, expected: str, actual: str, detail: str) -> Finding:
    return Finding(
        path=entry.path, kind=kind, size_bytes=entry.size_bytes, expected=expected, actual=actual, detail=detail
    )


@dataclass(slots=True, kw_only=True)
class TimeEvidence:
    """How the times of joined files compare, from which is told whether the copy keeps them at all."""

    pairs: int = 0
    agreeing: int = 0
    newer_of_equal_size: int = 0

    def add(self, entry: Entry, listed: Listed) -> None:
        """Take in one joined pair of regular files."""
        if entry.mtime_ns is None or listed.mtime_ns is None:
            return
        self.pairs += 1
        if is_newer(listed.mtime_ns, entry.mtime_ns):
            self.newer_of_equal_size += listed.size_bytes == entry.size_bytes
        elif not is_newer(entry.mtime_ns, listed.mtime_ns):
            self.agreeing += 1

    @property
    def says_not_kept(self) -> bool:
        """Whether nearly no time agrees and most files are newer at their old size: a copy made without keeping times.

        Taking it for one is the stricter reading: its files are then judged by their bytes, never let off as newer. So
        half of the sizes is enough: were all asked for, a few damaged files would get themselves and all others off.
        Of fewer than five files a single one is more than the share that may be newer.
        """
        enough, few, most = 5, 0.05, 0.5
        return (
            self.pairs >= enough and self.agreeing < few * self.pairs and self.newer_of_equal_size >= most * self.pairs
        )


def sample_files(wish: Sample, population_files: int, population_bytes: int = 0) -> int:
    """Return how many of the comparable files are wished for; fixed before the seed exists."""
    if wish.full:
        return population_files
    if wish.files is not None:
        return min(wish.files, population_files)
    if wish.percent is not None:
        return sample.files_of_percent(population_files, wish.percent)
    if wish.size_bytes is not None:
        spread = SizeSpread(files=population_files, size_bytes=population_bytes)
        return sample.files_of_bytes(spread, wish.size_bytes)
    return sample.sample_size(population_files, confidence=wish.confidence, tolerable=wish.tolerable)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSample:
    """How many files of a population will be drawn, and how many would be but for the budget.

    `most_bytes` are those expected plus two deviations. `tolerable_files` is the least number of bad files of which the
    draw would find one, at this confidence; None where nothing is drawn.
    """

    population_files: int
    wished_files: int
    drawn_files: int
    most_bytes: int
    confidence: float
    tolerable_files: int | None

    def sentence(self) -> str:
        """Return in words how much is drawn, and what that is enough to find."""
        drawn = f"{self.drawn_files:,} of {self.population_files:,} files, drawn by lot"
        if self.drawn_files < self.wished_files:
            drawn = f"{drawn} (the budget is too small for {self.wished_files:,})"
        if self.tolerable_files is None:
            return f"{drawn}: nothing is shown of the others"
        least = percent(self.tolerable_files, self.population_files, up=True)
        return (
            f"{drawn}: if {self.tolerable_files:,} or more of them are bad ({least}), at least one is found, "
            f"with a chance of {percent(Fraction(repr(self.confidence)), 1)} or more"
        )

    def chance_sentence(self, bad: int) -> str:
        """Return in words how likely it is that so many bad files are noticed: what the sample can't find, too."""
        bad = min(bad, self.population_files)
        chance = sample.chance_of_finding(self.population_files, bad, self.drawn_files)
        return (
            f"{bad:,} bad {'file' if bad == 1 else 'files'} among {self.population_files:,} would be found by this "
            f"drill with a chance of {percent(Fraction(chance), 1)}"
        )


def fit_sample(wish: Sample, spread: SizeSpread, *, budget_bytes: int | None) -> FittedSample:
    """Fix how many files are drawn of a population, from the wish, its sizes and what the budget leaves for them.

    A full drill is what it is called, whatever the budget; any other draw is lowered until its expected bytes plus two
    deviations are within it.
    """
    wished = drawn = sample_files(wish, spread.files, spread.size_bytes)
    if budget_bytes is not None and not wish.full:
        drawn = min(wished, sample.largest_n_within(spread, budget_bytes))
    return FittedSample(
        population_files=spread.files,
        wished_files=wished,
        drawn_files=drawn,
        most_bytes=sample.most_bytes(spread, drawn),
        confidence=wish.confidence,
        tolerable_files=sample.tolerable_of(spread.files, drawn, confidence=wish.confidence),
    )


def coverage_sentence(population_files: int, drawn_files: int, *, period_seconds: int, interval_seconds: int) -> str:
    """Return in words how much each drill must prove beside its sample so that every file is proven in the period."""
    period_days, interval_days = period_seconds // _DAY_SECONDS, interval_seconds // _DAY_SECONDS
    drills = sample.drills_within(period_seconds, interval_seconds)
    if not drills:
        return (
            f"a drill every {interval_days:,} days can't prove every file within {period_days:,} days: "
            "drill more often, or allow for longer"
        )
    beside = sample.files_for_coverage(population_files, drawn_files, drills)
    return (
        f"{beside:,} files beside the sample of {drawn_files:,}, every {interval_days:,} days, prove each of "
        f"{population_files:,} files within {period_days:,} days"
    )


def percent(part: Fraction | int, whole: int, *, up: bool = False) -> str:
    """Return a share in percent, to two digits that tell it from none and from all; rounded to the nearest, or `up`.

    So a chance that is short of certainty is never 100 %, and one that there is never 0 %.
    """
    share = Fraction(part) * 100 / whole
    places = 0
    while places < _MOST_PLACES and (share * 10**places).denominator > 1:
        if min(share, 100 - share) * 10**places >= _TWO_DIGITS:
            break
        places += 1
    scaled = share * 10**places
    rounded = math.ceil(scaled) if up else round(scaled)
    if rounded == 100 * 10**places and not up and share != 100:  # noqa: PLR2004 - percent
        rounded -= 1
    return f"{rounded / 10**places:.{places}f} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSize:
    """How much one worker takes on at a time."""

    files: int
    size_bytes: int

    @classmethod
    def of(cls, files: int, size_bytes: int) -> BatchSize:
        """Return the size of batch for a drill of so many files and bytes.

        Some 1,000 small files or 256 MB, less for a small drill, so that every worker has something to do. It depends
        on the plan alone, so that an interrupted drill is cut into the same batches again.
        """
        return cls(
            files=min(_BATCH_FILES, max(_SMALLEST_BATCH_FILES, files // _BATCHES_WANTED)),
            size_bytes=min(_BATCH_BYTES, max(_SMALLEST_BATCH_BYTES, size_bytes // _BATCHES_WANTED)),
        )


def batches(items: Iterable[Item], batch_size: BatchSize) -> Iterator[tuple[Item, ...]]:
    """Cut items into batches, in their order; a large file with digests of its pieces gives a batch for each piece."""
    batch: list[Item] = []
    batch_bytes = 0
    for item in items:
        size_bytes = item.listed.size_bytes
        if size_bytes > PIECE_BYTES and item.entry.pieces and size_bytes == item.entry.size_bytes:
            if batch:
                yield tuple(batch)
                batch, batch_bytes = [], 0
            for piece in range(piece_count(size_bytes)):
                yield (replace(item, piece=piece),)
            continue
        if batch and (len(batch) >= batch_size.files or batch_bytes + size_bytes > batch_size.size_bytes):
            yield tuple(batch)
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += size_bytes
    if batch:
        yield tuple(batch)
