"""What became of the scenarios of a run → the short texts of pings and webhooks: verdicts, numbers, digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from verifier import relpath
from verifier.report import Told, subject_of, worst_first

_LARGEST_PING_BYTES: Final = 10_000  # what healthchecks.io keeps of a body
WEBHOOK_FORMAT: Final = "restore-verifier/drills/1"


def ping_text(told: Sequence[Told]) -> bytes:
    """Return the body of a heartbeat: the verdicts, then a line for each drill with its head, `12:9f86…`."""
    lines = [subject_of(told)]
    for one in worst_first(told):
        lines.append(f"{one.word} {relpath.show(one.scenario)} {one.head or relpath.show(one.problem or '')}")
        if one.only:
            lines.append(f"  limited to {', '.join(map(relpath.show, one.only))}")
    text = "".join(f"{line}\n" for line in lines).encode()
    return (
        text if len(text) <= _LARGEST_PING_BYTES else text[: _LARGEST_PING_BYTES - 4].rpartition(b"\n")[0] + b"\n...\n"
    )


def webhook_json(told: Sequence[Told]) -> bytes:
    """Return what a webhook is sent: the worst word, and for each scenario what is known, heads whole."""
    ordered = worst_first(told)
    drills = [
        {
            "scenario": one.scenario,
            "result": one.word,
            "head": one.head,
            "number": one.number,
            "proof_sha256": one.sha256,
            "machine": one.machine,
            "started_at": one.started_at,
            "finished_at": one.finished_at,
            "last_passed_at": one.last_passed_at,
            "interrupted": one.interrupted,
            "limited_to": list(one.only),
            "reasons": list(one.reasons),
            "problem": one.problem,
            "trouble": one.trouble,
            "copies": [{"name": copy.name, "result": copy.result} for copy in one.copies],
        }
        for one in ordered
    ]
    whole = {"format": WEBHOOK_FORMAT, "result": ordered[0].word, "text": subject_of(told), "drills": drills}
    return msgspec.json.encode(whole, order="sorted") + b"\n"
