"""The servers that drills of whole copies share, each begun for whoever asks first, and the ways to a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from b2_served import BUCKET
from reached import WAYS, Way, way_of
from sshd import Server

from verifier.demo.b2_server import B2Server


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve this machine's files by sshd."""
    with Server(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def b2_server() -> Iterator[B2Server]:
    """Serve an empty bucket."""
    with B2Server() as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Reach the copy in each way in turn, or in those that a test names."""
    return way_of(request.param, tmp_path, request, monkeypatch)
