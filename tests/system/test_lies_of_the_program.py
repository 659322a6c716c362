"""The program broken on purpose, at each place where that could hide damage: never PASSED, by its test of itself."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from drilled import Place, change, flip, noise

from verifier import compare, reconcile, restore
from verifier.drill import carry_out, control, draw, survey
from verifier.drill.size import Size
from verifier.drill.surveyed import Survey
from verifier.entry import Item
from verifier.outcome import Match, Outcome
from verifier.reconcile import Pair
from verifier.restore import Batch, BatchResult
from verifier.sources.interface import Landed, Request, Sink
from verifier.sources.places import folder
from verifier.spool import Workspace

VICTIM, LOST = "photos/03.bin", "photos/08.bin"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({f"photos/{number:02d}.bin": noise(600, number) for number in range(12)})
    place.back_up()
    place.know()
    change(place.copy, VICTIM, lambda data: flip(data, 300))
    return place


Break = Callable[[pytest.MonkeyPatch], None]


def _judge_sees_no_difference(patch: pytest.MonkeyPatch) -> None:
    def judge(reference: compare.Reference, restored: compare.Restored, *, keeps_times: bool) -> Outcome:
        return Match(path=reference.path, size_bytes=reference.size_bytes)

    patch.setattr(restore, "judge", judge)


def _judge_compares_sizes(patch: pytest.MonkeyPatch) -> None:
    real = compare.judge

    def judge(reference: compare.Reference, restored: compare.Restored, *, keeps_times: bool) -> Outcome:
        if reference.size_bytes == restored.size_bytes:
            return Match(path=reference.path, size_bytes=reference.size_bytes)
        return real(reference, restored, keeps_times=keeps_times)

    patch.setattr(restore, "judge", judge)


def _what_landed_is_not_read(patch: pytest.MonkeyPatch) -> None:
    """The digest comes from the first answer for a path, as from a cache that somebody put in."""
    known: dict[str, Any] = {}
    real = restore._BatchWork._judge_whole

    def judge_whole(self: restore._BatchWork, item: Item, landed: Landed, slot: Any) -> Outcome:
        outcome = real(self, item, landed, slot)
        return known.setdefault(f"{item.entry.path!r}", outcome)

    patch.setattr(restore._BatchWork, "_judge_whole", judge_whole)


def _the_flip_is_skipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restore._BatchWork, "_spoil", lambda *_: None)


def _an_absent_file_is_fine(patch: pytest.MonkeyPatch) -> None:
    def failure(item: Item, failed: object) -> Outcome:
        return Match(path=item.entry.path, size_bytes=item.entry.size_bytes)

    patch.setattr(restore, "_failure", failure)


def _the_wrong_checksum_is_the_right_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(control, "_with_wrong_checksum", lambda item, _algorithm: item.entry)


def _missing_entries_are_dropped(patch: pytest.MonkeyPatch) -> None:
    def joined(*arguments: Any, **named: Any) -> Iterator[Pair]:
        return (pair for pair in reconcile.reconcile(*arguments, **named) if pair.listed is not None)

    patch.setattr(survey, "reconcile", joined)


def _every_third_pair_is_dropped(patch: pytest.MonkeyPatch) -> None:
    def joined(*arguments: Any, **named: Any) -> Iterator[Pair]:
        for number, pair in enumerate(reconcile.reconcile(*arguments, **named)):
            if pair.listed is None or number % 3:
                yield pair

    patch.setattr(survey, "reconcile", joined)


def _made_up(batch: Batch) -> BatchResult:
    outcomes = [Match(path=item.entry.path, size_bytes=item.entry.size_bytes) for item in batch.items]
    return BatchResult(outcomes=tuple(outcomes))


def _forgetful(batch: Batch) -> BatchResult:
    return BatchResult(outcomes=restore.restore_batch(batch).outcomes[:-1])


def _outcomes_are_made_up(patch: pytest.MonkeyPatch) -> None:
    for module in (carry_out, control):
        patch.setattr(module, "restore_batch", _made_up)


HIDING = [
    _judge_sees_no_difference,
    _judge_compares_sizes,
    _missing_entries_are_dropped,
    _every_third_pair_is_dropped,
    _outcomes_are_made_up,
]
# Each part of the test of itself is alone in failing once: the flip, the absent file, the wrong checksum.
BLIND = [
    _what_landed_is_not_read,
    _the_flip_is_skipped,
    _an_absent_file_is_fine,
    _the_wrong_checksum_is_the_right_one,
]


@pytest.mark.parametrize("break_it", HIDING)
@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
def test_a_break_that_hides_damage_is_never_green(
    place: Place, monkeypatch: pytest.MonkeyPatch, break_it: Break, options: tuple[str, ...], *, against: bool
) -> None:
    (place.copy / LOST).unlink()
    hidden = "MISMATCH" if "dropped" not in break_it.__name__ else "MISSING"
    whole = place.prove(*options, against=against)
    assert hidden in whole.counts
    break_it(monkeypatch)

    drilled = place.prove(*options, against=against)

    assert drilled.result in {"INCONCLUSIVE", "FAILED"}
    assert drilled.copy.control == "undetected"
    assert "test of itself" in drilled.reasons


@pytest.mark.parametrize("break_it", HIDING + BLIND)
@pytest.mark.parametrize("options", [("--full",), ("--sample", "1000")], ids=["full", "sample"])
def test_a_broken_program_is_inconclusive_on_an_intact_copy(
    place: Place, monkeypatch: pytest.MonkeyPatch, break_it: Break, options: tuple[str, ...]
) -> None:
    change(place.copy, VICTIM, lambda data: flip(data, 300))
    assert place.prove(*options).result == "PASSED"
    break_it(monkeypatch)

    drilled = place.prove(*options)

    assert (drilled.code, drilled.result, drilled.copy.control) == (3, "INCONCLUSIVE", "undetected")


@pytest.mark.parametrize("against", [False, True], ids=["manifest", "live"])
def test_a_checksum_that_is_always_the_same_is_never_green(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, against: bool
) -> None:
    monkeypatch.setattr(compare, "read_back", lambda *_: (600, "0" * 32))
    monkeypatch.setattr(restore, "read_back", lambda *_: (600, "0" * 32))
    monkeypatch.setattr(restore.LiveFolder, "hash_range", lambda *_: "0" * 32)

    drilled = place.prove("--full", against=against)

    assert drilled.result in {"FAILED", "INCONCLUSIVE"}


def test_a_source_that_says_landed_and_brings_nothing_is_never_green(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(self: folder.Folder, requests: Sequence[Request], sink: Sink) -> Iterator[Landed]:
        for request in requests:
            sink.create(request.number)
            yield Landed(number=request.number, mtime_ns=request.listed.mtime_ns)

    monkeypatch.setattr(folder.Folder, "fetch", fetch)

    drilled = place.prove("--full")

    assert (drilled.code, drilled.result, drilled.counts) == (1, "FAILED", {"TRUNCATED": 12})


def test_a_batch_that_forgets_an_outcome_leaves_no_proof(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "restore_batch", _forgetful)

    with pytest.raises(AssertionError, match="one outcome for each item"):
        place.prove("--full")
    assert place.bundles() == []


def test_a_full_drill_that_leaves_a_file_out_leaves_no_proof(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = draw._everything

    def forgetful(listed: Survey, size: Size, workspace: Workspace) -> draw.Draw:
        drawn = real(listed, size, workspace)
        left = workspace.table(Item).extend(itertools.islice(drawn.items, 1, None))
        return dataclasses.replace(drawn, items=left)

    monkeypatch.setattr(draw, "_everything", forgetful)

    with pytest.raises(AssertionError, match="draw all of 12 files, got 11"):
        place.prove("--full")
    assert place.bundles() == []


def test_fewer_outcomes_than_planned_leave_no_proof(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = carry_out.Work.outcomes

    def outcomes(self: carry_out.Work) -> Iterator[tuple[Item, Outcome]]:
        all_but_one = iter(real(self))
        next(all_but_one)
        return all_but_one

    monkeypatch.setattr(carry_out.Work, "outcomes", outcomes)

    with pytest.raises(AssertionError, match="an outcome for each of 12 planned"):
        place.prove("--full")
    assert place.bundles() == []


def test_empty_files_alone_test_the_drill_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    place.fill({"one": b"", "two": b""})
    place.back_up()
    place.know()

    assert (place.prove("--full").result, place.prove("--full").copy.control) == ("PASSED", "detected")
    _the_flip_is_skipped(monkeypatch)
    assert place.prove("--full").result == "INCONCLUSIVE"
