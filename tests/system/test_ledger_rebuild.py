"""A ledger that was lost is made again from bundles and manifests, and is what it was, table by table."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from drilled import THEN, Drilled, Place, change, flip, put

from verifier.cli.main import main
from verifier.ledger import BeginDrill, Ledger

FILES = 60

# Every column but those that no proof states: what a drill had planned and was asked for (which serves to take up an
# unfinished one), and where the seed of one that was abandoned came from. Numbers of rows and names are no facts.
TABLES = {
    "drill": "SELECT scenario.name, number, drill.id, started_at, hex(seed),"
    " CASE WHEN number IS NULL THEN '' ELSE seed_source END, previous, proof_sha256, finished_at, verdict,"
    " (SELECT later.id FROM drill AS later WHERE later.sequence = drill.abandoned_by)"
    " FROM drill JOIN name AS scenario ON scenario.id = drill.scenario ORDER BY 1, 2, 3",
    "result": "SELECT drill.id, copy.name, result.verdict, planned_files, planned_bytes, proven_files,"
    " proven_bytes, seen"
    " FROM result JOIN drill ON drill.sequence = result.drill JOIN name AS copy ON copy.id = result.copy ORDER BY 1, 2",
    "proven": "SELECT scenario.name, copy.name, path, mark, proven_at, drill_number FROM proven"
    " JOIN name AS scenario ON scenario.id = scenario JOIN name AS copy ON copy.id = copy ORDER BY 1, 2, 3",
    "damaged": "SELECT scenario.name, copy.name, path FROM damaged"
    " JOIN name AS scenario ON scenario.id = scenario JOIN name AS copy ON copy.id = copy ORDER BY 1, 2, 3",
    "batch": "SELECT count(*) FROM batch",
}


def dump(state: Path) -> dict[str, list[Any]]:
    connection = sqlite3.connect(state / "ledger.sqlite")
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert tables == {*TABLES, "name"}, "a table that rebuilding knows nothing of"
        return {name: connection.execute(query).fetchall() for name, query in TABLES.items()}
    finally:
        connection.close()


def rebuild(place: Place, capsys: pytest.CaptureFixture[str], *, code: int = 0) -> tuple[list[str], str]:
    capsys.readouterr()
    assert main(["ledger", "rebuild", str(place.reports), "--state", str(place.state)]) == code
    said = capsys.readouterr()
    return said.out.splitlines(), said.err


def lose(place: Place) -> dict[str, list[Any]]:
    before = dump(place.state)
    shutil.rmtree(place.state)
    return before


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill(
        {f"{number % 7}/ä {number:02}.jpg": b"%02d" % number * (50 + (number + 1) // 2) for number in range(FILES)}
    )
    put(place.live, b"not utf-8 \xff", b"a name of bytes")
    put(place.live, "keys/one.kdbx", b"always")
    (place.live / "link").symlink_to("3")
    place.back_up()
    shutil.copytree(place.copy, place.root / "second", symlinks=True)
    place.know()
    return place


def scenario(place: Place, sample: str = "files = 20", name: str = "photos") -> str:
    return (
        f'name = "{name}"\nmanifest = "{place.manifest}"\n[sample]\n{sample}\nalways = ["*.kdbx"]\n'
        f'[[copy]]\nname = "nas"\nat = "{place.copy}"\n[[copy]]\nname = "usb"\nat = "{place.root / "second"}"\n'
    )


def begin(place: Place, drill_id: str, name: str = "photos") -> None:
    """Have a drill die right after its seed was written down."""
    with Ledger.open(place.state) as ledger:
        at = "2026-11-22T18:30:00Z"
        seed = hashlib.sha256(drill_id.encode()).digest()
        ledger.begin(BeginDrill(scenario=name, id=drill_id, started_at=at, seed=seed, planned={}, options=""))


def sums_of(place: Place) -> Path:
    """Write what is known as another program's list, which states neither sizes nor times."""
    names = [*place.live.glob("?/*.jpg"), place.live / "keys" / "one.kdbx"]
    lines = [f"{hashlib.sha256(name.read_bytes()).hexdigest()}  ./{name.relative_to(place.live)}\n" for name in names]
    file = place.root / "list.sha256"
    file.write_text("".join(lines), encoding="utf-8")
    return file


def drill_a_while(place: Place) -> Drilled:
    """Drill by sample and in full, limited, with damage, after a drill that died, and another scenario."""
    place.drill(scenario(place))
    change(place.copy, "3/ä 03.jpg", lambda data: flip(data, 7))
    (place.copy / "4/ä 04.jpg").unlink()
    put(place.copy, "5/ä 05.jpg", b"shorter")
    put(place.copy, "6/ä 06.jpg", b"newer", seconds=THEN + 1_000)
    (place.copy / "7").mkdir()
    (place.copy / "1/ä 08.jpg").rename(place.copy / "7/moved.jpg")
    put(place.copy, "7/other.jpg", b"??" * 52)  # as large as the one that is missing
    put(place.copy, "nobody knows it", b"?")
    place.drill(scenario(place, "full = true"))
    begin(place, "abandoned")
    place.drill(scenario(place, "files = 15"), "--copy", "usb")
    place.drill(scenario(place, "files = 500", name="other"), "--full", "--only", "3/**")
    place.prove("--full", against=True)
    listed = scenario(place, name="listed").replace(str(place.manifest), str(sums_of(place)))
    for more in ("", '[budget]\nbytes = "3KB"\n[objectives]\ncoverage = "90d"\n'):
        assert place.drill(listed + more, *([] if more else ["--full"])).proof is not None, more
    return place.drill(scenario(place, "files = 30"))


def test_a_ledger_is_made_again_as_it_was(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    last = drill_a_while(place)
    before = lose(place)
    assert len(before["proven"]) > FILES, before["proven"]
    assert before["damaged"]
    assert any(row[-1] for row in before["drill"]), "one was abandoned"

    out, err = rebuild(place, capsys)

    assert dump(place.state) == before
    assert err == ""
    assert "photos: 4 drills in REPORTS, 4 of them new to the ledger, 1 abandoned, the next is number 5" in out
    assert "listed: 2 drills in REPORTS, 2 of them new to the ledger, the next is number 3" in out

    out, _ = rebuild(place, capsys)
    assert dump(place.state) == before, "twice is as once"
    assert "photos: 4 drills in REPORTS, 0 of them new to the ledger, 1 abandoned, the next is number 5" in out

    assert last.proof is not None
    assert last.folder is not None
    following = place.drill(scenario(place, "files = 1"))
    assert following.proof is not None
    assert following.proof.drill.number == last.proof.drill.number + 1
    assert following.proof.drill.previous == hashlib.sha256((last.folder / "proof.json").read_bytes()).hexdigest()
    covered = {copy.name: copy.coverage.proven.files for copy in last.proof.copies}
    assert all(copy.coverage.proven.files >= covered[copy.name] for copy in following.proof.copies)


def test_a_drill_of_a_part_is_none_of_everything_afterwards(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.drill(scenario(place, "full = true"), "--only", "*.kdbx")
    before = statuses(place, capsys)
    lose(place)
    rebuild(place, capsys)
    after = statuses(place, capsys)
    assert [one["last_passed_at"] for one in (*before, *after)] == [None, None]
    assert [copy["last_passed_at"] for one in after for copy in one["copies"]] == [None, None]
    place.drill(scenario(place, "full = true"))
    lose(place)
    rebuild(place, capsys)
    assert all(one["last_passed_at"] for one in statuses(place, capsys))


def statuses(place: Place, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["status", "--json", "--state", str(place.state), "--reports", str(place.reports)]) == 0
    every = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [one for one in every if one["name"] == "photos"]  # the examples of this repository are shown, too


def test_what_a_state_knows_beyond_the_bundles_stays(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    first = place.drill(scenario(place, "full = true"))
    change(place.copy, "3/ä 03.jpg", lambda data: flip(data, 7))
    second = place.drill(scenario(place, "full = true"))
    third = place.drill(scenario(place, "files = 40"))
    begin(place, "under way")
    before = dump(place.state)
    assert second.folder is not None
    shutil.rmtree(second.folder)

    out, _ = rebuild(place, capsys)
    assert dump(place.state) == before
    assert out == ["photos: 2 drills in REPORTS, 0 of them new to the ledger, the next is number 4"]

    shutil.rmtree(place.state)
    out, err = rebuild(place, capsys, code=3)
    assert out == ["photos: 2 drills in REPORTS, 2 of them new to the ledger, the next is number 4"]
    assert "of drills 2 to 2 there is no bundle" in err
    assert first.proof is not None
    assert third.proof is not None
    after = dump(place.state)
    assert [row[1] for row in after["drill"]] == [1, 3]
    assert {tuple(row) for row in after["proven"] if row[5] == 3} == {
        tuple(row) for row in before["proven"] if row[5] == 3
    }
    assert place.drill(scenario(place, "files = 1")).proof.drill.number == 4  # type: ignore[union-attr]


def edit_outcomes(bundle: Path, edit: Callable[[list[bytes]], list[bytes]], *, sums: bool) -> None:
    file = bundle / "outcomes.jsonl.zst"
    lines = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read().splitlines(keepends=True)
    file.write_bytes(zstandard.compress(b"".join(edit(lines))))
    if sums:
        state_sum(bundle, file.name)


def state_sum(bundle: Path, name: str) -> None:
    path = bundle / "SHA256SUMS"
    others = [line for line in path.read_text().splitlines(keepends=True) if not line.endswith(f"  {name}\n")]
    path.write_text("".join(others) + f"{hashlib.sha256((bundle / name).read_bytes()).hexdigest()}  {name}\n")


def swap(lines: list[bytes]) -> list[bytes]:
    """Make the damaged file the one that matched, and another of its size the damaged: the counts stay."""
    damaged, other = "3/ä 03.jpg".encode(), "4/ä 04.jpg".encode()
    return [line.replace(damaged, b"?").replace(other, damaged).replace(b"?", other) for line in lines]


def forget(lines: list[bytes]) -> list[bytes]:
    """Say nothing of the damaged file, as a full drill does of what it proved."""
    return [line for line in lines if b"MISMATCH" not in line]


def praise(lines: list[bytes]) -> list[bytes]:
    """Say that the damaged file matched, as a sample drill does of what it proved."""
    return [line.replace(b"MISMATCH", b"match") for line in lines]


@pytest.mark.parametrize(
    ("edit", "full", "sums"),
    [(forget, True, True), (praise, False, True), (swap, True, False), (swap, False, False)],
)
def test_outcomes_that_were_changed_prove_nothing(
    place: Place,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[list[bytes]], list[bytes]],
    *,
    full: bool,
    sums: bool,
) -> None:
    change(place.copy, "3/ä 03.jpg", lambda data: flip(data, 7))
    drilled = place.drill(scenario(place, "full = true" if full else "files = 500"))
    assert drilled.folder is not None
    before = lose(place)
    edit_outcomes(drilled.folder, edit, sums=sums)
    # The findings are a list of their own, and say nothing here, so that the outcomes alone are at stake.
    (drilled.folder / "findings.jsonl").write_bytes(b"")
    state_sum(drilled.folder, "findings.jsonl")

    _, err = rebuild(place, capsys, code=3)

    after = dump(place.state)
    assert (after["drill"], after["result"]) == (before["drill"], before["result"])
    assert not [row for row in after["proven"] if row[1] == "nas"]
    assert "what was proven of nas is not known" in err
    if sums:  # what the other copy's lines say is as it was
        assert after["proven"] == [row for row in before["proven"] if row[1] == "usb"]


def test_a_manifest_that_is_gone_or_another_proves_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.drill(scenario(place))
    before = lose(place)
    (kept,) = (place.reports / "manifests").iterdir()
    whole = kept.read_bytes()
    for data in (None, whole[: len(whole) // 2], _another_manifest(place)):
        if data is None:
            kept.unlink()
        else:
            kept.write_bytes(data)
        _, err = rebuild(place, capsys, code=3)
        after = dump(place.state)
        assert (after["drill"], after["proven"]) == (before["drill"], [])
        assert "what was proven of nas is not known" in err
    kept.write_bytes(whole)
    rebuild(place, capsys)
    assert dump(place.state) == before, "what could not be read is taken in once it can"


def _another_manifest(place: Place) -> bytes:
    put(place.live, "one more", b"file")
    file = place.root / "another.jsonl.zst"
    assert main(["manifest", "create", str(place.live), "-o", str(file), "--quiet", "--workers", "1"]) == 0
    return file.read_bytes()


def test_bundles_that_are_none_are_told_and_the_others_taken_in(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = place.drill(scenario(place)), place.drill(scenario(place))
    assert first.folder is not None
    assert second.folder is not None
    before = lose(place)
    folder = place.reports / "photos"
    for name in ("pipe", "empty", "bad\x1b[31m", "20261122T183000Z-copied"):
        (folder / name).mkdir()
    os.mkfifo(folder / "pipe" / "proof.json")
    (folder / "bad\x1b[31m" / "proof.json").symlink_to(first.folder / "proof.json")
    for file in first.folder.iterdir():
        shutil.copy(file, folder / "20261122T183000Z-copied")
    (place.reports / "elsewhere").mkdir()
    shutil.copytree(second.folder, place.reports / "elsewhere" / second.folder.name)
    out, err = rebuild(place, capsys, code=3)
    assert dump(place.state) == before
    assert out == [
        "elsewhere: 0 drills in REPORTS, 0 of them new to the ledger, none is known",
        "photos: 2 drills in REPORTS, 2 of them new to the ledger, the next is number 3",
    ]
    assert len(err.splitlines()) == 5
    assert all(line.isprintable() for line in err.splitlines())
    assert "expected the proof of this folder" in err


def test_a_proof_that_was_changed_is_no_link(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    drilled = place.drill(scenario(place))
    assert drilled.folder is not None
    lose(place)
    file = drilled.folder / "proof.json"
    file.write_bytes(file.read_bytes().replace(b'"number":1,', b'"number":9,'))
    out, err = rebuild(place, capsys, code=3)
    assert "expected proof.json as SHA256SUMS states it" in err
    assert out == ["photos: 0 drills in REPORTS, 0 of them new to the ledger, none is known"]
    state_sum(drilled.folder, "proof.json")
    _, err = rebuild(place, capsys, code=3)
    assert "expected number 1, and no other, after no proof, got number 9" in err
    assert dump(place.state)["drill"] == []


def test_of_two_chains_the_one_that_the_state_knows_is_kept(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        place.drill(scenario(place))
    old = lose(place)
    place.drill(scenario(place))
    begun_anew = dump(place.state)
    _, err = rebuild(place, capsys, code=3)
    assert dump(place.state) == begun_anew
    assert err.count("is of another chain") == 3
    shutil.rmtree(place.state)
    _, err = rebuild(place, capsys, code=3)
    assert dump(place.state) == old, "the one that goes further"
    assert err.count("is of another chain") == 1


def test_no_folder_and_an_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(tmp_path)
    assert main(["ledger", "rebuild", str(tmp_path / "nowhere"), "--state", str(place.state)]) == 2
    assert "expected a folder of bundles" in capsys.readouterr().err
    assert not place.state.exists()
    place.reports.mkdir()
    assert rebuild(place, capsys)[0] == [f"no bundle in {place.reports}: nothing was changed"]
    assert not place.state.exists()
