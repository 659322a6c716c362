"""Buckets that rclone's own client of B2 filled, drilled by `prove`: good ones pass, and each damage is found."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from b2_served import BUCKET, need_rclone, prove_environment, rclone
from conftest import Verifier, command

from verifier.demo.b2_server import B2Server, Fault

LARGE_BYTES = 12 * 1024 * 1024
NAMES = (
    "a.txt",
    "[ab].txt",
    "-dash",
    "with space",
    'quote\'s "double"',
    "new\nline",
    "back\\slash",
    "percent%20+plus&?#",
    "{brace}*star",
    "cafe\u0301",
    "caf\u00e9",
    "emoji \U0001f382",
    "Case",
    "case",
    ".hidden",
    "2015/Sardegna/IMG_0001.JPG",
    "empty",
)
MORE = 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make photos (awkward names, one file of three parts) beside photos2, and a manifest of the photos."""
    root = tmp_path_factory.mktemp("data")
    for folder in ("photos", "photos2"):
        (root / folder).mkdir()
    photos = root / "photos"
    for number, name in enumerate(NAMES):
        path = photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else f"{number} {name}".encode() * (number + 1))
    for number in range(MORE):
        (photos / f"IMG_{number:04d}.JPG").write_bytes(os.urandom(4096 + number))
    (photos / "large.bin").write_bytes(os.urandom(LARGE_BYTES))
    (root / "photos2" / "a.txt").write_bytes(b"of another prefix")
    made = subprocess.run(
        [*command(), "manifest", "create", photos, "-o", root / "photos.jsonl"], capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return root


@pytest.fixture(scope="module")
def shared(data: Path, must_run: Callable[[str, str], NoReturn]) -> Iterator[B2Server]:
    """Serve a bucket that rclone has filled; tests that share it don't change it."""
    need_rclone(must_run)
    with B2Server() as server:
        # Without that option rclone takes two names that differ in normal form only for one, and leaves one out.
        rclone(server, "copy", str(data), f":b2:{BUCKET}", "--include", "/photos*/**", "--no-unicode-normalization")
        yield server


@pytest.fixture
def server(shared: B2Server) -> Iterator[B2Server]:
    """Serve it for a test that breaks something, and put it right again."""
    bucket = shared.simulator.bucket_name_to_bucket[BUCKET]
    versions, by_id = dict(bucket.versions), dict(bucket.file_id_to_file)
    contents = {key: version.data_bytes for key, version in versions.items()}
    yield shared
    shared.faults.clear()
    for key in set(bucket.versions) - set(versions):
        del bucket.versions[key]
    for key, version in versions.items():
        bucket.versions[key] = version
        version.data_bytes = contents[key]
    bucket.file_id_to_file = by_id


def prove(
    verifier: Verifier, server: B2Server, data: Path, folder: Path, *options: str, key: str = "read_key"
) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    done = verifier(
        "prove",
        f"b2://{BUCKET}/photos",
        "--manifest",
        data / "photos.jsonl",
        "--json",
        *("--reports", folder / "reports", "--state", folder / "state", "--scratch", folder / "scratch"),
        *(options or ("--full",)),
        env=prove_environment(server, key=key),
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done


def findings(proof: dict[str, Any]) -> dict[str, str]:
    return {found["path"]: found["kind"] for found in proof["copies"][0]["findings"]}


def test_what_rclone_wrote_is_proven_in_full(shared: B2Server, data: Path, verifier: Verifier, tmp_path: Path) -> None:
    proof, done = prove(verifier, shared, data, tmp_path)
    copy = proof["copies"][0]
    assert (done.returncode, copy["verdict"]["result"]) == (0, "PASSED"), done.stderr
    files = len(NAMES) + MORE + 1
    assert copy["proven"]["files"] == files
    assert copy["listed"]["files"] == files  # photos2 is no part of it
    assert copy["control"] == "detected"
    assert copy["read_from"] == "server"
    assert copy["keeps_times"]
    assert any(note.startswith("the key may listBuckets") for note in copy["notes"])
    assert copy["found_as"] == {"rclone's substitutions": 2}


def test_what_rclone_wrote_is_proven_by_sample(
    shared: B2Server, data: Path, verifier: Verifier, tmp_path: Path
) -> None:
    proof, done = prove(verifier, shared, data, tmp_path, "--sample", "10", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert proof["copies"][0]["verdict"]["result"] == "PASSED"
    assert 10 <= proof["copies"][0]["proven"]["files"] < len(NAMES) + MORE


def test_a_key_that_could_change_the_copy_is_warned_of(
    shared: B2Server, data: Path, verifier: Verifier, tmp_path: Path
) -> None:
    proof, done = prove(verifier, shared, data, tmp_path, "--sample", "3", "--strict", key="key")
    assert done.returncode == 4
    verdict = proof["copies"][0]["verdict"]
    assert verdict["result"] == "WARNED"
    assert any("deleteFiles" in reason and "b2 key create --bucket" in reason for reason in verdict["reasons"])


def damage(server: B2Server, name: str, change: Callable[[bytes], bytes]) -> None:
    version = server.simulator.bucket_name_to_bucket[BUCKET].newest(f"photos/{name}")
    assert version is not None
    version.data_bytes = change(version.data_bytes)


def test_each_damage_is_found_as_what_it_is(server: B2Server, data: Path, verifier: Verifier, tmp_path: Path) -> None:
    damage(server, "IMG_0001.JPG", lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:])
    damage(server, "IMG_0002.JPG", lambda content: content[:-1])
    damage(server, "IMG_0003.JPG", lambda content: content + b"!")
    damage(server, "large.bin", lambda content: content[:-1] + bytes([content[-1] ^ 1]))
    rclone(server, "deletefile", f":b2:{BUCKET}/photos/IMG_0004.JPG")  # which hides it
    rclone(server, "deletefile", "--b2-hard-delete", f":b2:{BUCKET}/photos/IMG_0005.JPG")
    bucket = server.simulator.bucket_name_to_bucket[BUCKET]
    token = server.simulator.owner_token()
    server.simulator.start_large_file(
        server.simulator.API_URL, token, bucket.bucket_id, "photos/IMG_0005.JPG", "x/y", {}
    )
    server.put(BUCKET, "photos/unexpected.txt", b"?", modified_ms=1_000_000)
    proof, done = prove(verifier, server, data, tmp_path)
    assert done.returncode == 1, done.stderr
    assert findings(proof) == {
        "IMG_0001.JPG": "MISMATCH",
        "IMG_0002.JPG": "TRUNCATED",
        "IMG_0003.JPG": "GROWN",
        "IMG_0004.JPG": "MISSING",
        "IMG_0005.JPG": "MISSING",
        "large.bin": "MISMATCH",
        "unexpected.txt": "UNEXPECTED",
    }
    notes = proof["copies"][0]["notes"]
    assert "names that are hidden by their newest version, and so not held: 1" in notes
    assert "large files whose upload never ended, which cost storage and are no backup: 1" in notes


def test_bytes_that_are_wrong_on_the_way_are_found(
    server: B2Server, data: Path, verifier: Verifier, tmp_path: Path
) -> None:
    server.faults.add(Fault(where="IMG_0007.JPG", times=9, body=lambda body: bytes([body[0] ^ 1]) + body[1:]))
    server.faults.add(Fault(where="IMG_0008.JPG", times=9, body=lambda body: body[:-1]))
    server.faults.add(Fault(where="IMG_0009.JPG", times=9, body=lambda body: body + b"!"))
    proof, done = prove(verifier, server, data, tmp_path)
    assert done.returncode == 1
    assert findings(proof) == {"IMG_0007.JPG": "MISMATCH", "IMG_0008.JPG": "TRUNCATED", "IMG_0009.JPG": "GROWN"}


def test_what_passes_by_itself_is_no_finding(server: B2Server, data: Path, verifier: Verifier, tmp_path: Path) -> None:
    server.faults.add(Fault(where="large.bin", times=2, cut_after_bytes=1_000_000))
    server.faults.add(Fault(where="IMG_0001.JPG", times=2, status=503, retry_after="1"))
    server.faults.add(Fault(where="IMG_0002.JPG", status=429))
    server.faults.add(Fault(where="IMG_0003.JPG", status=401, code="expired_auth_token"))
    server.faults.add(Fault(where="IMG_0004.JPG", drip_seconds=0.02))
    server.faults.add(Fault(where="b2_list_file_versions", status=503))
    proof, done = prove(verifier, server, data, tmp_path)
    assert (done.returncode, findings(proof)) == (0, {}), done.stderr


def test_a_cap_makes_the_drill_inconclusive(server: B2Server, data: Path, verifier: Verifier, tmp_path: Path) -> None:
    server.faults.add(Fault(where="download_file_by_id", times=10_000, status=403, code="download_cap_exceeded"))
    proof, done = prove(verifier, server, data, tmp_path)
    copy = proof["copies"][0]
    assert (done.returncode, copy["verdict"]["result"]) == (3, "INCONCLUSIVE")
    assert {one["reason"] for one in copy["unrestored"]} == {"ACCESS_DENIED"}
    assert "the account's own cap is reached" in copy["unrestored"][0]["detail"]


@pytest.fixture
def begun(server: B2Server, data: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Begin a drill that hangs in the middle: half of the files are slow."""
    server.faults.add(Fault(where="/b2_download_file_by_id", times=10_000, pause_seconds=0.5))
    environment = {**os.environ, **prove_environment(server), "VERIFIER_PLANTED": "nothing"}
    process = subprocess.Popen(
        [
            *(
                *command(),
                "prove",
                f"b2://{BUCKET}/photos",
                "--manifest",
                str(data / "photos.jsonl"),
                "--json",
                "--full",
            ),
            *("--reports", str(tmp_path / "r"), "--state", str(tmp_path / "s"), "--scratch", str(tmp_path / "x")),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = server.requests.get("b2_download_file_by_id", 0)
    deadline = time.monotonic() + 30
    while server.requests.get("b2_download_file_by_id", 0) < before + 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_no_secret_is_in_the_process_list_or_in_any_output(
    begun: subprocess.Popen[str], server: B2Server, tmp_path: Path
) -> None:
    listed = subprocess.run(["ps", "-e", "-ww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    server.faults.clear()
    out, err = begun.communicate(timeout=60)
    secrets = [server.simulator.read_key, *server.simulator.auth_token_to_key]
    assert "verifier" in listed
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for secret in secrets:
        assert secret not in listed
        assert secret not in out
        assert secret not in err
        assert not any(secret.encode() in content for content in written)


def test_a_token_that_expires_in_the_middle_changes_nothing(begun: subprocess.Popen[str], server: B2Server) -> None:
    server.simulator.expire_tokens()
    server.faults.clear()
    out, err = begun.communicate(timeout=60)
    assert begun.returncode == 0, err
    assert json.loads(out)["copies"][0]["verdict"]["result"] == "PASSED"


def test_a_server_that_stops_in_the_middle_makes_the_drill_inconclusive(
    data: Path, verifier: Verifier, tmp_path: Path
) -> None:
    with B2Server() as server:
        server.make_bucket(BUCKET)
        for path in sorted((data / "photos").glob("IMG_001*")):
            modified_ms = path.stat().st_mtime_ns // 1_000_000
            server.put(BUCKET, f"photos/{path.name}", path.read_bytes(), modified_ms=modified_ms)

        def stop(body: bytes) -> bytes:
            server._wire.shutdown()
            server._wire.server_close()
            return body[:10]

        server.faults.add(Fault(where="IMG_0010.JPG", body=stop, cut_after_bytes=5))
        proof, done = prove(verifier, server, data, tmp_path, "--only", "IMG_001*", "--full", "--workers", "1")
    copy = proof["copies"][0]
    assert (done.returncode, copy["verdict"]["result"]) == (3, "INCONCLUSIVE")
    assert copy["unrestored"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"B2_APPLICATION_KEY": "K000planted-secret"}, "B2 refuses the key"),
        ({"B2_APPLICATION_KEY": ""}, "expected a secret from the environment variable B2_APPLICATION_KEY"),
        ({"B2_REALM": "http://127.0.0.1:9"}, "can't sign in to B2: no answer"),
        ({"B2_REALM": "http://user:planted-secret@127.0.0.1:9"}, "realm"),
    ],
)
def test_what_is_wrong_with_the_account_is_told_without_a_secret(
    shared: B2Server, data: Path, verifier: Verifier, tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    done = verifier(
        "prove",
        f"b2://{BUCKET}/photos",
        "--manifest",
        data / "photos.jsonl",
        *("--reports", tmp_path / "reports", "--state", tmp_path / "state", "--scratch", tmp_path / "scratch"),
        env={**prove_environment(shared), **environment},
    )
    assert done.returncode in (2, 3)
    assert said in done.stderr + done.stdout
    assert "planted" not in done.stderr + done.stdout
    assert not any(b"planted" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_scenario_names_its_keys_by_reference(
    shared: B2Server, data: Path, verifier: Verifier, tmp_path: Path
) -> None:
    scenario = tmp_path / "family.toml"
    text = f"""
name = "family"
manifest = "{data / "photos.jsonl"}"
[scratch]
path = "{tmp_path / "scratch"}"
[[copy]]
name = "b2"
at = "b2://{BUCKET}/photos"
realm = "{shared.realm}"
key_id = {{ env = "B2_APPLICATION_KEY_ID" }}
"""
    scenario.write_text(text)
    environment = prove_environment(shared)
    refused = verifier("check", scenario, env=environment)
    assert refused.returncode == 2
    assert "copy[1].key: expected a reference to a secret" in refused.stdout + refused.stderr
    scenario.write_text(text + 'key = { env = "B2_APPLICATION_KEY" }\n')
    checked = verifier("check", scenario, "--connect", env=environment)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"reachable at b2://{BUCKET}/photos" in checked.stdout
    places = ("--reports", tmp_path / "reports", "--state", tmp_path / "state")
    done = verifier("drill", scenario, "--full", "--json", *places, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["copies"][0]["verdict"]["result"] == "PASSED"
