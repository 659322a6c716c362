from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contract.b2_harness import B2Harness
from contract.bench import Bench, Rule
from contract.contract import RULES
from contract.harness import HOOKS, NAMES, Harness
from contract.harnesses import FolderHarness, MemoryHarness, NamedHarness
from contract.sftp_harness import SftpByChannel, SftpBySsh

HARNESSES: tuple[type[Harness], ...] = (FolderHarness, MemoryHarness, NamedHarness, SftpBySsh, SftpByChannel, B2Harness)
CASES = [
    pytest.param(kind, rule, id=f"{kind.kind}-{rule.name}")
    for kind in HARNESSES
    for rule in RULES.values()
    if rule.needs <= kind.hooks()
]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[type[Harness]], Any]]:
    with contextlib.ExitStack() as servers:
        known: dict[type[Harness], Any] = {}

        def serve(kind: type[Harness]) -> Any:
            if kind not in known:
                known[kind] = servers.enter_context(kind.serving(tmp_path_factory.mktemp("serving")))
            return known[kind]

        yield serve


@pytest.mark.parametrize(("kind", "rule"), CASES)
def test_it_keeps_the_contract(
    kind: type[Harness],
    rule: Rule,
    tmp_path: Path,
    serving: Callable[[type[Harness]], Any],
    must_run: Callable[[str, str], None],
) -> None:
    lacking = kind.unavailable()
    if lacking is not None:
        must_run(kind.kind, lacking)
    with (
        contextlib.closing(kind(tmp_path, serving(kind))) as harness,
        contextlib.closing(Bench(harness, tmp_path)) as bench,
    ):
        harness.needs = rule.needs
        rule.check(bench)


@pytest.mark.parametrize("kind", HARNESSES)
def test_what_it_can_t_do_is_said_with_its_reason(kind: type[Harness]) -> None:
    assert kind.hooks() | set(kind.leaves_out) == set(HOOKS)
    assert not kind.hooks() & set(kind.leaves_out)
    assert kind.cannot_hold < set(NAMES)


def test_every_rule_is_held_by_more_than_the_place_in_memory() -> None:
    kept = {rule.name for rule in RULES.values() for kind in HARNESSES if rule.needs <= kind.hooks()}
    assert kept == set(RULES)
