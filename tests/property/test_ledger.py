"""The ledger against a model of plain dictionaries, and against a file that anything may have happened to."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from verifier.errors import LedgerError
from verifier.ledger import BeginDrill, CopyResult, Head, Ledger

AT = "2026-11-22T18:30:00Z"
PATHS = st.binary(min_size=1, max_size=12)
MARKS = st.integers(-(2**63), 2**63 - 1)
NAMES = st.sampled_from(["photos", "nas", "b2"])  # a scenario may be called as a copy is


class LedgerMachine(RuleBasedStateMachine):
    """Drills of two scenarios begun, finished, abandoned; batches saved; files proven; the process begun anew."""

    begun = Bundle("begun")

    @initialize()
    def open(self) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="verifier-ledger-"))
        self.ledger = Ledger.open(self.state)
        self.count = 0
        self.unfinished: dict[str, str] = {}
        self.heads: dict[str, Head] = {}
        self.batches: dict[tuple[str, str], dict[int, tuple[bytes, bytes]]] = {}
        self.proven: dict[tuple[str, str], dict[bytes, tuple[int, int]]] = {}

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.ledger.close()
            shutil.rmtree(self.state)

    @rule(target=begun, scenario=NAMES)
    def begin(self, scenario: str) -> str:
        self.count += 1
        drill_id = f"{self.count:x}"
        seed = self.count.to_bytes(32, "big")
        self.ledger.begin(BeginDrill(scenario=scenario, id=drill_id, started_at=AT, seed=seed, planned={}, options=""))
        self.unfinished[drill_id] = scenario
        return drill_id

    @rule(drill_id=begun, copy=NAMES, batch=st.integers(0, 3), data=st.binary(max_size=9))
    def save_batch(self, drill_id: str, copy: str, batch: int, data: bytes) -> None:
        if drill_id not in self.unfinished:
            with pytest.raises(LedgerError):
                self.ledger.save_batch(drill_id, copy, batch, data, data[::-1])
            return
        self.ledger.save_batch(drill_id, copy, batch, data, data[::-1])
        self.batches.setdefault((drill_id, copy), {})[batch] = (data, data[::-1])

    @rule(drill_id=consumes(begun), abandon=st.booleans(), shift=st.sampled_from([0, 0, 0, -1, 1]))
    def finish(self, drill_id: str, *, abandon: bool, shift: int) -> None:
        scenario = self.unfinished.get(drill_id)
        if scenario is None:
            return
        head = self.heads.get(scenario)
        others = [other for other, of in self.unfinished.items() if of == scenario and other != drill_id and abandon]
        number = (head.number if head else 0) + 1 + shift
        result = CopyResult(
            copy="nas", verdict="FAILED", planned_files=1, planned_bytes=2, proven_files=0, proven_bytes=0
        )
        with contextlib.nullcontext() if shift == 0 else pytest.raises((LedgerError, ValueError)):
            self.ledger.finish(
                drill_id,
                number=number,
                previous=head.proof_sha256 if head else None,
                proof_sha256=f"{self.count:064x}",
                finished_at=AT,
                verdict="FAILED",
                copies=[result],
                abandoned=others,
            )
        if shift == 0:
            self.heads[scenario] = Head(number=number, proof_sha256=f"{self.count:064x}")
            for gone in (drill_id, *others):
                del self.unfinished[gone]
                self.batches = {key: saved for key, saved in self.batches.items() if key[0] != gone}

    @rule(scenario=NAMES, copy=NAMES, rows=st.lists(st.tuples(PATHS, MARKS), max_size=5), number=st.integers(1, 9))
    def record(self, scenario: str, copy: str, rows: list[tuple[bytes, int]], number: int) -> None:
        self.ledger.record_proven(scenario, copy, rows, proven_at=AT, drill_number=number)
        self.proven.setdefault((scenario, copy), {}).update({path: (mark, number) for path, mark in rows})

    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.ledger = Ledger.open(self.state)

    @invariant()
    def is_as_the_model(self) -> None:
        for scenario in ("photos", "nas", "b2"):
            assert self.ledger.chain_head(scenario) == self.heads.get(scenario)
            expected = [drill_id for drill_id, of in self.unfinished.items() if of == scenario]
            assert [one.id for one in self.ledger.unfinished(scenario)] == expected
            numbers = [past.number for past in self.ledger.past_drills(scenario)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert [past.number for past in self.ledger.past_results(scenario)] == numbers
            for copy in ("photos", "nas", "b2"):
                rows = {row.path: (row.mark, row.drill_number) for row in self.ledger.proven(scenario, copy)}
                assert list(rows.items()) == sorted(self.proven.get((scenario, copy), {}).items())
        for (drill_id, copy), saved in self.batches.items():
            assert list(self.ledger.saved_batches(drill_id, copy)) == [
                (batch, outcomes) for batch, (_, outcomes) in sorted(saved.items())
            ]


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    state = tmp_path_factory.mktemp("whole")
    with Ledger.open(state) as ledger:
        for drill_id in ("a", "b"):
            ledger.begin(
                BeginDrill(scenario="photos", id=drill_id, started_at=AT, seed=b"s" * 32, planned={}, options="")
            )
            ledger.save_batch(drill_id, "nas", 0, b"f", b"o" * 9_000)
        ledger.finish("a", number=1, previous=None, proof_sha256="a" * 64, finished_at=AT, verdict="PASSED", copies=[])
        rows = ((b"photos/%06d.jpg" % number, number) for number in range(1_000))
        ledger.record_proven("photos", "nas", rows, proven_at=AT, drill_number=1)
    return (state / "ledger.sqlite").read_bytes()


@given(data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_whatever_happened_to_the_file_it_is_read_or_refused_and_no_bug(whole: bytes, data: st.DataObject) -> None:
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4), label="places")):
        # Headers of pages and cells are where damage has the most ways to go.
        page = data.draw(st.integers(0, len(content) // 4_096 - 1))
        start = page * 4_096 + data.draw(st.one_of(st.integers(0, 120), st.integers(0, 4_095)))
        patch = data.draw(st.binary(min_size=1, max_size=16))
        content[start : start + len(patch)] = patch
    del content[data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))), label="kept") :]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ledger.sqlite").write_bytes(content)
        with contextlib.suppress(LedgerError), Ledger.open(Path(folder)) as ledger:
            for scenario in ledger.scenarios():
                ledger.chain_head(scenario)
                ledger.unfinished(scenario)
                list(ledger.past_drills(scenario))
                list(ledger.past_results(scenario))
            list(ledger.saved_batches("b", "nas"))
            list(ledger.proven("photos", "nas"))
            ledger.begin(BeginDrill(scenario="photos", id="c", started_at=AT, seed=b"s" * 32, planned={}, options=""))
