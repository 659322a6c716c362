"""Whatever a server sends: an answer, or one of our errors, in the end; and never more memory than a packet's."""

from __future__ import annotations

import contextlib
import random
import struct
import tempfile
from pathlib import Path

from fake_sftp import FakeServer, LoopTransport, Manners, Node, packet
from hypothesis import given
from hypothesis import strategies as st
from sink import Memory

from verifier.entry import Listed
from verifier.errors import SourceError
from verifier.sources.interface import Landed, Request
from verifier.sources.places.sftp import address, protocol
from verifier.sources.places.sftp.hostkeys import known_keys
from verifier.sources.places.sftp.listing import Listing
from verifier.sources.places.sftp.protocol import Incoming, ProtocolError, Reply
from verifier.sources.places.sftp.session import Session
from verifier.sources.places.sftp.transfer import Transfer
from verifier.sources.places.sftp.transport import Patience

QUICK = Patience(connect_seconds=0.02, silence_seconds=0.02)
KINDS = st.sampled_from([protocol.STATUS, protocol.HANDLE, protocol.DATA, protocol.NAME, protocol.ATTRS, 201, 0, 255])


@given(st.binary(max_size=3000), st.lists(st.integers(1, 400), max_size=20))
def test_bytes_are_packets_or_an_error_however_they_arrive(data: bytes, lengths: list[int]) -> None:
    incoming = Incoming()
    taken = 0
    with contextlib.suppress(ProtocolError):
        for length in [*lengths, len(data)]:
            part = data[:length]
            data = data[length:]
            room = incoming.room()
            assert len(room) >= len(part)
            room[: len(part)] = part
            incoming.arrived(len(part))
            while (reply := incoming.next()) is not None:
                taken += 1
                assert len(reply.body) <= protocol.LONGEST_PACKET_BYTES


@given(st.lists(st.tuples(KINDS, st.binary(max_size=300_000)), max_size=8), st.integers(1, 300_000))
def test_packets_come_out_as_they_went_in(packets: list[tuple[int, bytes]], piece: int) -> None:
    packets = [(kind, body[:200_000]) for kind, body in packets]
    stream = b"".join(packet(kind, number, body) for number, (kind, body) in enumerate(packets))
    incoming = Incoming()
    found = []
    while stream:
        room = incoming.room()
        count = min(piece, len(room), len(stream))
        room[:count] = stream[:count]
        incoming.arrived(count)
        stream = stream[count:]
        while (reply := incoming.next()) is not None:
            found.append((reply.kind, reply.number, bytes(reply.body)))
    assert found == [(kind, number, body) for number, (kind, body) in enumerate(packets)]


@given(KINDS, st.binary(max_size=200))
def test_every_reply_is_read_or_refused(kind: int, body: bytes) -> None:
    reply = Reply(kind, 1, memoryview(body))
    readers = (
        protocol.handle_of,
        protocol.status_of,
        protocol.data_of,
        protocol.names_of,
        protocol.limits_of,
        lambda reply: protocol.take_attributes(reply.body, 0),
        lambda reply: protocol.extensions_of(reply.body),
    )
    for reader in readers:
        with contextlib.suppress(ProtocolError):
            reader(reply)


TREE: dict[bytes, Node] = {
    b"/a": bytes(700_000),
    b"/b": b"b" * 5000,
    b"/c": b"",
    b"/d": None,
    b"/d/e": b"e",
    b"/l": ("link", b"a"),
}


@st.composite
def mangling(draw: st.DrawFn) -> dict[int, bytes]:
    """Return which replies, by their place, are sent how."""
    numbers = draw(st.lists(st.integers(2, 20), max_size=4, unique=True))
    whole = st.builds(packet, KINDS, st.integers(0, 30), st.binary(max_size=60))
    nested = st.builds(
        lambda kind, number, count, body: packet(kind, number, struct.pack(">I", count) + body),
        KINDS,
        st.integers(0, 30),
        st.one_of(st.integers(0, 70), st.integers(0, 2**32 - 1)),
        st.binary(max_size=60),
    )
    return {number: draw(st.one_of(st.just(b""), whole, nested, st.binary(max_size=40))) for number in numbers}


@given(mangling(), st.integers(0, 2**32), st.sampled_from([0, 700, protocol.LARGEST_READ_BYTES]))
def test_a_hostile_server_gets_an_end_every_time(replies: dict[int, bytes], seed: int, stated_bytes: int) -> None:
    for engine in ("listing", "transfer"):
        place = 0

        def mangle(_kind: int, _number: int, reply: bytes) -> bytes:
            nonlocal place
            place += 1
            return replies.get(place, reply)

        pieces = random.Random(seed)
        server = FakeServer(TREE, Manners(mangle=mangle, stated_bytes=stated_bytes))
        with contextlib.suppress(SourceError):
            session = Session(LoopTransport(server, pieces), QUICK)
            if engine == "listing":
                list(session.run(Listing(b"/", session.limits)))
            else:
                requests = [
                    Request(number=n, listed=Listed(name=name, size_bytes=size))
                    for n, (name, size) in enumerate([(b"a", 700_000), (b"b", 5000), (b"c", 0), (b"gone", 5)])
                ]
                answers = list(session.run(Transfer(requests, Memory(), root=b"/", limits=session.limits)))
                assert sorted(answer.number for answer in answers) == [0, 1, 2, 3]


@given(
    st.lists(st.integers(0, 300_000), min_size=1, max_size=12),
    st.integers(1, 300_000),
    st.sampled_from([0, 1000, 40_000, protocol.LARGEST_READ_BYTES]),
    st.integers(1, 70),
    st.integers(0, 2**32),
)
def test_every_byte_lands_whatever_the_manners(
    sizes: list[int], most_bytes: int, stated_bytes: int, handles: int, seed: int
) -> None:
    most_bytes = max(most_bytes, max(sizes) // 50)
    pieces = random.Random(seed)
    contents = [pieces.randbytes(size) for size in sizes]
    manners = Manners(
        most_bytes=most_bytes, stated_bytes=stated_bytes, handles=handles, shuffled=pieces if seed % 2 else None
    )
    server = FakeServer({b"/%d" % n: content for n, content in enumerate(contents)}, manners)
    session = Session(LoopTransport(server, pieces), Patience(connect_seconds=5, silence_seconds=5))
    requests = [
        Request(number=n, listed=Listed(name=b"%d" % n, size_bytes=len(content))) for n, content in enumerate(contents)
    ]
    memory = Memory()
    for answer in session.run(Transfer(requests, memory, root=b"/", limits=session.limits)):
        assert isinstance(answer, Landed), answer
        assert bytes(memory.files[answer.number]) == contents[answer.number]
    assert len(memory.files) == len(sizes)
    assert server.opened == {}


@given(st.one_of(st.text(max_size=60), st.text(max_size=60).map("sftp://".__add__)))
def test_an_address_is_read_or_refused(text: str) -> None:
    problem = address.problem(text)
    if problem is not None:
        assert "\n" not in problem
        return
    parts = address.parse(text)
    assert not parts.host.startswith("-")
    assert b"\0" not in parts.path


@given(st.lists(st.one_of(st.text(max_size=80), st.binary(max_size=40).map(repr)), max_size=20))
def test_known_hosts_of_any_lines_name_nobody(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "known_hosts")
        path.write_text("\n".join(lines), "utf-8", "surrogatepass")
        for key in known_keys([path], "nas", 2222):
            assert key.blob is not None
