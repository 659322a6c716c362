"""B2 as a place, over real HTTP to the embedded server: what is fetched, and what becomes of each way to fail."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from b2_served import BUCKET, DAY_MS, QUICK, open_bucket
from sink import Memory

from verifier import progress
from verifier.demo.b2_server import B2Server, Fault
from verifier.entry import Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    InterruptedTransferError,
    SourceError,
    UnreachableError,
    UsageError,
)
from verifier.progress import CancelledError, Meter
from verifier.sources.interface import Failed, Landed, Request
from verifier.sources.places.b2.bucket import B2Bucket
from verifier.sources.places.b2.limits import Limits

LARGE = os.urandom(1_000_000)
SMALL = {f"{number:03d}.txt": b"%d" % number * number for number in range(60)}
MANY_PARTS = Limits(
    part_bytes=64 * 1024, connect_seconds=2, silence_seconds=1, first_wait_seconds=0.02, longest_wait_seconds=2
)


@pytest.fixture
def server() -> Iterator[B2Server]:
    with B2Server() as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def filled(server: B2Server) -> B2Server:
    for name, content in SMALL.items():
        server.put(BUCKET, f"photos/{name}", content, modified_ms=DAY_MS)
    server.put(BUCKET, "photos/large.bin", LARGE)
    server.put(BUCKET, "photos2/other.txt", b"of another prefix")
    return server


@pytest.fixture
def place(filled: B2Server, tmp_path: Path) -> Iterator[B2Bucket]:
    place = open_bucket(filled, tmp_path, limits=MANY_PARTS)
    yield place
    place.close()


def listing(place: B2Bucket) -> dict[bytes, Listed]:
    return {listed.name: listed for listed in place.list()}


def fetch(place: B2Bucket, *requests: Request) -> tuple[dict[int, Landed | Failed], Memory]:
    memory = Memory()
    answers = {answer.number: answer for answer in place.fetch(requests, memory)}
    assert sorted(answers) == sorted(request.number for request in requests)
    return answers, memory


def fetch_one(place: B2Bucket, name: bytes) -> tuple[Landed | Failed, bytes]:
    answers, memory = fetch(place, Request(number=7, listed=listing(place)[name]))
    return answers[7], bytes(memory.files.get(7, b""))


def error_of(answer: Landed | Failed) -> SourceError:
    assert isinstance(answer, Failed)
    return answer.error


def test_everything_is_listed_and_fetched(place: B2Bucket) -> None:
    found = listing(place)
    assert sorted(found) == sorted([*(name.encode() for name in SMALL), b"large.bin"])
    assert found[b"001.txt"].mtime_ns == DAY_MS * 1_000_000
    assert found[b"large.bin"].mtime_ns is None  # never the time of its upload
    requests = [Request(number=number, listed=listed) for number, listed in enumerate(found.values())]
    answers, memory = fetch(place, *requests)
    for request in requests:
        name = request.listed.name.decode()
        assert isinstance(answers[request.number], Landed)
        assert bytes(memory.files[request.number]) == SMALL.get(name, LARGE)


def test_a_listing_of_many_pages_is_whole(filled: B2Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier.sources.places.b2.account._PAGE_FILES", 7)
    for name in list(SMALL)[:20]:
        filled.put(BUCKET, f"photos/{name}", b"newer")
    place = open_bucket(filled, tmp_path)
    found = list(place.list())
    place.close()
    assert len(found) == len({listed.name for listed in found}) == len(SMALL) + 1
    assert sum(listed.size_bytes == 5 for listed in found) >= 20
    assert filled.requests["b2_list_file_versions"] > 10


def test_a_listing_that_breaks_raises(filled: B2Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier.sources.places.b2.account._PAGE_FILES", 20)
    place = open_bucket(filled, tmp_path)
    found = place.list()
    for _ in range(20):
        next(found)
    filled.faults.add(Fault(where="b2_list_file_versions", times=99, cut_after_bytes=300))
    with pytest.raises(SourceError, match="can't list B2's files"):
        list(found)
    filled.faults.clear()
    filled.faults.add(Fault(where="b2_list_file_versions", cut_after_bytes=300))
    assert len(list(place.list())) == len(SMALL) + 1  # a page that is cut off once is asked for again
    place.close()


def test_a_listing_that_turns_in_circles_raises(filled: B2Server, tmp_path: Path) -> None:
    place = open_bucket(filled, tmp_path)
    page = b'{"files":[{"fileName":"photos/a","action":"upload","fileId":"1","contentLength":1}],'
    page += b'"nextFileName":"photos/a","nextFileId":"1"}'
    filled.faults.add(Fault(where="b2_list_file_versions", times=99, body=lambda _: page))
    with pytest.raises(SourceError, match="got the same one again"):
        list(place.list())
    place.close()


@pytest.mark.parametrize(
    "answer", [b"{}", b"[]", b"<html>", b'{"files":[{"fileName":1}],"nextFileName":null}', b"null"]
)
def test_an_answer_that_is_none_of_b2_s_raises(filled: B2Server, tmp_path: Path, answer: bytes) -> None:
    place = open_bucket(filled, tmp_path)
    filled.faults.add(Fault(where="b2_list_file_versions", times=99, body=lambda _: answer))
    with pytest.raises(SourceError, match="expected an answer of B2"):
        list(place.list())
    place.close()


def test_pieces_and_single_bytes_are_read_by_range(place: B2Bucket) -> None:
    large = listing(place)[b"large.bin"]
    end = len(LARGE)
    piece = Request(number=0, listed=large, offset=300_000, length_bytes=200_000, to_end=False)
    last = Request(number=1, listed=large, offset=end - 10, length_bytes=10, to_end=True)
    _, memory = fetch(place, piece, last)
    assert bytes(memory.files[0]) == LARGE[300_000:500_000]
    assert bytes(memory.files[1]) == LARGE[-10:]
    assert place.read_at(large, 17, 5) == LARGE[17:22]
    assert place.read_at(large, end - 3, 100) == LARGE[-3:]
    assert place.read_at(large, end, 1) == b""


def test_exactly_the_listed_version_is_fetched(place: B2Bucket, filled: B2Server) -> None:
    listed = listing(place)[b"010.txt"]
    filled.put(BUCKET, "photos/010.txt", b"a newer version")
    _, memory = fetch(place, Request(number=0, listed=listed))
    assert bytes(memory.files[0]) == SMALL["010.txt"]


def test_a_version_that_is_gone_is_absent(place: B2Bucket) -> None:
    gone = Listed(name=b"010.txt", size_bytes=3, locator="999")
    nowhere = Listed(name=b"nowhere", size_bytes=3)
    answers, _ = fetch(place, Request(number=0, listed=gone), Request(number=1, listed=nowhere))
    assert {type(error_of(answer)) for answer in answers.values()} == {AbsentError}


def test_a_connection_that_is_cut_is_made_again(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="large.bin", times=3, cut_after_bytes=10_000))
    filled.faults.add(Fault(where="059.txt", cut_after_bytes=1))
    answers, memory = fetch(
        place, *(Request(number=number, listed=listed) for number, listed in enumerate(listing(place).values()))
    )
    assert all(isinstance(answer, Landed) for answer in answers.values())
    assert bytes(memory.files[59]) == SMALL["059.txt"]
    assert memory.created.count(59) == 2  # nothing of the first try is left
    assert bytes(memory.files[60]) == LARGE
    assert answers[59].attempts == 2


def test_bytes_of_a_first_try_are_never_left(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="059.txt", cut_after_bytes=50, body=lambda body: b"!" * len(body)))
    answer, content = fetch_one(place, b"059.txt")
    assert isinstance(answer, Landed)
    assert content == SMALL["059.txt"]


def test_a_file_that_is_always_cut_off_fails_alone(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="large.bin", times=10_000, cut_after_bytes=10_000))
    answers, _ = fetch(
        place, *(Request(number=number, listed=listed) for number, listed in enumerate(listing(place).values()))
    )
    failed = [answer for answer in answers.values() if isinstance(answer, Failed)]
    assert [answer.number for answer in failed] == [60]
    assert isinstance(failed[0].error, InterruptedTransferError)
    assert failed[0].error.__cause__ is not None
    assert failed[0].attempts == QUICK.tries


def test_a_file_longer_than_listed_is_noticed(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="059.txt", body=lambda body: body + b"more and more"))
    _, content = fetch_one(place, b"059.txt")
    assert content == SMALL["059.txt"] + b"m"
    large = listing(place)[b"large.bin"]
    shorter = Listed(name=large.name, size_bytes=large.size_bytes - 100_000, locator=large.locator)
    _, memory = fetch(place, Request(number=0, listed=shorter))
    assert bytes(memory.files[0]) == LARGE[: shorter.size_bytes + 1]


def test_a_file_shorter_than_listed_is_noticed(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="059.txt", body=lambda body: body[:-5]))
    _, content = fetch_one(place, b"059.txt")
    assert content == SMALL["059.txt"][:-5]
    large = listing(place)[b"large.bin"]
    longer = Listed(name=large.name, size_bytes=large.size_bytes + 100_000, locator=large.locator)
    _, memory = fetch(place, Request(number=0, listed=longer))
    assert bytes(memory.files[0]) == LARGE


def test_wrong_bytes_are_passed_on_as_they_came(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="059.txt", body=lambda body: b"X" + body[1:]))
    _, content = fetch_one(place, b"059.txt")
    assert content == b"X" + SMALL["059.txt"][1:]


def test_another_range_than_asked_for_is_refused(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="large.bin", times=10_000, body=lambda body: body[:-1]))
    answer, _ = fetch_one(place, b"large.bin")
    assert "more or fewer bytes than it states" in error_of(answer).message


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_server_that_is_busy_is_waited_for(place: B2Bucket, filled: B2Server, status: int) -> None:
    filled.faults.add(Fault(where="010.txt", times=1, status=status, retry_after="1"))
    begun = time.monotonic()
    answer, content = fetch_one(place, b"010.txt")
    assert content == SMALL["010.txt"]
    assert answer.attempts == 2
    assert 1 <= time.monotonic() - begun < 5


@pytest.mark.parametrize(("times", "retry_after"), [(10_000, None), (10_000, "0"), (1, "86400")])
def test_a_wait_has_its_limit(place: B2Bucket, filled: B2Server, times: int, retry_after: str | None) -> None:
    filled.faults.add(
        Fault(where="010.txt", times=times, status=503, code="service_unavailable", retry_after=retry_after)
    )
    begun = time.monotonic()
    answer, _ = fetch_one(place, b"010.txt")
    assert isinstance(error_of(answer), UnreachableError)
    assert time.monotonic() - begun < 4


def test_a_silent_server_is_given_up(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="010.txt", pause_seconds=2.5))
    begun = time.monotonic()
    answer, content = fetch_one(place, b"010.txt")
    assert content == SMALL["010.txt"]
    assert answer.attempts == 2
    assert time.monotonic() - begun < 2.5


def test_a_trickle_is_given_up(filled: B2Server, tmp_path: Path) -> None:
    hasty = Limits(window_seconds=0.3, slowest_bytes=100_000, silence_seconds=5, tries=2, first_wait_seconds=0.02)
    place = open_bucket(filled, tmp_path, limits=hasty)
    filled.faults.add(Fault(where="large.bin", times=2, drip_seconds=0.05))
    answer, _ = fetch_one(place, b"large.bin")
    place.close()
    assert isinstance(error_of(answer), InterruptedTransferError)


def test_a_token_that_expires_in_the_middle_is_renewed(place: B2Bucket, filled: B2Server) -> None:
    found = listing(place)
    answers = place.fetch([Request(number=n, listed=one) for n, one in enumerate(found.values())], memory := Memory())
    landed = [next(answers) for _ in range(10)]
    filled.simulator.expire_tokens()
    landed += answers
    assert len(landed) == len(found)
    assert all(isinstance(answer, Landed) for answer in landed)
    assert bytes(memory.files[60]) == LARGE
    filled.simulator.expire_tokens()
    assert len(listing(place)) == len(found)


def test_tokens_that_are_never_good_end_the_fetch(place: B2Bucket, filled: B2Server) -> None:
    listed = listing(place)[b"010.txt"]
    filled.faults.add(Fault(where="010.txt", times=100, status=401, code="expired_auth_token"))
    with pytest.raises(AccessDeniedError):
        fetch(place, Request(number=0, listed=listed))


def test_a_key_that_is_revoked_in_the_middle_is_told(place: B2Bucket, filled: B2Server) -> None:
    listed = listing(place)[b"010.txt"]
    filled.simulator.expire_tokens()
    filled.simulator.key_id_to_key.clear()
    with pytest.raises(AccessDeniedError, match="refuses the key"):
        fetch(place, Request(number=0, listed=listed))


def test_a_cap_is_told_as_one(place: B2Bucket, filled: B2Server) -> None:
    listed = listing(place)[b"010.txt"]
    filled.faults.add(Fault(where="010.txt", status=403, code="download_cap_exceeded"))
    with pytest.raises(AccessDeniedError, match="the account's own cap is reached"):
        fetch(place, Request(number=0, listed=listed))
    for code in ("transaction_cap_exceeded", "download_cap_exceeded"):
        filled.faults.add(Fault(where="b2_list_file_versions", status=403, code=code))
        with pytest.raises(AccessDeniedError, match="the account's own cap is reached"):
            list(place.list())


def test_a_file_that_the_key_may_not_read_fails_alone(place: B2Bucket, filled: B2Server) -> None:
    filled.faults.add(Fault(where="010.txt", times=9, status=401, code="unauthorized"))
    found = listing(place)
    answers, _ = fetch(
        place, *(Request(number=n, listed=found[name]) for n, name in enumerate((b"010.txt", b"011.txt")))
    )
    assert isinstance(error_of(answers[0]), AccessDeniedError)
    assert isinstance(answers[1], Landed)


def test_kept_connections_that_the_server_closed_are_made_again(place: B2Bucket, filled: B2Server) -> None:
    fetch_one(place, b"010.txt")
    filled._wire.break_connections()
    answer, content = fetch_one(place, b"011.txt")
    assert content == SMALL["011.txt"]
    assert answer.attempts == 1


def test_a_server_that_stops_in_the_middle_is_unreachable(filled: B2Server, tmp_path: Path) -> None:
    place = open_bucket(filled, tmp_path)
    answers = place.fetch([Request(number=n, listed=one) for n, one in enumerate(listing(place).values())], Memory())
    next(answers)
    filled.stop()
    with pytest.raises(UnreachableError, match="can't reach B2") as caught:
        list(answers)
    assert isinstance(caught.value.__cause__, OSError)
    place.close()
    place.close()


def test_only_the_calling_thread_writes_and_a_stop_is_heard(place: B2Bucket, filled: B2Server) -> None:
    found = listing(place)
    filled.faults.add(Fault(where="large.bin", times=99, pause_seconds=3))
    threads: set[int] = set()

    class Sink(Memory):
        def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
            threads.add(threading.get_ident())
            super().write(number, offset, data)

    mine = Meter([0] * progress.METER_LENGTH)
    before = progress.use_meter(mine)
    try:
        answers = place.fetch([Request(number=n, listed=one) for n, one in enumerate(found.values())], Sink())
        next(answers)
        mine.ask_to_stop()
        begun = time.monotonic()
        with pytest.raises(CancelledError):
            list(answers)
        assert time.monotonic() - begun < 1
    finally:
        progress.use_meter(before)
    assert threads == {threading.get_ident()}


def test_a_fetch_that_is_not_taken_to_its_end_leaves_the_place_usable(place: B2Bucket) -> None:
    answers = place.fetch([Request(number=n, listed=one) for n, one in enumerate(listing(place).values())], Memory())
    next(answers)
    answers.close()
    assert fetch_one(place, b"059.txt")[1] == SMALL["059.txt"]


def test_what_the_place_says_of_itself(filled: B2Server, tmp_path: Path) -> None:
    reading, writing = open_bucket(filled, tmp_path), open_bucket(filled, tmp_path, key="key")
    facts = reading.facts()
    assert (facts.address, facts.read_from) == (f"b2://{BUCKET}/photos", "server")
    assert facts.device == f"b2:{filled.simulator.account_id}/{BUCKET}"
    assert facts.warnings == ()
    assert any(note.startswith("the key may listBuckets, listFiles, readBucketEncryption") for note in facts.notes)
    assert "Object Lock: off" in facts.notes
    assert "deleteFiles" in writing.facts().warnings[0]
    reading.close()
    writing.close()


def test_object_lock_and_unfinished_uploads_are_told(filled: B2Server, tmp_path: Path) -> None:
    simulator = filled.simulator
    bucket = simulator.bucket_name_to_bucket[BUCKET]
    bucket.is_file_lock_enabled = True
    token = simulator.owner_token()
    simulator.start_large_file(simulator.API_URL, token, bucket.bucket_id, "photos/unfinished", "x/y", {})
    place = open_bucket(filled, tmp_path)
    assert b"unfinished" not in listing(place)
    notes = place.facts().notes
    place.close()
    assert "Object Lock: on, with no retention by default" in notes
    assert "large files whose upload never ended, which cost storage and are no backup: 1" in notes


def test_a_wrong_key_is_refused(filled: B2Server, tmp_path: Path) -> None:
    filled.simulator.read_key = "K000planted-secret"
    with pytest.raises(AccessDeniedError, match="refuses the key") as caught:
        open_bucket(filled, tmp_path)
    assert "planted" not in str(caught.value)
    assert "planted" not in str(caught.value.hint)


def test_a_bucket_that_is_not_there_is_told(filled: B2Server, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="got none of that name"):
        open_bucket(filled, tmp_path, "b2://nowhere/photos")


def test_a_key_for_another_bucket_or_prefix_is_told(filled: B2Server, tmp_path: Path) -> None:
    filled.make_bucket("other")
    simulator = filled.simulator
    key = simulator.key_id_to_key[simulator.read_key_id]
    key.name_prefix_or_none = "letters/"
    with pytest.raises(AccessDeniedError, match="one for names that begin with letters/"):
        open_bucket(filled, tmp_path)
    key.name_prefix_or_none = None
    key.buckets_or_none = [{"id": simulator.bucket_name_to_bucket["other"].bucket_id, "name": "other"}]
    with pytest.raises(AccessDeniedError, match="one for another bucket"):
        open_bucket(filled, tmp_path)


def test_a_key_for_this_bucket_alone_is_enough(filled: B2Server, tmp_path: Path) -> None:
    key = filled.simulator.key_id_to_key[filled.simulator.read_key_id]
    bucket = filled.simulator.bucket_name_to_bucket[BUCKET]
    key.buckets_or_none = [{"id": bucket.bucket_id, "name": BUCKET}]
    key.capabilities = ["listFiles", "readFiles"]
    key.name_prefix_or_none = "photos/"
    place = open_bucket(filled, tmp_path)
    assert fetch_one(place, b"059.txt")[1] == SMALL["059.txt"]
    assert "Object Lock: the key may not ask" in place.facts().notes
    place.close()


def test_options_that_are_missing_are_told(filled: B2Server) -> None:
    from verifier.sources.places.b2.address import parse  # noqa: PLC0415 - for this test alone

    with pytest.raises(UsageError, match="expected a reference to a secret as key_id"):
        B2Bucket(parse(f"b2://{BUCKET}"), {"realm": filled.realm})
    with pytest.raises(UsageError, match="expected https"):
        B2Bucket(parse(f"b2://{BUCKET}"), {"realm": "http://b2.example"})
