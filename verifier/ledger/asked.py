"""What a drill was asked for ↔ the text that stands in the ledger, equal for two of which one may take up the other."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a drill was asked for: the scenario's SHA-256, what was known good, patterns that limit it, sample, copies.

    `references` are, copy by copy, a manifest's identity or a live folder, None of a copy that could not be listed;
    `sample` the fields of `scenario.Sample`.
    """

    scenario_sha256: str
    references: tuple[str | None, ...]
    only: tuple[str, ...]
    sample: Mapping[str, object]
    copies: tuple[str, ...]

    def to_text(self) -> str:
        """Return it as the ledger keeps it."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def from_text(cls, text: str) -> Asked | None:
        """Return what a text of the ledger says; None where it says something else, so that nothing is known."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, RecursionError):
            return None
