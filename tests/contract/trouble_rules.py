"""Trouble: told apart, each file's own where it is one file's, never ours to lose, and never for ever."""

from __future__ import annotations

import time

from contract.bench import MIB, Bench, rule
from contract.bytes_rules import noise

from verifier.entry import Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    HostKeyError,
    InterruptedTransferError,
    SourceError,
    UnreachableError,
    UnreadableError,
)
from verifier.sources.interface import Failed, Landed, Request


@rule()
def a_missing_file_is_absent(bench: Bench) -> None:
    bench.put_all({b"gone": b"x", b"folder/gone": b"x", b"here": b"x"})
    source = bench.source()
    listing = bench.listing(source)
    nowhere = [Listed(name=name, size_bytes=1) for name in (b"never", b"no/such/folder", b"here/below")]
    for name in (b"gone", b"folder/gone"):
        bench.harness.remove(name)
        if listing[name].locator is None:  # one that is fetched by its id may outlive its name
            nowhere.append(listing[name])
    for listed in nowhere:
        error = bench.failure(source, listed)
        assert isinstance(error, AbsentError), listed.name
        assert error.__cause__ is not None or not bench.harness.fails_by_exceptions, "the cause is not chained"


@rule("forbid")
def a_forbidden_file_is_denied(bench: Bench) -> None:
    bench.put(secret=noise(100))
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.forbid(b"secret")
    error = bench.failure(source, listing[b"secret"])
    assert isinstance(error, AccessDeniedError)
    assert error.__cause__ is not None or not bench.harness.fails_by_exceptions, "the cause is not chained"


@rule("damage")
def a_damaged_file_is_unreadable(bench: Bench) -> None:
    bench.put(bad=noise(2 * MIB))
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.damage(b"bad")
    assert isinstance(bench.failure(source, listing[b"bad"]), UnreadableError)


@rule("cut")
def a_file_that_breaks_off_is_interrupted(bench: Bench) -> None:
    bench.put(long=noise(4 * MIB))
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.cut(b"long")
    assert isinstance(bench.failure(source, listing[b"long"]), InterruptedTransferError | UnreachableError)


@rule("go_away")
def a_place_that_is_gone_is_unreachable(bench: Bench) -> None:
    files = bench.put(file=noise(MIB))
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.go_away()
    with bench.raising(UnreachableError):
        bench.harness.open().close()
    try:
        answer, data = bench.one(source, listing[b"file"])
    except UnreachableError as error:
        bench.examine(error)
    else:  # what is open already may be read on; what comes has to be right
        assert data == files[b"file"] if isinstance(answer, Landed) else isinstance(answer.error, UnreachableError)


@rule("impersonate")
def whoever_else_answers_is_told(bench: Bench) -> None:
    bench.put(file=b"data")
    bench.harness.open().close()
    bench.harness.impersonate()
    with bench.raising(HostKeyError):
        bench.harness.open().close()


@rule("fall_silent")
def every_wait_has_a_limit(bench: Bench) -> None:
    bench.put(file=noise(MIB))
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.fall_silent()
    begun = time.monotonic()
    assert isinstance(bench.failure(source, listing[b"file"]), UnreachableError | InterruptedTransferError)
    with bench.raising(UnreachableError, InterruptedTransferError):
        list(source.list())
    source.close()
    assert time.monotonic() - begun <= bench.harness.limit_seconds


@rule("pipe")
def a_pipe_in_a_file_s_stead_holds_nobody(bench: Bench) -> None:
    bench.put(file=noise(100), good=b"good")
    source = bench.source()
    listing = bench.listing(source)
    bench.harness.pipe(b"file")
    begun = time.monotonic()
    bench.failure(source, listing[b"file"])
    assert time.monotonic() - begun <= bench.harness.limit_seconds
    assert bench.restore_all(bench.source(), [listing[b"good"]]) == {b"good": b"good"}


@rule()
def one_file_s_error_ends_that_file_alone(bench: Bench) -> None:
    files = bench.put_all({b"%02d" % number: noise(number * 997) for number in range(40)})
    source = bench.source()
    listing = bench.listing(source)
    hurt = {b"07"}
    if "forbid" in bench.harness.hooks():
        bench.harness.forbid(b"07")
    else:
        bench.harness.remove(b"07")
        hurt -= {name for name in hurt if listing[name].locator}
    requests = [Request(number=int(name), listed=listed) for name, listed in listing.items()]
    requests.insert(3, Request(number=77, listed=Listed(name=b"nowhere", size_bytes=5)))
    restored = bench.restore(source, requests)
    failed = {number for number, (answer, _) in restored.items() if isinstance(answer, Failed)}
    assert failed == {77} | {int(name) for name in hurt}
    for name in files.keys() - hurt:
        assert restored[int(name)].data == files[name]


@rule()
def what_it_says_of_itself_is_no_secret(bench: Bench) -> None:
    bench.put(file=b"data")
    source = bench.source()
    bench.listing(source)
    facts = source.facts()
    for secret in bench.harness.secrets:
        assert secret not in repr(facts)
        assert secret not in repr(source)
    assert facts.address
    assert facts.read_from in {"device", "server", "cache possible"}
    bench.failure(source, Listed(name=b"name\n\x1b[31m\xff", size_bytes=1))


@rule()
def only_our_errors_escape(bench: Bench) -> None:
    bench.put_all({b"folder/file": b"data"})
    source = bench.source()
    bench.listing(source)
    strange = [b"nowhere", b"folder", b"folder/file/", b"folder//file", b"nul\0byte", b"n" * 300, b"d/" * 3000 + b"f"]
    for name in strange:
        try:
            bench.one(source, Listed(name=name, size_bytes=4))
        except SourceError as error:
            bench.examine(error)
