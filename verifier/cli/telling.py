"""What a run of drills came to → whoever its scenarios say is to be told; no exit code is changed by it."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from verifier.cli.setting import Setting

if TYPE_CHECKING:
    from verifier.deliver import News, Post
    from verifier.drill import DrillResult
    from verifier.errors import VerifierError
    from verifier.scenario.scenario import Scenario


class Telling:
    """Gathers what becomes of each scenario of a run, and tells it in the end. Nothing is loaded if nobody is told."""

    def __init__(
        self, scenarios: Sequence[Scenario], arguments: argparse.Namespace, setting: Setting, *, state: Path
    ) -> None:
        self._scenarios = [one for one in scenarios if one.delivery != type(one.delivery)()]
        self._limited = bool(arguments.only or getattr(arguments, "copy", ()))
        self._setting = setting
        self._state = state
        self._news: dict[str, News] = {}
        self._post: Post | None = open_post(setting, state) if self._scenarios else None

    def begin(self) -> None:
        """Tell that the run begins; not of one that leaves something out, for no success would follow."""
        if self._post is not None and not self._limited:
            self._post.begin(scenario.delivery for scenario in self._scenarios)

    def add(self, scenario: Scenario, result: DrillResult) -> None:
        """Note what a drill came to."""
        if self._post is None or scenario not in self._scenarios:
            return
        import dataclasses  # noqa: PLC0415 - only where somebody is told

        from verifier import deliver, proof, report  # noqa: PLC0415 - the same

        sha256 = hashlib.sha256(result.proof_bytes).hexdigest()
        told = report.told_of(proof.from_bytes(result.proof_bytes), sha256=sha256)
        if result.unsigned is not None:
            told = dataclasses.replace(told, trouble=f"The bundle is not signed: {result.unsigned.message}")
        told = deliver.with_history(told, state=self._state)
        self._news[scenario.name] = deliver.News(told=told, delivery=scenario.delivery, folder=result.folder)

    def add_error(self, scenario: Scenario, error: VerifierError) -> None:
        """Note why a scenario was not drilled."""
        if self._post is not None and scenario in self._scenarios:
            self._add_problem(scenario, error.message)

    def _add_problem(self, scenario: Scenario, problem: str) -> None:
        from verifier import deliver, report  # noqa: PLC0415 - only where somebody is told

        told = deliver.with_history(report.Told(scenario=scenario.name, problem=problem), state=self._state)
        self._news[scenario.name] = deliver.News(told=told, delivery=scenario.delivery)

    def end(self) -> None:
        """Tell of the run, also of what was not reached in it; then try again what earlier runs could not deliver."""
        if self._post is None:
            return
        for scenario in self._scenarios:
            if scenario.name not in self._news:
                self._add_problem(scenario, "the run was interrupted before its turn")
        before = self._post.pending()
        self._post.tell(list(self._news.values()), limited=self._limited)
        self._post.send(before, {one.name: one.delivery for one in self._scenarios})


def open_post(setting: Setting, state: Path) -> Post:
    """Return what tells, which speaks to the terminal."""
    from verifier.deliver import Post  # noqa: PLC0415 - only where somebody is told

    terminal = setting.terminal
    return Post(state=state, now=setting.now, warn=terminal.warn, say=terminal.say)
