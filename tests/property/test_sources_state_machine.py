"""A place against a plain dictionary: whatever is put, replaced, removed, renamed, it lists and restores just that."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from contract.b2_harness import B2Harness
from contract.bench import Bench
from contract.harness import TIME_NS, Harness
from contract.harnesses import FolderHarness, MemoryHarness
from contract.sftp_harness import SftpByChannel, SftpBySsh
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from verifier.entry import Listed
from verifier.sources.interface import Failed, Landed, Request

SECOND_NS = 1_000_000_000
FOLDERS = (b"", b"a/", b"a/b/", b"[a]/", b"A/", b"-/", b" /")
# A name with a capital F is always a file, so that none is ever a folder, too.
KIN = ("F", "[F]", "F*", "?F", "f F", "Fe\u0301", "F\u00e9", "F.txt", "[F].txt", "-F", "F%2e")
LAST = st.sampled_from(KIN) | st.text("ab[]*?. -+%2", max_size=5).map("F".__add__)
NAMES = st.builds(bytes.__add__, st.sampled_from(FOLDERS), LAST.map(str.encode))
# Sizes lie around those of a chunk; the content is told apart by its version, not by what it costs to search.
SIZES = st.sampled_from((0, 1, 2, 1_000, 32_767, 261_120, 262_145, 1_048_577))


class PlaceAgainstDictionary(RuleBasedStateMachine):
    """One place, opened once, while what lies there changes."""

    kind: type[Harness]
    shared: Any = None
    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="verifier-machine-"))
        self.harness = self.kind(self.folder, self.shared)
        self.bench = Bench(self.harness, self.folder)
        self.source = self.bench.source()
        self.files: dict[bytes, tuple[bytes, int]] = {}
        self.before: list[tuple[Listed, bytes]] = []
        self.slot = self.bench.slot()
        self.versions = itertools.count()

    def teardown(self) -> None:
        with contextlib.closing(self.harness):
            self.bench.close()
        shutil.rmtree(self.folder)

    def store(self, name: bytes, data: bytes) -> None:
        mtime_ns = TIME_NS + next(self.versions) * SECOND_NS
        self.harness.put(name, data, mtime_ns)
        self.files[name] = (data, mtime_ns)

    @rule(target=names, name=NAMES, size_bytes=SIZES)
    def put_or_replace(self, name: bytes, size_bytes: int) -> bytes:
        version = b"%d %s;" % (next(self.versions), name)
        self.store(name, (version * (size_bytes // len(version) + 1))[:size_bytes])
        return name

    @rule(name=names)
    def replace(self, name: bytes) -> None:
        data, _ = self.files.get(name, (b"anew", 0))
        self.store(name, data[::-1])

    @rule(name=names)
    def remove(self, name: bytes) -> None:
        if self.files.pop(name, None) is not None:
            self.harness.remove(name)

    @rule(target=names, name=names, new_name=NAMES)
    def rename(self, name: bytes, new_name: bytes) -> bytes:
        if name in self.files and name != new_name:
            data, _ = self.files.pop(name)
            self.harness.remove(name)
            self.store(new_name, data)
        return new_name

    def current(self) -> dict[bytes, Listed]:
        return self.bench.listing(self.source)

    @invariant()
    def it_lists_and_restores_just_what_lies_there(self) -> None:
        listing = self.current()
        assert {name: (listed.size_bytes, listed.mtime_ns) for name, listed in listing.items()} == {
            name: (len(data), mtime_ns) for name, (data, mtime_ns) in self.files.items()
        }
        contents = {name: data for name, (data, _) in self.files.items()}
        assert self.bench.restore_all(self.source, listing.values(), self.slot) == contents
        self.it_tells_what_changed_since_the_listing_before()
        self.before = [(listed, contents[name]) for name, listed in listing.items()]

    def it_tells_what_changed_since_the_listing_before(self) -> None:
        requests = [Request(number=number, listed=listed) for number, (listed, _) in enumerate(self.before)]
        for number, (answer, data) in self.bench.restore(self.source, requests, self.slot).items():
            assert isinstance(answer, Failed) or answer.changed or data == self.before[number][1]

    @rule(some=st.sets(names))
    def restore_some(self, some: set[bytes]) -> None:
        listing = self.current()
        wanted = [listing[name] for name in some if name in self.files]
        expected = {listed.name: self.files[listed.name][0] for listed in wanted}
        assert self.bench.restore_all(self.source, wanted, self.slot) == expected

    @rule(name=names, start=st.integers(0, 1_048_576), length_bytes=st.integers(0, 600_000))
    def restore_a_range(self, name: bytes, start: int, length_bytes: int) -> None:
        listed = self.current().get(name)
        if listed is None or start + length_bytes > listed.size_bytes or not length_bytes:
            return
        last = start + length_bytes == listed.size_bytes
        request = Request(number=7, listed=listed, offset=start, length_bytes=length_bytes, to_end=last)
        answer, data = self.bench.restore(self.source, [request], self.slot)[7]
        assert isinstance(answer, Landed)
        assert data == self.files[name][0][start : start + length_bytes]

    @precondition(lambda self: len(self.files) > 1)
    @rule()
    def open_anew(self) -> None:
        self.source.close()
        self.source = self.bench.source()


@pytest.mark.parametrize(
    ("kind", "examples"),
    [(FolderHarness, 50), (MemoryHarness, 100), (SftpBySsh, 4), (SftpByChannel, 4), (B2Harness, 6)],
)
def test_a_place_is_what_was_put_there(
    kind: type[Harness], examples: int, tmp_path: Path, must_run: Any, request: pytest.FixtureRequest
) -> None:
    lacking = kind.unavailable()
    if lacking is not None:
        must_run(kind.kind, lacking)
    with kind.serving(tmp_path) as server:
        machine = type("Machine", (PlaceAgainstDictionary,), {"kind": kind, "shared": server})
        scale = max(1, settings().max_examples // 50)  # HYPOTHESIS_PROFILE searches for longer
        search = settings(
            max_examples=examples * scale,
            stateful_step_count=20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        )
        run_state_machine_as_test(machine, settings=search)
