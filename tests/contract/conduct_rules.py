"""Conduct: one answer each, nothing changed, nothing left open, counted as it goes, ended when asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

from contract.bench import MIB, Bench, Discarding, Refusing, Restored, content, rule, using_meter
from contract.bytes_rules import noise

from verifier.errors import ScratchError, ScratchFullError
from verifier.progress import METER_LENGTH, CancelledError, Meter
from verifier.sources.interface import Landed, Request, Source

_SOON_BYTES = 32 * MIB


@rule()
def answers_every_request_once(bench: Bench) -> None:
    files = bench.put_all({b"%03d" % number: noise(number) for number in range(300)})
    source = bench.source()
    listing = bench.listing(source)
    assert list(source.restore([], bench.slot())) == []
    numbers = {number: b"%03d" % (number % 300) for number in (10**9, 0, *range(700, 200, -1))}
    restored = bench.restore(source, [Request(number=n, listed=listing[name]) for n, name in numbers.items()])
    assert {number: data for number, (_, data) in restored.items()} == {n: files[name] for n, name in numbers.items()}


@rule()
def reading_changes_nothing(bench: Bench) -> None:
    bench.put_all({b"a": b"1", b"folder/b": noise(2 * MIB), b"folder/c": b""})
    before = bench.harness.state()
    source = bench.source()
    bench.restore_all(source, bench.listing(source).values())
    source.facts()
    bench.failure(source, next(source.list()).__class__(name=b"nowhere"))
    source.close()
    assert bench.harness.state() == before


@rule()
def restoring_twice_gives_the_same(bench: Bench) -> None:
    files = bench.put(small=noise(5), large=noise(MIB + 1))
    source = bench.source()
    for _ in range(3):
        assert bench.restore_all(source, bench.listing(source).values()) == files


@rule()
def two_sources_don_t_mix(bench: Bench) -> None:
    files = bench.put_all({b"%02d" % number: noise(number * 50_021) for number in range(24)})
    sources = [bench.source(), bench.source()]
    listings = [list(bench.listing(source).values()) for source in sources]
    listings[1].reverse()
    slots = [bench.slot(), bench.slot()]
    streams = [
        source.restore([Request(number=n, listed=listed) for n, listed in enumerate(listing)], slot)
        for source, listing, slot in zip(sources, listings, slots, strict=True)
    ]
    for answers in zip(*streams, strict=True):  # by turns
        for answer, listing, slot in zip(answers, listings, slots, strict=True):
            assert content(slot, answer.number) == files[listing[answer.number].name]
    restored: list[dict[bytes, bytes]] = [{}, {}]
    _together(
        *(
            lambda where=where: restored[where].update(bench.restore_all(sources[where], listings[where]))
            for where in (0, 1)
        )
    )
    assert restored == [files, files]


def _together(*works: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@rule()
def closing_twice_is_fine(bench: Bench) -> None:
    bench.put(file=b"data")
    bench.harness.open().close()  # what is made once for good is made
    with bench.no_leak():
        with bench.harness.open() as source:
            requests = [Request(number=n, listed=listed) for n, listed in enumerate(source.list())]
            assert len(list(source.restore(requests, Discarding()))) == 1
            source.close()
        source.close()


@rule()
def closing_in_the_middle_leaks_nothing(bench: Bench) -> None:
    bench.put_all({b"%02d" % number: noise(number * 10_007) for number in range(60)})
    bench.harness.open().close()
    with bench.no_leak():
        for close_first in (True, False):
            source = bench.harness.open()
            listing = list(source.list())
            names = source.list()
            next(names)
            answers = source.restore(
                [Request(number=n, listed=listed) for n, listed in enumerate(listing)], Discarding()
            )
            for _ in range(3):
                next(answers)
            if close_first:
                source.close()
            answers.close()
            names.close()
            source.close()
        del answers, names, source


@rule()
def goes_on_where_a_restore_was_given_up(bench: Bench) -> None:
    files = bench.put_all({b"%02d" % number: noise(number * 30_011) for number in range(40)})
    source = bench.source()
    listing = bench.listing(source)
    requests = [Request(number=n, listed=listed) for n, listed in enumerate(listing.values())]
    answers = source.restore(requests, bench.slot())
    next(answers)
    del answers
    assert bench.restore_all(source, listing.values()) == files


@rule()
def counts_exactly_the_bytes_restored(bench: Bench) -> None:
    bench.put_all({b"%02d" % number: noise(number * 100_003) for number in range(12)})
    source = bench.source()
    listing = list(bench.listing(source).values())
    requests = [Request(number=n, listed=listed) for n, listed in enumerate(listing)]
    requests.append(Request(number=50, listed=listing[-1], offset=1_000, length_bytes=500_000, to_end=False))
    with bench.metered() as meter:
        restored = bench.restore(source, requests)
        assert meter.bytes_moved == sum(len(data) for _, data in restored.values())
        assert meter.beats > 0


@rule()
def ends_soon_when_asked_to(bench: Bench) -> None:
    bench.put(large=bytes(48 * MIB))
    source = bench.source()
    listing = bench.listing(source)
    meter = Meter([0] * METER_LENGTH)
    meter.ask_to_stop()
    with using_meter(meter), bench.raising(CancelledError):
        bench.restore(source, [Request(number=1, listed=listing[b"large"])])
    assert meter.bytes_moved <= _SOON_BYTES
    with bench.metered():
        assert _landed(bench.one(source, listing[b"large"], length_bytes=100, to_end=False)) == bytes(100)


def _landed(restored: Restored) -> bytes:
    assert isinstance(restored.answer, Landed), restored.answer
    return restored.data


@rule()
def a_full_sink_comes_through(bench: Bench) -> None:
    files = bench.put_all({b"%02d" % number: noise(number * 100_003) for number in range(20)})
    source = bench.source()
    listing = bench.listing(source)
    requests = [Request(number=n, listed=listed) for n, listed in enumerate(listing.values())]
    _refused(bench, source, requests, ScratchFullError("no room is left"))
    _refused(bench, source, requests, ScratchError("the disk fails"))
    with bench.raising(ScratchFullError):
        list(source.restore(requests, bench.slot(MIB)))
    assert bench.restore_all(source, listing.values()) == files, "the source is of no use behind a full sink"


def _refused(bench: Bench, source: Source, requests: list[Request], error: ScratchError) -> None:
    with bench.raising(type(error)):
        list(source.restore(requests, Refusing(bench.slot(), error, writes=3)))
