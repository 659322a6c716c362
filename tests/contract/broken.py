"""Sources that break the contract, each in one way, beside the rules that must catch them."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import os
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from contract import memory
from contract.harnesses import MemoryHarness
from contract.memory import Memory, Stored, trouble

from verifier import progress
from verifier.entry import Listed
from verifier.errors import InterruptedTransferError, SourceError, UnreadableError, VerifierError
from verifier.progress import CancelledError
from verifier.sources.formats.plain import PlainFiles
from verifier.sources.interface import Failed, Landed, Request, Sink, SourceFacts

CAUGHT_BY: dict[type[Memory], tuple[str, ...]] = {}
SECRET = "planted-5ecret"  # noqa: S105 - planted, to be searched for


def breaks(*rules: str) -> Any:
    """Enter a broken place under the rules that must catch it."""

    def enter(place: type[Memory]) -> type[Memory]:
        CAUGHT_BY[place] = rules
        return place

    return enter


class _Between:
    """A sink in front of another, for what a broken place does to what it writes."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def create(self, number: int) -> None:
        self.sink.create(number)

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        self.sink.write(number, offset, data)


@breaks("restores_the_exact_bytes", "restoring_twice_gives_the_same")
class DropsTheLastByte(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        shorter = msgspec.structs.replace(request.listed, size_bytes=max(0, request.listed.size_bytes - 1))
        super().copy(msgspec.structs.replace(request, listed=shorter, to_end=False), sink)


@breaks("restores_ranges", "restores_pieces_that_make_the_whole")
class IgnoresTheOffset(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        super().copy(msgspec.structs.replace(request, offset=0), sink)


@breaks("notices_a_file_that_is_longer_than_listed")
class LooksNotBeyondTheEnd(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        super().copy(msgspec.structs.replace(request, to_end=False), sink)


@breaks("notices_a_file_that_is_shorter_than_listed")
class FillsUpWithZeros(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        super().copy(request, sink)
        stored, size_bytes = self._store.entries[request.listed.name], request.listed.size_bytes
        if request.length_bytes is None and len(stored.data) < size_bytes < 1 << 40:
            sink.write(request.number, size_bytes - 1, b"\0")


@breaks("tells_that_a_file_changed")
class SaysNothingChanged(Memory):
    def landed(self, request: Request, attempt: int) -> Landed:
        return msgspec.structs.replace(super().landed(request, attempt), changed=False)


@breaks("tells_that_a_file_changed", "restores_the_exact_bytes")
class SaysEverythingChanged(Memory):
    def landed(self, request: Request, attempt: int) -> Landed:
        return msgspec.structs.replace(super().landed(request, attempt), changed=True)


@breaks("says_the_time_that_it_lists")
class SaysTheTimeOfNow(Memory):
    def landed(self, request: Request, attempt: int) -> Landed:
        return msgspec.structs.replace(super().landed(request, attempt), mtime_ns=time.time_ns())


@breaks("streams")
class ReadsAFileWhole(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        whole = _Collecting()
        super().copy(request, whole)
        sink.create(request.number)
        for offset in range(0, len(whole.data), memory.CHUNK_BYTES):
            sink.write(request.number, offset, whole.data[offset : offset + memory.CHUNK_BYTES])


@breaks("streams")
class WritesAFileWhole(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        sink.create(request.number)
        sink.write(request.number, 0, self._store.entries[request.listed.name].data)
        progress.meter().moved(request.listed.size_bytes)


class _Collecting:
    def __init__(self) -> None:
        self.data = bytearray()

    def create(self, number: int) -> None:
        del number
        self.data.clear()

    def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        del number
        self.data[offset : offset + len(data)] = data


@breaks("takes_no_memory_for_a_size_that_is_only_stated")
class MakesRoomForWhatIsStated(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        room = bytearray(min(request.listed.size_bytes, 100 * 1024 * 1024))
        super().copy(request, sink)
        del room


@breaks("asks_again_where_a_reply_is_short")
class TakesAShortReplyForTheEnd(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        sink.create(request.number)
        data = self._store.read(request.listed.name, 0, request.listed.size_bytes + 1, replies=0)
        sink.write(request.number, 0, data)


@breaks("leaves_no_bytes_of_a_first_try", "begins_with_an_empty_file")
class KeepsTheBytesOfTheFirstTry(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        between = _Between(sink)
        between.create = lambda number: sink.write(number, 0, b"")  # type: ignore[method-assign]
        super().copy(request, between)


@breaks("leaves_no_bytes_of_a_first_try")
class GoesOnWhereTheFirstTryEnded(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Landed) and answer.attempts > 1:
            sink.write(request.number, 0, b"of another try")
        return answer


@breaks("reads_at_an_offset")
class ReadsOneReplyAt(Memory):
    def read_at(self, listed: Listed, offset: int, length_bytes: int) -> bytes:
        try:
            return self._store.read(listed.name, offset, length_bytes, replies=0)
        except OSError as error:
            raise trouble(error, listed.name) from error


@breaks("lists_every_entry_once")
class RepeatsAnEntry(Memory):
    def list(self) -> Iterator[Listed]:
        for number, listed in enumerate(super().list()):
            yield listed
            if number == memory.CHUNK_BYTES % 100:
                yield listed


@breaks("lists_every_entry_once")
class ListsOnePage(Memory):
    def list(self) -> Iterator[Listed]:
        for _, listed in zip(range(100), super().list(), strict=False):
            yield listed


@breaks("keeps_the_order_that_it_promises")
class BreaksItsOrder(Memory):
    def list(self) -> Iterator[Listed]:
        yield from sorted(super().list(), key=lambda listed: listed.name.split(b"/"))


@breaks("raises_where_a_listing_breaks")
class EndsABrokenListing(Memory):
    def list(self) -> Iterator[Listed]:
        with contextlib.suppress(SourceError):
            yield from super().list()


@breaks("lists_again_what_was_given_up")
class KeepsListingsOpen(Memory):
    def list(self) -> Iterator[Listed]:
        self._kept = [*getattr(self, "_kept", []), os.open("/", os.O_RDONLY | os.O_CLOEXEC)]
        yield from super().list()

    def close(self) -> None:
        for descriptor in self.__dict__.pop("_kept", []):
            os.close(descriptor)


@breaks("every_name_survives")
class MakesNamesNormal(Memory):
    def list(self) -> Iterator[Listed]:
        for listed in super().list():
            name = unicodedata.normalize("NFC", os.fsdecode(listed.name))
            yield msgspec.structs.replace(listed, name=os.fsencode(name))


@breaks("every_name_survives", "a_name_is_never_a_pattern")
class TakesANameForAPattern(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        name = request.listed.name
        name = next((other for other in self._store.entries if fnmatch.fnmatchcase(other, name)), name)
        matched = msgspec.structs.replace(request.listed, name=name)
        return super().bring(msgspec.structs.replace(request, listed=matched), sink)


@breaks("follows_no_link")
class FollowsALink(Memory):
    def list(self) -> Iterator[Listed]:
        for listed in super().list():
            target = self._store.entries.get(listed.link or b"")
            yield listed if target is None else msgspec.structs.replace(listed, kind="file", link=None)


@breaks("reads_no_special_file")
class ListsAPipeAsAFile(Memory):
    def list(self) -> Iterator[Listed]:
        for listed in super().list():
            yield msgspec.structs.replace(listed, kind="file") if listed.kind == "other" else listed


class _Unchecked(PlainFiles):
    """What the public methods of a source hold for all is taken away."""

    list = PlainFiles._list  # type: ignore[assignment,misc]
    restore = PlainFiles._restore  # type: ignore[assignment,misc]


@breaks("refuses_a_name_that_leads_out")
class LetsDotDotThrough(Memory):
    source = _Unchecked


@breaks("reads_nothing_outside")
class ReadsOutside(Memory):
    source = _Unchecked

    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        self._store.entries[b"../outside"] = Stored(data=b"not meant for us")
        try:
            return super().bring(request, sink)
        finally:
            del self._store.entries[b"../outside"]


@breaks("a_missing_file_is_absent", "one_file_s_error_ends_that_file_alone")
class FailsAllForOne(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Failed):
            raise SourceError("something went wrong")
        return answer


@breaks(
    "a_missing_file_is_absent",
    "a_forbidden_file_is_denied",
    "a_file_that_breaks_off_is_interrupted",
    "a_place_that_is_gone_is_unreachable",
    "every_wait_has_a_limit",
)
class CallsEverythingUnreadable(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Failed):
            return Failed(number=answer.number, error=UnreadableError(answer.error.message))
        return answer


@breaks("a_damaged_file_is_unreadable")
class CallsDamageABreak(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Failed) and isinstance(answer.error, UnreadableError):
            return Failed(number=answer.number, error=InterruptedTransferError(answer.error.message))
        return answer


@breaks("a_missing_file_is_absent", "only_our_errors_escape")
class LetsAnOsErrorEscape(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        self.copy(request, sink)
        return self.landed(request, 1)


@breaks("a_missing_file_is_absent")
class LosesTheCause(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Failed):
            answer.error.__cause__ = None
        return answer


@breaks("raises_where_a_listing_breaks")
class RaisesWithoutTheCause(Memory):
    def list(self) -> Iterator[Listed]:
        try:
            yield from super().list()
        except SourceError:
            raise SourceError("the listing broke") from None


@breaks("a_missing_file_is_absent", "what_it_says_of_itself_is_no_secret")
class TellsItsSecret(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Failed):
            answer.error.__cause__ = OSError(f"user:{SECRET}@server refused")
        return answer


@breaks("what_it_says_of_itself_is_no_secret")
class TellsItsSecretInTheProof(Memory):
    def facts(self) -> SourceFacts:
        return SourceFacts(address=f"memory://user:{SECRET}@here")


@breaks("what_it_says_of_itself_is_no_secret")
class ShowsANameRaw(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        answer = super().bring(request, sink)
        if isinstance(answer, Failed):
            answer.error.message = f"can't read {os.fsdecode(request.listed.name)}"
        return answer


@breaks("whoever_else_answers_is_told")
class TakesWhoeverAnswers(Memory):
    def check(self) -> None:
        pass


@breaks("every_wait_has_a_limit")
class WaitsForLong(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        if self._store.silent:
            time.sleep(SHORT_PATIENCE_SECONDS * 1.5)
        return super().bring(request, sink)


SHORT_PATIENCE_SECONDS = 0.3


@breaks("a_pipe_in_a_file_s_stead_holds_nobody")
class IsHeldByAPipe(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        if self._store.entries[request.listed.name].kind != "file":
            time.sleep(SHORT_PATIENCE_SECONDS * 1.5)
        return super().bring(request, sink)


@breaks("answers_every_request_once")
class AnswersTwice(Memory):
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        for answer in super().fetch(requests, sink):
            yield answer
            yield answer


@breaks("answers_every_request_once")
class NeverAnswersTheLast(Memory):
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        return super().fetch(requests[:-1], sink)


@breaks("answers_every_request_once", "restores_the_exact_bytes")
class AnswersBeforeTheBytes(Memory):
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        for request in requests:
            sink.create(request.number)
            yield self.landed(request, 1)
            self.bring(request, sink)


@breaks("reading_changes_nothing")
class LeavesAMark(Memory):
    def landed(self, request: Request, attempt: int) -> Landed:
        landed = super().landed(request, attempt)
        stored = self._store.entries[request.listed.name]
        self._store.entries[request.listed.name] = dataclasses.replace(stored, mtime_ns=stored.mtime_ns + 1)
        return landed


@breaks("restoring_twice_gives_the_same")
class GivesItOnce(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        super().copy(request, sink)
        seen = self.__dict__.setdefault("_seen", set())
        if request.listed.name in seen:
            sink.create(request.number)
        seen.add(request.listed.name)


@breaks("two_sources_don_t_mix")
class SharesItsQueue(Memory):
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        QUEUE.extend(requests)
        while QUEUE:
            yield self.bring(QUEUE.popleft(), sink)


QUEUE: deque[Request] = deque()


@breaks("closing_twice_is_fine")
class ClosesOnce(Memory):
    def close(self) -> None:
        del self._store


@breaks("closing_twice_is_fine", "closing_in_the_middle_leaks_nothing")
class LeavesADescriptorOpen(Memory):
    def close(self) -> None:
        LEFT_OPEN.append(os.open("/", os.O_RDONLY | os.O_CLOEXEC))


LEFT_OPEN: list[int] = []


@breaks("closing_in_the_middle_leaks_nothing")
class LeavesAThreadAtWork(Memory):
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        done = threading.Event()
        thread = threading.Thread(target=done.wait, args=(20,), daemon=True)
        thread.start()
        yield from super().fetch(requests, sink)
        done.set()
        thread.join()


@breaks("goes_on_where_a_restore_was_given_up", "a_full_sink_comes_through")
class IsOutOfStepOnceGivenUp(Memory):
    def fetch(self, requests: Sequence[Request], sink: Sink) -> Iterator[Landed | Failed]:
        left = self.__dict__.pop("_left", None)
        self._left = list(requests)
        for request in left or requests:
            answer = self.bring(request, sink)
            self._left.remove(request)
            yield answer
        self._left = []


@breaks("counts_exactly_the_bytes_restored", "ends_soon_when_asked_to")
class CountsNothing(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        with _without_meter():
            super().copy(request, sink)


@breaks("counts_exactly_the_bytes_restored")
class CountsTwice(Memory):
    def copy(self, request: Request, sink: Sink) -> None:
        super().copy(request, sink)
        progress.meter().moved(1)


@breaks("ends_soon_when_asked_to")
class TakesAWishToStopForATrouble(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        try:
            return super().bring(request, sink)
        except CancelledError as error:
            ours = SourceError("interrupted")
            ours.__cause__ = error
            return Failed(number=request.number, error=ours)


@contextlib.contextmanager
def _without_meter() -> Iterator[None]:
    former = progress.use_meter(progress.Meter([0] * progress.METER_LENGTH))
    try:
        yield
    finally:
        progress.use_meter(former)


@breaks("a_full_sink_comes_through")
class SwallowsTheSinksErrors(Memory):
    def bring(self, request: Request, sink: Sink) -> Landed | Failed:
        try:
            return super().bring(request, sink)
        except VerifierError as error:
            ours = SourceError("can't write")
            ours.__cause__ = error
            return Failed(number=request.number, error=ours)


ESCAPING: dict[type[Memory], type[Exception]] = {
    LetsAnOsErrorEscape: FileNotFoundError,
    ClosesOnce: AttributeError,
    AnswersTwice: KeyError,
}
"""What comes out of some of them, and is nobody's error to be read."""


class BrokenHarness(MemoryHarness):
    """The place in memory, broken in one way."""

    secrets = (SECRET,)
    limit_seconds = SHORT_PATIENCE_SECONDS

    def __init__(self, folder: Path, place: type[Memory]) -> None:
        super().__init__(folder)
        self.place = place

    def open_place(self) -> Memory:
        return self.place(self.store)

    def open(self) -> PlainFiles:
        return getattr(self.place, "source", PlainFiles)(self.open_place())
