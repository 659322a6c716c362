"""A drill that was killed is taken up where it was, or named as abandoned; nothing is proven twice."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from drill_processes import Home, comes, flip, many, put, read_outcomes

from verifier.restore import BatchResult

FILES = 1_000
SLOW = 0.0005
SEED = "5eed" * 16
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are seen through /proc")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("dataset")).fill(many(FILES))


@pytest.fixture
def home(dataset: Home, tmp_path: Path) -> Home:
    return dataset.beside(str(tmp_path))


@pytest.fixture
def own(tmp_path: Path) -> Home:
    """Give a home whose copy the test may change."""
    return Home(tmp_path).fill(many(800))


def kill_in_the_middle(home: Home, *options: str, batches: int = 2) -> None:
    with home.start(*home.prove, *options, read_seconds=SLOW) as running:
        running.until_batches(batches)
        running.kill()
        assert comes(lambda: not running.processes(), 2), "workers end within two seconds of their parent"


def saved_paths(home: Home) -> set[bytes]:
    """Return the paths of all outcomes that a killed drill has left in the ledger."""
    with contextlib.closing(sqlite3.connect(home.state / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT outcomes FROM batch").fetchall()
    decoder = msgspec.msgpack.Decoder(BatchResult)
    results = [decoder.decode(zstandard.decompress(row[0])) for row in rows]
    paths = [outcome.path for result in results for outcome in result.outcomes]
    assert len(paths) == len(set(paths))
    return set(paths)


def unfinished(home: Home) -> list[tuple[str, str, str]]:
    """Return id, start and seed of the drills that were begun and are neither finished nor named."""
    with contextlib.closing(sqlite3.connect(home.state / "ledger.sqlite")) as ledger:
        query = "SELECT id, started_at, lower(hex(seed)) FROM drill WHERE number IS NULL AND abandoned_by IS NULL"
        return [tuple(row) for row in ledger.execute(query)]


def comparable(bundle: Path) -> dict[str, Any]:
    """Return a proof without what may differ between equal drills: ids, times, and what was measured."""
    facts: dict[str, Any] = msgspec.json.decode((bundle / "proof.json").read_bytes())
    for key in ("id", "started_at", "finished_at", "seed_source"):
        del facts["drill"][key]
    for copy in facts["copies"]:
        del copy["measured"]
        del copy["coverage"]["oldest_proven_at"]
    return facts


def differences(one: Any, other: Any, where: str = "") -> dict[str, tuple[Any, Any]]:
    """Return where two JSON values differ, and how: two whole proofs side by side tell nobody anything."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = dict(enumerate(one)), dict(enumerate(other))
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other}, key=str)
        inner = (differences(one.get(key), other.get(key), f"{where}.{key}") for key in keys)
        return {path: values for found in inner for path, values in found.items()}
    return {} if one == other else {where: (one, other)}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_drill_is_taken_up_and_its_proof_is_that_of_an_undisturbed_one(
    home: Home, dataset: Home, tmp_path: Path, workers: str
) -> None:
    options = ("--full", "--seed", SEED, "--workers", workers)
    kill_in_the_middle(home, *options)
    (killed,) = unfinished(home)
    saved = saved_paths(home)
    assert 0 < len(saved) < FILES
    assert home.scratch_files(), "killed in the middle, something is left to sweep"

    names = tmp_path / "names"
    with home.start(*home.prove, *options, "--resume", env={"VERIFIER_TEST_READ_NAMES": str(names)}) as running:
        resumed = running.end()
    assert resumed.code == 0, resumed.stderr
    drill = resumed.proof.drill
    assert (drill.id, drill.number, drill.abandoned) == (killed[0], 1, ())
    assert drill.started_at == killed[1]
    assert home.scratch_files() == []
    assert unfinished(home) == []

    copy = os.fsencode(home.copy) + b"/"
    read = {name.removeprefix(copy) for name in names.read_bytes().splitlines() if name.startswith(copy)}
    wanted = {entry.encode() for entry in many(FILES)} - saved
    assert wanted <= read
    assert len(read & saved) <= 1, "only the drill's test of itself may read a proven file again"
    assert resumed.copy.measured["bytes_restored"] == 2_000 * len(wanted)

    undisturbed = dataset.beside(str(tmp_path / "undisturbed")).run_here(*home.prove, "--full", "--seed", SEED)
    assert differences(comparable(resumed.bundle), comparable(undisturbed.bundle)) == {}
    assert read_outcomes(resumed.bundle) == read_outcomes(undisturbed.bundle) == []


def test_strata_and_coverage_are_taken_up_as_they_were_drawn(
    own: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = (
        f'manifest = "{own.manifest}"\n[sample]\nfiles = 200\nalways = ["000/"]\n[budget]\nbytes = "1MB"\n'
        f'[[copy]]\nname = "nas"\nat = "{own.copy}"\n'
    )
    command = ("drill", own.scenario("photos", text), "--seed", SEED, "--workers", "1")
    with own.start(*command, read_seconds=SLOW) as running:
        running.until_batches(2)
        running.kill()
        assert comes(lambda: not running.processes(), 2)
    (killed,) = unfinished(own)
    saved = saved_paths(own)
    resumed = own.run_here(*command, "--resume")
    assert (resumed.proof.drill.id, resumed.proof.drill.abandoned) == (killed[0], ())
    undisturbed = own.beside(str(tmp_path_factory.mktemp("undisturbed"))).run_here(*command)
    assert read_outcomes(resumed.bundle) == read_outcomes(undisturbed.bundle)
    assert differences(comparable(resumed.bundle), comparable(undisturbed.bundle)) == {}
    assert {line["why"] for line in read_outcomes(resumed.bundle)} == {
        "sample",
        "always",
        "largest",
        "newest",
        "coverage",
    }
    assert resumed.copy.measured["bytes_restored"] == resumed.copy.planned.bytes - 2_000 * len(saved)


def test_a_drill_that_is_killed_again_and_again_comes_to_its_end(own: Home) -> None:
    flip(own.copy / "000/000007.jpg")
    options = ("--sample", "640", "--seed", SEED, "--workers", "2", "--resume")
    kill_in_the_middle(own, *options, batches=2)
    first = saved_paths(own)
    kill_in_the_middle(own, *options, batches=6)
    second = saved_paths(own)
    assert first < second
    ended = own.run(*own.prove, *options)
    assert ended.proof.drill.number == 1
    assert ended.copy.measured["bytes_restored"] == 2_000 * (640 - len(second))
    undisturbed = own.beside("undisturbed").run_here(*own.prove, *options[:4])
    assert differences(comparable(ended.bundle), comparable(undisturbed.bundle)) == {}
    assert read_outcomes(ended.bundle) == read_outcomes(undisturbed.bundle)
    assert len(read_outcomes(ended.bundle)) == 640


def test_without_resume_a_killed_drill_is_named_as_abandoned_once(home: Home) -> None:
    kill_in_the_middle(home, "--full", "--workers", "2", batches=1)
    (killed,) = unfinished(home)
    ended = home.run_here(*home.prove, "--sample", "3")
    drill = ended.proof.drill
    assert drill.number == 1
    assert [(one.id, one.started_at, one.seed) for one in drill.abandoned] == [killed]
    assert killed[0] in (ended.bundle / "report.md").read_text(), "a reader of the report sees it, too"
    assert unfinished(home) == []
    assert home.saved_batches() == 0
    again = home.run_here(*home.prove, "--sample", "3", "--resume")
    assert (again.proof.drill.number, again.proof.drill.abandoned) == (2, ())


def test_resume_begins_a_drill_where_none_is_unfinished(own: Home) -> None:
    ended = own.run_here(*own.prove, "--sample", "3", "--resume")
    assert ended.code == 0
    assert (ended.proof.drill.number, ended.proof.drill.seed_source) == (1, "fresh")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(("--sample", "200"), id="another sample"),
        pytest.param(("--full", "--only", "000/"), id="other paths"),
        pytest.param(("--full", "--seed", "00" * 32), id="another seed"),
    ],
)
def test_resume_takes_up_no_drill_of_another_plan(own: Home, other: tuple[str, ...]) -> None:
    kill_in_the_middle(own, "--full", "--workers", "1", batches=1)
    (killed,) = unfinished(own)
    ended = own.run_here(*own.prove, *other, "--resume")
    assert ended.code == 0
    assert [one.id for one in ended.proof.drill.abandoned] == [killed[0]]
    assert ended.proof.drill.id != killed[0]
    assert ended.copy.measured["bytes_restored"] == ended.copy.planned.bytes


def test_resume_takes_up_no_drill_of_a_copy_that_is_another_now(own: Home) -> None:
    kill_in_the_middle(own, "--full", "--workers", "1", batches=1)
    (killed,) = unfinished(own)
    (own.copy / "002/000299.jpg").unlink()
    ended = own.run_here(*own.prove, "--full", "--resume")
    assert ended.code == 1
    assert [one.id for one in ended.proof.drill.abandoned] == [killed[0]]
    assert ended.copy.proven.files == 799
    assert ended.copy.measured["bytes_restored"] == 2_000 * 799, "and nothing of it counts as proven now"


def test_a_batch_whose_files_were_written_to_since_is_done_again(own: Home) -> None:
    kill_in_the_middle(own, "--full", "--workers", "1", batches=2)
    (killed,) = unfinished(own)
    damaged = min(saved_paths(own)).decode()
    data = bytearray((own.copy / damaged).read_bytes())
    data[5] ^= 1
    put(own.copy / damaged, bytes(data), seconds=1_500_000_000)  # as a restore from an older backup would
    ended = own.run_here(*own.prove, "--full", "--resume")
    assert ended.proof.drill.id == killed[0]
    assert [(one.kind, one.path) for one in ended.copy.findings] == [("MISMATCH", damaged)]


def test_a_drill_that_is_killed_while_it_lists_has_not_begun(own: Home) -> None:
    with own.start(*own.prove, "--full", list_seconds=0.3) as running:
        running.until(lambda: list(own.scratch.glob("tables/*/*")))
        running.kill()
    assert own.begun_drills() == 0
    assert own.scratch_files()
    ended = own.run_here(*own.prove, "--sample", "3")
    assert (ended.proof.drill.number, ended.proof.drill.abandoned) == (1, ())
    assert own.scratch_files() == []


KILLED_BEFORE_THE_LEDGER = """
import os, signal, sys
from verifier.cli.main import main
from verifier.ledger import Ledger
def finish(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
Ledger.finish = finish
if __name__ == "__main__":
    main(sys.argv[1:])
"""


@pytest.mark.parametrize("then", [(), ("--resume",)])
def test_a_drill_killed_between_its_bundle_and_the_ledger_is_in_the_chain(own: Home, then: tuple[str, ...]) -> None:
    flip(own.copy / "000/000000.jpg")
    program = (sys.executable, "-c", KILLED_BEFORE_THE_LEDGER)
    with own.start(*own.prove, "--full", "--workers", "2", command=program) as running:
        killed = running.end()
        assert comes(lambda: not running.processes(), 2)
    assert killed.code == -signal.SIGKILL
    assert killed.result == "FAILED"
    ended = own.run_here(*own.prove, "--full", *then)
    drill = ended.proof.drill
    assert (drill.number, drill.abandoned) == (2, ())
    assert drill.previous == hashlib.sha256((killed.bundle / "proof.json").read_bytes()).hexdigest()
    assert drill.id != killed.proof.drill.id
    with contextlib.closing(sqlite3.connect(own.state / "ledger.sqlite")) as ledger:
        links = ledger.execute("SELECT number, verdict FROM drill ORDER BY number").fetchall()
    assert links == [(1, "FAILED"), (2, "FAILED")]
    third = own.run_here(*own.prove, "--sample", "3")
    assert third.proof.drill.number == 3
