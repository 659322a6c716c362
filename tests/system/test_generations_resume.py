"""A drill against a folder of manifests that was killed is taken up as long as the same one fits the copy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from drill_processes import Home, many

from verifier.manifest import open_manifest, write_manifest
from verifier.manifest.header import write_time

FILES = 200
pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are seen through /proc")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path).fill(many(FILES))
    folder = tmp_path / "manifests"
    folder.mkdir()
    home.manifest = home.manifest.rename(folder / "now.jsonl")
    return home


def add(home: Home, created: datetime) -> None:
    """Add a generation of the same content and another time."""
    with open_manifest(home.manifest) as manifest:
        header = msgspec.structs.replace(manifest.header, created=write_time(created), previous=manifest.identity)
        write_manifest(home.manifest.with_name(f"{created.year}.jsonl"), header, manifest.entries())


# The copy's files are of 2020: what is newer than them all does not fit it, what is older does.
@pytest.mark.parametrize(("year", "is_taken_up"), [(None, True), (2090, True), (2019, False)])
def test_it_is_taken_up_unless_another_generation_fits_the_copy(
    home: Home, year: int | None, *, is_taken_up: bool
) -> None:
    prove = ("prove", str(home.copy), "--manifest", str(home.manifest.parent), "--full", "--workers", "1")
    with home.start(*prove, read_seconds=0.005) as running:
        running.until_batches(1)
        running.kill()
    if year is not None:
        add(home, datetime(year, 1, 1, tzinfo=UTC))
    ended = home.run_here(*prove, "--resume")
    assert ended.result in ("PASSED", "WARNED")  # WARNED of a chain that this test does not care for
    assert len(ended.proof.drill.abandoned) == (0 if is_taken_up else 1)
    assert ended.proof.drill.number == 1
    assert (ended.proof.manifest.created_at or "").startswith("2019") == (not is_taken_up)
    assert ended.copy.proven.files == FILES
