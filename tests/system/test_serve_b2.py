"""The embedded B2: rclone's own client and b2sdk get from it what the real one gives, and the same refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from b2_served import BUCKET, need_rclone, rclone, rclone_programs
from b2sdk.v3 import B2Api, InMemoryAccountInfo
from conftest import Verifier, command

from verifier.demo.b2_server import B2Server, Fault
from verifier.demo.b2_server.calls import RefusedError

PART_BYTES = 5 * 1024 * 1024


@pytest.fixture
def server() -> Iterator[B2Server]:
    with B2Server() as server:
        yield server


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub" / "deep").mkdir(parents=True)
    for name in ("a.txt", "sub/b ü+%20.txt", "sub/deep/c", "new\nline"):
        (folder / name).write_bytes(name.encode() * 100)
    (folder / "empty").write_bytes(b"")
    (folder / "large.bin").write_bytes(os.urandom(2 * PART_BYTES + 17))
    return folder


def test_each_rclone_writes_lists_and_reads(
    server: B2Server, data: Path, must_run: Callable[[str, str], NoReturn]
) -> None:
    need_rclone(must_run)
    for number, program in enumerate(rclone_programs()):
        there = f":b2:{BUCKET}-{number}/copy"
        rclone(server, "copy", str(data), there, program=program)
        assert rclone(server, "check", "--download", str(data), there, program=program) == ""
        listed = rclone(server, "lsf", there, program=program).splitlines()
        assert sorted(listed) == ["a.txt", "empty", "large.bin", "new␊line", "sub/"]
        assert rclone(server, "lsf", f"{there}/sub", program=program).splitlines() == ["b ü+%20.txt", "deep/"]
        assert rclone(server, "cat", f"{there}/a.txt", "--offset", "5", "--count", "5", program=program) == "a.txt"
        version = server.simulator.bucket_name_to_bucket[f"{BUCKET}-{number}"].newest("copy/large.bin")
        assert version is not None
        assert version.content_sha1 == "none"  # it came in parts
        rclone(server, "deletefile", f"{there}/a.txt", program=program)
        assert "a.txt" not in rclone(server, "lsf", there, program=program)
        rclone(server, "purge", there, "--b2-hard-delete", program=program)


def _api(server: B2Server, key: str = "key") -> B2Api:
    keys = server.description()
    api = B2Api(InMemoryAccountInfo())
    api.authorize_account(keys[f"{key}_id"], keys[key], realm=server.realm)
    return api


def _close(api: B2Api) -> None:
    api.session.raw_api.b2_http.session.close()


def test_b2sdk_writes_lists_and_reads(server: B2Server) -> None:
    api = _api(server)
    bucket = api.create_bucket(BUCKET, "allPrivate")
    uploaded = bucket.upload_bytes(b"some bytes", "a/b.txt")
    bucket.upload_bytes(os.urandom(300), "a/c.txt")
    assert [version.file_name for version, _ in bucket.ls("a", recursive=True)] == ["a/b.txt", "a/c.txt"]
    assert [folder for _, folder in bucket.ls()] == ["a/"]
    downloaded = api.download_file_by_id(uploaded.id_)
    assert downloaded.response.content == b"some bytes"
    server.simulator.expire_tokens()
    assert len(list(bucket.ls("a"))) == 2  # it signs in again by itself
    _close(api)


def test_the_key_that_only_reads_can_write_nothing(server: B2Server) -> None:
    server.make_bucket(BUCKET)
    server.put(BUCKET, "a.txt", b"content")
    api = _api(server, "read_key")
    bucket = api.get_bucket_by_name(BUCKET)
    assert [version.file_name for version, _ in bucket.ls()] == ["a.txt"]
    for attempt in (
        lambda: bucket.upload_bytes(b"x", "b.txt"),
        lambda: bucket.hide_file("a.txt"),
        lambda: api.create_bucket("another-bucket", "allPrivate"),
    ):
        with pytest.raises(Exception, match="unauthorized"):
            attempt()
    _close(api)


@pytest.mark.parametrize(
    "name",
    ["/a", "a/", "a//b", "a/./b", "../a", "a/..", "a\\b", "tab\there", "del\x7f", "", "x" * 1025, "x" * 251, "ü" * 126],
)
def test_names_that_the_real_one_refuses_are_refused(server: B2Server, name: str) -> None:
    server.make_bucket(BUCKET)
    with pytest.raises(RefusedError):
        server.put(BUCKET, name, b"")


def _get(server: B2Server, path: str, headers: dict[str, str]) -> tuple[int, bytes, Any]:
    request = urllib.request.Request(f"{server.realm}{path}", headers=headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the same
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_ranges_and_heads_and_refusals(server: B2Server) -> None:
    server.make_bucket(BUCKET)
    file_id = server.put(BUCKET, "a b.txt", b"0123456789", modified_ms=5)
    token = {"Authorization": server.simulator.owner_token()}
    by_id = f"/b2api/v4/b2_download_file_by_id?fileId={file_id}"
    status, body, headers = _get(server, by_id, {**token, "Range": "bytes=2-4"})
    assert (status, body, headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert headers["X-Bz-Info-src_last_modified_millis"] == "5"
    assert _get(server, by_id, {**token, "Range": "bytes=8-99"})[1] == b"89"
    assert _get(server, by_id, {**token, "Range": "bytes=10-11"})[0] == 416
    assert _get(server, f"/file/{BUCKET}/a%20b.txt", token)[1] == b"0123456789"
    assert _get(server, f"/file/{BUCKET}/none", token)[0] == 404
    assert _get(server, by_id, {})[0] == 401
    assert json.loads(_get(server, by_id, {"Authorization": "guess"})[1])["code"] == "bad_auth_token"
    server.simulator.expire_tokens()
    assert json.loads(_get(server, by_id, token)[1])["code"] == "expired_auth_token"
    assert _get(server, "/elsewhere", {})[0] == 404


def test_a_fault_is_for_whom_it_is_meant_and_ends(server: B2Server) -> None:
    server.make_bucket(BUCKET)
    for name in ("a", "b"):
        server.put(BUCKET, name, name.encode())
    token = {"Authorization": server.simulator.owner_token()}
    server.faults.add(Fault(where="b", times=2, status=503, retry_after="7"))
    assert _get(server, f"/file/{BUCKET}/a", token)[0] == 503  # the target says "b2" nowhere, but the bucket has a b
    status, _, headers = _get(server, f"/file/{BUCKET}/b", token)
    assert (status, headers["Retry-After"]) == (503, "7")
    assert _get(server, f"/file/{BUCKET}/b", token)[1] == b"b"


def test_the_command_says_how_to_reach_it_and_ends_by_a_signal(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [*command(), "demo", "--serve-b2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        keys = json.loads(process.stdout.readline())
        assert sorted(keys) == ["key", "key_id", "read_key", "read_key_id", "realm"]
        assert keys["realm"].startswith("http://127.0.0.1:")
        api = B2Api(InMemoryAccountInfo())
        api.authorize_account(keys["read_key_id"], keys["read_key"], realm=keys["realm"])
        _close(api)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_port_is_taken_at_its_word(server: B2Server, verifier: Verifier) -> None:
    taken = verifier("demo", "--serve-b2", "--port", server.realm.rpartition(":")[2])
    assert taken.returncode == 2
    assert "expected a free port" in taken.stderr
    assert verifier("demo", "--port", "8080").returncode == 2
    assert verifier("demo", "--serve-b2", "--into", "x").returncode == 2
    assert verifier("demo", "--serve-b2", "--port", "65536").returncode == 2
