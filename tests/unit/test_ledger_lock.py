"""One drill of a scenario at a time, and whoever is refused learns who holds it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from verifier.errors import BusyError, LedgerError
from verifier.ledger import claim_scenario, describe_holder

HOLDER = describe_holder(since="2026-11-22T18:30:00Z")


def test_the_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with claim_scenario(tmp_path, "photos", holder=HOLDER):
        assert f"process {os.getpid()} on " in HOLDER
        for _ in range(2):
            with pytest.raises(BusyError) as caught, claim_scenario(tmp_path, "photos", holder="me"):
                pass
            assert caught.value.message == f"expected no other drill of photos, got one by {HOLDER}"


def test_another_scenario_or_state_is_free(tmp_path: Path) -> None:
    with (
        claim_scenario(tmp_path, "photos", holder=HOLDER),
        claim_scenario(tmp_path, "documents", holder=HOLDER),
        claim_scenario(tmp_path / "other", "photos", holder=HOLDER),
    ):
        pass


def test_it_is_given_up_at_the_end_however_that_comes(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError), claim_scenario(tmp_path, "photos", holder=HOLDER):
            raise RuntimeError
    assert (tmp_path / "locks" / "photos.lock").read_bytes() == b""


def test_what_a_dead_process_left_in_the_file_holds_nobody_up(tmp_path: Path) -> None:
    with claim_scenario(tmp_path, "photos", holder=HOLDER):
        pass
    path = tmp_path / "locks" / "photos.lock"
    path.write_bytes(b"a very long story of who held it " * 100)
    with claim_scenario(tmp_path, "photos", holder="me"):
        assert path.read_bytes() == b"me"


def test_a_hostile_holder_is_shown_harmlessly(tmp_path: Path) -> None:
    with claim_scenario(tmp_path, "photos", holder="\x1b[31m\udcff\n" * 1_000):
        with pytest.raises(BusyError) as caught, claim_scenario(tmp_path, "photos", holder="me"):
            pass
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 4_000


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b", "-rf", ".hidden", "a\n", "x" * 201, "é"])
def test_a_name_that_is_no_slug_makes_no_file(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    with pytest.raises(LedgerError, match="expected a scenario's name"), claim_scenario(state, name, holder=HOLDER):
        pass
    assert not state.exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "precious").write_bytes(b"data")
    (tmp_path / "locks" / "photos.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(LedgerError, match="expected a lock"), claim_scenario(tmp_path, "photos", holder=HOLDER):
        pass
    assert (tmp_path / "precious").read_bytes() == b"data"
