"""The SFTP place against the real OpenSSH server, by the system's `ssh` and by a channel of our own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sink import Memory
from sshd import Proxy, Server, free_port, make_key, obeying_modes

from verifier.entry import Listed
from verifier.errors import (
    AbsentError,
    AccessDeniedError,
    InterruptedTransferError,
    SourceError,
    UnreachableError,
    UsageError,
)
from verifier.sources.interface import Failed, Landed, Location, Request
from verifier.sources.places.sftp.place import Sftp
from verifier.sources.places.sftp.transport import Patience
from verifier.sources.table import open_source

QUICK = Patience(connect_seconds=5.0, silence_seconds=0.6, pauses_seconds=(0.05, 0.1, 0.2))
SIZES = [0, 1, 4096, 32_767, 32_768, 32_769, 261_119, 261_120, 261_121, 522_241, 5_000_000]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(params=["ssh", "channel"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    root.mkdir()
    for size in SIZES:
        (root / f"size {size}").write_bytes(random.Random(size).randbytes(size))
    return root


def opened(server: Server, root: Path, way: str, patience: Patience = QUICK, **options: object) -> Sftp:
    port = options.pop("port", None)
    address = server.address(root, port=port)  # type: ignore[arg-type]
    return Sftp(address, {**server.options, "transport": way, **options}, patience)


def listing(place: Sftp) -> dict[bytes, Listed]:
    found = list(place.list())
    assert len({one.name for one in found}) == len(found)
    return {one.name: one for one in found}


def fetched(place: Sftp, files: list[Listed]) -> dict[bytes, tuple[Landed | Failed, bytes]]:
    memory = Memory()
    requests = [Request(number=n, listed=one) for n, one in enumerate(files)]
    answers = {answer.number: answer for answer in place.fetch(requests, memory)}
    return {one.name: (answers[n], bytes(memory.files.get(n, b""))) for n, one in enumerate(files)}


def check_whole(place: Sftp, root: Path) -> None:
    files = [one for one in listing(place).values() if one.kind == "file"]
    assert files
    for name, (answer, content) in fetched(place, files).items():
        assert isinstance(answer, Landed), answer
        path = root / os.fsdecode(name)
        assert not answer.changed
        assert answer.mtime_ns == path.stat().st_mtime_ns // 10**9 * 10**9
        assert content == path.read_bytes()


# What lands


def test_every_byte_and_what_is_said_of_the_copy(server: Server, tree: Path, way: str) -> None:
    place = opened(server, tree, way)
    check_whole(place, tree)
    facts = place.facts()
    assert (facts.read_from, facts.device) == ("server", f"sftp:127.0.0.1:{server.port}")
    by = {"ssh": "the system's ssh", "channel": "this program's own SSH connection"}[way]
    assert facts.notes == (f"read over SFTP by {by}",)
    one = Listed(name=b"size 261121", size_bytes=261_121)
    whole = (tree / "size 261121").read_bytes()
    for offset, length in [(0, 10), (261_000, 1000), (5, 0), (300_000, 5), (0, 400_000)]:
        assert place.read_at(one, offset, length) == whole[offset : offset + length]
    with pytest.raises(AbsentError):
        place.read_at(Listed(name=b"gone", size_bytes=5), 0, 5)
    check_whole(place, tree)
    place.close()
    place.close()


def test_names_and_kinds(server: Server, tmp_path: Path, way: str) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    names = [b"a b", b"'\"`$(x)", b"line\nbreak", b"-rf", b"[ab].txt", b"a.txt", b"\xff\xfe\x80", b"n" * 255, b"Case"]
    names += [b"case", "é".encode(), "e\u0301".encode(), b"back\\slash", b"~", b"\x1b[2J", b"...", b"deep/er/x"]
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name)
    (root / "link").symlink_to(os.fsdecode(b"../\xff nowhere"))
    (root / "folder link").symlink_to(root)
    os.mkfifo(root / "pipe")
    place = opened(server, root, way)
    found = listing(place)
    links = {b"link": b"../\xff nowhere", b"folder link": os.fsencode(root)}
    assert {name: one.link for name, one in found.items() if one.kind == "link"} == links
    assert [name for name, one in found.items() if one.kind == "other"] == [b"pipe"]
    assert {name for name, one in found.items() if one.kind == "file"} == set(names)
    for name, (answer, content) in fetched(place, [found[name] for name in names]).items():
        assert isinstance(answer, Landed)
        assert content == name
    pipe, _ = fetched(place, [found[b"pipe"]])[b"pipe"]
    assert isinstance(pipe, Failed)
    assert isinstance(pipe.error, AbsentError)
    place.close()


def test_what_changed_since_the_listing(server: Server, tree: Path, way: str) -> None:
    place = opened(server, tree, way)
    files = list(listing(place).values())
    longer, shorter, older, gone = (tree / f"size {size}" for size in (4096, 32_768, 1, 32_767))
    with longer.open("ab") as file:
        file.write(b"more than a byte")
    os.truncate(shorter, 100)
    os.utime(older, (5, 5))
    gone.unlink()
    answers = fetched(place, files)
    assert isinstance(answers[b"size 32767"][0], Failed)
    changed = {name for name, (answer, _) in answers.items() if isinstance(answer, Landed) and answer.changed}
    assert changed == {b"size 4096", b"size 32768", b"size 1"}
    assert answers[b"size 4096"][1] == longer.read_bytes()[:4097]
    assert answers[b"size 32768"][1] == shorter.read_bytes()
    place.close()


# Roots


def test_a_root_that_is_not_there_and_one_that_is_a_file(server: Server, tree: Path, way: str) -> None:
    with pytest.raises(UnreachableError, match=r"expected a folder at .*, got nothing"):
        opened(server, tree / "gone", way)
    with pytest.raises(UnreachableError, match="something else"):
        opened(server, tree / "size 1", way)
    with pytest.raises(UnreachableError, match="marker file"):
        opened(server, tree, way, marker="no such marker")
    opened(server, tree, way, marker="size 1").close()


def test_a_share_that_the_server_shows_at_its_root(server: Server, tree: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        opened(server, Path(f"/volume1{tree}"), "ssh")
    assert f"the folder is {tree}, without /volume1" in str(caught.value.hint)


def test_a_path_relative_to_the_accounts_home_and_one_of_escaped_bytes(server: Server, tree: Path) -> None:
    strange = tree / os.fsdecode(b"\xff")
    strange.mkdir()
    (strange / "inside").write_bytes(b"x")
    address = server.address(f"{tree}/%FF")
    with open_source(Location(address=address, options=server.options)) as source:
        assert [one.name for one in source.list()] == [b"inside"]
    Sftp(server.address("/~"), server.options, QUICK).close()


def test_what_may_not_be_read(tmp_path: Path, tree: Path, way: str) -> None:
    (tree / "size 1").chmod(0)
    with Server(tmp_path / "server", sftp=obeying_modes()) as server:
        place = opened(server, tree, way)
        answer, _ = fetched(place, [listing(place)[b"size 1"]])[b"size 1"]
        assert isinstance(answer, Failed)
        assert isinstance(answer.error, AccessDeniedError)
        (tree / "locked").mkdir(mode=0)
        with pytest.raises(AccessDeniedError):
            list(place.list())
        place.close()


# Lost connections


def test_a_connection_that_is_cut_again_and_again(server: Server, tree: Path, way: str) -> None:
    with Proxy(server.port, cut_after_bytes=1_500_000, cuts=3) as proxy:
        server.write_known_hosts(proxy.port)
        place = opened(server, tree, way, port=proxy.port)
        files = [one for one in listing(place).values() if one.kind == "file"]
        for name, (answer, content) in fetched(place, files).items():
            assert isinstance(answer, Landed)
            assert content == Path(tree, os.fsdecode(name)).read_bytes()
            if name == b"size 5000000":
                assert answer.attempts == 4
        assert proxy.connections == 4
        place.close()
    server.write_known_hosts(server.port)


def test_a_connection_that_is_always_cut_is_given_up(server: Server, tree: Path, way: str) -> None:
    with Proxy(server.port, cut_after_bytes=1_500_000, cuts=100) as proxy:
        server.write_known_hosts(proxy.port)
        place = opened(server, tree, way, port=proxy.port)
        with pytest.raises((InterruptedTransferError, UnreachableError)):
            fetched(place, [listing(place)[b"size 5000000"]])
        place.close()
    server.write_known_hosts(server.port)


def test_a_half_open_connection_is_noticed_and_begun_anew(server: Server, tree: Path, way: str) -> None:
    with Proxy(server.port) as proxy:
        server.write_known_hosts(proxy.port)
        place = opened(server, tree, way, port=proxy.port)
        files = list(listing(place).values())
        proxy.swallows = True
        waker = threading.Timer(1.0, setattr, (proxy, "swallows", False))
        waker.start()
        for answer, _ in fetched(place, files).values():
            assert isinstance(answer, Landed)
        assert proxy.connections > 1
        proxy.swallows = True
        with pytest.raises(SourceError):
            list(place.list())
        waker.join()
        place.close()
    server.write_known_hosts(server.port)


def test_a_line_with_delay_is_filled(server: Server, tmp_path: Path, way: str) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    for n in range(300):
        (root / f"{n}").write_bytes(b"%d" % n)
    with Proxy(server.port, delay_seconds=0.1) as proxy:
        server.write_known_hosts(proxy.port)
        place = opened(server, root, way, patience=Patience(), port=proxy.port)
        files = list(listing(place).values())
        began = time.monotonic()
        for name, (answer, content) in fetched(place, files).items():
            assert isinstance(answer, Landed)
            assert content == name
        # One after the other, with two ways there and back for each, would take 120 s.
        assert time.monotonic() - began < 12
        place.close()
    server.write_known_hosts(server.port)


def test_a_server_that_goes_down_in_the_middle_and_comes_back(tmp_path: Path, tree: Path, way: str) -> None:
    with Server(tmp_path / "server") as server:
        place = opened(server, tree, way)
        files = [one for one in listing(place).values() if one.kind == "file"]
        memory = Memory()
        answers = []
        for answer in place.fetch([Request(number=n, listed=one) for n, one in enumerate(files)], memory):
            answers.append(answer)
            if len(answers) == 3:
                server.drop_connections()
                server.stop()
                restarting = threading.Timer(0.1, server.start)
                restarting.start()
        restarting.join()
        assert all(isinstance(answer, Landed) for answer in answers)
        assert sorted(answer.number for answer in answers) == list(range(len(files)))
        for n, one in enumerate(files):
            assert bytes(memory.files[n]) == Path(tree, os.fsdecode(one.name)).read_bytes()
        server.drop_connections()
        server.stop()
        with pytest.raises(UnreachableError, match="refused connection"):
            fetched(place, files)
        with pytest.raises(UnreachableError, match="refused connection"):
            opened(server, tree, way)
        place.close()


def test_whoever_stops_taking_answers_leaves_no_half_reply_behind(server: Server, tree: Path, way: str) -> None:
    place = opened(server, tree, way)
    files = [one for one in listing(place).values() if one.kind == "file"]
    for number in range(3):
        requests = [Request(number=n, listed=one) for n, one in enumerate(files)]
        taking = place.fetch(requests, Memory())
        for _ in range(number):
            next(taking)
        taking.close()
    check_whole(place, tree)
    place.close()


@pytest.mark.parametrize("is_half_open", [False, True])
def test_ssh_ends_with_whoever_started_it(server: Server, tree: Path, is_half_open: bool) -> None:  # noqa: FBT001
    with Proxy(server.port) as proxy:
        server.write_known_hosts(proxy.port)
        _end_the_parent(server, tree, proxy, is_half_open=is_half_open)
    server.write_known_hosts(server.port)


def _end_the_parent(server: Server, tree: Path, proxy: Proxy, *, is_half_open: bool) -> None:
    code = (
        "import sys, time\n"
        "from verifier.sources.places.sftp.place import Sftp\n"
        f"place = Sftp({server.address(tree, port=proxy.port)!r}, {{'known_hosts': {str(server.known_hosts)!r}, "
        f"'identity': {str(server.identity)!r}}})\n"
        "print(place._session._transport._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    proxy.swallows = is_half_open
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and _is_running(child):
        time.sleep(0.02)
    assert not _is_running(child)


def _is_running(process_id: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], check=False, capture_output=True, text=True)
    return listed.stdout.strip() not in ("", "Z", "Zs")


# Rates


def test_a_rate_is_kept_by_all_workers_together(server: Server, tmp_path: Path, way: str) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    (root / "a").write_bytes(bytes(1_000_000))
    places = [opened(server, root, way, rate=1_000_000) for _ in range(2)]
    began = time.monotonic()
    threads = [threading.Thread(target=lambda place=place: check_whole(place, root)) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    assert 1.5 < seconds < 10
    for place in places:
        place.close()


def test_options_that_are_none(server: Server, tree: Path) -> None:
    for wrong in ({"host_key": "SHA256:x"}, {"rate": 0}, {"password": "hunter2"}, {"passphrase": b"hunter2"}):
        with pytest.raises(UsageError) as caught:
            opened(server, tree, "ssh", **wrong)
        assert "hunter2" not in caught.value.message


def test_nobody_listens(tree: Path, server: Server, way: str) -> None:
    with pytest.raises(UnreachableError, match="refused connection"):
        opened(server, tree, way, port=free_port())
    with pytest.raises(UnreachableError, match="no such name"):
        Sftp("sftp://drill@no-such-host.invalid/x", {**server.options, "transport": way}, QUICK)


def test_a_server_without_sftp(tmp_path: Path, tree: Path, way: str) -> None:
    with Server(tmp_path / "server", sftp="/nonexistent/sftp-server") as server, pytest.raises(UnreachableError):
        opened(server, tree, way)
    with Server(tmp_path / "other", extra="ForceCommand echo welcome\n") as server, pytest.raises(SourceError):
        opened(server, tree, way)


def test_who_is_not_let_in(server: Server, tmp_path: Path, tree: Path, way: str) -> None:
    stranger = make_key(tmp_path / "stranger")
    with pytest.raises(AccessDeniedError, match="expected to be let in"):
        opened(server, tree, way, identity=stranger)
    with pytest.raises(AccessDeniedError, match="expected to be let in"):
        Sftp(f"sftp://nobody-of-that-name@127.0.0.1:{server.port}{tree}", {**server.options, "transport": way}, QUICK)
    with pytest.raises(AccessDeniedError):
        opened(server, tree, way, identity=tmp_path / "no such key")
    shown = tmp_path / "shown"
    shown.write_bytes(server.identity.read_bytes())
    for mode in (0o640, 0o604, 0o644, 0o620):
        shown.chmod(mode)
        with pytest.raises(AccessDeniedError, match="only its owner may read"):
            opened(server, tree, way, identity=shown)
    shown.chmod(0o600)
    opened(server, tree, way, identity=shown).close()
