"""The status of scenarios → the text that Prometheus reads, for its node exporter's folder of text files.

Source: the text-based exposition format, version 0.0.4. Times are in seconds since 1970; what never was has no sample,
so that no rule takes it for long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from verifier import relpath
from verifier.status.standing import CopyStatus, ScenarioStatus

_VERDICTS: Final = ("PASSED", "WARNED", "FAILED", "INCONCLUSIVE")

_Sample = tuple[dict[str, str], int]


def exposition(statuses: Sequence[ScenarioStatus]) -> str:
    """Return the status as Prometheus reads it, with a final newline."""
    copies = [({"scenario": status.name, "copy": copy.name}, copy) for status in statuses for copy in status.copies]
    scenarios = [({"scenario": status.name}, status) for status in statuses]
    metrics: list[tuple[str, str, str, Iterable[_Sample]]] = [
        ("verifier_drills_total", "counter", "Drills that left a proof.", [(on, it.drills) for on, it in scenarios]),
        ("verifier_last_drill_timestamp_seconds", "gauge", "When the last drill ended.",
         _times((on, it.last_at) for on, it in copies)),
        ("verifier_last_passed_timestamp_seconds", "gauge", "When the last drill that PASSED ended.",
         _times((on, it.last_passed_at) for on, it in copies)),
        ("verifier_last_verdict", "gauge", "1 for the verdict of the last drill.", _verdicts(copies)),
        ("verifier_covered_files", "gauge", "Files ever proven with their present content.",
         [(on, it.coverage.proven_files) for on, it in copies if it.coverage]),
        ("verifier_manifest_files", "gauge", "Files that should be proven.",
         [(on, it.coverage.of_files) for on, it in copies if it.coverage]),
        ("verifier_covered_bytes", "gauge", "Bytes of the files ever proven with their present content.",
         [(on, it.coverage.proven_bytes) for on, it in copies if it.coverage]),
        ("verifier_manifest_bytes", "gauge", "Bytes of the files that should be proven.",
         [(on, it.coverage.of_bytes) for on, it in copies if it.coverage]),
        ("verifier_next_due_timestamp_seconds", "gauge", "When the next drill is due, or since when one is.",
         _times((on, it.due.next_at) for on, it in scenarios if it.due)),
        ("verifier_overdue", "gauge", "1 where a good drill should have been there by now.",
         [(on, int(it.overdue)) for on, it in scenarios if it.due]),
        ("verifier_failed", "gauge", "1 where the last drill of a scenario or copy FAILED.",
         [(on, int(it.failed)) for on, it in scenarios]),
    ]  # fmt: skip
    lines = []
    for name, kind, means, samples in metrics:
        lines += [f"# HELP {name} {means}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{{{_labels(labels)}}} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _times(moments: Iterable[tuple[dict[str, str], str | None]]) -> Iterator[_Sample]:
    for labels, text in moments:
        if text is not None:
            yield labels, int(datetime.fromisoformat(text).timestamp())


def _verdicts(copies: Iterable[tuple[dict[str, str], CopyStatus]]) -> Iterator[_Sample]:
    for labels, copy in copies:
        if copy.last_verdict is not None:
            for verdict in _VERDICTS:
                yield {**labels, "verdict": verdict}, int(verdict == copy.last_verdict)


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(relpath.show(value))}"' for name, value in labels.items())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
