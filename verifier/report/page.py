"""A proof → what a report says of it: sentences, and lists cut to what a person can read.

Nothing here is escaped or laid out; that is the templates' part. Whatever is divided states both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from msgspec import UNSET

from verifier.digest import CRYPTOGRAPHIC
from verifier.outcome import COUNTED_KINDS, FindingKind, Reason
from verifier.proof import CopyFacts, Count, FindingFacts, ManifestFacts, Proof, UnrestoredFacts
from verifier.report import meaning
from verifier.report.amount import duration, moment, number, percent, size
from verifier.report.claim import assurance_of, budget_of, coverage_of, sample_of
from verifier.report.escape import name

LONGEST_LIST: Final = 1_000
"""So many of each kind stand in a report; all findings that are held against a copy stand in `findings.jsonl`."""

_WORDS_IN_ORDER: Final = {word: place for place, word in enumerate([*FindingKind, *Reason])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding or unrestored entry, with its name as it may be shown."""

    name: str
    size: str
    expected: str
    actual: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All that is shown of one kind or reason; `more` are those that stand in `more_in`, or nowhere by name."""

    word: str
    meaning: str
    rows: tuple[Row, ...]
    total: int
    more: int
    more_in: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a whole, in files and in bytes, the latter but where the manifest does not state the whole's."""

    label: str
    part: Count
    whole: Count
    whole_is: str
    sizes_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPage:
    """What a report says of one copy."""

    anchor: str
    facts: CopyFacts
    where: tuple[tuple[str, str], ...]
    shares: tuple[Share, ...]
    counts: tuple[tuple[str, Count, str], ...]
    findings: tuple[Group, ...]
    counted: tuple[Group, ...]
    unrestored: tuple[Group, ...]
    assurance: str
    coverage: str
    control: str
    found_names: tuple[tuple[str, str, str], ...]
    measured: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPage:
    """What a report says of one manifest: its facts, when it was made, what is not in it."""

    title: str
    facts: ManifestFacts
    reference: str
    left_out: tuple[tuple[str, Count], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a report says of one drill."""

    proof: Proof
    sha256: str
    meaning: str
    shown: tuple[str, ...]
    not_shown: tuple[str, ...]
    copies: tuple[CopyPage, ...]
    manifests: tuple[ManifestPage, ...]
    drill: tuple[tuple[str, str], ...]
    asked: tuple[tuple[str, str], ...]
    checked_by: str | None
    """The stock program that prints what the manifests have for a file; None where there is none for all of them."""


def page(proof: Proof, *, sha256: str) -> Page:
    """Return what a report says of `proof`, whose bytes have this SHA-256."""
    return Page(
        proof=proof,
        sha256=sha256,
        meaning=meaning.VERDICTS[proof.verdict.result],
        shown=tuple(_shown(proof)),
        not_shown=tuple(_not_shown(proof)),
        copies=tuple(_copy_page(place, copy, proof) for place, copy in enumerate(proof.copies, start=1)),
        manifests=tuple(_manifest_page(manifest, proof) for manifest in proof.all_manifests),
        drill=tuple(_drill(proof)),
        asked=tuple(_asked(proof)),
        checked_by=_checked_by(proof),
    )


def _shown(proof: Proof) -> Iterator[str]:
    """Yield what this drill is evidence of."""
    if not proof.copies:
        yield "Nothing: no copy was drilled."
    for copy in proof.copies:
        depth = meaning.DEPTHS.get(copy.depth, copy.depth) if copy.proven.files else "No file was proven."
        yield f"{copy.name}: {depth} {_proven_of_planned(copy)}"
    for digest in _digests(proof):
        yield meaning.DIGESTS.get(digest, meaning.UNKNOWN_DIGEST)
    for manifest in proof.all_manifests:
        yield _reference(manifest, proof)


def _digests(proof: Proof) -> list[str]:
    return list(dict.fromkeys(manifest.digest for manifest in proof.all_manifests))


def _checked_by(proof: Proof) -> str | None:
    programs = {meaning.CHECKED_BY.get(digest) for digest in _digests(proof)}
    return programs.pop() if len(programs) == 1 else None


def _proven_of_planned(copy: CopyFacts) -> str:
    return (
        f"Proven: {number(copy.proven.files)} of {number(copy.planned.files)} planned files, "
        f"{size(copy.proven.bytes)} of {size(copy.planned.bytes)}."
    )


def _not_shown(proof: Proof) -> Iterator[str]:
    """Yield what a reader might take this drill for, and it is not."""
    for copy in proof.copies:
        unproven = copy.population.files - copy.proven.files
        if unproven > 0:
            yield (
                f"{copy.name}: {number(unproven)} of {number(copy.population.files)} comparable files were not proven "
                f"in this drill; of those that were not drawn only names and sizes were compared, as the copy states "
                f"them."
            )
    if any(copy.depth in {"listed", "size", "restored"} for copy in proof.copies):
        yield "That any program can open the files: they were not opened, not probed."
    for copy in proof.copies:
        if copy.read_from == "cache possible":
            yield f"{copy.name}: that the bytes came from the medium itself, and not from this machine's memory."
    if not CRYPTOGRAPHIC.issuperset(_digests(proof)):
        yield "That nobody changed the data on purpose: the manifest's checksum is no cryptographic digest."
    yield "That the data was good when the manifest was made: a drill compares with it and can't see behind it."
    if proof.drill.only:
        yield f"Anything but what the drill was limited to: {', '.join(proof.drill.only)}."
    if proof.drill.interrupted:
        yield "What the drill had not reached when it was interrupted."


def _manifest_page(manifest: ManifestFacts, proof: Proof) -> ManifestPage:
    held = "the copies were" if len(proof.all_manifests) == 1 else f"{_held(manifest, proof)} was"
    return ManifestPage(
        title=f"The manifest: what {held} held against",
        facts=manifest,
        reference=_reference(manifest, proof),
        left_out=tuple(_left_out(manifest)),
    )


def _held(manifest: ManifestFacts, proof: Proof) -> str:
    """Return the copies that were held against one of several manifests."""
    names = [copy.name for copy in proof.copies if proof.manifest_of(copy) is manifest]
    return " and ".join(names)


def _reference(manifest: ManifestFacts, proof: Proof) -> str:
    if manifest.live:
        at = moment(manifest.created_at or proof.drill.started_at)
        return f"The reference is the live data itself: a file that is proven matches the live data at {at}, no more."
    made = f"on {moment(manifest.created_at)}" if manifest.created_at else "at a time that it does not state"
    if manifest.states_sizes is False:
        made += " and states no file's size"
    whose = "The reference" if len(proof.all_manifests) == 1 else f"The reference of {_held(manifest, proof)}"
    return f"{whose} is a manifest that was made {made}: a file that is proven is as it was then."


def _left_out(manifest: ManifestFacts) -> Iterator[tuple[str, Count]]:
    for field, words in meaning.LEFT_OUT.items():
        yield words, getattr(manifest.left_out, field)


def _drill(proof: Proof) -> Iterator[tuple[str, str]]:
    drill, tool = proof.drill, proof.tool
    yield "Drill", drill.id
    yield "Number in the chain", number(drill.number)
    yield "SHA-256 of the proof before it", drill.previous or "none: this is the first drill of the chain"
    yield "Started", moment(drill.started_at)
    yield "Finished", moment(drill.finished_at)
    yield "Interrupted", "yes: what had been done until then is stated" if drill.interrupted else "no"
    yield "Machine", drill.machine
    yield "Schedule", drill.schedule or "none that it counts for"
    yield "Program", f"{tool.name} {tool.version}, Python {tool.python}, {tool.platform}"
    yield "Seed", drill.seed
    yield "Source of the seed", f"{drill.seed_source}: {meaning.SEED_SOURCES[drill.seed_source]}"


def _asked(proof: Proof) -> Iterator[tuple[str, str]]:
    scenario = proof.scenario
    yield "Scenario", scenario.name
    yield "SHA-256 of the scenario", scenario.sha256
    yield "Sample", sample_of(scenario)
    yield "Budget of each copy", budget_of(scenario)
    yield "Limited to", ", ".join(proof.drill.only) or "nothing: the whole manifest"
    yield "Never to change", ", ".join(scenario.unchanging) or "nothing"
    yield "Files that may be newer than the manifest", f"up to {percent(scenario.changed_share)}"


def _copy_page(place: int, copy: CopyFacts, proof: Proof) -> CopyPage:
    totals = {word: count.files for word, count in copy.counts.items()}
    # Under paths that never change, a kind that is only counted elsewhere is a finding; its count holds both.
    damaging = Counter(finding.kind for finding in copy.findings)
    return CopyPage(
        anchor=f"copy-{place}",
        facts=copy,
        where=tuple(_where(copy)),
        shares=tuple(_shares(copy, proof.manifest_of(copy))),
        counts=tuple((word, copy.counts[word], meaning.of_word(word)) for word in sorted(copy.counts, key=_word_order)),
        findings=_groups(
            copy.findings,
            word_of=_kind,
            # What is overdue is one finding, whatever the number of files.
            totals={word: total for word, total in totals.items() if word not in {*COUNTED_KINDS, FindingKind.OVERDUE}},
            more_in="findings.jsonl",
        ),
        counted=_groups(
            copy.counted,
            word_of=_kind,
            totals={word: total - damaging[word] for word, total in totals.items()},
            more_in=None,
        ),
        unrestored=_groups(
            copy.unrestored,
            word_of=_reason,
            # What the time did not suffice for is counted and stands nowhere by name.
            totals={word: total for word, total in totals.items() if word != Reason.OVER_BUDGET},
            more_in="outcomes.jsonl.zst",
        ),
        assurance=assurance_of(copy, proof.drill),
        coverage=coverage_of(copy),
        control=meaning.CONTROLS[copy.control],
        found_names=tuple(_found_names(copy)),
        measured=tuple(_measured(copy)),
    )


def _found_names(copy: CopyFacts) -> Iterator[tuple[str, str, str]]:
    for found in copy.found_names or ():
        expected, actual = (name(one.path, one.path_b64) for one in (found.entry, found.listed))
        yield expected, actual, found.how


def _where(copy: CopyFacts) -> Iterator[tuple[str, str]]:
    yield "Address", copy.address
    yield "Medium", copy.medium or "not stated"
    yield "Site", copy.site or "not stated"
    snapshot = moment(copy.snapshot) if copy.snapshot else "none stated"
    yield "Snapshot", f"{snapshot} ({meaning.SNAPSHOT_IS[copy.snapshot_is]})"
    yield "Depth", f"{copy.depth}: {meaning.DEPTHS.get(copy.depth, 'not known to this version')}"
    yield "Read from", meaning.READ_FROM.get(copy.read_from, copy.read_from)
    if copy.manifest is not UNSET:
        made = moment(copy.manifest_created_at) if copy.manifest_created_at else "at a time that it does not state"
        yield "Held against", f"another manifest than the newest of this drill: made {made}, {copy.manifest}"
    yield "Times of files", "those of the source's files" if copy.keeps_times else "not those of the source's files"


def _shares(copy: CopyFacts, manifest: ManifestFacts) -> Iterator[Share]:
    whole = Count(files=manifest.files, bytes=manifest.bytes)
    yield Share(label="Proven", part=copy.proven, whole=copy.planned, whole_is="planned")
    for label, part in (("Planned", copy.planned), ("Proven", copy.proven), ("Comparable", copy.population)):
        known = manifest.states_sizes is not False
        yield Share(label=label, part=part, whole=whole, whole_is="all in the manifest", sizes_known=known)
    yield Share(label="Comparable", part=copy.population, whole=copy.listed, whole_is="all listed in the copy")


def _kind(finding: FindingFacts) -> str:
    return finding.kind


def _reason(unrestored: UnrestoredFacts) -> str:
    return unrestored.reason


def _word_order(word: str) -> tuple[int, str]:
    return _WORDS_IN_ORDER.get(word, len(_WORDS_IN_ORDER)), word


def _groups(
    facts: Sequence[FindingFacts | UnrestoredFacts],
    *,
    word_of: Callable[..., str],
    totals: Mapping[str, int],
    more_in: str | None,
) -> tuple[Group, ...]:
    """Return the facts by kind or reason, each list cut; what was cut is counted, also what the proof has not."""

    def order(fact: FindingFacts | UnrestoredFacts) -> tuple[int, str]:
        return _word_order(word_of(fact))

    groups = []
    for (_, word), members in groupby(sorted(facts, key=order), key=order):
        held = list(members)
        total = max(totals.get(word, 0), len(held))
        rows = tuple(_rows(held[:LONGEST_LIST]))
        more = total - len(rows)
        groups.append(
            Group(word=word, meaning=meaning.of_word(word), rows=rows, total=total, more=more, more_in=more_in)
        )
    return tuple(groups)


def _rows(facts: Iterable[FindingFacts | UnrestoredFacts]) -> Iterator[Row]:
    for fact in facts:
        shown = name(fact.path, fact.path_b64)
        yield Row(
            name=shown or "the copy as a whole",
            size=size(fact.size_bytes) if shown else "",
            expected=fact.expected if isinstance(fact, FindingFacts) else "",
            actual=fact.actual if isinstance(fact, FindingFacts) else "",
            detail=fact.detail,
        )


def _measured(copy: CopyFacts) -> Iterator[tuple[str, str]]:
    places = {key: place for place, key in enumerate(meaning.MEASURED)}
    for key in sorted(copy.measured, key=lambda key: (places.get(key, len(places)), key)):
        label = meaning.MEASURED.get(key, key.removesuffix("_seconds").replace("_", " ").capitalize())
        suffix = " (projected, not measured)" if key.startswith("projected") else ""
        yield f"{label}{suffix}", _measure(key, copy.measured[key])


def _measure(key: str, value: float | str | None) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, str):
        return moment(value)
    if key.endswith("bytes_per_second"):
        return f"{size(int(value))}/s"
    if key.endswith("seconds"):
        return duration(value)
    if key.endswith("bytes") or key.startswith("bytes_"):
        return size(int(value))
    return number(value) if isinstance(value, int) else f"{value:.10g}"
