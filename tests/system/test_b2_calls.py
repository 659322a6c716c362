"""The calls that a drill is said to make of B2 are those that it makes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from b2_served import BUCKET, DAY_MS, prove_environment

from verifier import heartbeat, prices
from verifier.demo.b2_server import B2Server

Verifier = Callable[..., subprocess.CompletedProcess[str]]
FILES = 90
BY_NAME = 1  # of the drill's test of itself: what exists nowhere has no id


@pytest.mark.parametrize(("workers", "beats"), [(1, False), (2, True)])
def test_calls_are_counted_truly(tmp_path: Path, verifier: Verifier, workers: int, *, beats: bool) -> None:
    live = tmp_path / "live"
    live.mkdir()
    sizes = [*range(FILES - 1), prices.PART_BYTES + 1]
    with B2Server() as server:
        server.make_bucket(BUCKET)
        for number, size_bytes in enumerate(sizes):
            (live / f"{number:03}").write_bytes(bytes(size_bytes))
            server.put(BUCKET, f"photos/{number:03}", bytes(size_bytes), modified_ms=DAY_MS)
        server.put(BUCKET, "photos/000", b"", modified_ms=DAY_MS)  # an older version of it is listed, too
        if beats:
            server.put(BUCKET, f"photos/{heartbeat.NAME.decode()}", b"{}", modified_ms=DAY_MS)
        made = verifier("manifest", "create", live, "-o", tmp_path / "m.jsonl")
        assert made.returncode == 0, made.stderr
        server.requests.clear()
        ran = verifier(
            "prove", f"b2://{BUCKET}/photos/", "--manifest", tmp_path / "m.jsonl", "--full", "--workers", workers,
            "--reports", tmp_path / "reports", env=prove_environment(server),
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        made_calls = dict(server.requests)
    expected = prices.b2_calls(
        prices.b2_prices(date(2026, 11, 22)),
        versions=FILES + 1 + beats,
        download_calls=prices.downloads(sizes),
        workers=workers,
        heartbeat=beats,
    )
    downloads = made_calls.pop("b2_download_file_by_id")
    assert downloads + BY_NAME == expected.class_b
    assert made_calls.keys() == {"b2_authorize_account", "b2_list_buckets", "b2_list_file_versions"}
    assert sum(made_calls.values()) == expected.class_c
