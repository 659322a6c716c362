"""Bytes: exactly those that lie there, of a whole file or of a part, in bounded memory."""

from __future__ import annotations

import itertools
import random
import tracemalloc

import msgspec
from contract.bench import MIB, Bench, Discarding, rule
from contract.harness import TIME_NS

from verifier.entry import Listed
from verifier.errors import AbsentError, SourceError
from verifier.sources.interface import Failed, Landed, Place, Request

AROUND_A_CHUNK = (32 * 1024, 255 * 1024, 256 * 1024, MIB)
SIZES = (0, 1, *(chunk + more for chunk in AROUND_A_CHUNK for more in (-1, 0, 1)), 5 * MIB + 7)
LARGE_BYTES = 64 * MIB
_MOST_MEMORY_BYTES = 32 * MIB
_MOST_BYTES_AT_A_TIME = 4 * MIB


def noise(size_bytes: int, seed: int = 0) -> bytes:
    """Return bytes in which every block differs from every other."""
    return random.Random(f"{seed} {size_bytes}").randbytes(size_bytes)


def listed_as(listed: Listed, size_bytes: int) -> Listed:
    """Return a listing's line as if it stated another size."""
    return msgspec.structs.replace(listed, size_bytes=size_bytes)


@rule()
def restores_the_exact_bytes(bench: Bench) -> None:
    files = bench.put_all({f"{size_bytes:09d}".encode(): noise(size_bytes) for size_bytes in SIZES})
    source = bench.source()
    listing = bench.listing(source)
    assert {name: listed.size_bytes for name, listed in listing.items()} == {
        name: len(data) for name, data in files.items()
    }
    assert bench.restore_all(source, listing.values()) == files


@rule()
def restores_ranges(bench: Bench) -> None:
    data = bench.put(file=noise(2 * MIB + 12_345))[b"file"]
    size_bytes = len(data)
    source = bench.source()
    listed = bench.listing(source)[b"file"]
    parts = [
        *((offset, 1) for offset in (0, MIB - 1, MIB, size_bytes - 1)),
        *((offset, MIB) for offset in (0, 1, 255 * 1024, size_bytes - MIB)),
        (7, size_bytes - 7),
    ]
    requests = [
        Request(number=number, listed=listed, offset=offset, length_bytes=length, to_end=to_end)
        for number, ((offset, length), to_end) in enumerate(itertools.product(parts, (False,)))
    ]
    restored = bench.restore(source, requests)
    for request in requests:
        answer, part = restored[request.number]
        assert isinstance(answer, Landed)
        expected = data[request.offset : request.offset + (request.length_bytes or 0)]
        assert part == expected, f"{len(part)} bytes from {request.offset} are not those that lie there"


@rule()
def restores_pieces_that_make_the_whole(bench: Bench) -> None:
    data = bench.put(file=noise(3 * MIB + 1))[b"file"]
    source = bench.source()
    listed = bench.listing(source)[b"file"]
    parts = []
    for offset in range(0, len(data), 700_001):
        length_bytes = min(700_001, len(data) - offset)
        last = offset + length_bytes == len(data)
        answer, part = bench.one(source, listed, offset=offset, length_bytes=length_bytes, to_end=last)
        assert isinstance(answer, Landed)
        assert not answer.changed
        parts.append(part)
    assert b"".join(parts) == data


@rule()
def notices_a_file_that_is_longer_than_listed(bench: Bench) -> None:
    sizes = ((1, 0), (100, 99), (MIB + 1, MIB), (3 * MIB, MIB + 5))
    files = bench.put_all({b"%d" % size_bytes: noise(size_bytes) for size_bytes, _ in sizes})
    source = bench.source()
    listing = bench.listing(source)
    for size_bytes, listed_bytes in sizes:
        name = b"%d" % size_bytes
        data, listed = files[name], listed_as(listing[name], listed_bytes)
        whole = bench.one(source, listed)
        last = bench.one(source, listed, offset=listed_bytes // 2, length_bytes=listed_bytes - listed_bytes // 2)
        for (answer, part), start in ((whole, 0), (last, listed_bytes // 2)):
            if isinstance(answer, Landed):
                assert part == data[start : listed_bytes + 1], f"{len(part)} bytes came of a file that is longer"


@rule()
def notices_a_file_that_is_shorter_than_listed(bench: Bench) -> None:
    files = bench.put(none=b"", short=noise(100), long=noise(MIB))
    source = bench.source()
    for listed in list(bench.listing(source).values()):
        for more_bytes in (1, 3 * MIB):
            answer, data = bench.one(source, listed_as(listed, listed.size_bytes + more_bytes))
            if isinstance(answer, Landed):
                assert data == files[listed.name], "bytes came that the file does not have"


@rule()
def tells_that_a_file_changed(bench: Bench) -> None:
    if not bench.harness.times_change:
        return
    bench.put(size=b"before", time=b"before", quiet=b"before")
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.put(b"size", b"a longer one")
    bench.harness.put(b"time", b"behind", TIME_NS + 5_000_000_000)
    answers = {name: bench.one(source, listed).answer for name, listed in listing.items()}
    assert all(isinstance(answer, Landed) for answer in answers.values())
    changed = {name for name, answer in answers.items() if isinstance(answer, Landed) and answer.changed}
    assert changed == {b"size", b"time"}


@rule()
def says_the_time_that_it_lists(bench: Bench) -> None:
    bench.harness.put(b"old", b"1", 86_400_000_000_000)
    bench.harness.put(b"new", b"2", TIME_NS + 1_000_000_000)
    source = bench.source()
    listing = bench.listing(source)
    if source.keeps_times:
        assert {name: listed.mtime_ns for name, listed in listing.items()} == {
            b"old": 86_400_000_000_000,
            b"new": TIME_NS + 1_000_000_000,
        }
    for listed in listing.values():
        answer = bench.one(source, listed).answer
        assert isinstance(answer, Landed)
        assert answer.mtime_ns == listed.mtime_ns


@rule()
def streams(bench: Bench) -> None:
    bench.put(large=bytes(LARGE_BYTES))
    source = bench.source()
    listed = bench.listing(source)[b"large"]
    sink = Discarding()
    tracemalloc.start()
    try:
        (answer,) = source.restore([Request(number=0, listed=listed)], sink)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(answer, Landed)
    assert sink.size_bytes == LARGE_BYTES
    assert sink.largest_write_bytes <= _MOST_BYTES_AT_A_TIME
    assert peak_bytes <= _MOST_MEMORY_BYTES, f"{peak_bytes:,} bytes of memory for one file"


@rule()
def takes_no_memory_for_a_size_that_is_only_stated(bench: Bench) -> None:
    data = bench.put(small=noise(1_000))[b"small"]
    source = bench.source()
    listed = listed_as(bench.listing(source)[b"small"], 1 << 50)
    tracemalloc.start()
    try:
        restored = bench.one(source, listed)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(restored.answer, Failed) or restored.data == data
    assert peak_bytes <= _MOST_MEMORY_BYTES, f"{peak_bytes:,} bytes of memory for a size that is only stated"


@rule("reply_short")
def asks_again_where_a_reply_is_short(bench: Bench) -> None:
    files = bench.put(empty=b"", small=noise(10), around=noise(MIB + 1), large=noise(2 * MIB + 3))
    bench.harness.reply_short()
    source = bench.source()
    assert bench.restore_all(source, bench.listing(source).values()) == files


@rule("hiccup")
def leaves_no_bytes_of_a_first_try(bench: Bench) -> None:
    before, behind = noise(3 * MIB, seed=1), noise(2 * MIB + 5, seed=2)
    bench.put(file=behind)
    bench.harness.hiccup(b"file")
    source = bench.source()
    listed = bench.listing(source)[b"file"]
    slot = bench.slot()
    slot.write(1, 0, before)  # as an interrupted try of a file that was longer then would have left it
    answer, data = bench.restore(source, [Request(number=1, listed=listed)], slot)[1]
    assert isinstance(answer, Landed), f"one break was not got over: {answer}"
    assert answer.attempts > 1
    assert data == behind


@rule()
def begins_with_an_empty_file(bench: Bench) -> None:
    files = bench.put(empty=b"", small=b"small", large=noise(MIB))
    source = bench.source()
    listing = list(bench.listing(source).values())
    slot = bench.slot()
    for number in range(len(listing)):
        slot.write(number, 0, noise(2 * MIB, seed=3))
    requests = [Request(number=number, listed=listed) for number, listed in enumerate(listing)]
    restored = bench.restore(source, requests, slot)
    assert {listing[number].name: data for number, (_, data) in restored.items()} == files


@rule()
def reads_at_an_offset(bench: Bench) -> None:
    data = bench.put(file=noise(MIB + 3), empty=b"")[b"file"]
    place: Place = bench.harness.open_place()
    try:
        listing = {listed.name: listed for listed in place.list()}
        for offset, length_bytes in ((0, 0), (0, 1), (5, 100), (MIB - 1, 3), (MIB, 100), (MIB + 3, 5), (1 << 40, 5)):
            assert place.read_at(listing[b"file"], offset, length_bytes) == data[offset : offset + length_bytes]
        assert place.read_at(listing[b"file"], 0, 2 * MIB) == data
        assert place.read_at(listing[b"empty"], 0, 10) == b""
        with bench.raising(AbsentError):
            place.read_at(msgspec.structs.replace(listing[b"file"], name=b"nowhere", locator=None), 0, 1)
        with bench.raising(SourceError):
            place.read_at(msgspec.structs.replace(listing[b"file"], name=b"file/below", locator=None), 0, 1)
    finally:
        place.close()
