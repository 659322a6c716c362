"""The engine without a line: every byte in its place, whatever the order and length of replies; no lie believed."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable

import pytest
from fake_sftp import FakeServer, LoopTransport, Manners, Node, attributes, packet, status, text
from sink import Memory

from verifier.entry import Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    InterruptedTransferError,
    ScratchFullError,
    SourceError,
    UnreadableError,
)
from verifier.sources.interface import Failed, Landed, Request
from verifier.sources.places.sftp import listing, protocol
from verifier.sources.places.sftp.listing import Listing
from verifier.sources.places.sftp.protocol import ProtocolError
from verifier.sources.places.sftp.session import Session
from verifier.sources.places.sftp.transfer import Transfer
from verifier.sources.places.sftp.transport import ConnectionLostError, Patience

QUICK = Patience(connect_seconds=1, silence_seconds=0.3)
MTIME_NS = 1_600_000_000 * 10**9


def content_of(size_bytes: int) -> bytes:
    return random.Random(size_bytes).randbytes(size_bytes)


def session_with(server: FakeServer, *, seed: int = 0, ends_after: int | None = None) -> Session:
    return Session(LoopTransport(server, random.Random(seed), ends_after), QUICK)


def listed(name: bytes, size_bytes: int, **more: object) -> Listed:
    return Listed(name=name, size_bytes=size_bytes, mtime_ns=MTIME_NS, **more)  # type: ignore[arg-type]


def fetch(
    server: FakeServer, requests: list[Request], memory: Memory | None = None, *, seed: int = 0
) -> dict[int, Landed | Failed]:
    session = session_with(server, seed=seed)
    transfer = Transfer(requests, memory or Memory(), root=b"/", limits=session.limits)
    answers = list(session.run(transfer))
    assert sorted(answer.number for answer in answers) == [request.number for request in requests]
    assert server.opened == {}
    assert session.usable
    return {answer.number: answer for answer in answers}


SIZES = [0, 1, 2, 999, 1000, 1001, 32_767, 32_768, 32_769, 65_536, 261_119, 261_120, 261_121, 522_240, 3_000_000]
MANNERS = [
    Manners(),
    Manners(stated_bytes=0),
    Manners(stated_bytes=0, most_bytes=1000),
    Manners(most_bytes=1000),
    Manners(most_bytes=32_768),
    Manners(stated_bytes=700),
    Manners(shuffled=random.Random(7)),
    Manners(shuffled=random.Random(8), most_bytes=30_000),
    Manners(handles=3),
    Manners(handles=3, stated_bytes=0),
    Manners(handles=1, stated_bytes=0, most_bytes=20_000),
]


@pytest.mark.parametrize("manners", MANNERS)
def test_every_byte_lands_whatever_the_server_gives_at_a_time(manners: Manners) -> None:
    tree: dict[bytes, Node] = {b"/%d" % size: content_of(size) for size in SIZES}
    requests = [Request(number=n, listed=listed(b"%d" % size, size)) for n, size in enumerate(SIZES)]
    memory = Memory()
    server = FakeServer(tree, manners)
    for answer in fetch(server, requests, memory).values():
        assert isinstance(answer, Landed), answer
        assert (answer.changed, answer.mtime_ns) == (False, MTIME_NS)
        assert bytes(memory.files[answer.number]) == content_of(SIZES[answer.number])
    assert server.most_open <= manners.handles


@pytest.mark.parametrize("manners", [Manners(), Manners(stated_bytes=0), Manners(most_bytes=100)])
@pytest.mark.parametrize("stated", [0, 1, 4096, 32_768, 261_120])
def test_a_file_longer_than_listed_is_read_one_byte_further_and_told_as_changed(manners: Manners, stated: int) -> None:
    content = content_of(stated + 50_000)
    memory = Memory()
    answers = fetch(FakeServer({b"/a": content}, manners), [Request(number=5, listed=listed(b"a", stated))], memory)
    assert answers == {5: Landed(number=5, mtime_ns=MTIME_NS, changed=True)}
    assert bytes(memory.files[5]) == content[: stated + 1]


@pytest.mark.parametrize("manners", [Manners(), Manners(stated_bytes=0, most_bytes=1000)])
def test_a_server_that_says_the_listed_size_of_a_longer_file_is_found_out(manners: Manners) -> None:
    """The last byte asked for is beyond the end; that it came is what counts, not what the server says of its size."""
    manners.sizes = {b"/a": 1000}
    memory = Memory()
    answers = fetch(
        FakeServer({b"/a": content_of(1001)}, manners), [Request(number=0, listed=listed(b"a", 1000))], memory
    )
    assert isinstance(answers[0], Landed)
    assert len(memory.files[0]) == 1001


@pytest.mark.parametrize("manners", [Manners(), Manners(stated_bytes=0), Manners(shuffled=random.Random(1))])
@pytest.mark.parametrize("size_bytes", [0, 1, 40_000, 300_000])
def test_a_file_shorter_than_listed_ends_where_it_ends(manners: Manners, size_bytes: int) -> None:
    memory = Memory()
    server = FakeServer({b"/a": content_of(size_bytes)}, manners)
    answers = fetch(server, [Request(number=0, listed=listed(b"a", 900_000))], memory)
    assert answers == {0: Landed(number=0, mtime_ns=MTIME_NS, changed=True)}
    assert bytes(memory.files[0]) == content_of(size_bytes)


@pytest.mark.parametrize("manners", [Manners(), Manners(stated_bytes=0, most_bytes=999)])
def test_parts_of_a_file(manners: Manners) -> None:
    content = content_of(500_000)
    wanted = [(0, 1, False), (100, 300_000, False), (499_999, 1, True), (400_000, 100_000, True), (0, 0, False)]
    requests = [
        Request(number=n, listed=listed(b"a", 500_000), offset=offset, length_bytes=length, to_end=to_end)
        for n, (offset, length, to_end) in enumerate(wanted)
    ]
    memory = Memory()
    # Each part by itself: parts of one file at once are different numbers all the same.
    for answer in fetch(FakeServer({b"/a": content}, manners), requests, memory).values():
        offset, length, _ = wanted[answer.number]
        assert isinstance(answer, Landed)
        assert not answer.changed
        assert bytes(memory.files[answer.number]) == content[offset : offset + length]


def test_one_files_error_ends_that_file_alone() -> None:
    tree: dict[bytes, Node] = {b"/good%d" % n: content_of(n * 1000) for n in range(200)}
    tree |= {b"/locked": b"x", b"/rotten": b"x" * 700_000, b"/folder": None, b"/pipe": ("pipe", b"")}
    manners = Manners(failing=frozenset({b"/locked"}), failing_reads=frozenset({b"/rotten"}))
    names = [*(b"good%d" % n for n in range(200)), b"locked", b"rotten", b"gone", b"folder", b"fifo"]
    requests = [
        Request(number=n, listed=listed(name, 700_000 if name == b"rotten" else 1000 * n))
        for n, name in enumerate(names)
    ]
    requests[-1] = Request(number=204, listed=listed(b"pipe", 0, kind="other"))
    memory = Memory()
    answers = fetch(FakeServer(tree, manners), requests, memory)
    for n in range(200):
        assert isinstance(answers[n], Landed)
        assert bytes(memory.files[n]) == content_of(n * 1000)
    kinds = {}
    for n in range(200, 205):
        answer = answers[n]
        assert isinstance(answer, Failed)
        kinds[names[n]] = (type(answer.error), answer.attempts)
    assert kinds == {
        b"locked": (AccessDeniedError, 1),
        b"rotten": (UnreadableError, 2),
        b"gone": (AbsentError, 1),
        b"folder": (UnreadableError, 2),
        b"fifo": (AbsentError, 1),
    }


def test_what_is_no_file_any_more_is_absent_not_unreadable() -> None:
    def readable(kind: int, number: int, reply: bytes) -> bytes:
        return status(number, protocol.EOF) if kind == protocol.READ else reply

    server = FakeServer({b"/a": None}, Manners(mangle=readable))
    answer = fetch(server, [Request(number=0, listed=listed(b"a", 5))])[0]
    assert isinstance(answer, Failed)
    assert isinstance(answer.error, AbsentError)


def test_an_end_in_the_middle_is_no_end() -> None:
    """A server that says "end of file" before an end that both it and the listing state can't be told."""

    def ends_early(kind: int, number: int, reply: bytes) -> bytes:
        return status(number, protocol.EOF) if kind == protocol.READ else reply

    server = FakeServer({b"/a": content_of(5000)}, Manners(mangle=ends_early))
    answer = fetch(server, [Request(number=0, listed=listed(b"a", 5000))])[0]
    assert isinstance(answer, Failed)
    assert isinstance(answer.error, InterruptedTransferError)


def test_bytes_behind_an_end_are_told() -> None:
    count = 0

    def hole(kind: int, number: int, reply: bytes) -> bytes:
        nonlocal count
        count += kind == protocol.READ
        return status(number, protocol.EOF) if kind == protocol.READ and count == 2 else reply

    server = FakeServer({b"/a": content_of(1_000_000)}, Manners(mangle=hole, sizes={b"/a": 261_120}))
    answer = fetch(server, [Request(number=0, listed=listed(b"a", 1_000_000))])[0]
    assert isinstance(answer, Failed)
    assert "got more behind it" in answer.error.message


def test_a_full_sink_ends_the_batch_and_the_session() -> None:
    server = FakeServer({b"/a": content_of(5000)})
    session = session_with(server)
    requests = [Request(number=0, listed=listed(b"a", 5000))]
    with pytest.raises(ScratchFullError):
        list(session.run(Transfer(requests, Memory(most_bytes=10), root=b"/", limits=session.limits)))
    assert not session.usable


def test_files_and_reads_at_once_are_bounded_and_many() -> None:
    tree: dict[bytes, Node] = {b"/%d" % n: content_of(600_000) for n in range(100)}
    server = FakeServer(tree)
    fetch(server, [Request(number=n, listed=listed(b"%d" % n, 600_000)) for n in range(100)])
    assert 10 < server.most_open <= 64


def test_the_sum_of_what_is_kept_does_not_grow_with_the_file() -> None:
    class Nothing(Memory):
        def write(self, number: int, offset: int, data: bytes | bytearray | memoryview) -> None:
            pass

    def large(kind: int, number: int, reply: bytes) -> bytes:
        return packet(protocol.DATA, number, text(block)) if kind == protocol.READ and number < 1000 else reply

    block = bytes(261_120)
    size_bytes = 261_120 * 997
    server = FakeServer({b"/a": b""}, Manners(mangle=large, sizes={b"/a": size_bytes}))
    session = session_with(server)
    tracemalloc.start()
    requests = [Request(number=0, listed=listed(b"a", size_bytes), length_bytes=size_bytes, to_end=False)]
    list(session.run(Transfer(requests, Nothing(), root=b"/", limits=session.limits)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 261_120 * 4  # the loop keeps what a pipe would: some 64 replies, and a copy or two


Mangle = Callable[[int, int, bytes], bytes]


def at(wanted: int, reply_of: Callable[[int], bytes]) -> Mangle:
    return lambda kind, number, reply: reply_of(number) if kind == wanted else reply


HOSTILE: dict[str, Mangle] = {
    "a packet without end": at(protocol.OPEN, lambda n: struct.pack(">IBI", 2**31, protocol.HANDLE, n)),
    "a packet of nothing": at(protocol.OPEN, lambda _: bytes(9)),
    "a packet of one byte": at(protocol.OPEN, lambda _: b"\0\0\0\1\x65"),
    "text in place of packets": at(protocol.OPEN, lambda _: b"Welcome to this NAS!\r\n"),
    "an answer to nobody": at(protocol.READ, lambda n: packet(protocol.DATA, n + 10_000, text(b"x"))),
    "an answer twice": lambda _kind, _number, reply: reply * 2,
    "a handle for a read": at(protocol.READ, lambda n: packet(protocol.HANDLE, n, text(b"h"))),
    "data for an open": at(protocol.OPEN, lambda n: packet(protocol.DATA, n, text(b"x"))),
    "names for a close": at(protocol.CLOSE, lambda n: packet(protocol.NAME, n, bytes(4))),
    "data for an fstat": at(protocol.FSTAT, lambda n: packet(protocol.DATA, n, text(b"x"))),
    "more than was asked for": at(protocol.READ, lambda n: packet(protocol.DATA, n, text(bytes(9000)))),
    "data of no bytes": at(protocol.READ, lambda n: packet(protocol.DATA, n, text(b""))),
    "data shorter than stated": at(protocol.READ, lambda n: packet(protocol.DATA, n, struct.pack(">I", 99) + b"x")),
    "data longer than stated": at(protocol.READ, lambda n: packet(protocol.DATA, n, struct.pack(">I", 1) + b"xyz")),
    "a handle that is too long": at(protocol.OPEN, lambda n: packet(protocol.HANDLE, n, text(bytes(300)))),
    "a handle that ends behind its packet": at(protocol.OPEN, lambda n: packet(protocol.HANDLE, n, b"\0\0\1\0ab")),
    "a status without a code": at(protocol.OPEN, lambda n: packet(protocol.STATUS, n, b"\0")),
    "attributes cut off": at(protocol.FSTAT, lambda n: packet(protocol.ATTRS, n, b"\0\0\0\x0d\0\0")),
    "attributes with a lie": at(protocol.FSTAT, lambda n: packet(protocol.ATTRS, n, b"\x80\0\0\0\xff\xff\xff\xff")),
}


@pytest.mark.parametrize("mangle", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_ends_the_transfer(mangle: Mangle) -> None:
    def only_files(kind: int, number: int, reply: bytes) -> bytes:
        return reply if kind in (protocol.INIT, protocol.EXTENDED) else mangle(kind, number, reply)

    server = FakeServer({b"/a": content_of(5000)}, Manners(mangle=only_files))
    session = session_with(server)
    with pytest.raises(ProtocolError):
        list(
            session.run(
                Transfer([Request(number=0, listed=listed(b"a", 5000))], Memory(), root=b"/", limits=session.limits)
            )
        )
    assert not session.usable


def test_a_server_that_falls_silent_is_given_up() -> None:
    server = FakeServer({b"/a": content_of(5000)}, Manners(mangle=at(protocol.READ, lambda _: b"")))
    session = session_with(server)
    with pytest.raises(ConnectionLostError, match="silence"):
        list(
            session.run(
                Transfer([Request(number=0, listed=listed(b"a", 5000))], Memory(), root=b"/", limits=session.limits)
            )
        )


@pytest.mark.parametrize(
    "reply", [b"SSH-2.0 hello", packet(protocol.STATUS, 0, bytes(8)), packet(protocol.VERSION_REPLY, 2), bytes(40)]
)
def test_a_server_of_another_protocol_is_refused(reply: bytes) -> None:
    with pytest.raises(ProtocolError):
        session_with(FakeServer({}, Manners(mangle=at(protocol.INIT, lambda _: reply))))


def test_a_server_that_never_begins_is_given_up() -> None:
    with pytest.raises(SourceError, match="no answer"):
        session_with(FakeServer({}, Manners(mangle=at(protocol.INIT, lambda _: b""))))


# Listing


def names_in(server: FakeServer, root: bytes = b"/", *, seed: int = 0) -> list[Listed]:
    session = session_with(server, seed=seed)
    found = list(session.run(Listing(root, session.limits)))
    assert server.opened == {}
    return sorted(found, key=lambda one: one.name)


def test_a_tree_is_listed_once_as_what_it_is() -> None:
    tree: dict[bytes, Node] = {
        b"/top": None,
        b"/top/a": b"12345",
        b"/top/\xff\xfe": b"",
        b"/top/link": ("link", b"../\xff elsewhere"),
        b"/top/pipe": ("pipe", b""),
        b"/top/deep": None,
        b"/top/deep/er": None,
        b"/top/deep/er/b": b"1",
        b"/top/empty": None,
        b"/other": b"not here",
    }
    tree |= {b"/top/many/%d" % n: b"" for n in range(50)} | {b"/top/many": None}
    expected = [
        Listed(name=b"a", size_bytes=5, mtime_ns=MTIME_NS),
        Listed(name=b"deep/er/b", size_bytes=1, mtime_ns=MTIME_NS),
        Listed(name=b"link", mtime_ns=MTIME_NS, kind="link", link=b"../\xff elsewhere"),
        *(Listed(name=b"many/%d" % n, mtime_ns=MTIME_NS) for n in sorted(range(50), key=str)),
        Listed(name=b"pipe", mtime_ns=MTIME_NS, kind="other"),
        Listed(name=b"\xff\xfe", mtime_ns=MTIME_NS),
    ]
    for seed, manners in enumerate([Manners(), Manners(handles=1), Manners(shuffled=random.Random(3))]):
        if manners.shuffled is None or seed == 0:
            assert names_in(FakeServer(tree, manners), b"/top/", seed=seed) == expected


def entry(name: bytes, node: Node = b"") -> bytes:
    return text(name) + text(b"") + attributes(node)


def directory_of(*entries: bytes) -> Mangle:
    """Answer the first READDIR of the root with these entries, whatever is in it."""
    sent = False

    def mangle(kind: int, number: int, reply: bytes) -> bytes:
        nonlocal sent
        if kind != protocol.READDIR or sent:
            return reply
        sent = True
        return packet(protocol.NAME, number, struct.pack(">I", len(entries)) + b"".join(entries))

    return mangle


@pytest.mark.parametrize("name", [b"", b"/etc/passwd", b"../x", b"a/b", b"a\0b", b"..\0", b"x" * 40_000])
def test_a_name_that_would_leave_the_root_is_unsafe_and_not_walked(name: bytes) -> None:
    for node in (b"", None):
        server = FakeServer(
            {}, Manners(mangle=directory_of(entry(b"."), entry(b".."), entry(name, node), entry(b"ok")))
        )
        found = {one.name: one.kind for one in names_in(server)}
        assert found == {name: "unsafe", b"ok": "file"}
        assert server.requests.count(protocol.OPENDIR) == 1


def test_a_name_twice_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="twice"):
        names_in(FakeServer({}, Manners(mangle=directory_of(entry(b"a"), entry(b"b"), entry(b"a")))))


def test_a_directory_without_end_is_an_error() -> None:
    nothing = at(protocol.READDIR, lambda n: packet(protocol.NAME, n, bytes(4)))
    with pytest.raises(ProtocolError, match="without end"):
        names_in(FakeServer({}, Manners(mangle=nothing)))
    dots = at(protocol.READDIR, lambda n: packet(protocol.NAME, n, struct.pack(">I", 1) + entry(b".")))
    with pytest.raises(SourceError, match="twice"):
        names_in(FakeServer({}, Manners(mangle=dots)))


def test_a_directory_of_ever_new_names_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST_NAMES", 500)
    more = at(protocol.READDIR, lambda n: packet(protocol.NAME, n, struct.pack(">I", 1) + entry(b"%d" % n)))
    with pytest.raises(SourceError, match="at most 500 names"):
        names_in(FakeServer({}, Manners(mangle=more)))


class Bottomless(FakeServer):
    """Each folder holds a folder."""

    def _open(self, kind: int, number: int, path: bytes) -> bytes:
        self.tree = {path: None, path.rstrip(b"/") + b"/" + b"d" * 250: None}
        return super()._open(kind, number, path)


def test_a_tree_without_end_has_an_end_where_paths_become_too_long() -> None:
    server = Bottomless({})
    found = names_in(server)
    assert [one.kind for one in found] == ["unsafe"]
    assert server.requests.count(protocol.OPENDIR) == 131


@pytest.mark.parametrize(
    "mangle",
    [
        at(protocol.READDIR, lambda n: packet(protocol.NAME, n, struct.pack(">I", 2**32 - 1))),
        at(protocol.READDIR, lambda n: packet(protocol.NAME, n, struct.pack(">I", 5) + entry(b"a"))),
        at(protocol.READDIR, lambda n: packet(protocol.DATA, n, text(b""))),
        at(protocol.OPENDIR, lambda n: packet(protocol.NAME, n, bytes(4))),
        at(protocol.CLOSE, lambda n: packet(protocol.HANDLE, n, text(b"h"))),
        at(protocol.READLINK, lambda n: packet(protocol.NAME, n, bytes(4))),
        at(protocol.READLINK, lambda n: packet(protocol.ATTRS, n, bytes(4))),
        at(protocol.LSTAT, lambda n: packet(protocol.ATTRS, n, bytes(4))),
    ],
)
def test_a_hostile_server_ends_the_listing(mangle: Mangle) -> None:
    def nameless(kind: int, number: int, reply: bytes) -> bytes:
        if kind == protocol.READDIR and not sent:
            sent.append(1)
            body = entry(b"l", ("link", b"x")) + text(b"u") + text(b"") + bytes(4)
            reply = packet(protocol.NAME, number, struct.pack(">I", 2) + body)
        return mangle(kind, number, reply)

    sent: list[int] = []
    tree: dict[bytes, Node] = {b"/l": ("link", b"x"), b"/u": b""}
    with pytest.raises(ProtocolError):
        names_in(FakeServer(tree, Manners(mangle=nameless)))


def test_kinds_that_come_without_permissions_are_asked_for() -> None:
    bare = text(b"u") + text(b"") + bytes(4)
    server = FakeServer({b"/u": b"12"}, Manners(mangle=directory_of(bare)))
    assert [(one.name, one.size_bytes) for one in names_in(server)] == [(b"u", 2)]
    assert protocol.LSTAT in server.requests


@pytest.mark.parametrize(
    ("code", "kind"), [(protocol.PERMISSION_DENIED, AccessDeniedError), (protocol.FAILURE, SourceError)]
)
@pytest.mark.parametrize("asked", [protocol.OPENDIR, protocol.READDIR, protocol.READLINK])
def test_a_listing_that_breaks_raises(code: int, kind: type[SourceError], asked: int) -> None:
    tree: dict[bytes, Node] = {b"/a": b"", b"/l": ("link", b"x")}
    with pytest.raises(kind):
        names_in(FakeServer(tree, Manners(mangle=at(asked, lambda n: status(n, code)))))


def test_a_listing_that_is_cut_off_raises() -> None:
    tree: dict[bytes, Node] = {b"/%d" % n: b"" for n in range(100)}
    session = session_with(FakeServer(tree), ends_after=1500)
    with pytest.raises(ConnectionLostError):
        list(session.run(Listing(b"/", session.limits)))
