"""Listings: everything, once, as what it is, under the name that it has; or an error."""

from __future__ import annotations

import os

from contract.bench import Bench, rule
from contract.harness import NAMES, TIME_NS, UNSAFE

from verifier.entry import Listed
from verifier.errors import AbsentError, SourceError
from verifier.sources.interface import Failed, Request


@rule()
def lists_every_entry_once(bench: Bench) -> None:
    many = bench.harness.many_files
    names = {b"%06d" % number for number in range(many)} | {b"d/%d/%d" % (n % 7, n) for n in range(many // 4)}
    for name in names:
        bench.harness.put(name, name)
    source = bench.source()
    listing = bench.listing(source)
    assert set(listing) == names
    assert {(listed.kind, listed.size_bytes) for listed in listing.values()} == {("file", len(name)) for name in names}
    few = [listing[name] for name in sorted(names)[::37]]
    assert all(name == data for name, data in bench.restore_all(source, few).items())


@rule()
def keeps_the_order_that_it_promises(bench: Bench) -> None:
    names = (b"a", b"a.txt", b"a/b", b"a/b.c", b"a/b/c", b"a0", b"B", b"b-", b"b/x", b"\xc3\xa9", b"z")
    for name in names:
        if name not in {b"a", b"a/b"}:  # which are folders here
            bench.harness.put(name, name)
    source = bench.source()
    listed = [listed.name for listed in source.list()]
    assert sorted(listed) == sorted(set(names) - {b"a", b"a/b"})
    if source.ordered:
        assert listed == sorted(listed)


@rule()
def lists_again_what_was_given_up(bench: Bench) -> None:
    bench.put_all({b"d%d/%03d" % (number % 5, number): b"" for number in range(250)})
    source = bench.source()

    def give_up() -> None:
        listing = source.list()
        for _ in range(3):
            next(listing)

    give_up()  # what it keeps open for the next time is open
    with bench.no_leak():
        for _ in range(4):
            give_up()
    assert len(bench.listing(source)) == 250


@rule("break_listing")
def raises_where_a_listing_breaks(bench: Bench) -> None:
    for number in range(bench.harness.many_files):
        bench.harness.put(b"%06d" % number, b"")
    source = bench.source()
    bench.harness.break_listing()
    with bench.raising(SourceError):
        for _ in source.list():
            pass


def _hold(bench: Bench) -> dict[bytes, bytes]:
    held = {
        name: b"content of " + name
        for key, names in NAMES.items()
        if key not in bench.harness.cannot_hold
        for name in names
    }
    assert held
    return bench.put_all(held)


@rule()
def every_name_survives(bench: Bench) -> None:
    files = _hold(bench)
    source = bench.source()
    listing = bench.listing(source)
    assert set(listing) == set(files)
    assert bench.restore_all(source, listing.values()) == files
    if "case" not in bench.harness.cannot_hold:
        assert not any(source.folds_case(listing[name]) for name in NAMES["case"])


@rule()
def a_name_is_never_a_pattern(bench: Bench) -> None:
    bench.put_all({b"[ab].txt": b"the pattern", b"a.txt": b"what it would match", b"d/x?": b"?", b"d/xy": b"y"})
    source = bench.source()
    listing = bench.listing(source)
    assert bench.restore_all(source, listing.values())[b"[ab].txt"] == b"the pattern"
    for name in (b"[ab].txt", b"d/x?"):
        bench.harness.remove(name)
        if listing[name].locator is None:  # one that is fetched by its id outlives its name
            assert isinstance(bench.failure(source, listing[name]), AbsentError)


@rule("link")
def follows_no_link(bench: Bench) -> None:
    bench.put_all({b"folder/file": b"data", b"outside.txt": b"data"})
    links = {
        b"to-file": b"outside.txt",
        b"to-folder": b"folder",
        b"to-itself": b"to-itself",
        b"to-nothing": b"nowhere",
        b"to-above": b"..",
        b"to-root": b"/",
        b"folder/up": b"../folder",
        b"odd": b"  odd\n\xff target",
    }
    for name, target in links.items():
        bench.harness.link(name, target)
    source = bench.source()
    listing = bench.listing(source)
    assert set(listing) == {b"folder/file", b"outside.txt", *links}
    assert {name: listing[name].link for name in links} == links
    assert {listing[name].kind for name in links} == {"link"}
    through = [
        listing[b"to-file"],
        Listed(name=b"to-folder/file", size_bytes=4, mtime_ns=TIME_NS),
        Listed(name=b"folder/up/file", size_bytes=4, mtime_ns=TIME_NS),
    ]
    for listed in through[: 3 if bench.harness.refuses_links else 1]:
        bench.failure(source, listed)


@rule("pipe", "socket")
def reads_no_special_file(bench: Bench) -> None:
    bench.put(file=b"data")
    bench.harness.pipe(b"pipe")
    bench.harness.socket(b"socket")
    source = bench.source()
    listing = bench.listing(source)
    assert {name: listed.kind for name, listed in listing.items()} == {
        b"file": "file",
        b"pipe": "other",
        b"socket": "other",
    }
    for name in (b"pipe", b"socket"):
        bench.failure(source, listing[name])


@rule("offer")
def refuses_a_name_that_leads_out(bench: Bench) -> None:
    bench.put(good=b"good")
    offered = [name for name in UNSAFE if bench.harness.offer(name) is not False]
    source = bench.source()
    listing = bench.listing(source)
    assert listing[b"good"].kind == "file"
    assert offered
    for name in offered:
        assert name not in listing or listing[name].kind == "unsafe", f"{name!r} is let through"
    assert len(listing) == 1 + len(offered)


@rule("outside")
def reads_nothing_outside(bench: Bench) -> None:
    bench.put_all({b"folder/good": b"good"})
    name = bench.harness.outside(b"not meant for us")
    source = bench.source()
    listing = bench.listing(source)
    assert set(listing) == {b"folder/good"}
    leading_out = (name, b"folder/../" + name, b"folder/../folder/good", b"./folder/good", b"", b".", b"folder")
    requests = [
        *(Request(number=n, listed=Listed(name=evil, size_bytes=16)) for n, evil in enumerate(leading_out)),
        Request(number=99, listed=listing[b"folder/good"]),
    ]
    restored = bench.restore(source, requests)
    assert restored.pop(99).data == b"good"
    for number, (answer, _) in restored.items():
        assert isinstance(answer, Failed), f"{os.fsdecode(leading_out[number])!r} was read"
