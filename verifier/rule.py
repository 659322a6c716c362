"""Copies and their verdicts → the 3-2-1-1-0 rule, digit by digit, each with its evidence. Pure.

Three copies, on two media, one of them off-site, one immutable or offline, no findings. A copy counts once it was seen
to restore in this drill; two on one device count once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from verifier.verdict import Result

NAME: Final = "3-2-1-1-0"
_COPIES, _MEDIA = 3, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyStanding:
    """What the rule asks of one copy. `device` names the disk or export; None where it isn't known.

    `result` is None of the live data, which is counted as stated: it was read when the manifest was made.
    """

    name: str
    medium: str | None
    site: str | None
    device: str | None
    live: bool
    immutable: bool
    result: Result | None

    @property
    def counts(self) -> bool:
        """Whether the copy was seen to hold the dataset."""
        return self.live or self.result in (Result.PASSED, Result.WARNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One digit: whether it holds, and by what evidence. None: this drill can't tell."""

    digit: str
    holds: bool | None
    evidence: str


def check_rule(copies: Sequence[CopyStanding]) -> tuple[Check, ...]:
    """Return the five digits of the rule for the copies that a scenario names."""
    counting = [copy for copy in copies if copy.counts]
    devices = {copy.device or f"copy {copy.name}" for copy in counting}
    media = {copy.medium for copy in counting if copy.medium}
    home = {copy.site for copy in copies if copy.live and copy.site}
    away = [copy.name for copy in counting if copy.site and home and copy.site not in home]
    fixed = [copy.name for copy in counting if copy.immutable]
    clean = [copy.name for copy in copies if copy.result is not None]
    findings = [copy.name for copy in copies if copy.result not in (None, Result.PASSED, Result.WARNED)]
    return (
        Check(
            digit="3 copies",
            holds=len(devices) >= _COPIES,
            evidence=f"{_named([copy.name for copy in counting])}, on {len(devices)} devices",
        ),
        Check(
            digit="2 media",
            holds=None if not media else len(media) >= _MEDIA,
            evidence=f"as stated: {_named(sorted(media))}",
        ),
        Check(
            digit="1 off-site",
            holds=bool(away) if home else None,
            evidence=f"as stated: {_named(away)}" if home else "no live copy states its site",
        ),
        Check(digit="1 immutable or offline", holds=bool(fixed), evidence=f"as stated: {_named(fixed)}"),
        Check(
            digit="0 findings",
            holds=None if not clean else not findings,
            evidence=f"not PASSED: {_named(findings)}" if findings else f"drilled: {_named(clean)}",
        ),
    )


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
