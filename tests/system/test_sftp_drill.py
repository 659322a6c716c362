"""`verifier prove sftp://…`: in full and by sample, good and damaged, and when the server is not what it should be."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sshd import Proxy, Server, make_key, public_key

Verifier = Callable[..., subprocess.CompletedProcess[str]]
FILES = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def copy(tmp_path: Path, verifier: Verifier) -> Path:
    """Return a copy beside the manifest of its original."""
    live = tmp_path / "live"
    (live / "albums" / "2015").mkdir(parents=True)
    for n in range(FILES):
        (live / ("albums/2015" if n % 2 else "albums") / f"{n:03} [a].jpg").write_bytes(
            random.Random(n).randbytes(n * 700)
        )
    (live / "large.raw").write_bytes(random.Random(0).randbytes(2_000_000))
    (live / "latest").symlink_to("large.raw")
    made = verifier("manifest", "create", live, "-o", tmp_path / "m.jsonl")
    assert made.returncode == 0, made.stderr
    shutil.copytree(live, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def prove(
    verifier: Verifier, server: Server, copy: Path, *more: object, port: int | None = None
) -> tuple[int, dict[str, Any]]:
    ran = verifier(
        "prove", server.address(copy, port=port), "--manifest", copy.parent / "m.jsonl", "--json", "--quiet",
        "--reports", copy.parent / "reports", "--known-hosts", server.known_hosts, "--identity", server.identity, *more,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, json.loads(ran.stdout)["copies"][0]


def spoil(path: Path) -> None:
    """Flip a bit, as a bad disk does: the time stays."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("size", [["--full"], ["--sample", "20"]])
def test_a_good_copy_passes(verifier: Verifier, server: Server, copy: Path, size: list[str]) -> None:
    code, facts = prove(verifier, server, copy, *size)
    assert (code, facts["verdict"]["result"], facts["control"]) == (0, "PASSED", "detected")
    assert facts["read_from"] == "server"
    assert facts["proven"]["files"] == (FILES + 1 if size == ["--full"] else 20)
    assert "by the system's ssh" in json.dumps(facts)


def test_without_ssh_a_channel_is_opened(verifier: Verifier, server: Server, copy: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    ran = verifier(
        "prove", server.address(copy), "--manifest", tmp_path / "m.jsonl", "--json",
        "--known-hosts", server.known_hosts, "--identity", server.identity, env={"PATH": str(empty)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "this program's own SSH connection" in ran.stdout


def test_every_damage_is_told_as_what_it_is(verifier: Verifier, server: Server, copy: Path) -> None:
    spoil(copy / "large.raw")
    (copy / "albums" / "010 [a].jpg").unlink()
    for name, length in (("020 [a].jpg", 5), ("030 [a].jpg", 90_000)):
        path = copy / "albums" / name
        status = path.stat()
        os.truncate(path, length)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (copy / "albums" / "stranger").write_bytes(b"x")
    os.utime(copy / "albums" / "stranger", (5, 5))
    (copy / "latest").unlink()
    (copy / "latest").symlink_to("elsewhere")
    code, facts = prove(verifier, server, copy, "--full")
    assert (code, facts["verdict"]["result"]) == (1, "FAILED")
    assert {finding["path"]: finding["kind"] for finding in facts["findings"]} == {
        "large.raw": "MISMATCH",
        "albums/010 [a].jpg": "MISSING",
        "albums/020 [a].jpg": "TRUNCATED",
        "albums/030 [a].jpg": "GROWN",
        "albums/stranger": "UNEXPECTED",
        "latest": "MISMATCH",
    }


def test_a_sample_finds_what_is_rotten_throughout(verifier: Verifier, server: Server, copy: Path) -> None:
    for path in copy.rglob("*.jpg"):
        if path.stat().st_size:
            spoil(path)
    code, facts = prove(verifier, server, copy, "--sample", "10")
    assert (code, facts["verdict"]["result"]) == (1, "FAILED")


def test_what_can_not_be_told_is_inconclusive(verifier: Verifier, server: Server, copy: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    wrong = tmp_path / "wrong"
    wrong.write_text(f"[127.0.0.1]:{server.port} {public_key(other)}\n", "ascii")
    for more, told in (
        (["--known-hosts", wrong], "got another one"),
        (["--known-hosts", tmp_path / "none"], "expected a host key in known_hosts, got none"),
        (["--identity", other], "expected to be let in, got refused by the server"),
    ):
        code, facts = prove(verifier, server, copy, *more)
        assert (code, facts["verdict"]["result"]) == (3, "INCONCLUSIVE")
        assert told in json.dumps(facts)
    code, facts = prove(verifier, server, copy.parent / "gone", "--manifest", tmp_path / "m.jsonl")
    assert (code, facts["verdict"]["result"]) == (3, "INCONCLUSIVE")


def test_a_line_that_is_cut_now_and_then_costs_attempts_and_nothing_else(
    verifier: Verifier, server: Server, copy: Path
) -> None:
    with Proxy(server.port, cut_after_bytes=1_200_000, cuts=2) as proxy:
        server.write_known_hosts(proxy.port)
        code, facts = prove(verifier, server, copy, "--full", "--workers", "1", port=proxy.port)
        assert (code, facts["verdict"]["result"]) == (0, "PASSED")
        assert proxy.connections > 2
    server.write_known_hosts(server.port)


def test_options_of_sftp_need_its_address(verifier: Verifier, copy: Path) -> None:
    ran = verifier("prove", copy, "--manifest", copy.parent / "m.jsonl", "--identity", "x")
    assert ran.returncode == 2
    assert "expected --identity together with an address of SFTP" in ran.stderr
