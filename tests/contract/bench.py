"""What the rules stand on: a harness, scratch to restore into, and a look at every error that comes out."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from contract.harness import Harness

from verifier import progress
from verifier.entry import Listed
from verifier.errors import SourceError, VerifierError
from verifier.progress import METER_LENGTH, Meter
from verifier.scratch import Slot
from verifier.sources.interface import Failed, Landed, Request, Sink, Source

MIB = 1024 * 1024
_SCRATCH_BYTES = 512 * MIB
_SETTLE_SECONDS = 5.0


class Rule(NamedTuple):
    """One rule of the contract, and the hooks that it needs."""

    name: str
    check: Callable[[Bench], None]
    needs: frozenset[str]


RULES: dict[str, Rule] = {}


def rule(*needs: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Make a function a rule of the contract, under its own name."""

    def enter(check: Callable[[Bench], None]) -> Callable[[Bench], None]:
        RULES[check.__name__] = Rule(check.__name__, check, frozenset(needs))
        return check

    return enter


class Restored(NamedTuple):
    """An answer, and what was in the sink when it came."""

    answer: Landed | Failed
    data: bytes


class Bench:
    """A harness at work for one rule."""

    def __init__(self, harness: Harness, scratch: Path) -> None:
        self.harness = harness
        self._scratch = scratch
        self._numbers = itertools.count()
        self._cleanup = contextlib.ExitStack()

    def close(self) -> None:
        """Close what was opened."""
        self._cleanup.close()

    def source(self) -> Source:
        """Open a source that is closed with the bench; what it says of itself tells no secret."""
        source = self.harness.open()
        self._cleanup.callback(source.close)
        return source

    def put(self, **files: bytes) -> dict[bytes, bytes]:
        """Put files by name; return them by raw name."""
        return self.put_all({name.encode(): data for name, data in files.items()})

    def put_all(self, files: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Put files by raw name; return them."""
        for name, data in files.items():
            self.harness.put(name, data)
        return files

    def listing(self, source: Source) -> dict[bytes, Listed]:
        """Return what a source lists by name, each once."""
        found: dict[bytes, Listed] = {}
        for listed in source.list():
            assert listed.name not in found, f"{listed.name!r} is listed twice"
            found[listed.name] = listed
        return found

    def slot(self, size_bytes: int = _SCRATCH_BYTES) -> Slot:
        """Return an empty sink."""
        return self._cleanup.enter_context(Slot(self._scratch / f"slot-{next(self._numbers)}", size_bytes))

    def restore(self, source: Source, requests: Sequence[Request], slot: Slot | None = None) -> dict[int, Restored]:
        """Restore; take each file out of the sink as its answer comes, and see that nothing comes behind it."""
        slot = slot or self.slot()
        restored: dict[int, Restored] = {}
        for answer in source.restore(requests, slot):
            assert answer.number not in restored, f"request {answer.number} was answered twice"
            data = b""
            if isinstance(answer, Landed):
                data = content(slot, answer.number)
            else:
                self.examine(answer.error)
            slot.free(answer.number)
            restored[answer.number] = Restored(answer, data)
        assert set(restored) == {request.number for request in requests}, "a request was not answered"
        assert slot.used_bytes == 0, "bytes were written to a file that had been answered for"
        return restored

    def restore_all(self, source: Source, listing: Iterable[Listed], slot: Slot | None = None) -> dict[bytes, bytes]:
        """Restore all of a listing whole; every file has to land, unchanged."""
        requests = [Request(number=number, listed=listed) for number, listed in enumerate(listing)]
        landed: dict[bytes, bytes] = {}
        for number, (answer, data) in self.restore(source, requests, slot).items():
            assert isinstance(answer, Landed), f"{requests[number].listed.name!r}: {answer}"
            assert not answer.changed, f"{requests[number].listed.name!r} is said to have changed"
            landed[requests[number].listed.name] = data
        return landed

    def one(self, source: Source, listed: Listed, **wish: Any) -> Restored:
        """Restore one file."""
        return self.restore(source, [Request(number=1, listed=listed, **wish)])[1]

    def failure(self, source: Source, listed: Listed) -> SourceError:
        """Restore a file that can't be; return its error, whether it ended the file alone or all."""
        try:
            answer, _ = self.one(source, listed)
        except SourceError as error:
            self.examine(error)
            return error
        assert isinstance(answer, Failed), f"expected {listed.name!r} to fail, got {answer}"
        return answer.error

    @contextlib.contextmanager
    def raising(self, *kinds: type[VerifierError]) -> Iterator[None]:
        """Expect one of these errors."""
        with pytest.raises(kinds) as caught:
            yield
        self.examine(caught.value)

    def examine(self, error: VerifierError) -> None:
        """See that an error is one of ours, says something, keeps its cause, and tells no secret."""
        assert isinstance(error, VerifierError)
        assert error.message
        assert error.message.isprintable(), f"a name is shown raw in {error.message!r}"
        shown = "".join(traceback.format_exception(error)) + repr(error) + str(error.hint)
        for secret in self.harness.secrets:
            assert secret not in shown, "an error tells a secret"
        if error.__context__ is not None:
            assert error.__cause__ is not None, f"the cause of {error!r} is not chained"

    def metered(self) -> AbstractContextManager[Meter]:
        """Have work counted on a meter of its own."""
        return using_meter(Meter([0] * METER_LENGTH))

    @contextlib.contextmanager
    def no_leak(self) -> Iterator[None]:
        """See that nothing stays open, and nobody goes on working, behind what is done within."""
        before = held()
        yield
        end = time.monotonic() + _SETTLE_SECONDS
        gc.collect()
        while (after := held()) > before and time.monotonic() < end:
            time.sleep(0.01)  # the server's own threads and descriptors, which are in this process, too
        assert after <= before, f"expected at most {before} to be held, got {after}"


@contextlib.contextmanager
def using_meter(meter: Meter) -> Iterator[Meter]:
    """Make `meter` the one of this process for a while."""
    former = progress.use_meter(meter)
    try:
        yield meter
    finally:
        progress.use_meter(former)


class Held(NamedTuple):
    """How much of the system this process holds."""

    descriptors: int
    threads: int
    children: int

    def __gt__(self, other: tuple[object, ...]) -> bool:
        return any(mine > theirs for mine, theirs in zip(self, other, strict=True))

    def __le__(self, other: tuple[object, ...]) -> bool:
        return not self > other


def held() -> Held:
    """Count descriptors, threads and child processes."""
    children = 0
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += len(path.read_text().split())
    return Held(sum(1 for _ in Path("/dev/fd").iterdir()), threading.active_count(), children)


def content(slot: Slot, number: int) -> bytes:
    """Return what a file in scratch holds."""
    descriptor, size_bytes = slot.open(number), slot.size_of(number)
    parts: list[bytes] = []
    while part := os.pread(descriptor, size_bytes + 1, sum(map(len, parts))):
        parts.append(part)
    return b"".join(parts)


class Discarding:
    """A sink that keeps nothing but how much it was given."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.largest_write_bytes = 0

    def create(self, number: int) -> None:
        del number
        self.size_bytes = 0

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        del number
        length = memoryview(data).nbytes
        self.size_bytes = max(self.size_bytes, offset + length)
        self.largest_write_bytes = max(self.largest_write_bytes, length)


class Refusing:
    """A sink that lets some writes through to another and then raises."""

    def __init__(self, sink: Sink, error: VerifierError, *, writes: int) -> None:
        self._sink = sink
        self._error = error
        self._writes = writes

    def create(self, number: int) -> None:
        self._sink.create(number)

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        if self._writes <= 0:
            raise self._error
        self._writes -= 1
        self._sink.write(number, offset, data)
